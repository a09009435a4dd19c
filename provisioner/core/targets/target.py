"""The configuration of a team: the catalogue, the owner, and the targets that definitions are applied to."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import PurePath
from typing import Any, TypeAlias, assert_never

from msgspec import Struct
from msgspec.structs import replace

from provisioner.core.definitions.account_type import context_of
from provisioner.core.definitions.content import Content, Path, keys_of, walk
from provisioner.core.definitions.go_url import parse
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, KINDS, Kind
from provisioner.core.definitions.variables import Expansion, Fault, Lookup
from provisioner.core.errors import InvalidFile, UsageError
from provisioner.core.secret import Json
from provisioner.core.text import did_you_mean, listed


def check_owner(name: str) -> str:
    """The name of an owner. Raises `UsageError` for one that no owner can have."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise UsageError(f"{name} is not the name of an owner", "use lower-case letters, digits, - and _")
    return name


class Incomplete(StrEnum):
    """What becomes of a new account type that lacks credentials."""

    WARN = "warn"
    SKIP = "skip"
    ERROR = "error"


class FileSource(Struct, frozen=True):
    """A YAML or JSON file: id → key → value; encrypted with age, if the file of the key is named (`identity`)."""

    path: str
    identity: str | None = None


class DirectorySource(Struct, frozen=True):
    """A folder with a file for each value: ``<id>.<key>``."""

    path: str


class EnvironmentSource(Struct, frozen=True):
    """Environment variables ``<prefix><ID>_<KEY>``; `named`: the user asked for it."""

    prefix: str = ACCOUNT_TYPE.prefix
    named: bool = False


class CommandSource(Struct, frozen=True):
    """A program whose standard output is such a file; it runs in a folder, for `limit` seconds at most.

    `environment` are the names of environment variables that it inherits besides the usual ones.
    """

    arguments: tuple[str, ...]
    folder: str
    limit: float
    environment: frozenset[str] = frozenset()


CredentialSource: TypeAlias = FileSource | DirectorySource | EnvironmentSource | CommandSource

_USUAL = (EnvironmentSource(),)


def source_name(source: CredentialSource) -> str:
    """What messages call a credential source."""
    match source:
        case FileSource() | DirectorySource():
            return source.path
        case EnvironmentSource():
            return "the environment"
        case CommandSource():
            return f"the command {source.arguments[0]}"
        case _:
            assert_never(source)


class Tls(Struct, frozen=True):
    """Files of certificates and keys, in PEM. Nothing: the usual authorities."""

    ca_cert: str | None = None
    client_cert: str | None = None
    client_key: str | None = None


USUAL_TLS = Tls()


class BackupSettings(Struct, frozen=True):
    """Where a run keeps what it is about to change: a folder, and the public keys of age to encrypt it for.

    `identity`: the file of a private key to read it again.
    """

    folder: str
    recipients: tuple[str, ...] = ()
    identity: str | None = None


class Target(Struct, frozen=True):
    """One database, and how definitions become its documents. `contexts` are those to take, none: all.

    `rules`: the severities of rules that differ for it. `clusters`: the servers that hold instances of the stack, if
    these are not only on the same one. `kind`: what its documents are. `databases`: those that the configuration names
    for other kinds, by their names. `label`: the name that distinguishes it from the same target for another kind.
    """

    name: str | None = None
    couch: str | None = None
    database: str = ACCOUNT_TYPE.database
    variables: Mapping[str, str] = {}
    credentials: tuple[CredentialSource, ...] = _USUAL
    tls: Tls = USUAL_TLS
    contexts: frozenset[str] | None = None
    incomplete: Incomplete = Incomplete.SKIP
    protected: bool = False
    rules: Mapping[str, str] = {}
    backup: BackupSettings | None = None
    clusters: tuple[str, ...] = ()
    kind: Kind = ACCOUNT_TYPE
    databases: Mapping[str, str] = {}
    label: str = ""

    @property
    def key(self) -> str:
        """What distinguishes it from the other targets of a run; empty for the only one if it has no name."""
        return self.label or self.name or ""

    def of_kind(self, kind: Kind, *, alone: bool) -> "Target":
        """The same target for a kind of document; `alone`: the run is about this kind only."""
        sources = (
            replace(each, prefix=kind.prefix)
            if isinstance(each, EnvironmentSource) and each.prefix == self.kind.prefix
            else each
            for each in self.credentials
        )
        return replace(
            self,
            kind=kind,
            database=self.database if kind is self.kind else self.databases.get(kind.name, kind.database),
            credentials=tuple(sources),
            label="" if alone else f"{self.name or ''} {kind.noun}s".strip(),
        )

    @property
    def instances(self) -> dict[str, str]:
        """The other servers that hold instances: the URL of each, by what may be shown of it."""
        own = parse(self.couch).place.rstrip("/") if self.clusters and self.couch else ""
        urls = {parse(each).place.rstrip("/"): each for each in self.clusters}
        return {place: url for place, url in urls.items() if place != own}

    def takes(self, id: str) -> bool:
        """Whether an account type belongs to this target: a global one always does."""
        context = context_of(id) if self.kind.has_contexts else None
        return context is None or self.contexts is None or context in self.contexts


