"""Finds and reads ``provision.yaml``."""

import json
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from provisioner.adapters.files.text_files import exists, is_file, read_mapping
from provisioner.core.definitions.as_written import unseen_characters
from provisioner.core.definitions.node import START, to_json
from provisioner.core.definitions.problem import Fault, Problem, Severity
from provisioner.core.definitions.schema_check import schema_check
from provisioner.core.errors import InvalidFile, UsageError
from provisioner.core.targets.target import Config, config_of

NAME = "provision.yaml"


def find_config(given: Path | None) -> Path | None:
    """The configuration that is named, or the one in the current folder or a folder above that is ours as well.

    The search ends at the root of the git repository, at the home folder, and before a folder of another owner. An
    absolute path is the answer if the file is not in the current folder. A configuration can run programs, so one that
    somebody else can write is refused unless it is named: raises `UsageError`.
    """
    if given is not None:
        return given
    try:
        here = Path.cwd()
    except OSError:
        raise UsageError("the current folder does not exist any more", "change to another folder") from None
    found = next((folder / NAME for folder in _ours(here) if is_file(folder / NAME)), None)
    if found is None:
        return None
    if _is_strange(found.stat()):
        what = f"{found.as_posix()} could have been written by someone other than you"
        raise UsageError(what, "if you trust it, name it with --config; or make it yours with chown and chmod o-w")
    return Path(NAME) if found.parent == here else found


def _ours(here: Path) -> Iterator[Path]:
    try:
        owner = here.stat().st_uid
    except OSError as error:
        raise UsageError(f"the current folder cannot be read: {error.strerror}", "change to another folder") from None
    home = os.path.realpath(os.path.expanduser("~"))  # noqa: PTH111  # Path.home() fails where there is none
    for folder in (here, *here.parents):
        try:
            foreign = folder.stat().st_uid != owner
        except OSError:
            return
        if foreign:
            return
        yield folder
        if exists(folder / ".git") or str(folder) == home:
            return


def _is_strange(status: os.stat_result) -> bool:
    """Whether a file belongs to another user than us and root, or everybody may write it."""
    if sys.platform == "win32":
        return False
    return status.st_uid not in (os.getuid(), 0) or bool(status.st_mode & stat.S_IWOTH)


def read_config(path: Path, schema: Mapping[str, Any]) -> Config:
    """Read a configuration. Raises `InvalidFile` with all its problems."""
    shown = path.as_posix()
    try:
        reading = read_mapping(path)
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {error.strerror}", "name another file with --config") from None
    faults = [*reading.faults]
    if reading.node is not None:
        if "\\u0000" in json.dumps(to_json(reading.node)):
            faults.append(Fault(START, "a NUL character is in a string: no path or URL can have one", "wrong-value"))
        faults += [*unseen_characters(reading.node), *schema_check(schema)(reading.node)]
    faults = [fault for fault in faults if fault.severity is Severity.ERROR]
    if faults or reading.node is None:
        raise InvalidFile(tuple(sorted(Problem.of(shown, fault) for fault in faults)))
    return config_of(reading.node, path.as_posix())
