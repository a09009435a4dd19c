"""Finds and reads the manifests of konnectors."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from provisioner.adapters.files.text_files import is_folder, read_mapping
from provisioner.core.definitions.problem import Problem
from provisioner.core.definitions.source import Source
from provisioner.core.text import listed

NAMES = ("manifest.konnector", "manifest.webapp")
_SKIPPED = frozenset({"node_modules", "build"})


def read_manifests(paths: Sequence[Path]) -> list[Source]:
    """Read the manifests named, and all below the folders named; an unreadable one becomes a problem."""
    sources: dict[str, Source] = {}
    for path in paths:
        found = list(_below(path)) if is_folder(path) else [path]
        if not found:
            sources[path.as_posix()] = _failed(path, f"no {listed(NAMES)} below this folder", "empty-folder")
        for manifest in found:
            sources.setdefault(manifest.as_posix(), _read(manifest))
    return list(sources.values())


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED and not name.startswith("."))
        yield from (Path(place, name) for name in NAMES if name in files)


def _read(path: Path) -> Source:
    try:
        reading = read_mapping(path, json=True)
    except OSError as error:
        return _failed(path, f"cannot be read: {error.strerror}", "unreadable")
    shown = path.as_posix()
    return Source(shown, "", reading.node, tuple(Problem.of(shown, fault) for fault in reading.faults))


def _failed(path: Path, message: str, rule: str) -> Source:
    shown = path.as_posix()
    return Source(shown, "", None, (Problem.of_file(shown, message, rule),))
