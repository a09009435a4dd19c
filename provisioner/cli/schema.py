"""``provision schema``."""

from typing import Annotated

import typer

from provisioner.adapters.files import shipped
from provisioner.cli import completion, output
from provisioner.core.errors import UsageError
from provisioner.core.text import listed, nearest


def schema(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            autocompletion=completion.schemas,
            help="account_type, provision, credentials, plan, or output/COMMAND for what COMMAND prints as JSON.",
        ),
    ] = "account_type",
) -> None:
    """Print the JSON schema of a kind of file, or of an output."""
    kinds = shipped.schemas()
    if kind not in kinds:
        raise UsageError(f"there is no schema {kind}{nearest(kind, kinds)}", f"choose one of {listed(kinds)}")
    output.result(shipped.schema_text(kind).rstrip())