class Config(Struct, frozen=True):
    """What ``provision.yaml`` says; without a file, the defaults.

    `path` is the file's; `environment` are the names of environment variables that definitions may use; `targets` holds
    each target as it stands there: its variables are only looked up for the targets that are used. `rules` are the
    severities of rules, `ignore` the ids and fields that others may change, `require` the custom rules for definitions,
    `webhook` the address to which changes are posted. `content` says where all that stands.
    """

    path: str | None = None
    catalogue: tuple[str, ...] = ()
    owner: str | None = None
    targets: Mapping[str, dict[str, Any]] = {}
    environment: frozenset[str] = frozenset()
    rules: Mapping[str, str] = {}
    ignore: tuple[str, ...] = ()
    require: tuple[Mapping[str, Any], ...] = ()
    webhook: str | None = None
    content: Content = Content({})


def config_of(content: Content, path: str) -> Config:
    """The configuration in a file that fits its schema."""
    values: Mapping[str, Any] = content.values
    return Config(
        path=path,
        catalogue=tuple(_beside(path, folder) for folder in values.get("catalogue", ())),
        owner=values.get("owner"),
        targets=values.get("targets", {}),
        environment=frozenset(values.get("env", ())),
        rules=values.get("rules", {}),
        ignore=tuple(values.get("ignore", ())),
        require=tuple(values.get("require", ())),
        webhook=values.get("webhook"),
        content=content,
    )


def names_of(config: Config, names: Sequence[str], *, every: bool = False) -> list[str]:
    """The names of the targets that are meant. Raises `UsageError` if one is unknown."""
    if not config.targets:
        raise UsageError("there is no provision.yaml with targets here", "write one, or pass it with --config")
    for name in names:
        if name not in config.targets:
            hint = did_you_mean(name, config.targets) or f" ({config.path} has: {listed(config.targets)})"
            raise UsageError(f"unknown target {name}{hint}", "choose one with --target")
    return [*config.targets] if every else [*dict.fromkeys(names)]


FOR_DEFINITIONS = ("vars", "contexts", "rules")
"""The keys of a target that say how definitions become its documents."""


def named_target(name: str, config: Config, lookup: Lookup, keys: Collection[str] = ()) -> Target:
    """A target of the configuration; with `keys`, only what these say, and no variable of others is asked for.

    Raises `InvalidFile` if a variable in it has no value, and `UsageError`.
    """
    stated = config.targets[name]
    row = _expanded({key: stated[key] for key in stated if not keys or key in keys}, config, lookup, name)
    path = config.path or ""
    databases = {kind.name: row[kind.database_key] for kind in KINDS if kind.database_key in row}
    for database in databases.values():
        check_database_name(database)
    return Target(
        name=name,
        couch=row.get("couch"),
        database=databases.get(ACCOUNT_TYPE.name, ACCOUNT_TYPE.database),
        databases=databases,
        variables=row.get("vars", {}),
        credentials=tuple(_source(each, path) for each in row["credentials"]) if "credentials" in row else _USUAL,
        tls=Tls(**_files(row.get("tls", {}), path)),
        contexts=frozenset(row["contexts"]) if "contexts" in row else None,
        incomplete=Incomplete(row.get("incomplete", Incomplete.SKIP)),
        protected=row.get("protected", False),
        rules=row.get("rules", {}),
        backup=BackupSettings(**_files(row["backup"], path)) if "backup" in row else None,
    )


