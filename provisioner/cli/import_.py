"""``provision import``."""

import codecs
import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from provisioner.adapters.files import shipped
from provisioner.adapters.files.definition_writer import write_catalogue
from provisioner.adapters.files.text_files import read_limited
from provisioner.cli import options, output
from provisioner.cli.boundary import ExitCode
from provisioner.cli.options import grouped
from provisioner.cli.report import Reporter
from provisioner.cli.wiring import Wiring
from provisioner.core.definitions.definition import MAX_BYTES, Selection
from provisioner.core.errors import ProvisionError, UsageError, said
from provisioner.core.importing.documents import FoundDocuments, documents_in
from provisioner.core.importing.dumps import Unreadable
from provisioner.core.plan.live_document import Exported, export
from provisioner.core.plan.store import Live
from provisioner.core.text import counted


@dataclass(frozen=True, slots=True)
class Folder:
    """What to write, and where."""

    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the definitions.")]
    with_secrets: Annotated[
        bool, typer.Option("--with-secrets", help="Also write the credentials, to DIR/.credentials.yaml.")
    ] = False
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False


@grouped
def import_(
    folder: Folder,
    live: options.StackDatabase,
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
    if files and wiring.live:
        raise UsageError("files and a database cannot be imported together", "run provision import twice")
    if files:
        raise typer.Exit(_import_files(files, folder, selection))
    if not (wiring.live or os.environ.get("PROVISION_COUCH")):
        what = f"{names[0]} is not a file, and no database was given" if names else "there is nothing to import"
        raise UsageError(what, "pass files, or a database with --couch URL or --target NAME")
    _write(_selected(_in_database(wiring), selection), folder, from_files=False)


def _selected(documents: Collection[Live], selection: Selection) -> list[Live]:
    """The documents that are meant. Raises `ProvisionError` for an id that none has, and if none is left."""
    if fault := selection.fault({live.id for live in documents}, "file or account type"):
        raise ProvisionError(fault, "pass a file, or one of the ids")
    return [live for live in documents if selection.means(live.id)]


def _in_database(wiring: Wiring) -> Collection[Live]:
    Reporter.of(wiring, wiring.configuration.owner).begin()
    with wiring.store(wiring.target()) as store:
        return store.read_all().existing().documents.values()


@dataclass
class _Files:
    """The documents of several files, and what of them cannot be taken."""

    documents: dict[str, tuple[Path, Live]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    errors: list[ProvisionError] = field(default_factory=list)

    def take(self, path: Path, found: FoundDocuments) -> None:
        """Take what a file holds."""
        shown = path.as_posix()
        for live in found.documents.values():
            first, _ = self.documents.setdefault(live.id, (path, live))
            if first != path:
                what = f"{live.id} is in {first.as_posix()} and in {shown}"
                self.errors.append(ProvisionError(what, "leave one of them out"))
        self.notes += [f"{shown}: {note}" for note in found.notes]
        for trouble in sorted(found.troubles):
            place = ":".join([shown, *(str(number) for number in (trouble.line, trouble.column) if number)])
            self.errors.append(ProvisionError(f"{place}: {trouble.message}"))


def _import_files(files: Sequence[Path], folder: Folder, selection: Selection) -> ExitCode:
    """Write what can be read, and say what cannot."""
    read = _Files()
    for path in dict.fromkeys(files):
        try:
            read.take(path, _found(path))
        except ProvisionError as error:
            if error.exit_code != 1:
                raise
            read.errors.append(error)
    if read.documents or not read.errors:
        selected = _selected([live for _, live in read.documents.values()], selection)
        for note in read.notes:
            output.warn(note)
        _write(selected, folder, from_files=True)
    for each in read.errors:
        output.report(each)
    if read.documents and read.errors:
        output.message("next: correct the problems, and import again with --only ID --force")
    return ExitCode.PROBLEMS if read.errors else ExitCode.DONE


def _write(documents: Iterable[Live], folder: Folder, *, from_files: bool) -> None:
    """Write documents as definitions, and say what was written."""
    check = shipped.check()
    exported = export(documents, check, with_secrets=folder.with_secrets, from_files=from_files)
    paths = write_catalogue(folder.out, exported, with_secrets=folder.with_secrets, force=folder.force)
    _warn(exported)
    output.paths(path.as_posix() for path in paths)
    output.message(f"{counted(len(exported), 'account type')} imported")


def _warn(exported: Iterable[Exported]) -> None:
    for each in exported:
        for warning in each.warnings:
            output.warn(f"{each.id}: {warning}")


def _found(path: Path) -> FoundDocuments:
    shown = path.as_posix()

    def read(name: str) -> str:
        return _text(path.parent / name)

    try:
        return documents_in(_text(path), path.name, read)
    except Unreadable as error:
        place = ":".join([shown, *(str(number) for number in (error.line, error.column) if number)])
        raise ProvisionError(f"{place}: {error}", "fix the file, or leave it out") from None
    except OSError as error:
        folder = isinstance(error, IsADirectoryError)
        next_step = f"pass the files in it, such as {shown}/*" if folder else "choose another file"
        raise UsageError(f"{shown} cannot be read: {said(error)}", next_step) from None


def _text(path: Path) -> str:
    content = read_limited(path)
    if len(content) > MAX_BYTES:
        raise ProvisionError(f"{path.as_posix()} is larger than 1 MiB", "split it")
    utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # as PowerShell writes with >
    return content.decode("utf-16" if utf_16 else "utf-8-sig", errors="replace")
