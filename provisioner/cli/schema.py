"""``provision schema``."""

from enum import StrEnum
from typing import Annotated

import typer

from provisioner.adapters.files import shipped
from provisioner.cli import completion, output
from provisioner.core.errors import UsageError
from provisioner.core.text import listed, nearest
from provisioner.render import configuration

CONFIGURATION = "provision"


class SchemaFormat(StrEnum):
    """How a schema is shown."""

    JSON = "json"
    MARKDOWN = "markdown"


def schema(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            autocompletion=completion.schemas,
            help="account_type, provision, credentials, plan, or output/COMMAND for what COMMAND prints as JSON.",
        ),
    ] = "account_type",
    format: Annotated[SchemaFormat, typer.Option(help="markdown: the page about provision.yaml.")] = SchemaFormat.JSON,
) -> None:
    """Print the JSON schema of a kind of file, or of an output."""
    kinds = shipped.schemas()
    if kind not in kinds:
        raise UsageError(f"there is no schema {kind}{nearest(kind, kinds)}", f"choose one of {listed(kinds)}")
    if format is SchemaFormat.JSON:
        output.result(shipped.schema_text(kind).rstrip())
    elif kind == CONFIGURATION:
        output.result(configuration.page(shipped.schema(kind)))
    else:
        raise UsageError(f"there is no page about {kind}", "give provision, or --format json")
