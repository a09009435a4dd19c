"""Keeps one comment on a pull request, or one note on a merge request, for each target.

``comment.py github|gitlab TARGET <report.md``. The comment is found by a hidden marker in its first line, and is
updated in place, so that a review holds one report and not one for each push.

GitHub: ``GITHUB_API_URL``, ``GITHUB_REPOSITORY``, ``GITHUB_EVENT_PATH``, ``GITHUB_TOKEN`` (pull-requests: write).
GitLab: ``CI_API_V4_URL``, ``CI_PROJECT_ID``, ``CI_MERGE_REQUEST_IID``, ``GITLAB_TOKEN`` (a project access token with
the scope api; the job's own token may not write notes).
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

TIMEOUT = 30


@dataclass(frozen=True, slots=True)
class Comments:
    """The comments of one review. `one` is the address of a comment that has an id; bodies are Markdown."""

    client: httpx.Client
    all: str
    one: str
    update_method: str

    def put(self, marker: str, body: str) -> str:
        """Update the comment that begins with a marker, or write a new one; says which. Raises `httpx.HTTPError`."""
        payload = {"body": f"{marker}\n{body}"}
        for comment in self._existing():
            if str(comment["body"]).startswith(marker) and _by_program(comment):
                if comment["body"] == payload["body"]:
                    return "unchanged"
                address = self.one.format(id=comment["id"])
                self.client.request(self.update_method, address, json=payload).raise_for_status()
                return "updated"
        self.client.post(self.all, json=payload).raise_for_status()
        return "created"

    def _existing(self) -> Iterator[Mapping[str, Any]]:
        page: int | None = 1
        while page is not None:
            answer = self.client.get(self.all, params={"per_page": 100, "page": page}).raise_for_status()
            comments = answer.json()
            yield from comments
            page = page + 1 if len(comments) == 100 else None


def _by_program(comment: Mapping[str, Any]) -> bool:
    """Whether a program wrote a comment. On GitHub a person could write the marker, and would then be quoted."""
    return bool(comment.get("user", {}).get("type", "Bot") == "Bot")


def github(environment: Mapping[str, str]) -> Comments:
    """The comments of the pull request that the event is about."""
    event = json.loads(Path(environment["GITHUB_EVENT_PATH"]).read_text("utf-8"))
    issues = f"/repos/{environment['GITHUB_REPOSITORY']}/issues"
    headers = {
        "Authorization": f"Bearer {environment['GITHUB_TOKEN']}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    client = httpx.Client(base_url=environment["GITHUB_API_URL"], headers=headers, timeout=TIMEOUT)
    number = event["pull_request"]["number"]
    return Comments(client, f"{issues}/{number}/comments", f"{issues}/comments/{{id}}", "PATCH")


def gitlab(environment: Mapping[str, str]) -> Comments:
    """The notes of the merge request that the pipeline is about."""
    headers = {"PRIVATE-TOKEN": environment["GITLAB_TOKEN"]}
    client = httpx.Client(base_url=environment["CI_API_V4_URL"], headers=headers, timeout=TIMEOUT)
    notes = f"/projects/{environment['CI_PROJECT_ID']}/merge_requests/{environment['CI_MERGE_REQUEST_IID']}/notes"
    return Comments(client, notes, f"{notes}/{{id}}", "PUT")


def main() -> int:
    """Put the report from stdin into the comment of a target. A server that refuses it does not fail the job."""
    forge, target = sys.argv[1:]
    marker = f"<!-- provision: {target.replace('--', '- -')} -->"
    try:
        comments = {"github": github, "gitlab": gitlab}[forge](os.environ)
        with comments.client:
            done = comments.put(marker, f"### {target}\n\n{sys.stdin.read()}")
    except httpx.HTTPStatusError as error:
        why = f"{error.request.method} {error.request.url.path} answered {error.response.status_code}"
        print(f"warning: the comment was not written: {why}", file=sys.stderr)
    except httpx.HTTPError as error:
        print(f"warning: the comment was not written: {type(error).__name__}", file=sys.stderr)
    else:
        print(f"comment {done}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
