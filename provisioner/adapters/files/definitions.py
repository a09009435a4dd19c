"""Finds and reads the definition files of a catalogue."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from provisioner.adapters.files.text_files import exists, is_folder, parse, read_mapping
from provisioner.core.definitions.definition import ALL, MAX_BYTES, NONE_LEFT, Selection, Source
from provisioner.core.errors import said
from provisioner.core.targets.target import Config
from provisioner.core.text import did_you_mean, listed

DEFAULT_FOLDER = Path("account_types")
STDIN = Path("-")
SUFFIXES = (".yaml", ".yml", ".json")

_DEEPEST = 2
"""Folders below the catalogue that are searched: one further than a context, to report what lies too deep."""

_LAYOUT = "definitions are <folder>/<id>.yaml, or <folder>/<context>/<id>.yaml"


def is_definition(name: str) -> bool:
    """Whether a file is one of definitions, by its name."""
    return name.lower().endswith(SUFFIXES)


def read_sources(paths: Sequence[Path], own: Sequence[Path] = ()) -> list[Source]:
    """Read the files named, and all definitions in the folders named; an unreadable one becomes a problem.

    `own`: the folders of the catalogue, whose own folders are the contexts.
    """
    sources: dict[str, Source] = {}
    roots = _roots(own)
    for path in paths:
        if not is_folder(path):
            found = [_of_file(path, _context(path.parent, roots))]
        elif not (found := [*_in_folder(path, _context(path, roots), roots)]):
            found = [Source.failed(path.as_posix(), f"no definitions in this folder: {_LAYOUT}", "empty-folder")]
        for source in found:
            sources.setdefault(source.path, source)
    return list(sources.values())


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Where definitions are read from.

    `selection`: which of them; `own`: the folders in which its ids are looked for. `whole`: the folders are all there
    is of the catalogue, so that what they lack is gone from it. `complete`: they are whole catalogues, these or others,
    so that one account type can be missed beside another. `absent`: nobody named a folder, and there is none of the
    usual name.
    """

    folders: tuple[Path, ...]
    whole: bool
    complete: bool = True
    absent: bool = False
    own: tuple[Path, ...] = ()
    selection: Selection = ALL

    def read(self) -> list[Source]:
        """Read the definitions. An id that none of them has becomes a problem."""
        sources = read_sources(self.folders, self.own)
        if self.selection.ids:
            known = {source.account_type: source for source in read_sources(self.own, self.own)}
            named = {source.path for source in sources}
            for id in self.selection.ids:
                source = known.get(id) or _unknown(id, known)
                sources += [source] if source.path not in named else []
        taken = [source for source in sources if not (id := source.account_type) or self.selection.takes(id)]
        if sources and not taken:
            return [Source.failed("--only", NONE_LEFT, "empty-folder")]
        return taken


def _unknown(id: str, known: Iterable[str]) -> Source:
    """The problem of a name that is neither a path nor an id."""
    ids = sorted(known)
    some = f"the ids begin with {listed(ids[:3])}" if ids else f"there is no folder {DEFAULT_FOLDER} here"
    hint = did_you_mean(id, [*ids, *_names_in(Path(id).parent)]) or f": {some}"
    return Source.failed(id, f"no file, folder or account type has this name{hint}", "unreadable")


def _names_in(folder: Path) -> list[str]:
    """The definitions and folders in a folder, by their paths."""
    try:
        entries = [*os.scandir(folder)]
    except OSError:
        return []
    return [(folder / each.name).as_posix() for each in entries if is_definition(each.name) or is_folder(each)]


def catalogue_of(config: Config, paths: Sequence[Path] | None, only: Selection = ALL) -> Catalogue:
    """The catalogue that paths name, else ``provision.yaml``, else ``account_types`` beside that file.

    Without a ``provision.yaml`` it is ``account_types`` of the current folder. A path that does not exist and does not
    end as a definition does is an id of that catalogue. ``-`` is a definition from stdin.
    """
    default = DEFAULT_FOLDER if config.path is None else Path(config.path).parent / DEFAULT_FOLDER
    own = tuple(Path(folder) for folder in config.catalogue) or (default,)
    if not paths:
        absent = not config.catalogue and not is_folder(default)
        return Catalogue(own, whole=not only, complete=not only, absent=absent, own=own, selection=only)
    files = tuple(path for path in paths if path == STDIN or os.path.lexists(path) or is_definition(path.name))
    selection = replace(only, ids=tuple(path.as_posix() for path in paths if path not in files))
    whole = {os.path.realpath(path) for path in paths} == {os.path.realpath(folder) for folder in own}
    roots = _roots(own)
    complete = all(is_folder(path) and not _context(path, roots) for path in paths)
    return Catalogue(files, whole=whole and not only, complete=complete and not only, own=own, selection=selection)


