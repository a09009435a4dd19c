"""Finds and reads the definition files of a catalogue."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from provisioner.adapters.files.text_files import exists, is_folder, read_mapping
from provisioner.core.definitions.problem import Problem
from provisioner.core.definitions.source import Source
from provisioner.core.targets.target import Config
from provisioner.core.text import listed, printable

DEFAULT_FOLDER = Path("account_types")
SUFFIXES = (".yaml", ".yml", ".json")

_DEEPEST = 2
"""Folders below the catalogue that are searched: one further than a context, to report what lies too deep."""

_LAYOUT = "definitions are <folder>/<id>.yaml, or <folder>/<context>/<id>.yaml"


def read_sources(paths: Sequence[Path]) -> list[Source]:
    """Read the files named, and all definitions in the folders named; an unreadable one becomes a problem."""
    sources: dict[str, Source] = {}
    for path in paths:
        found = _of_folder(path) if is_folder(path) else [_of_file(path, _context(path.parent))]
        for source in found:
            sources.setdefault(source.path, source)
    return list(sources.values())


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Where definitions are read from.

    `whole`: the folders are all there is of the catalogue, so that what they lack is gone from it. `complete`: they are
    whole catalogues, these or others, so that one account type can be missed beside another. `absent`: nobody named a
    folder, and there is none of the usual name.
    """

    folders: tuple[Path, ...]
    whole: bool
    complete: bool = True
    absent: bool = False


def catalogue_of(config: Config, paths: Sequence[Path] | None) -> Catalogue:
    """The catalogue that paths name, else ``provision.yaml``, else ``account_types`` beside that file.

    Without a ``provision.yaml`` it is ``account_types`` of the current folder.
    """
    default = DEFAULT_FOLDER if config.path is None else Path(config.path).parent / DEFAULT_FOLDER
    own = tuple(Path(folder) for folder in config.catalogue) or (default,)
    if not paths:
        return Catalogue(own, whole=True, absent=not config.catalogue and not is_folder(default))
    whole = {os.path.realpath(path) for path in paths} == {os.path.realpath(folder) for folder in own}
    complete = all(is_folder(path) and not _context(path) for path in paths)
    return Catalogue(tuple(paths), whole=whole, complete=complete)


def _context(folder: Path) -> str:
    """What a folder adds to the ids of its files: ``<context>/`` for a folder in ``account_types``, else nothing."""
    whole = folder.absolute()
    inside = whole.name != DEFAULT_FOLDER.name and whole.parent.name == DEFAULT_FOLDER.name
    return f"{whole.name}/" if inside else ""


def _of_folder(folder: Path) -> list[Source]:
    sources = list(_in_folder(folder, _context(folder)))
    return sources or [_failed(folder, f"no definitions in this folder: {_LAYOUT}", "empty-folder")]


def _in_folder(folder: Path, context: str) -> Iterator[Source]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield _failed(folder, f"cannot be read: {error.strerror}", "unreadable")
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if is_folder(folder / entry.name):
            if context.count("/") < _DEEPEST:
                inner = "" if entry.name == DEFAULT_FOLDER.name else f"{context}{entry.name}/"
                yield from _in_folder(folder / entry.name, inner)
        elif entry.name.endswith(SUFFIXES):
            yield _of_file(folder / entry.name, context)


def _of_file(path: Path, context: str) -> Source:
    """Read a file whose folder adds a context to its id."""
    if not path.name.endswith(SUFFIXES) and exists(path):
        return _failed(path, f"not a definition: its name must end in {listed(SUFFIXES)}", "file-name")
    if context.count("/") > 1:
        return _failed(path, f"too deep in its folder: {_LAYOUT}", "file-name")
    try:
        reading = read_mapping(path)
    except OSError as error:
        reason = "no such file or folder" if isinstance(error, FileNotFoundError) else error.strerror
        return _failed(path, f"cannot be read: {reason}", "unreadable")
    shown = printable(path.as_posix())
    problems = tuple(Problem.of(shown, fault) for fault in reading.faults)
    return Source(shown, context + path.stem, reading.node, problems, reading.ignores)


def _failed(path: Path, message: str, rule: str) -> Source:
    shown = printable(path.as_posix())
    return Source(shown, "", None, (Problem.of_file(shown, message, rule),))
