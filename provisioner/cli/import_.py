"""``provision import``."""

import codecs
import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct

from provisioner.adapters.files import shipped
from provisioner.adapters.files.definition_writer import check_catalogue, write_catalogue
from provisioner.adapters.files.definitions import kind_of
from provisioner.adapters.files.text_files import read_limited
from provisioner.cli import options, output
from provisioner.cli.boundary import ExitCode
from provisioner.cli.options import grouped
from provisioner.cli.report import Reporter
from provisioner.cli.wiring import Wiring
from provisioner.core.definitions.content import MAX_BYTES
from provisioner.core.definitions.definition import Selection
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, Kind, kind_named
from provisioner.core.errors import ProvisionError, UsageError, said
from provisioner.core.importing.documents import (
    NO_ACCOUNT_TYPE,
    FoundDocuments,
    Unreadable,
    documents_in,
    is_account_type,
)
from provisioner.core.importing.exporting import Exported, export
from provisioner.core.plan.store import Live
from provisioner.core.text import counted, listed


class Folder(Struct, frozen=True):
    """What to write, and where."""

    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the definitions.")]
    with_secrets: Annotated[
        bool, typer.Option("--with-secrets", help="Also write the credentials, to DIR/.credentials.yaml.")
    ] = False
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False


@grouped
def import_(
    folder: Folder,
    live: options.OneServer,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE|ID]...", help="JSON, a dump, a script, or Markdown; and the ids to import. Default: all."
        ),
    ] = None,
    only: options.Only = None,
    exclude: options.Exclude = None,
) -> None:
    """Write definitions from a live database, or from files.

    A file is a JSON document, a dump such as the answer to _all_docs?include_docs=true, or a shell script with curl,
    HTTPie or wget commands; in Markdown, the fenced blocks are read. Scripts are never run. Secrets are left out,
    unless you add --with-secrets. Values that a definition cannot contain are reported.
    """
    files = [Path(name) for name in names or () if os.path.lexists(name) or Path(name).suffix]
    selection = Selection.of([name for name in names or () if Path(name) not in files], only, exclude)
    wiring = Wiring(live)
    if files and wiring.names_database:
        raise UsageError("files and a database cannot be imported together", "run provision import twice")
    if files:
        kind = kind_named(live.kind) if live.kind else kind_of(folder.out)
        raise typer.Exit(_import_files(files, folder, selection, kind))
    if not (wiring.names_database or os.environ.get("PROVISION_COUCH")):
        what = f"{names[0]} is not a file, and no database was given" if names else "there is nothing to import"
        raise UsageError(what, "pass files, or a database with --couch URL or --target NAME")
    _write(_selected(_in_database(wiring), selection), folder, from_files=False)
    if wiring.unread:
        what = f"nothing was imported from {listed(wiring.unread)}, which cannot be read"
        raise ProvisionError(what, f"correct that; or import one kind alone, with --kind {ACCOUNT_TYPE.name}")


def _selected(documents: Collection[Live], selection: Selection) -> list[Live]:
    """The documents that are meant. Raises `ProvisionError` for an id that none has, and if none is left."""
    if fault := selection.fault({live.id for live in documents}, "file or account type"):
        raise ProvisionError(fault, "pass a file, or one of the ids")
    return [live for live in documents if selection.means(live.id)]


def _in_database(wiring: Wiring) -> Collection[Live]:
    """The documents of the kind that is named, or of account types and of each other kind that is there."""
    (first,) = wiring.possible_targets()[:1]
    wiring.limit_to([first.kind])
    targets = wiring.targets()
    targets += wiring.also_live(targets)
    wiring.limit_to(each.kind for each in targets)
    Reporter(wiring.places(), wiring.configuration.owner).begin()
    found: list[Live] = []
    for target in targets:
        with wiring.store(target) as store:
            found += store.read_all().existing().documents.values()
    strange = {live.id for live in found if live.kind.states_fields and not is_account_type(live.document)}
    for id in sorted(strange):  # its values may be secrets, whatever their names are
        output.warn(f"left out: {id} {NO_ACCOUNT_TYPE}")
    return [live for live in found if not (live.kind.states_fields and live.id in strange)]