def _roots(own: Sequence[Path]) -> tuple[Path, ...]:
    """The folders of the catalogue as they are named, and where their links lead."""
    return tuple({Path(of(folder)) for folder in own for of in (os.path.abspath, os.path.realpath)})


def _below(folder: Path, roots: Sequence[Path]) -> str | None:
    """``<context>/`` of a folder in the catalogue, nothing for the catalogue itself, and ``None`` outside it.

    A link in the catalogue has its own name; one from outside leads to what it names.
    """
    named = [folder.absolute()] if ".." not in folder.parts else []
    for whole in (*named, Path(os.path.realpath(folder))):
        if inner := [whole.relative_to(root) for root in roots if whole.is_relative_to(root)]:
            below = min(inner, key=lambda path: len(path.parts)).as_posix()
            return "" if below == "." else f"{below}/"
    return None


def _context(folder: Path, roots: Sequence[Path]) -> str:
    """What a folder adds to the ids of its files: ``<context>/`` for one in a folder of the catalogue, else nothing.

    A folder ``account_types`` is a catalogue even if the configuration does not say so.
    """
    if (below := _below(folder, roots)) is not None:
        return below
    whole = folder.absolute()
    inside = whole.name != DEFAULT_FOLDER.name and whole.parent.name == DEFAULT_FOLDER.name
    return f"{whole.name}/" if inside else ""


def _in_folder(
    folder: Path, context: str, roots: Sequence[Path], above: frozenset[str] = frozenset()
) -> Iterator[Source]:
    """All definitions of a folder; a link to a folder that it lies in is not followed."""
    above |= {os.path.realpath(folder)}
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield Source.failed(folder.as_posix(), f"cannot be read: {said(error)}", "unreadable")
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        path = folder / entry.name
        if is_folder(path):
            if context.count("/") < _DEEPEST and os.path.realpath(path) not in above:
                inner = "" if entry.name == DEFAULT_FOLDER.name else f"{context}{entry.name}/"
                below = _below(path, roots)
                yield from _in_folder(path, inner if below is None else below, roots, above)
        elif is_definition(entry.name):
            yield _of_file(path, context)


def _of_file(path: Path, context: str) -> Source:
    """Read a file whose folder adds a context to its id, or stdin."""
    if path == STDIN:
        return _of_stdin()
    if not is_definition(path.name) and exists(path):
        return Source.failed(path.as_posix(), f"not a definition: its name must end in {listed(SUFFIXES)}", "file-name")
    if context.count("/") > 1:
        return Source.failed(path.as_posix(), f"too deep in its folder: {_LAYOUT}", "file-name")
    try:
        reading = read_mapping(path)
    except OSError as error:
        return Source.failed(path.as_posix(), _why_unreadable(path, error), "unreadable")
    return Source.of(path.as_posix(), context + path.stem, reading)


def _why_unreadable(path: Path, error: OSError) -> str:
    if not isinstance(error, FileNotFoundError):
        return f"cannot be read: {said(error)}"
    if os.path.lexists(path):
        return "cannot be read: it is a link to nothing"
    if not is_definition(path.name):
        here = any(map(is_definition, _names_in(Path())))
        beside = "change to the folder above this one" if here else "begin one with provision init or provision new ID"
        return f"there is no such folder: {beside}, or pass another"
    return f"there is no such file{did_you_mean(path.as_posix(), _names_in(path.parent))}"


def _of_stdin() -> Source:
    """One definition from stdin, which says its id itself."""
    reading = parse(sys.stdin.buffer.read(MAX_BYTES + 1))
    source = Source.of(str(STDIN), "", reading)
    if reading.node is not None and not source.account_type:
        return Source.failed(str(STDIN), "a definition from stdin needs the key _id", "file-name")
    return source
