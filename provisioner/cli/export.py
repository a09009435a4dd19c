"""``provision export``."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from provisioner.adapters.files import shipped
from provisioner.adapters.files.catalogue_writer import write_catalogue
from provisioner.cli import options, output
from provisioner.cli.grouping import grouped
from provisioner.cli.report import Reporter
from provisioner.cli.wiring import Wiring
from provisioner.core.definitions.schema_check import schema_check
from provisioner.core.plan.exporting import export as exported_of
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
def export(folder: Folder, databases: options.Databases) -> None:
    """Write every live account type as a definition file.

    Secrets are left out. A warning names each value that a definition cannot hold; it stays in the database.
    """
    wiring = Wiring(databases)
    Reporter.of(wiring, wiring.configuration.owner).begin()
    with wiring.store(wiring.target()) as store:
        documents = store.read_all().existing().documents.values()
    write(documents, folder)


def write(documents: Iterable[Live], folder: Folder) -> None:
    """Write documents as definitions, and say what was written."""
    exported = exported_of(documents, schema_check(shipped.schema()), with_secrets=folder.with_secrets)
    paths = write_catalogue(folder.out, exported, with_secrets=folder.with_secrets, force=folder.force)
    for each in exported:
        for warning in each.warnings:
            output.warn(f"{each.id}: {warning}")
    output.result("\n".join(path.as_posix() for path in paths))
    output.message(f"{counted(len(exported), 'account type')} exported")
