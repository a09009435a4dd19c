"""Finds and reads ``provision.yaml``."""

import json
import os
import re
import stat
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

from provisioner.adapters.files.text_files import exists, is_file, read_limited, read_mapping
from provisioner.core.definitions.custom_rules import faults_of_fragment
from provisioner.core.definitions.problem import START, Problem, Severity
from provisioner.core.definitions.schema_check import Check, unseen_characters
from provisioner.core.errors import InvalidFile, UsageError, explained
from provisioner.core.targets.target import Config, config_of
from provisioner.core.text import printable

NAME = "provision.yaml"

_PASSWORD = re.compile(r"://[^/?#\s]*:(?!\$\{)[^/?#\s]+@")
"""A password in a URL that no variable stands for."""


def find_config(given: Path | None, *, warn: Callable[[str], None] | None = None) -> Path | None:
    """The configuration that is named, or the one in the current folder or a folder above that is ours as well.

    The search ends at the root of the git repository, at the home folder, and before a folder of another owner or one
    that all users share, as /tmp. An absolute path is the answer if the file is not in the current folder. A
    configuration can run programs, so one that somebody else can write is refused unless it is named: raises
    `UsageError`. With `warn`, one in a folder above is left out instead, with a warning.
    """
    if given is not None:
        return given
    with explained("the current folder cannot be read", "change to another folder"):
        here = Path.cwd()
        owner = here.stat().st_uid
    found = next((folder / NAME for folder in _ours(here, owner) if is_file(folder / NAME)), None)
    if found is None:
        return None
    if _is_strange(found, owner):
        what = f"{found.as_posix()} could have been written by someone other than you"
        if warn is not None and found.parent != here:
            warn(printable(f"{what}, and is not used: if you trust it, pass it with --config"))
            return None
        raise UsageError(what, "if you trust it, pass it with --config; or make it yours with chown and chmod go-w")
    return Path(NAME) if found.parent == here else found


def _ours(here: Path, owner: int) -> Iterator[Path]:
    shared = stat.S_ISVTX | stat.S_IWOTH
    home = os.path.realpath(os.path.expanduser("~"))  # noqa: PTH111  # Path.home() fails if the user has none
    with suppress(OSError):
        for folder in (here, *here.parents):
            status = folder.stat()
            if status.st_uid != owner or (folder != here and status.st_mode & shared == shared):
                return
            yield folder
            if exists(folder / ".git") or str(folder) == home:
                return


def _is_strange(path: Path, owner: int) -> bool:
    """Whether somebody else may have written a file.

    It may be ours, root's, or that of the owner of the current folder, whose files we work on; for root, anybody's, if
    not everybody can put files into its folder: in a container root works on the files of a user of the host. A group
    that may write counts as others, unless it is the owner's own, as many systems give each user one.
    """
    if sys.platform == "win32":
        return False
    status, folder = path.stat(), path.parent.stat()
    any_user = os.getuid() == 0 and not folder.st_mode & stat.S_IWOTH
    if status.st_mode & stat.S_IWOTH or not (any_user or status.st_uid in (os.getuid(), 0, owner)):
        return True
    if not status.st_mode & stat.S_IWGRP:
        return False
    import grp
    import pwd

    try:
        group, user = grp.getgrgid(status.st_gid), pwd.getpwuid(status.st_uid)
    except KeyError:  # in a container, a user of the host has no name
        return status.st_gid != status.st_uid
    return user.pw_gid != status.st_gid or not set(group.gr_mem) <= {user.pw_name}


def is_of_another_program(path: Path, keys: Collection[str]) -> bool:
    """Whether a file, broken or not, has no key at its top that could be meant as one of ours.

    An empty file and one that is not UTF-8 may have been ours.
    """
    try:
        text = read_limited(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", "---", "%"))]
    if not lines or "\0" in text:
        return False
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    start = "" if lines[0].lstrip().startswith("{") else f"^{indent}"
    found = {word.lower() for word in re.findall(rf"(?m){start}[\"']?(\w[\w-]*)[\"']?\s*:", "\n".join(lines))}
    return not any(get_close_matches(word, keys, n=1, cutoff=0.75) for word in found)


def holds_a_password(path: Path, config: Config) -> bool:
    """Whether others can read a configuration in which a password is written out, in the URL of a target."""
    if sys.platform == "win32" or not path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        return False
    urls = (*(target.get("couch") for target in config.targets.values()), config.webhook)
    return any(_PASSWORD.search(str(url)) for url in urls)


def read_config(path: Path, check: Check, warn: Callable[[str], None]) -> Config:
    """Read a configuration. Raises `InvalidFile` with all its problems."""
    shown = path.as_posix()
    with explained(f"{shown} cannot be read", "pass another file with --config"):
        reading = read_mapping(path)
    faults = [*reading.faults]
    if (content := reading.content) is not None:
        if "\\u0000" in json.dumps(content.values):
            faults.append(Problem(START, "a NUL character is in a string: no path or URL can have one", "wrong-value"))
        faults += unseen_characters(content)
        rules = content.values.get("require")
        count = len(rules) if isinstance(rules, list) else 0
        faults += check(content) or (
            each for index in range(count) for each in faults_of_fragment(content, ("require", index))
        )
    for fault in (each for each in sorted(faults) if each.rule in ("commented-credential", "folded-credential")):
        warn(printable(f"{shown}:{fault.mark.line}:{fault.mark.column}: {fault.message}"))
    faults = [fault for fault in faults if fault.severity is Severity.ERROR]
    if faults or content is None:
        raise InvalidFile(tuple(sorted(fault.in_file(shown) for fault in faults)))
    return config_of(content, path.as_posix())
