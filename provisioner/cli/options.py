"""The options that several commands share, each spelled and explained once."""

import os
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from provisioner.core.account_type import DATABASE
from provisioner.core.errors import UsageError

if TYPE_CHECKING:
    from provisioner.core.variables import Lookup

Paths: TypeAlias = Annotated[
    list[Path] | None,
    typer.Argument(metavar="PATHS", help="Definition files, or folders of them. Default: account_types/."),
]
Sets: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="The value of a variable; repeatable. Wins over the environment."),
]
Couch: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="URL", help="CouchDB. Default: PROVISION_COUCH, then http://localhost:5984."),
]
Database: TypeAlias = Annotated[str, typer.Option(metavar="NAME", help="Another database.")]
Timeout: TypeAlias = Annotated[
    float, typer.Option(metavar="SECONDS", min=0.1, help="Time limit for all requests together.")
]
NoColor: TypeAlias = Annotated[bool, typer.Option("--no-color", help="Plain text, also on a terminal.")]
Verbose: TypeAlias = Annotated[bool, typer.Option("--verbose", help="Log each request to stderr.")]

DEFAULT_DATABASE = DATABASE
DEFAULT_TIMEOUT = 60.0


class ProblemFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


class PlanFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


class OutcomeFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


_SET = re.compile(r"([_a-zA-Z][_a-zA-Z0-9]*)=(.*)", re.DOTALL)


def variables(sets: Sequence[str] | None) -> "Lookup":
    """Look-up of variables: ``--set`` first, then the environment. Raises `UsageError`."""
    given: dict[str, str] = {}
    for number, text in enumerate(sets or (), start=1):
        match = _SET.fullmatch(text)
        if match is None:
            raise UsageError(f"--set number {number} is not NAME=VALUE", "write it as --set domain=example.org")
        given[match[1]] = match[2]
    values: Mapping[str, str] = {**os.environ, **given}
    return values.get
