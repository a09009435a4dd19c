"""What git is asked, and that no repository can run a program by it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from provisioner.adapters.files.git import GitFailed, commit_of, is_exposed, is_tracked, published
from tests.conftest import Run, write
from tests.live_server import Live

SECRET = "grant_mode: secret\nslug: a\n"
AUTHOR = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *AUTHOR, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def catalogue(folder: Path) -> Path:
    """A catalogue whose definitions are committed."""
    write(folder / "account_types/a.yaml", SECRET)
    write(folder / "account_types/work/b.yaml", SECRET)
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        git(folder, *words)
    return folder / "account_types"


@pytest.fixture
def trap(folder: Path) -> Path:
    """A program that a repository names. What it leaves behind shows that it was run."""
    program = write(folder / "trap.sh", f'#!/bin/sh\nenv >>"{folder}/ran"\ncat\n')
    program.chmod(0o755)
    return program


def ran(folder: Path) -> bool:
    return (folder / "ran").exists()


@pytest.mark.parametrize("command", ["apply", "diff", "validate"])
@pytest.mark.parametrize("outer", [True, False], ids=["in a clone", "outside git"])
def test_a_folder_that_looks_like_a_repository_runs_nothing(
    folder: Path, trap: Path, run: Run, command: str, outer: bool
) -> None:
    write(folder / "account_types/a.yaml", SECRET)
    if outer:
        git(folder, "init", "-q")
    git(folder, "init", "-q", "--bare", "bare")
    for name in ("HEAD", "objects", "refs"):
        os.rename(folder / "bare" / name, folder / "account_types" / name)
    write(
        folder / "account_types/config",
        f"[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = {folder}\n\tfsmonitor = {trap}\n",
    )
    where = [] if command == "validate" else ["--couch", "localhost:1", "--owner", "team"]
    run(command, "account_types", *where, env={"COUCHDB_PASSWORD": "hush"})
    assert commit_of([folder / "account_types"]) is None
    assert not is_tracked(folder / "account_types/a.yaml")
    assert not ran(folder)


@pytest.mark.parametrize(
    "setting",
    [
        "core.fsmonitor",
        "core.pager",
        "core.sshCommand",
        "diff.external",
        "diff.any.textconv",
        "filter.any.clean",
        "filter.any.process",
        "credential.helper",
        "pager.ls-tree",
    ],
)
def test_no_program_that_a_repository_names_is_run(folder: Path, catalogue: Path, trap: Path, setting: str) -> None:
    write(folder / ".gitattributes", "* filter=any diff=any\n")
    git(folder, "config", setting, str(trap))
    os.utime(catalogue / "a.yaml", (1, 1))  # git would have to look at the content
    commit = git(folder, "rev-parse", "HEAD")
    assert commit_of([catalogue]) == commit
    assert is_tracked(catalogue / "a.yaml")
    assert is_exposed(catalogue / "new.yaml")
    assert not ran(folder)


def test_a_hook_is_not_run(folder: Path, catalogue: Path, trap: Path) -> None:
    for hook in ("post-index-change", "reference-transaction", "fsmonitor-watchman"):
        os.link(trap, folder / ".git/hooks" / hook)
    assert commit_of([catalogue])
    assert not ran(folder)


def test_what_is_missing_is_not_fetched(folder: Path, catalogue: Path, trap: Path) -> None:
    git(folder, "config", "core.repositoryFormatVersion", "1")
    git(folder, "config", "extensions.partialClone", "origin")
    git(folder, "config", "remote.origin.url", f"ext::{trap}")
    git(folder, "config", "remote.origin.promisor", "true")
    git(folder, "config", "protocol.ext.allow", "always")
    tree = git(folder, "rev-parse", "HEAD^{tree}")
    (folder / ".git/objects" / tree[:2] / tree[2:]).unlink()
    with pytest.raises(GitFailed, match="git says: "):
        commit_of([catalogue])
    assert not ran(folder)


def test_git_gets_no_credentials_and_comes_from_no_folder_of_the_catalogue(
    folder: Path, catalogue: Path, trap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = write(folder / "bin/git", trap.read_text("utf-8"))
    inside.chmod(0o755)
    monkeypatch.setenv("COUCHDB_PASSWORD", "hush")
    monkeypatch.setenv("GIT_SSH_COMMAND", str(trap))
    monkeypatch.setenv("PATH", f"bin{os.pathsep}{os.pathsep}{os.environ['PATH']}")
    assert commit_of([catalogue])
    assert not ran(folder)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
    commit_of([catalogue])
    environment = (folder / "ran").read_text("utf-8")
    assert "hush" not in environment
    assert "trap" not in environment


@pytest.mark.parametrize(
    ("name", "content", "differs"),
    [
        ("a.yaml", "grant_mode: secret\nslug: b\n", True),
        ("a.yaml", SECRET.replace("\n", "\r\n"), False),
        ("new.yaml", SECRET, True),
        ("work/c.json", "{}", True),
        ("notes.txt", "no definition", False),
        (".credentials.yaml", "a: {client_secret: b}\n", False),
        ("work/b.yaml", None, True),
    ],
)
def test_definitions_that_differ_from_their_commit_are_dirty(
    folder: Path, catalogue: Path, name: str, content: str | None, differs: bool
) -> None:
    commit = git(folder, "rev-parse", "HEAD")
    assert commit_of([catalogue]) == commit
    if content is None:
        (catalogue / name).unlink()
    else:
        (catalogue / name).write_bytes(content.encode())
    assert commit_of([catalogue]) == (f"{commit}-dirty" if differs else commit)
    of_one = commit_of([catalogue / "a.yaml"])
    assert of_one == (f"{commit}-dirty" if differs and name == "a.yaml" else commit)


def test_a_commit_that_git_does_not_tell_is_named(folder: Path, live: Live, run: Run) -> None:
    write(folder / "account_types/a.yaml", SECRET)
    git(folder, "init", "-q")
    git(folder, "config", "core.repositoryFormatVersion", "1")
    git(folder, "config", "extensions.unknown", "true")
    done = run("apply", "--couch", live.url, "--database", live.database, "--owner", "team", "--incomplete", "warn")
    assert "warning: the documents will not record the commit of the catalogue: git says: unknown repo" in done.err


def test_without_a_commit_there_is_nothing_to_tell(folder: Path, run: Run) -> None:
    write(folder / "account_types/a.yaml", SECRET)
    git(folder, "init", "-q")
    assert commit_of([folder / "account_types"]) is None
    assert commit_of([Path("-")]) is None


def test_git_that_hangs_does_not_hold_the_run(folder: Path, catalogue: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = write(folder / "bin/git", f"#!{sys.executable}\nimport time\ntime.sleep(300)\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setattr("provisioner.adapters.files.git.LIMIT", 0.2)
    with pytest.raises(GitFailed, match=r"git did not answer within 0\.2 s"):
        commit_of([catalogue])
    assert is_exposed(catalogue / "a.yaml")


def test_what_a_link_leads_to_is_what_git_must_ignore(folder: Path, catalogue: Path) -> None:
    write(folder / ".gitignore", "ignored*\n")
    os.symlink("plain", folder / "ignored")
    os.symlink("ignored.b", folder / "link")
    assert is_exposed(folder / "ignored")
    assert not is_exposed(folder / "link")


def test_a_clone_names_its_commit_if_it_is_published_and_the_same(folder: Path, catalogue: Path) -> None:
    write(folder / "package/a.py", "a = 1\n")
    git(folder, "add", "package")
    git(folder, "commit", "-q", "-m", "second")
    git(folder, "remote", "add", "origin", "https://git.example/p.git")
    copy = Path(shutil.copytree(folder / "package", folder.parent / f"{folder.name}-copy"))
    assert published(folder, "package", copy) is None  # nobody else has this commit
    git(folder, "update-ref", "refs/remotes/origin/main", "HEAD")
    assert published(folder, "package", copy) == f"https://git.example/p.git@{git(folder, 'rev-parse', 'HEAD')}"
    write(copy / "b.py", "")
    assert published(folder, "package", copy) is None
    (copy / "b.py").unlink()
    write(copy / "a.py", "a = 2\n")
    assert published(folder, "package", copy) is None
    assert published(folder / "package", "package", copy) is None
