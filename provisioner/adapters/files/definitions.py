"""Finds and reads the definition files of a catalogue, the manifests of konnectors, and the requests of doctypes."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from provisioner.adapters.files.text_files import exists, is_file, is_folder, parse, read_limited, read_mapping
from provisioner.core.definitions.content import MAX_BYTES
from provisioner.core.definitions.definition import ALL, NONE_LEFT, Selection, Source
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, KINDS, Kind
from provisioner.core.errors import UsageError, explained, said
from provisioner.core.targets.target import Config
from provisioner.core.text import did_you_mean, listed

STDIN = Path("-")
SUFFIXES = (".yaml", ".yml", ".json")

_DEEPEST = 2
"""Folders below the catalogue that are searched: one further than a context, to report what lies too deep."""

_BY_FOLDER = {kind.folder: kind for kind in KINDS}


def _layout(kind: Kind) -> str:
    return f"definitions are <folder>/<id>.yaml{', or <folder>/<context>/<id>.yaml' if kind.has_contexts else ''}"


def kind_of(path: Path, usual: Kind = ACCOUNT_TYPE) -> Kind:
    """The kind of definitions at a path: the folder says so, by its name, else it is the usual one."""
    whole = path.absolute()
    return _BY_FOLDER.get(whole.name) or _BY_FOLDER.get(whole.parent.name) or usual


def is_definition(name: str) -> bool:
    """Whether a file is one of definitions, by its name."""
    return name.lower().endswith(SUFFIXES)


def read_sources(paths: Sequence[Path], own: Sequence[Path] = (), usual: Kind = ACCOUNT_TYPE) -> list[Source]:
    """Read the files named, and all definitions in the folders named; an unreadable one becomes a problem.

    `own`: the folders of the catalogue, whose own folders are the contexts. `usual`: the kind of definitions whose
    folder does not say it.
    """
    sources: dict[str, Source] = {}
    roots = _roots(own)
    for path in paths:
        kind = kind_of(path, usual)
        if not is_folder(path):
            found = [_of_file(path.as_posix(), _context(path.parent, roots), kind)]
        elif not (found := [*_in_folder(path, _context(path, roots), roots, kind)]):
            why = f"no definitions in this folder: {_layout(kind)}"
            found = [Source.failed(path.as_posix(), why, "empty-folder", kind)]
        for source in found:
            sources.setdefault(source.path, source)
    return list(sources.values())


class Catalogue(Struct, frozen=True):
    """Where definitions are read from.

    `selection`: which of them; `own`: the folders in which its ids are looked for. `whole`: the folders are those of
    the catalogue, so that what they lack is gone from it. `complete`: each is a whole catalogue, this or another, so
    that a rule can miss one account type beside another. `absent`: nobody named a folder, and none has the usual name.
    """

    folders: tuple[Path, ...]
    whole: bool
    complete: bool = True
    absent: bool = False
    own: tuple[Path, ...] = ()
    selection: Selection = ALL
    kinds: tuple[Kind, ...] = (ACCOUNT_TYPE,)

    def read(self) -> list[Source]:
        """Read the definitions. An id that none of them has becomes a problem."""
        sources = read_sources(self.folders, self.own, self.kinds[0])
        if self.selection.ids:
            known = {source.document_id: source for source in read_sources(self.own, self.own, self.kinds[0])}
            named = {source.path for source in sources}
            for id in self.selection.ids:
                source = known.get(id) or _unknown(id, known, self.kinds[0])
                sources += [source] if source.path not in named else []
        taken = [source for source in sources if not (id := source.document_id) or self.selection.takes(id)]
        if sources and not taken:
            return [Source.failed("--only", NONE_LEFT, "empty-folder", self.kinds[0])]
        return taken


def _unknown(id: str, known: Iterable[str], kind: Kind) -> Source:
    """The problem of a name that is neither a path nor an id."""
    ids = sorted(known)
    some = f"the ids begin with {listed(ids[:3])}" if ids else f"there is no folder {kind.folder} here"
    hint = did_you_mean(id, [*ids, *_names_in(Path(id).parent)]) or f": {some}"
    return Source.failed(id, f"no file, folder or {kind.noun} has this name{hint}", "unreadable", kind)


def _names_in(folder: Path) -> list[str]:
    """The definitions and folders in a folder, by their paths."""
    try:
        entries = [*os.scandir(folder)]
    except OSError:
        return []
    return [(folder / each.name).as_posix() for each in entries if is_definition(each.name) or is_folder(each)]


def catalogue_of(
    config: Config, paths: Sequence[Path] | None, only: Selection = ALL, kind: Kind | None = None
) -> Catalogue:
    """The catalogue that paths name, else ``provision.yaml``, else the usual folders beside that file.

    Without a ``provision.yaml`` these are in the current folder: ``account_types``, and that of each other kind, if it
    is there. A path that does not exist and does not end as a definition does is an id of that catalogue. ``-`` is a
    definition from stdin. `kind`: only its definitions are meant.
    """
    folders = _folders(config, kind)
    if not paths:
        kinds = tuple(folders) or (kind or ACCOUNT_TYPE,)
        own = tuple(path for each in folders.values() for path in each) or (_default(config, kinds[0]),)
        return Catalogue(own, not only, complete=not only, absent=not folders, own=own, selection=only, kinds=kinds)
    files = tuple(path for path in paths if path == STDIN or os.path.lexists(path) or is_definition(path.name))
    ids = tuple(path.as_posix() for path in paths if path not in files)
    kinds = _kinds_of(files, ids, folders, kind)
    own = tuple(path for each in kinds for path in folders.get(each, (_default(config, each),)))
    whole = {os.path.realpath(path) for path in paths} == {os.path.realpath(folder) for folder in own}
    complete = all(is_folder(path) and not _context(path, _roots(own)) for path in paths)
    return Catalogue(
        files, whole and not only, complete and not only, own=own, selection=replace(only, ids=ids), kinds=kinds
    )


def kinds_of_ids(config: Config, ids: Sequence[str]) -> tuple[Kind, ...]:
    """The kinds of the definitions with some ids; an id without a definition is one of an account type."""
    return _kinds_of((), ids, _folders(config, None), None)


def _default(config: Config, kind: Kind) -> Path:
    return Path(kind.folder) if config.path is None else Path(config.path).parent / kind.folder


def _folders(config: Config, kind: Kind | None) -> dict[Kind, tuple[Path, ...]]:
    """The folders of definitions by their kind, all or only one: those of the configuration, or the usual one."""
    found: dict[Kind, tuple[Path, ...]] = {}
    for each in (each for each in KINDS if kind in (each, None)):
        default, configured = _default(config, each), config.catalogue if each is ACCOUNT_TYPE else ()
        if folders := tuple(map(Path, configured)) or ((default,) if is_folder(default) else ()):
            found[each] = folders
    return found


def _kinds_of(
    files: Sequence[Path], ids: Sequence[str], folders: Mapping[Kind, Sequence[Path]], kind: Kind | None
) -> tuple[Kind, ...]:
    """The kinds of some files and ids. Raises `UsageError` if another one is wanted."""
    usual = kind or ACCOUNT_TYPE
    found: set[Kind] = set()
    for path in files:  # a folder may hold the definitions of several
        inside = {each for name, each in _BY_FOLDER.items() if is_folder(path / name)}
        found |= inside or {kind_of(path, usual)}
    for id in ids:
        places = (
            each
            for each, roots in folders.items()
            if any(is_file(root / f"{id}{end}") for root in roots for end in SUFFIXES)
        )
        found.add(next(places, usual))
    if other := next((each for each in found if kind not in (each, None)), None):
        raise UsageError(f"this is for {usual.noun}s, and a path has {other.noun}s", "leave it out")
    return tuple(each for each in KINDS if each in found) or (usual,)


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
    inside = whole.name not in _BY_FOLDER and whole.parent.name in _BY_FOLDER
    return f"{whole.name}/" if inside else ""


def _in_folder(
    folder: Path, context: str, roots: Sequence[Path], kind: Kind, above: frozenset[str] = frozenset()
) -> Iterator[Source]:
    """All definitions of a folder; a link to a folder that it lies in is not followed."""
    above |= {os.path.realpath(folder)}
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield Source.failed(folder.as_posix(), f"cannot be read: {said(error)}", "unreadable", kind)
        return
    prefix = (folder / "_").as_posix()[:-1]
    for entry in entries:
        if entry.name.startswith("."):
            continue
        path = f"{prefix}{entry.name}"
        if is_folder(path) if entry.is_symlink() else entry.is_dir():
            if context.count("/") < _DEEPEST and os.path.realpath(path) not in above:
                inner = "" if entry.name in _BY_FOLDER else f"{context}{entry.name}/"
                below = _below(Path(path), roots)
                of = _BY_FOLDER.get(entry.name, kind)
                yield from _in_folder(Path(path), inner if below is None else below, roots, of, above)
        elif is_definition(entry.name):
            yield _of_file(path, context, kind)


def _of_file(path: str, context: str, kind: Kind) -> Source:
    """Read a file whose folder adds a context to its id; or stdin, whose definition says its id itself."""
    if path == str(STDIN):
        source = Source.of(path, "", parse(sys.stdin.buffer.read(MAX_BYTES + 1)), kind)
        if source.content is not None and not source.document_id:
            return Source.failed(path, "a definition from stdin needs the key _id", "file-name", kind)
        return source
    if not is_definition(path) and exists(path):
        return Source.failed(path, f"not a definition: its name must end in {listed(SUFFIXES)}", "file-name", kind)
    if context.count("/") > kind.has_contexts:
        return Source.failed(path, f"too deep in its folder: {_layout(kind)}", "file-name", kind)
    try:
        reading = read_mapping(path)
    except OSError as error:
        return Source.failed(path, _why_unreadable(Path(path), error), "unreadable", kind)
    return Source.of(path, context + path.rpartition("/")[2].rpartition(".")[0], reading, kind)


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


MANIFESTS = ("manifest.konnector", "manifest.webapp")
_SKIPPED = frozenset({"node_modules", "build"})


def read_manifests(paths: Sequence[Path]) -> list[Source]:
    """Read the manifests named, and all below the folders named; an unreadable one becomes a problem."""
    sources: dict[str, Source] = {}
    for path in paths:
        found = [*_manifests_below(path)] if is_folder(path) else [path]
        if not found:
            missing = f"no {listed(MANIFESTS)} below this folder"
            sources[path.as_posix()] = Source.failed(path.as_posix(), missing, "empty-folder")
        for shown in map(Path.as_posix, found):
            try:
                source = Source.of(shown, "", read_mapping(shown, json=True))
            except OSError as error:
                source = Source.failed(shown, f"cannot be read: {said(error)}", "unreadable")
            sources.setdefault(shown, source)
    return [*sources.values()]


def _manifests_below(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED and not name.startswith("."))
        yield from (Path(place, name) for name in MANIFESTS if name in files)


def read_requests(folder: Path) -> dict[str, tuple[str, str]]:
    """The files ``request`` of the doctypes in a folder: the path and the text of each. Raises `UsageError`."""
    with explained(f"{folder.as_posix()} cannot be read", "pass a folder of doctypes"):
        paths = [path for each in sorted(folder.iterdir()) if is_file(path := each / "request")]
        texts = (read_limited(path, 64 * MAX_BYTES).decode(errors="replace") for path in paths)
        found = {path.parent.name: (path.as_posix(), text) for path, text in zip(paths, texts, strict=True)}
    if not found:
        raise UsageError(f"{folder.as_posix()} has no DOCTYPE/request", "pass a folder of doctypes")
    return found