def _import_files(files: Sequence[Path], folder: Folder, selection: Selection, kind: Kind) -> ExitCode:
    """Write what can be read, and say what cannot."""
    documents: dict[str, tuple[Path, Live]] = {}
    notes: list[str] = []
    errors: list[ProvisionError] = []
    for path in dict.fromkeys(files):
        try:
            found = _found(path, kind)
        except ProvisionError as error:
            if error.exit_code != 1:
                raise
            errors.append(error)
            continue
        for live in found.documents.values():
            first, _ = documents.setdefault(live.id, (path, live))
            if first != path:
                what = f"{live.id} is in {first.as_posix()} and in {path.as_posix()}"
                errors.append(ProvisionError(what, "leave one of them out"))
        notes += [f"{path.as_posix()}: {note}" for note in found.notes]
        troubles = sorted(found.troubles, key=lambda each: (each.line, each.column, str(each)))
        errors += [ProvisionError(_placed(path, each)) for each in troubles]
    if documents or not errors:
        selected = _selected([live for _, live in documents.values()], selection)
        for note in notes:
            output.warn(note)
        _write(selected, folder, from_files=True)
    for failed in errors:
        output.report(failed)
    if documents and errors:
        output.message("next: correct the problems, and import again with --only ID --force")
    return ExitCode.PROBLEMS if errors else ExitCode.DONE


def _found(path: Path, kind: Kind) -> FoundDocuments:
    try:
        return documents_in(_text(path), path.name, lambda name: _text(path.parent / name), kind)
    except Unreadable as error:
        raise ProvisionError(_placed(path, error), "fix the file, or leave it out") from None
    except OSError as error:
        folder = isinstance(error, IsADirectoryError)
        next_step = f"pass the files in it, such as {path.as_posix()}/*" if folder else "choose another file"
        raise UsageError(f"{path.as_posix()} cannot be read: {said(error)}", next_step) from None


def _placed(path: Path, trouble: Unreadable) -> str:
    """What is wrong, after its place."""
    numbers = (str(number) for number in (trouble.line, trouble.column) if number)
    return f"{':'.join([path.as_posix(), *numbers])}: {trouble}"


def _text(path: Path) -> str:
    content = read_limited(path)
    if len(content) > MAX_BYTES:
        raise ProvisionError(f"{path.as_posix()} is larger than 1 MiB", "split it")
    utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # as PowerShell writes with >
    return content.decode("utf-16" if utf_16 else "utf-8-sig", errors="replace")


def _write(documents: Iterable[Live], folder: Folder, *, from_files: bool) -> None:
    """Write documents as definitions, and say what was written; nothing is written if one folder cannot be."""
    by_kind: dict[Kind, list[Live]] = {}
    for live in documents:
        by_kind.setdefault(live.kind, []).append(live)
    made: list[tuple[Kind, Path, list[Exported]]] = []
    for kind, lives in (by_kind or {ACCOUNT_TYPE: []}).items():
        exported = export(lives, shipped.check(), with_secrets=folder.with_secrets, from_files=from_files)
        out = folder.out
        if len(by_kind) > 1 and kind is not ACCOUNT_TYPE:  # whose definitions go to the folder itself
            out = (out.parent if out.name == ACCOUNT_TYPE.folder else out) / kind.folder
        check_catalogue(out, exported, with_secrets=folder.with_secrets, force=folder.force)
        made.append((kind, out, exported))
    for kind, out, exported in made:
        paths = write_catalogue(out, exported, with_secrets=folder.with_secrets, force=folder.force)
        for each in exported:
            for warning in each.warnings:
                output.warn(f"{each.id}: {warning}")
        output.paths(path.as_posix() for path in paths)
        output.message(f"{counted(len(exported), kind.noun)} imported")
