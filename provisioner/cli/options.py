"""The options that several commands share, each declared once, and the groups that they come in."""

import inspect
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import wraps
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, TypeAlias, get_type_hints

import typer
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from provisioner.adapters.files import shipped
from provisioner.core.definitions.definition import Selection
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, KINDS
from provisioner.core.definitions.variables import PREFIX
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.targets.target import Config, Incomplete, check_database_name
from provisioner.core.text import is_blank


def _offer(known: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """What a shell offers for an argument: the known words that begin as it does; none if files cannot be read."""

    def offer(incomplete: str) -> list[str]:
        with suppress(ProvisionError, OSError):
            return sorted(word for word in known() if word.startswith(incomplete))
        return []

    return offer


def one_of(names: Iterable[str], help: str = "The output format.", option: str = "--format") -> Any:
    """An option whose value is one of some names."""
    known = tuple(names)

    def chosen(word: str | None) -> str | None:
        if word is not None and word not in known:
            raise typer.BadParameter(f"{word!r} is not one of {', '.join(map(repr, known))}.")
        return word

    metavar = f"<{'|'.join(known)}>"
    return typer.Option(option, metavar=metavar, callback=chosen, autocompletion=_offer(lambda: known), help=help)


def _configuration() -> Config:
    from provisioner.adapters.files.config import find_config, read_config  # only while somebody completes, as below

    path = find_config(None)
    return Config() if path is None else read_config(path, shipped.check("provision"), lambda _: None)


def _ids() -> Iterable[str]:
    from provisioner.adapters.files.definitions import catalogue_of

    return (source.document_id for source in catalogue_of(_configuration(), None).read())


def _rules() -> Iterable[str]:
    from provisioner.core.rules import BY_ID

    return BY_ID


offer_ids = _offer(_ids)
offer_rules = _offer(_rules)
offer_targets = _offer(lambda: _configuration().targets)
offer_shipped_ids = _offer(shipped.ids)
offer_schemas = _offer(shipped.schemas)

_KINDS = [kind.name for kind in KINDS]
_FOLDERS = " and ".join(f"{kind.folder}/" for kind in KINDS)

Paths: TypeAlias = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="PATHS...",
        autocompletion=offer_ids,
        help=f"Definition files, folders of them, or ids; - is a definition from stdin. Default: {_FOLDERS}.",
    ),
]
Only: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="GLOB", help="Only ids that match, such as 'goo*'; repeatable."),
]
Exclude: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="GLOB", help="Leave out ids that match; repeatable."),
]
CatalogueFolder: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option("--catalogue", metavar="DIR", help="Folders of definitions. Default: account_types/."),
]
Sets: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Set a variable; repeatable. Overrides all other values."),
]
Strict: TypeAlias = Annotated[bool, typer.Option("--strict", help="Treat warnings as errors.")]
Owner: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The owner whose documents to use. Default: owner in provision.yaml."),
]
IncompletePolicy: TypeAlias = Annotated[
    Incomplete | None, typer.Option(help="What to do with new documents that lack credentials.", show_default=False)
]
ConfigFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The configuration. Default: provision.yaml in this folder or a parent folder."),
]
CozyConfig: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Use the CouchDB of this configuration of cozy-stack, and of FILE.local."),
]
Force: TypeAlias = Annotated[bool, typer.Option("--force", help="Overwrite a file that provision did not write.")]


class Definitions(Struct, frozen=True):
    """The definitions to use, and how strictly to check them."""

    paths: Paths = None
    only: Only = None
    exclude: Exclude = None
    sets: Sets = None
    strict: Strict = False


def _database(name: str | None) -> str | None:
    if name:
        check_database_name(name)
    return name


def _number(seconds: float) -> float:
    if math.isnan(seconds):
        raise UsageError("--timeout nan is not a number of seconds", "write it as in --timeout 30")
    return seconds


KindName: TypeAlias = Annotated[
    str | None,
    one_of(_KINDS, f"Only one kind of documents: {' or '.join(_KINDS)}. Default: each with a folder.", "--kind"),
]
Timeout: TypeAlias = Annotated[
    float, typer.Option(metavar="SECONDS", min=0.1, callback=_number, help="Time limit for all requests together.")
]

DEFAULT_TIMEOUT = 60.0


