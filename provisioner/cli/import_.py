"""``provision import``."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from provisioner.adapters.files import shipped
from provisioner.adapters.files.catalogue_writer import write_catalogue
from provisioner.adapters.files.text_files import read_limited
from provisioner.cli import options, output
from provisioner.cli.grouping import grouped
from provisioner.cli.report import Reporter
from provisioner.cli.wiring import Wiring
from provisioner.core.definitions.reading import MAX_BYTES
from provisioner.core.definitions.schema_check import schema_check
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.plan.exporting import export
from provisioner.core.plan.importing import Unreadable, documents_in
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
    live: options.OneDatabase,
    cozy_config: options.CozyConfig = None,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE...", help="JSON, a listing, or a script with curl.")
    ] = None,
) -> None:
    """Write definitions from a live database, or from files.

    A file holds a document in JSON, the output of _all_docs?include_docs=true, or a shell script with curl -X PUT and
    -d. Nothing of a script is run. Secrets are left out, unless you add --with-secrets. A warning names each value that
    a definition cannot hold.
    """
    wiring = Wiring(live.beside(cozy_config))
    named = wiring.live or cozy_config is not None
    if files and named:
        raise UsageError("files and a database cannot be imported together", "run provision import twice")
    if files:
        _write(_in_files(files), folder)
    elif named or os.environ.get("PROVISION_COUCH"):
        _write(_in_database(wiring), folder)
    else:
        raise UsageError("there is nothing to import", "name files, or a database with --couch URL or --target NAME")


def _in_database(wiring: Wiring) -> Iterable[Live]:
    Reporter.of(wiring, wiring.configuration.owner).begin()
    with wiring.store(wiring.target()) as store:
        return store.read_all().existing().documents.values()


def _in_files(files: Sequence[Path]) -> Iterable[Live]:
    found: dict[str, tuple[Path, Live]] = {}
    for path in files:
        for live in _documents(path):
            first, _ = found.setdefault(live.id, (path, live))
            if found[live.id][1] is not live:
                what = f"{live.id} is in {first.as_posix()} and in {path.as_posix()}"
                raise ProvisionError(what, "leave one of them out")
    return [live for _, live in found.values()]


def _write(documents: Iterable[Live], folder: Folder) -> None:
    """Write documents as definitions, and say what was written."""
    exported = export(documents, schema_check(shipped.schema()), with_secrets=folder.with_secrets)
    paths = write_catalogue(folder.out, exported, with_secrets=folder.with_secrets, force=folder.force)
    for each in exported:
        for warning in each.warnings:
            output.warn(f"{each.id}: {warning}")
    output.result("\n".join(path.as_posix() for path in paths))
    output.message(f"{counted(len(exported), 'account type')} imported")


def _documents(path: Path) -> list[Live]:
    shown = path.as_posix()

    def read(name: str) -> str:
        return _text(path.parent / name)

    try:
        return documents_in(_text(path), path.stem, read)
    except Unreadable as error:
        raise ProvisionError(f"{shown}: {error}", "fix the file, or leave it out") from None
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {error.strerror}", "name another file") from None


def _text(path: Path) -> str:
    content = read_limited(path)
    if len(content) > MAX_BYTES:
        raise ProvisionError(f"{path.as_posix()} is larger than 1 MiB", "split it")
    return content.decode("utf-8-sig", errors="replace")