def webhook_of(config: Config, lookup: Lookup) -> str | None:
    """The address to which changes are posted. Raises `InvalidFile` if a variable in it has no value."""
    return None if config.webhook is None else str(_expanded(config.webhook, config, lookup))


def _expanded(value: Json, config: Config, lookup: Lookup, target: str | None = None) -> Any:
    """A part of the configuration, its variables replaced; in a target, only `vars` may be empty."""
    path: Path = ("targets", target) if target else ("webhook",)
    expansion = Expansion(lookup, "set {name} in the environment")
    expanded = expansion.value(value, path)
    faults = expansion.faults or [
        Fault(each, f"{keys_of(each)[-1]} is empty: a variable in it has an empty value", "missing-variable")
        for each, text in (walk(expanded, path) if target else ())
        if text == "" and each[2:3] != ("vars",)
    ]
    if faults:
        problems = (config.content.problem(*fault) for fault in faults)
        raise InvalidFile(tuple(each.in_file(config.path or "") for each in problems), target=target)
    return expanded


def _source(row: Mapping[str, Any], path: str) -> CredentialSource:
    match row:
        case {"file": file}:
            return FileSource(_beside(path, file))
        case {"directory": folder}:
            return DirectorySource(_beside(path, folder))
        case {"command": arguments}:
            names = frozenset(row.get("env", ()))
            return CommandSource(tuple(arguments), _beside(path, "."), row.get("timeout", 60.0), names)
        case {"env": prefix}:
            return EnvironmentSource(prefix, named=True)
        case _:
            return FileSource(_beside(path, row["age"]), _beside(path, row["identity"]))


def _files(row: Mapping[str, Any], path: str) -> dict[str, Any]:
    """A row of paths, in which a list holds other texts."""
    return {key: tuple(value) if isinstance(value, list) else _beside(path, value) for key, value in row.items()}


def _beside(path: str, name: str) -> str:
    """A path that stands in the configuration, seen from where we are."""
    return name if name.startswith("~") else str(PurePath(path).parent / name)


class Place(Struct, frozen=True):
    """A database of a server; `url` has no user information, and is missing if the target's URL cannot be read.

    As a text it is the URL and the database.
    """

    target: str | None
    url: str | None
    database: str

    def __str__(self) -> str:
        return f"{self.url} {self.database}"


_DATABASE_NAME = r"[a-z][a-z0-9_$()+/-]*"


def check_database_name(name: str) -> None:
    """Raise `UsageError` for a name that CouchDB takes for no database."""
    if re.fullmatch(_DATABASE_NAME, name):
        return
    meant = re.sub("(?i)%2f", "/", name)
    if re.fullmatch(_DATABASE_NAME, meant):
        raise UsageError(f"{name} is not the name of a database, but how a URL writes it", f"write --database {meant}")
    what = f"{name} cannot be the name of a database"
    raise UsageError(what, "it begins with a small letter; small letters, digits and _$()+-/ may follow")


def similar_databases(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """The names that a typing mistake makes of a name: another character, or other punctuation.

    Names that differ only in their numbers are meant. One that only lacks a slash is the name itself, as pouchdb-server
    lists it.
    """
    return tuple(each for each in names if each.replace("/", "") != name.replace("/", "") and _is_mistyped(name, each))


def _is_mistyped(name: str, other: str) -> bool:
    if re.sub(r"\d+", "", name) == re.sub(r"\d+", "", other):
        return False
    parts, others = name.split("/"), other.split("/")
    if len(parts) != len(others):
        parts, others = [name], [other]
    pairs = (tuple(re.sub("[-_/]|%2f", "", each.lower()) for each in pair) for pair in zip(parts, others, strict=True))
    return all(_differs_by_one(*pair) for pair in pairs)


def _differs_by_one(one: str, two: str) -> bool:
    """Whether at most one character is changed, missing, or swapped with the next; in a short word, none is changed."""
    long, short = (one, two) if len(one) >= len(two) else (two, one)
    start = next((place for place, char in enumerate(short) if char != long[place]), len(short))
    rest, rest_of_short = long[start:], short[start:]
    if len(long) == len(short):
        swapped = rest[:2] == rest_of_short[1::-1] and rest[2:] == rest_of_short[2:]
        return not rest or swapped or (rest[1:] == rest_of_short[1:] and len(long) > 2)
    return rest[1:] == rest_of_short