class Databases(Struct, frozen=True):
    """The databases to work on, side by side."""

    couch: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="The CouchDB server. Default: PROVISION_COUCH; to read only, http://localhost:5984."
        ),
    ] = None
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", autocompletion=offer_targets, help="A target of provision.yaml; repeatable."),
    ] = None
    all_targets: Annotated[bool, typer.Option("--all-targets", help="Use all targets of provision.yaml.")] = False
    config: ConfigFile = None
    cozy_config: CozyConfig = None
    database: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            callback=_database,
            help=f"The database. Default: {ACCOUNT_TYPE.database}.",
            show_default=False,
        ),
    ] = None
    kind: KindName = None
    timeout: Timeout = DEFAULT_TIMEOUT
    insecure_http: Annotated[
        bool, typer.Option("--insecure-http", help="Send the password over http to another machine.")
    ] = False


class OneDatabase(Databases, frozen=True):
    """A database that a command reads, if one is given. What is not annotated is no option here."""

    couch: Annotated[str | None, typer.Option(metavar="URL", help="Read from this CouchDB server.")] = None
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", autocompletion=offer_targets, help="A target of provision.yaml."),
    ] = None
    all_targets: bool = False
    cozy_config: Path | None = None
    kind: str | None = None
    timeout: float = DEFAULT_TIMEOUT


class OneServer(OneDatabase, frozen=True):
    """The same where it may be the one that the stack uses."""

    cozy_config: CozyConfig = None
    kind: KindName = None
    timeout: Timeout = DEFAULT_TIMEOUT


class Chosen(Struct, frozen=True):
    """Which documents are meant, of any kind."""

    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID...", autocompletion=offer_ids, help="The ids. Default: all."),
    ] = None
    only: Only = None
    exclude: Exclude = None

    @property
    def selection(self) -> Selection:
        """The same as a selection."""
        return Selection.of(self.ids, self.only, self.exclude)


class CatalogueOptions(Struct, frozen=True):
    """The catalogue to compare with, and the owner to compare for."""

    folders: Annotated[
        list[Path] | None,
        typer.Option("--catalogue", metavar="DIR", help=f"Folders of definitions. Default: {_FOLDERS}."),
    ] = None
    sets: Sets = None
    owner: Owner = None

    @property
    def definitions(self) -> Definitions:
        """Its definitions, whatever they lack."""
        return Definitions(paths=self.folders, sets=self.sets)


_MAY_BE_EMPTY = frozenset({"--scope"})
"""Options for which an empty text says something: that no scope is sent."""

_EMPTY = "set a value, or leave it out; a variable that is not set is an empty text"


def refuse_empty(words: Sequence[str], environment: Mapping[str, str]) -> None:
    """Raise `UsageError` for an empty value among the words after a command: it is always a mistake.

    It looks at the words themselves, so that no option can forget it.
    """
    for before, word in pairwise(("", *words)):
        name, _, value = word.partition("=") if word.startswith("--") and "=" in word else (before, "", word)
        if is_blank(value) and (value or name not in _MAY_BE_EMPTY):
            raise UsageError(f"{name if name.startswith('--') else 'an argument'} is empty", _EMPTY)
    for name, value in environment.items():
        if name.startswith("PROVISION_") and not name.startswith(PREFIX) and is_blank(value):
            raise UsageError(f"the environment variable {name} is empty", "set a value, or unset it")


_SET = re.compile(r"([_a-zA-Z][_a-zA-Z0-9]*)=(.*)", re.DOTALL)


def set_values(sets: Sequence[str] | None) -> dict[str, str]:
    """The values that ``--set`` gives. Raises `UsageError`."""
    given: dict[str, str] = {}
    for number, text in enumerate(sets or (), start=1):
        match = _SET.fullmatch(text)
        if match is None:
            raise UsageError(f"--set number {number} is not NAME=VALUE", "for example: --set domain=example.org")
        given[match[1]] = match[2]
    return given


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """The same command for Typer, in which each group of options is replaced by its options.

    A parameter whose annotation is a `Struct` is a group, and each of its fields that is ``Annotated`` is an option.
    The command gets the group filled with what was given.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, tuple[type[Struct], list[str]]] = {}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        hint = hints[parameter.name]
        if not (isinstance(hint, type) and issubclass(hint, Struct)):
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hint))
            continue
        options = [each for each in fields(hint) if hasattr(each.type, "__metadata__")]
        groups[parameter.name] = hint, [each.name for each in options]
        for each in options:
            default = inspect.Parameter.empty if each.default is NODEFAULT else each.default
            parameters.append(
                parameter.replace(
                    name=each.name, kind=inspect.Parameter.KEYWORD_ONLY, default=default, annotation=each.type
                )
            )

    @wraps(command)
    def call(**given: Any) -> None:
        for name, (group, options) in groups.items():
            given[name] = group(**{option: given.pop(option) for option in options})
        command(**given)

    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by inspect.signature
    call.__annotations__ = {each.name: each.annotation for each in parameters}
    return call
