"""``provision export``."""

from pathlib import Path
from typing import Annotated

import typer

from provisioner.cli import options, output
from provisioner.cli.reach import Reach


def export(
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write to.")],
    couch: options.Couch = None,
    target: options.OneTarget = None,
    with_secrets: Annotated[
        bool, typer.Option("--with-secrets", help="Also write the secrets, to DIR/.credentials.yaml.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files.")] = False,
    config: options.ConfigFile = None,
    cozy_config: options.CozyConfig = None,
    database: options.Database = None,
    timeout: options.Timeout = options.DEFAULT_TIMEOUT,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,
) -> None:
    """Write every live account type as a definition file.

    Secrets are left out. What a definition cannot state stays in the database, and is named in a warning.
    """
    from provisioner.adapters.files import shipped
    from provisioner.adapters.files.catalogue_writer import write_catalogue
    from provisioner.core.definitions.schema_check import schema_check
    from provisioner.core.plan import exporting
    from provisioner.core.text import counted, printable

    reach = Reach(couch, database, target, False, config, cozy_config, timeout, verbose, no_color)
    with reach.store(reach.target()) as store:
        documents = store.read_all().existing().documents.values()
    exported = exporting.export(documents, schema_check(shipped.schema()))
    paths = write_catalogue(out, exported, with_secrets=with_secrets, force=force)
    for each in exported:
        for warning in each.warnings:
            output.warn(f"{printable(each.id)}: {warning}", no_color)
    output.result("\n".join(printable(path.as_posix()) for path in paths))
    output.message(f"{counted(len(exported), 'account type')} exported")
