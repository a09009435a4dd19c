"""GitLab: the pipeline's commands, and the note on a merge request, against a local server in the place of its API."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_httpserver import HTTPServer

from tests import program
from tests.conftest import Run, write
from tests.live_server import Live
from tests.pipelines.api import Review, planted

ROOT = Path(__file__).parents[2]
FILE = ROOT / "pipelines/gitlab/.gitlab-ci.yml"
PIPELINE: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
NOTES = "/projects/12/merge_requests/3/notes"


@pytest.fixture
def review(httpserver: HTTPServer) -> Review:
    review = Review()
    review.serve(httpserver, NOTES, rf"{NOTES}/\d+", "PUT", "PRIVATE-TOKEN")
    return review


def job(name: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script of a job in bash, as the runner does: it stops at the first command that fails."""
    script = "\n".join(PIPELINE[name]["script"])
    script = script.replace("/opt/provision/bin/python", sys.executable).replace("/opt/source", str(ROOT))
    environment = {"PATH": program.path(), "HOME": str(folder), "TARGET": "production", **variables}
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_template_is_a_pipeline_of_gitlab() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci", str(FILE)]
    assert subprocess.run(command, check=False).returncode == 0


def test_the_pipeline_checks_plans_and_applies_the_reviewed_plan(
    tmp_path: Path, live: Live, httpserver: HTTPServer, review: Review
) -> None:
    folder = tmp_path / "repository"
    write(
        folder / "account_types/a.yaml",
        'grant_mode: token\nclient_id: "1"\nauth_endpoint: https://a.example/\nslug: a\n',
    )
    write(
        folder / "provision.yaml",
        f"owner: team\ntargets: {{production: {{couch: '{live.url}', database: '{live.database}'}}}}\n",
    )
    assert job("provision-validate", folder).returncode == 0
    for artifact in PIPELINE["provision-validate"]["artifacts"]["reports"].values():
        assert (folder / artifact).is_file()
    planned = job("provision-diff", folder)
    assert planned.returncode == 0, planned.stderr
    for artifact in PIPELINE["provision-diff"]["artifacts"]["paths"]:
        assert (folder / artifact).is_file()

    api = {"CI_API_V4_URL": httpserver.url_for("").rstrip("/"), "CI_PROJECT_ID": "12", "CI_MERGE_REQUEST_IID": "3"}
    theirs = review.say("<!-- provision: production -->\nwritten by a person")
    for _ in range(2):
        assert job("provision-note", folder, **api, GITLAB_TOKEN="t0ken").returncode == 0
    assert review.comments.pop(theirs)["body"].endswith("written by a person")
    (note,) = review.comments.values()
    assert note["body"].startswith("<!-- provision: production -->\n### production\n")
    assert "1 to create" in note["body"]
    assert review.tokens == {"t0ken"}

    assert not live.exists
    applied = job("provision-apply", folder)
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert live.ids == {"a"}


def test_a_bad_definition_fails_the_check_and_still_leaves_the_report(tmp_path: Path) -> None:
    write(tmp_path / "account_types/a.yaml", "grant_mode: secret\nslugg: a\n")
    done = job("provision-validate", tmp_path)
    assert done.returncode == 1
    assert "unknown-key" in (tmp_path / "code-quality.json").read_text("utf-8")


PYTHON = """#!/bin/sh
flags=
while [ "$1" != -m ]; do flags="$flags $1"; shift; done
echo "$PWD" >>"{log}"
[ "$2" = venv ] && mkdir -p "$3/bin" && cp "$0" "$3/bin/python"
exec {python} $flags -c "import pip, venv, ensurepip, json, site"
"""
"""Python, which imports where it stands and as it is told what an installation imports, and installs nothing."""


@pytest.mark.parametrize("whose", ["ours", "init"])
def test_nothing_of_a_checkout_is_run_before_the_script(tmp_path: Path, run: Run, whose: str) -> None:
    folder, log, programs = tmp_path / "repository", tmp_path / "log", tmp_path / "bin"
    ran = planted(folder)
    pipeline: dict[str, Any] = PIPELINE
    if whose == "init":
        assert run("init", folder, "--yes").code == 0
        pipeline = yaml.safe_load((folder / ".gitlab-ci.yml").read_text("utf-8"))
    script = "\n".join(pipeline[".provision" if whose == "ours" else "provision-validate"]["before_script"])
    for place in ("opt", "tmp"):  # of the container
        (tmp_path / place).mkdir()
    script = re.sub(r'(?m)(^|(?<=[ "]))/(?=opt|tmp)', f"{tmp_path}/", script)
    for name, text in (("apt-get", "#!/bin/sh\n"), ("python", PYTHON.format(log=log, python=sys.executable))):
        write(programs / name, text).chmod(0o755)
    environment = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "CI_PROJECT_DIR": str(folder),
        "PROVISION_REPOSITORY": str(ROOT),
        "PROVISION_REF": "HEAD",
        "PROVISION_SOURCE": "x",
    }
    command = ["bash", "-eo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not ran.exists()
    places = set(log.read_text("utf-8").split())
    assert places
    assert not any(Path(place).is_relative_to(folder) for place in places)
