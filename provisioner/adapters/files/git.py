"""Asks git about files, and lets a repository run nothing.

A repository can name programs: a monitor of the file system, hooks, filters, helpers that fetch what is missing. Only
commands are used that read HEAD, the index and the rules of what is ignored, and the environment holds no credentials.
"""

import hashlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from provisioner.adapters.files.definitions import is_definition
from provisioner.adapters.files.text_files import exists, read_limited
from provisioner.core.definitions.content import MAX_BYTES
from provisioner.core.errors import said

LIMIT = 10.0
"""Seconds that git may take."""

_SETTINGS = ("safe.bareRepository=explicit", "core.fsmonitor=false", "core.hooksPath=/dev/null")
_GIT = ("git", "--no-pager", "--no-replace-objects", *(word for each in _SETTINGS for word in ("-c", each)))
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


class GitFailed(Exception):
    """Git gives no answer; its text says why."""


def commit_of(paths: Sequence[Path]) -> str | None:
    """The commit of the repository that holds some files and folders of definitions; none if none holds them.

    It ends in ``-dirty`` if the definitions differ from it. Raises `GitFailed`.
    """
    places = [path.resolve() for path in paths if exists(path)]
    tops = {_top(place) for place in places}
    if not tops or None in tops:
        return None
    if len(tops) > 1:
        raise GitFailed("the definitions are in several repositories")
    top = next(filter(None, tops))
    commit = _git(top, "rev-parse", "--verify", "--quiet", "HEAD", fine=(0, 1)).strip()
    try:
        clean = all(_is_committed(top, place) for place in places if commit)
    except OSError as error:
        raise GitFailed(f"{error.filename or 'a definition'} cannot be read: {said(error)}") from None
    return (commit if clean else f"{commit}-dirty") or None


def published(top: Path, folder: str, copy: Path) -> str | None:
    """``URL@commit`` of a clone: its commit, if the origin has it and a folder of it is what a copy holds."""
    if not exists(top / ".git"):
        return None
    try:
        commit = _git(top, "rev-parse", "--verify", "--quiet", "HEAD").strip()
        url = _git(top, "config", "--get", "remote.origin.url").strip()
        known = _git(top, "for-each-ref", "--count=1", f"--contains={commit}", "refs/remotes/origin")
        files = {name.partition("/")[2]: entry for name, entry in _committed(top, folder).items()}
        same = all(_is_object(copy / name, *entry) for name, entry in files.items())
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
    committed = {name: entry for name, entry in _committed(top, inside).items() if _is_definition(name)}
    below = (Path(folder, name) for folder, _, names in os.walk(place) for name in names)
    found = [path for path in below if _is_definition(path.relative_to(place).as_posix())]
    present = {path.relative_to(top).as_posix(): path for path in (found if place.is_dir() else [place])}
    return committed.keys() == present.keys() and all(
        _is_object(present[name], *entry) for name, entry in committed.items()
    )


def _is_definition(name: str) -> bool:
    return is_definition(name) and not any(part.startswith(".") for part in name.split("/"))


def _committed(top: Path, inside: str) -> dict[str, tuple[str, str]]:
    """The files of HEAD at a place, each with its mode and the name of its object. Raises `GitFailed`."""
    listing = _git(top, "--literal-pathspecs", "ls-tree", "-r", "-z", "HEAD", "--", inside)
    rows = (row.partition("\t") for row in listing.split("\0") if row)
    return {name: (details.split()[0], details.split()[2]) for details, _, name in rows}


def _is_object(path: Path, mode: str, name: str) -> bool:
    """Whether a file is what an object of git holds; with the line ends of Windows, it may have other ones there."""
    if path.is_symlink() != (mode == _LINK):
        return False
    content = os.fsencode(path.readlink()) if mode == _LINK else read_limited(path, MAX_BYTES)
    algorithm = "sha256" if len(name) == 64 else "sha1"
    return any(
        hashlib.new(algorithm, b"blob %d\0%b" % (len(each), each), usedforsecurity=False).hexdigest() == name
        for each in (content, content.replace(b"\r\n", b"\n"))
    )


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
