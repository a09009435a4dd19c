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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

TIMEOUT = 30


class Refused(Exception):
    """The forge refuses a request; as text, which one."""


@dataclass(frozen=True, slots=True)
class Api:
    """The API of a forge: its address, and the headers that sign in."""

    url: str
    headers: Mapping[str, str]

    def ask(self, method: str, path: str, payload: object = None) -> Any:
        """The JSON of an answer. Raises `Refused`, `OSError`, `HTTPException` or `ValueError`."""
        body = None if payload is None else json.dumps(payload).encode()
        headers = {**self.headers, "Content-Type": "application/json"}
        request = Request(f"{self.url}{path}", body, headers, method=method)  # noqa: S310  # the forge's own address
        try:
            with urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310  # the same
                return json.loads(answer.read() or b"null")
        except HTTPError as error:
            raise Refused(f"{method} {path.partition('?')[0]} answered {error.code}") from None


@dataclass(frozen=True, slots=True)
class Comments:
    """The comments of one review. `one` is the path of a comment that has an id; bodies are Markdown.

    `is_ours` says whether a program wrote a comment: a person can write the marker, too, and would then be quoted.
    """

    api: Api
    all: str
    one: str
    update_method: str
    is_ours: Callable[[Mapping[str, Any]], bool]

    def put(self, marker: str, body: str) -> str:
        """Update the comment that begins with a marker, or write a new one; says which. Raises as `Api.ask`."""
        payload = {"body": f"{marker}\n{body}"}
        for comment in self._existing():
            if str(comment["body"]).startswith(marker) and self.is_ours(comment):
                if comment["body"] == payload["body"]:
                    return "unchanged"
                self.api.ask(self.update_method, self.one.format(id=comment["id"]), payload)
                return "updated"
        self.api.ask("POST", self.all, payload)
        return "created"

    def _existing(self) -> Iterator[Mapping[str, Any]]:
        page: int | None = 1
        while page is not None:
            comments = self.api.ask("GET", f"{self.all}?per_page=100&page={page}")
            yield from comments
            page = page + 1 if len(comments) == 100 else None


def github(environment: Mapping[str, str]) -> Comments:
    """The comments of the pull request that the event is about."""
    event = json.loads(Path(environment["GITHUB_EVENT_PATH"]).read_text("utf-8"))
    issues = f"/repos/{environment['GITHUB_REPOSITORY']}/issues"
    headers = {
        "Authorization": f"Bearer {environment['GITHUB_TOKEN']}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    api, number = Api(environment["GITHUB_API_URL"], headers), event["pull_request"]["number"]
    return Comments(
        api,
        f"{issues}/{number}/comments",
        f"{issues}/comments/{{id}}",
        "PATCH",
        lambda comment: bool(comment["user"]["type"] == "Bot"),
    )


def gitlab(environment: Mapping[str, str]) -> Comments:
    """The notes of the merge request that the pipeline is about; ours are by the user that the token is of."""
    api = Api(environment["CI_API_V4_URL"], {"PRIVATE-TOKEN": environment["GITLAB_TOKEN"]})
    notes = f"/projects/{environment['CI_PROJECT_ID']}/merge_requests/{environment['CI_MERGE_REQUEST_IID']}/notes"
    ours = api.ask("GET", "/user")["id"]
    return Comments(api, notes, f"{notes}/{{id}}", "PUT", lambda note: bool(note["author"]["id"] == ours))


def main() -> int:
    """Put the report from stdin into the comment of a target. A server that refuses it does not fail the job."""
    forge, target = sys.argv[1:]
    marker = f"<!-- provision: {target.replace('--', '- -')} -->"
    try:
        comments = {"github": github, "gitlab": gitlab}[forge](os.environ)
        done = comments.put(marker, f"### {target}\n\n{sys.stdin.read()}")
    except Refused as refused:
        print(f"warning: the comment was not written: {refused}", file=sys.stderr)
    except (OSError, HTTPException, ValueError, LookupError, TypeError) as error:
        print(f"warning: the comment was not written: {type(error).__name__}", file=sys.stderr)
    else:
        print(f"comment {done}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
