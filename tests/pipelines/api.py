"""A hostile checkout; and GitHub's and GitLab's addresses for the comments of one review, as far as their documentation describes them."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.conftest import write


@dataclass
class Review:
    """The comments of a review, by id, and what was asked. `refuse`: the status of every write, if not 0."""

    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    refuse: int = 0

    def say(self, body: str, kind: str = "User") -> int:
        id = len(self.comments) + 1
        self.comments[id] = {"id": id, "body": body, "user": {"login": "someone", "type": kind}}
        self.comments[id]["author"] = {"id": 7 if kind == "Bot" else 8}
        return id

    def serve(self, server: HTTPServer, all: str, one: str, update: str, token: str) -> None:
        def answer(request: Request) -> Response:
            self.asked.append((request.method, request.path))
            self.tokens.add(request.headers.get(token))
            if request.method == "GET":
                page, size = int(request.args["page"]), int(request.args["per_page"])
                rows = list(self.comments.values())[(page - 1) * size : page * size]
                return Response(json.dumps(rows), content_type="application/json")
            if self.refuse:
                return Response('{"message": "Resource not accessible"}', status=self.refuse)
            body = json.loads(request.get_data())["body"]
            if request.method == "POST":
                self.say(body, "Bot")
                return Response("{}", status=201)
            self.comments[int(request.path.rpartition("/")[2])]["body"] = body
            return Response("{}")

        server.expect_request("/user", method="GET").respond_with_json({"id": 7, "username": "project_12_bot"})
        server.expect_request(all, method="GET").respond_with_handler(answer)
        server.expect_request(all, method="POST").respond_with_handler(answer)
        server.expect_request(re.compile(one), method=update).respond_with_handler(answer)


PLANTED = [
    "venv",
    "pip",
    "ensurepip",
    "hatchling",
    "sitecustomize",
    "usercustomize",
    "json",
    "provisioner",
    "typer",
    "site",
]


def planted(folder: Path) -> Path:
    """A checkout with modules of the names that an installation and a run import; whichever is run leaves a file."""
    ran = folder.parent / "ran"
    code = f"open({str(ran)!r}, 'a').write(__name__)\n"
    for name in PLANTED:
        write(folder / f"{name}.py", code)
        write(folder / name / "__init__.py", code)
        write(folder / name / "__main__.py", code)
    write(
        folder / "pyproject.toml", '[build-system]\nrequires = []\nbuild-backend = "hatchling"\nbackend-path = ["."]\n'
    )
    return ran
