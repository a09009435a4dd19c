"""Finds and reads ``provision.yaml``."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisioner.core.errors import InvalidFile, UsageError
from provisioner.core.text import printable

if TYPE_CHECKING:
    from provisioner.core.targets.target import Config

NAME = "provision.yaml"


def find_config(given: Path | None) -> Path | None:
    """The configuration that is named, or the one that is found upwards from the current folder."""
    if given is not None:
        return given
    here = Path.cwd()
    found = next((folder / NAME for folder in (here, *here.parents) if (folder / NAME).is_file()), None)
    if found is None or found.parent == here:
        return found and Path(NAME)
    return found


def read_config(path: Path, schema: Mapping[str, Any]) -> "Config":
    """Read a configuration. Raises `InvalidFile` with all its problems."""
    from provisioner.adapters.files.text_files import read_mapping
    from provisioner.core.definitions.problem import Problem
    from provisioner.core.definitions.schema_check import schema_check
    from provisioner.core.targets.target import config_of

    shown = printable(path.as_posix())
    try:
        reading = read_mapping(path)
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {error.strerror}", "name another file with --config") from None
    faults = [*reading.faults]
    if reading.node is not None:
        faults += schema_check(schema)(reading.node)
    if faults or reading.node is None:
        raise InvalidFile(tuple(sorted(Problem.of(shown, fault) for fault in faults)))
    return config_of(reading.node, path.as_posix())
