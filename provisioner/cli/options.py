"""The options that several commands share, each spelled and explained once."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from provisioner.core.definitions.account_type import DATABASE
from provisioner.core.errors import UsageError
from provisioner.core.targets.target import Incomplete

Paths: TypeAlias = Annotated[
    list[Path] | None,
    typer.Argument(metavar="PATHS...", help="Definition files, or folders of them. Default: account_types/."),
]
CatalogueFolder: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option("--catalogue", metavar="DIR", help="Folders of definitions. Default: account_types/."),
]
Sets: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="The value of a variable; repeatable. Wins over all others."),
]
Couch: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="URL", help="CouchDB. Default: PROVISION_COUCH, then http://localhost:5984."),
]
Database: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME", help=f"Another database than {DATABASE}.", show_default=False)
]
Targets: TypeAlias = Annotated[
    list[str] | None, typer.Option("--target", metavar="NAME", help="A target of provision.yaml; repeatable.")
]
OneTarget: TypeAlias = Annotated[
    list[str] | None, typer.Option("--target", metavar="NAME", help="A target of provision.yaml.")
]
AllTargets: TypeAlias = Annotated[bool, typer.Option("--all-targets", help="All targets of provision.yaml.")]
ConfigFile: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Default: provision.yaml here or in a folder above.")
]
CozyConfig: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Take CouchDB from a cozy-stack's configuration.")
]
IncompletePolicy: TypeAlias = Annotated[
    Incomplete | None, typer.Option(help="New account types without credentials.", show_default=False)
]
Strict: TypeAlias = Annotated[bool, typer.Option("--strict", help="Warnings are errors.")]
Timeout: TypeAlias = Annotated[
    float, typer.Option(metavar="SECONDS", min=0.1, help="Time limit for all requests together.")
]
NoColor: TypeAlias = Annotated[bool, typer.Option("--no-color", help="Plain text, also on a terminal.")]
Verbose: TypeAlias = Annotated[bool, typer.Option("--verbose", help="Log each request to stderr.")]

Owner: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME", help="Who owns what is written. Default: owner of provision.yaml.")
]

DEFAULT_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Definitions:
    """The definitions to work on, and how strictly."""

    paths: Paths = None
    sets: Sets = None
    strict: Strict = False
    incomplete: IncompletePolicy = None


@dataclass(frozen=True, slots=True)
class Databases:
    """The databases to work on, side by side."""

    couch: Couch = None
    target: Targets = None
    all_targets: AllTargets = False
    config: ConfigFile = None
    cozy_config: CozyConfig = None
    database: Database = None
    timeout: Timeout = DEFAULT_TIMEOUT


@dataclass(frozen=True, slots=True)
class OneDatabase:
    """A database that a command looks into, if one is named."""

    couch: Annotated[str | None, typer.Option(metavar="URL", help="Look into this CouchDB.")] = None
    target: OneTarget = None
    config: ConfigFile = None
    database: Database = None
    timeout: Timeout = DEFAULT_TIMEOUT

    @property
    def alone(self) -> Databases:
        """The same among the databases to work on."""
        return Databases(
            couch=self.couch, target=self.target, config=self.config, database=self.database, timeout=self.timeout
        )


@dataclass(frozen=True, slots=True)
class Speech:
    """How a command speaks of its run."""

    verbose: Verbose = False
    no_color: NoColor = False


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


def set_values(sets: Sequence[str] | None) -> dict[str, str]:
    """The values that ``--set`` gives. Raises `UsageError`."""
    given: dict[str, str] = {}
    for number, text in enumerate(sets or (), start=1):
        match = _SET.fullmatch(text)
        if match is None:
            raise UsageError(f"--set number {number} is not NAME=VALUE", "write it as --set domain=example.org")
        given[match[1]] = match[2]
    return given
