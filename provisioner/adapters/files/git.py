"""Asks git about files, and lets a repository run nothing.

A repository can name programs: a monitor of the file system, hooks, filters, helpers that fetch what is missing. Only
commands are used that read HEAD, the index and the rules of what is ignored, and the environment holds no credentials.
"""

import hashlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from provisioner.adapters.files.definitions import is_definition
from provisioner.adapters.files.text_files import exists, read_limited
from provisioner.core.definitions.definition import MAX_BYTES
from provisioner.core.errors import said

LIMIT = 10.0
"""Seconds that git may take."""

_GIT = (
    "git",
    "--no-pager",
    "--no-replace-objects",
    "-c",
    "safe.bareRepository=explicit",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
)
_INHERITED = ("HOME", "XDG_CONFIG_HOME", "SUDO_UID", "USERPROFILE", "SYSTEMROOT", "PROGRAMDATA")
"""Where git finds the user's own configuration, which says whose repositories are safe."""

_NOTHING_RUNS = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_LINK = "120000"


class Commit(Struct, frozen=True):
    """The commit that definitions are at, with ``-dirty`` if they differ from it; or why it is not known.

    Neither: the definitions are not in git.
    """

    name: str | None = None
    unknown: str = ""


class GitFailed(Exception):
    """Git gives no answer; its text says why."""


def commit_of(paths: Sequence[Path]) -> Commit:
    """The commit of the repository that holds some files and folders of definitions."""
    places = [path.resolve() for path in paths if exists(path)]
    tops = {_top(place) for place in places}
    if not tops or None in tops:
        return Commit()
    if len(tops) > 1:
        return Commit(unknown="the definitions are in several repositories")
    top = tops.pop()
    assert top is not None
    try:
        commit = _git(top, "rev-parse", "--verify", "--quiet", "HEAD", fine=(0, 1)).strip()
        if not commit:  # nothing was committed yet
            return Commit()
        return Commit(commit if all(_is_committed(top, place) for place in places) else f"{commit}-dirty")
    except GitFailed as error:
        return Commit(unknown=str(error))
    except OSError as error:
        return Commit(unknown=f"{error.filename or 'a definition'} cannot be read: {said(error)}")


def published(top: Path, folder: str, copy: Path) -> str | None:
    """``URL@commit`` of a clone: its commit, if the origin has it and a folder of it is what a copy holds."""
    if not exists(top / ".git"):
        return None
    try:
        commit = _git(top, "rev-parse", "--verify", "--quiet", "HEAD").strip()
        url = _git(top, "config", "--get", "remote.origin.url").strip()
        known = _git(top, "for-each-ref", "--count=1", f"--contains={commit}", "refs/remotes/origin")
        listing = _git(top, "ls-tree", "-r", "-z", "HEAD", "--", folder)
        files = {name.partition("/")[2]: entry for name, entry in _entries(listing)}
        same = all(object in _object_names(copy / name, mode, len(object)) for name, (mode, object) in files.items())
        programs = {path.relative_to(copy).as_posix() for path in copy.rglob("*.py")}
    except (GitFailed, OSError):
        return None
    return f"{url}@{commit}" if known and files and same and programs <= files.keys() else None


def is_tracked(path: Path) -> bool:
    """Whether git has a file in its index. False if git gives no answer."""
    return _exit_code(path, "--literal-pathspecs", "ls-files", "--error-unmatch") == 0


def is_exposed(path: Path) -> bool:
    """Whether a file stands in a work tree of git that does not ignore it, or does not say that it does."""
    return _exit_code(Path(os.path.realpath(path)), "check-ignore", "--quiet") not in (0, None)


def _exit_code(path: Path, *command: str) -> int | None:
    """How a question about one file ends: nothing outside git, and -1 if git gives no answer."""
    whole = Path(os.path.realpath(path.parent)) / path.name
    top = _top(whole.parent)
    try:
        return None if top is None else _run(top, *command, "--", str(whole)).returncode
    except GitFailed:
        return -1


def _top(path: Path) -> Path | None:
    """The folder that git is run in: the nearest one with ``.git``.

    So no other folder is taken for a repository, whatever it holds, and outside of them git is not run.
    """
    return next((folder for folder in (path, *path.parents) if exists(folder / ".git")), None)


def _is_committed(top: Path, place: Path) -> bool:
    """Whether the definitions at a place are those of HEAD.

    They are compared here: where git compares files, it runs the filters that the repository names.
    """
    inside = place.relative_to(top).as_posix()
    listing = _git(top, "--literal-pathspecs", "ls-tree", "-r", "-z", "HEAD", "--", inside)
    committed = {name: entry for name, entry in _entries(listing) if _is_definition(name)}
    present = {path.relative_to(top).as_posix(): path for path in _definitions(place)}
    return committed.keys() == present.keys() and all(
        object in _object_names(present[name], mode, len(object)) for name, (mode, object) in committed.items()
    )


def _entries(listing: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """The files in a listing of a tree, each with its mode and the name of its object."""
    for entry in filter(None, listing.split("\0")):
        details, _, name = entry.partition("\t")
        mode, _, object = details.split()
        yield name, (mode, object)


def _definitions(place: Path) -> Iterator[Path]:
    if not place.is_dir():
        yield place
        return
    for folder, _, names in os.walk(place):
        for name in names:
            path = Path(folder, name)
            if _is_definition(path.as_posix()[len(place.as_posix()) :]):
                yield path


def _is_definition(name: str) -> bool:
    return is_definition(name) and not any(part.startswith(".") for part in name.split("/"))


def _object_names(path: Path, mode: str, digits: int) -> set[str]:
    """The names that git gives to the content of a file; with the line ends of Windows, it has two."""
    if path.is_symlink() != (mode == _LINK):
        return set()
    content = os.fsencode(path.readlink()) if mode == _LINK else read_limited(path, MAX_BYTES)
    algorithm = "sha256" if digits == 64 else "sha1"
    contents = {content, content.replace(b"\r\n", b"\n")}
    return {
        hashlib.new(algorithm, b"blob %d\0%b" % (len(each), each), usedforsecurity=False).hexdigest()
        for each in contents
    }


def _git(folder: Path, *arguments: str, fine: Sequence[int] = (0,)) -> str:
    """What a command of git prints. Raises `GitFailed`."""
    done = _run(folder, *arguments)
    if done.returncode not in fine:
        message = done.stderr.decode(errors="replace").partition("\n")[0].removeprefix("fatal: ").strip()
        if "dubious ownership" in message:
            raise GitFailed(f"{folder} belongs to another user; run git config --global --add safe.directory {folder}")
        raise GitFailed(f"git says: {message}" if message else f"git ended with exit code {done.returncode}")
    return done.stdout.decode(errors="surrogateescape")


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment["PATH"] = os.pathsep.join(filter(os.path.isabs, path))  # no program from a folder named from here
    try:
        return subprocess.run(  # noqa: S603  # fixed words, and paths after --
            [*_GIT, *arguments],
            cwd=folder,
            env={**environment, **_NOTHING_RUNS},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=LIMIT,
        )
    except subprocess.TimeoutExpired:
        raise GitFailed(f"git did not answer within {LIMIT:g} s") from None
    except OSError as error:
        raise GitFailed(f"git cannot be run: {said(error)}") from None
