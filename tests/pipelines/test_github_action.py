"""The scripts of the GitHub action, with an event, against a local server in the place of GitHub's API."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_httpserver import HTTPServer

from tests import program
from tests.conftest import write
from tests.live_server import Live
from tests.pipelines.api import Review, planted

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
DEFINITION = 'grant_mode: token\nclient_id: "1"\nauth_endpoint: https://a.example/\nslug: a\n'
COMMENTS = "/repos/cozy/catalogue/issues/7/comments"


@dataclass
class Job:
    """A job of a workflow: the folder of its repository, and the files that its steps write to."""

    folder: Path
    temp: Path
    api: str
    target: str
    path: str = field(default_factory=program.path)

    def step(self, name: str, event: str = "pull_request", **inputs: str) -> subprocess.CompletedProcess[str]:
        """Run a step of the action as the runner does: its command in bash, its inputs in the environment."""
        (step,) = (each for each in ACTION["runs"]["steps"] if each.get("id", each.get("name")) == name)
        given = {name: given["default"] for name, given in ACTION["inputs"].items()} | {"token": "t0ken"} | inputs
        environment = {key: self._value(value, given) for key, value in step.get("env", {}).items()}
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.folder,
            env={**self._runner(event), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    @staticmethod
    def _value(expression: str, given: Mapping[str, str]) -> str:
        return given[expression.removeprefix("${{ inputs.").removesuffix(" }}")]

    def _runner(self, event: str) -> dict[str, str]:
        payload = self.temp / "event.json"
        payload.write_text(json.dumps({"pull_request": {"number": 7}}), "utf-8")
        return {
            **{name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "HTTPS_"))},
            "PATH": self.path,
            "HOME": str(self.temp),
            "RUNNER_TEMP": str(self.temp),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_PATH": str(self.temp / "path"),
            "GITHUB_OUTPUT": str(self.temp / "output"),
            "GITHUB_STEP_SUMMARY": str(self.temp / "summary"),
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(payload),
            "GITHUB_API_URL": self.api,
            "GITHUB_REPOSITORY": "cozy/catalogue",
        }

    @property
    def outputs(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in (self.temp / "output").read_text("utf-8").splitlines())

    @property
    def summary(self) -> str:
        return (self.temp / "summary").read_text("utf-8")


@pytest.fixture
def review(httpserver: HTTPServer) -> Review:
    review = Review()
    review.serve(httpserver, COMMENTS, r"/repos/cozy/catalogue/issues/comments/\d+", "PATCH", "Authorization")
    return review


@pytest.fixture
def job(tmp_path: Path, httpserver: HTTPServer, live: Live) -> Job:
    folder, temp = tmp_path / "repository", tmp_path / "runner"
    temp.mkdir()
    target = json.dumps({"couch": live.url, "database": live.database})
    write(folder / "provision.yaml", f"owner: team\ntargets:\n  staging: {target}\n")
    write(folder / "account_types/a.yaml", DEFINITION)
    return Job(folder, temp, httpserver.url_for("").rstrip("/"), target)


def test_nothing_of_a_checkout_is_run(job: Job, review: Review) -> None:
    ran = planted(job.folder)
    job.path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # as it is installed
    installed = job.step("Install provision")
    assert installed.returncode == 0, installed.stderr
    installed_program = Path((job.temp / "path").read_text("utf-8").strip()) / "provision"
    assert (
        subprocess.run([installed_program, "validate"], cwd=job.folder, check=False, capture_output=True).returncode
        == 0
    )
    assert job.step("validate").returncode == 0
    assert job.step("diff", target="staging").returncode == 0
    assert review.comments
    assert not ran.exists()


def test_problems_are_annotations_and_a_report_for_code_scanning(job: Job) -> None:
    write(job.folder / "account_types/a.yaml", "grant_mode: secret\nslugg: a\n")
    done = job.step("validate")
    assert done.returncode == 1
    assert "::error file=account_types/a.yaml,line=2,col=1,title=unknown-key::" in done.stdout
    (only,) = json.loads(Path(job.outputs["sarif"]).read_text("utf-8"))["runs"]
    assert "unknown-key" in {result["ruleId"] for result in only["results"]}


def test_strict_reaches_the_check(job: Job) -> None:
    write(job.folder / "account_types/a.yaml", DEFINITION + "secret: in-git\n")
    assert job.step("validate").returncode == 0
    assert job.step("validate", strict="true").returncode == 1


def test_a_diff_is_one_comment_that_later_runs_update(job: Job, review: Review) -> None:
    review.say("<!-- provision: staging -->\na person wrote the marker")
    for number in range(120):
        review.say(f"comment {number}")
    done = job.step("diff", target="staging")
    assert done.returncode == 0, done.stderr
    assert job.outputs["differs"] == "true"
    (id,) = (id for id, comment in review.comments.items() if comment["user"]["type"] == "Bot")
    assert review.comments[id]["body"].startswith("<!-- provision: staging -->\n### staging\n")
    assert "create" in review.comments[id]["body"]
    assert "## Target staging" in job.summary
    assert review.tokens == {"Bearer t0ken"}

    write(job.folder / "account_types/b.yaml", DEFINITION.replace("slug: a", "slug: b"))
    assert job.step("diff", target="staging").returncode == 0
    assert "2 to create" in review.comments[id]["body"]
    assert len(review.comments) == 122
    assert review.comments[1]["body"].endswith("a person wrote the marker")


def test_each_target_has_its_own_comment(job: Job, review: Review) -> None:
    targets = f"targets:\n  staging: {job.target}\n  production: {job.target}\n"
    write(job.folder / "provision.yaml", targets)
    for target in ("staging", "production", "staging"):
        assert job.step("diff", target=target).returncode == 0
    marks = [comment["body"].splitlines()[0] for comment in review.comments.values()]
    assert marks == ["<!-- provision: staging -->", "<!-- provision: production -->"]


def test_a_comment_that_is_refused_does_not_fail_the_job(job: Job, review: Review) -> None:
    review.refuse = 403
    done = job.step("diff", target="staging")
    assert done.returncode == 0
    assert f"the comment was not written: POST {COMMENTS} answered 403" in done.stderr


@pytest.mark.parametrize(("event", "comment"), [("push", "true"), ("pull_request", "false")])
def test_nothing_is_commented_outside_a_pull_request_or_if_not_wanted(
    job: Job, review: Review, event: str, comment: str
) -> None:
    assert job.step("diff", event, target="staging", comment=comment).returncode == 0
    assert review.asked == []


def test_a_diff_never_writes_and_fails_if_it_cannot_read(job: Job, review: Review) -> None:
    write(job.folder / "provision.yaml", "targets:\n  staging:\n    couch: http://127.0.0.1:9\n")
    done = job.step("diff", target="staging")
    assert done.returncode == 1
    assert "error: " in done.stderr
    assert review.asked == []


def test_the_reviewed_plan_is_applied(job: Job, review: Review) -> None:
    assert job.step("diff", target="staging").returncode == 0
    plan = job.outputs["plan"]
    write(job.folder / "account_types/a.yaml", DEFINITION.replace("slug: a", "slug: b"))
    write(job.folder / "account_types/late.yaml", DEFINITION.replace("slug: a", "slug: late"))
    refused = job.step("Apply", "push", target="staging", plan=plan)
    assert refused.returncode == 1
    assert "not the one that was reviewed" in refused.stdout
    assert "## Applied to staging" in job.summary

    write(job.folder / "account_types/a.yaml", DEFINITION)
    (job.folder / "account_types/late.yaml").unlink()
    done = job.step("Apply", "push", target="staging", plan=plan)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "created   a" in done.stdout
    (job.temp / "output").unlink()
    assert job.step("diff", "push", target="staging").returncode == 0
    assert job.outputs["differs"] == "false"


def test_no_input_is_part_of_a_command() -> None:
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
        for script in (ROOT / "pipelines/github").iterdir():
            assert "${{" not in script.read_text("utf-8")


def test_the_documented_workflow_gives_inputs_that_exist() -> None:
    (text,) = re.findall(
        r"^```yaml\n(# .github/.*?)^```$", (ROOT / "docs/ci.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    jobs = yaml.safe_load(text)["jobs"]
    used = [step for job in jobs.values() for step in job["steps"] if "cozy-provisioner" in step["uses"]]
    assert len(used) == 2
    for step in used:
        assert step["with"].keys() <= ACTION["inputs"].keys()
    assert "differs" in ACTION["outputs"]
