"""``provision schema``."""

from enum import StrEnum
from typing import Annotated

import typer

from provisioner.adapters.files import shipped
from provisioner.cli import output
from provisioner.core.errors import UsageError
from provisioner.render import configuration


class Kind(StrEnum):
    """The files that have a schema."""

    ACCOUNT_TYPE = "account_type"
    PROVISION = "provision"
    CREDENTIALS = "credentials"
    PLAN = "plan"


class SchemaFormat(StrEnum):
    """How a schema is shown."""

    JSON = "json"
    MARKDOWN = "markdown"


def schema(
    kind: Annotated[
        Kind, typer.Argument(help="Of definitions, of provision.yaml, of credentials or of a saved plan.")
    ] = Kind.ACCOUNT_TYPE,
    format: Annotated[SchemaFormat, typer.Option(help="markdown: the page about provision.yaml.")] = SchemaFormat.JSON,
) -> None:
    """Print the JSON schema of a kind of file."""
    if format is SchemaFormat.JSON:
        output.result(shipped.schema_text(kind).rstrip())
    elif kind is Kind.PROVISION:
        output.result(configuration.page(shipped.schema(kind)))
    else:
        raise UsageError(f"there is no page about {kind}", "give provision, or --format json")
