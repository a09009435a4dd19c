"""Builds the adapters: configuration, files, credentials and databases, as the options of a command say."""

import logging
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from difflib import get_close_matches
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from provisioner.adapters.couchdb.address import DEFAULT, Address, read_address, variable_suffix
from provisioner.adapters.files import shipped
from provisioner.adapters.files.config import find_config, holds_a_password, is_of_another_program, read_config
from provisioner.adapters.files.cozy_config import read_cozy_config
from provisioner.adapters.files.credential_sources import CommandOutputs, read_credentials
from provisioner.adapters.files.definitions import Catalogue, catalogue_of, kinds_of_ids
from provisioner.cli import options, output
from provisioner.cli.boundary import side_by_side
from provisioner.core.definitions.account_type import Document
from provisioner.core.definitions.custom_rules import with_custom_rules
from provisioner.core.definitions.definition import Selection, Source
from provisioner.core.definitions.kind import Kind
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, KINDS, kind_named
from provisioner.core.definitions.schema_check import Check
from provisioner.core.definitions.variables import PREFIX, Lookup, variable_lookup
from provisioner.core.errors import InvalidFile, ProvisionError, StoreError, UsageError
from provisioner.core.masking import Mask
from provisioner.core.rules.checking import Policy, check_policy
from provisioner.core.secret import secrets_in
from provisioner.core.targets.filling import Asked, Credentials
from provisioner.core.targets.target import Config, EnvironmentSource, Place, Target, Tls, named_target, names_of
from provisioner.core.text import listed

if TYPE_CHECKING:  # httpcore takes 40 ms to import, and only where a server is asked
    from provisioner.adapters.couchdb.connection import Connection
    from provisioner.adapters.couchdb.store import CouchStore


class Wiring:
    """The adapters that the options of one command ask for. Nothing is read or opened before it is needed."""

    def __init__(self, databases: options.Databases, *, writes: bool = False) -> None:
        """`writes`: the server must be named."""
        self._databases = databases
        self._writes = writes
        self._warned: set[str] = set()
        self.unread: list[str] = []  # the databases of which `also_live` could not tell what they have
        self._passwords: dict[str, str] = {}
        self._secrets = Mask()  # what a server repeats may come from any source, whichever connection it comes over
        self._kinds: tuple[Kind, ...] | None = None
        self._catalogue: Catalogue | None = None
        self._sources: dict[Catalogue, list[Source]] = {}
        self._reading = threading.Lock()

    @property
    def live(self) -> bool:
        """Whether a database is named, for commands that need none. Raises `UsageError` if only half of it is."""
        given = self._databases
        named = given.couch is not None or bool(given.target) or given.cozy_config is not None
        if self._databases.database and not named:
            raise UsageError("--database needs a CouchDB", "add --couch URL")
        return named

    @cached_property
    def configuration(self) -> Config:
        """What ``provision.yaml`` says, or the defaults if there is none."""
        databases = self._databases
        path = find_config(databases.config, optional=databases.couch is not None and not databases.target)
        if path is None:
            return Config()
        found_above = path.is_absolute() and databases.config is None
        try:
            config = read_config(path, shipped.check("provision"))
        except InvalidFile:
            needed = databases.target or databases.all_targets
            if needed or not found_above or not is_of_another_program(path, shipped.schema("provision")["properties"]):
                raise
            output.warn(f"{path.as_posix()} is another program's: it has no key of ours, and is not used")
            return Config()
        if found_above:
            output.message(f"using {path.as_posix()}")
        if holds_a_password(path, config):
            shown = path.as_posix()
            output.warn(f"other users can read the password in {shown}: remove it, and change it; or chmod 600 {shown}")
        return config

    def catalogue(
        self, paths: Sequence[Path] | None, only: Sequence[str] | None = None, exclude: Sequence[str] | None = None
    ) -> Catalogue:
        """The definitions that are named, configured or the default; globs choose some of them by their ids."""
        found = catalogue_of(self.configuration, paths, Selection.of(None, only, exclude), self._kind)
        self._kinds = found.kinds
        self._catalogue = found
        return found

    def read(self, catalogue: Catalogue) -> list[Source]:
        """The definitions of a catalogue, read once, whichever target or kind of documents asks first."""
        with self._reading:
            if catalogue not in self._sources:
                self._sources[catalogue] = catalogue.read()
            return self._sources[catalogue]

    def read_again(self) -> None:
        """Read definitions anew from here on, for a run that goes on while they change."""
        with self._reading:
            self._sources.clear()

    def read_catalogue(self, paths: Sequence[Path] | None = None) -> list[Source]:
        """The definitions named, else those of the configuration or the default folder, else the shipped ones, once."""
        found = catalogue_of(self.configuration, paths, kind=ACCOUNT_TYPE)
        return self.read(Catalogue((shipped.folder("account_types"),), whole=False) if found.absent else found)

    def asked(self, kind: Kind) -> Asked:
        """What the definitions of a kind ask credential sources for."""
        if kind is ACCOUNT_TYPE:
            sources = self.read_catalogue()
        else:
            catalogue = catalogue_of(self.configuration, None, kind=kind)
            sources = [] if catalogue.absent else self.read(catalogue)
        return {source.account_type: kind.asked(source.fields) for source in sources if source.node}

    def lookup(self, given: Mapping[str, str], target: Target | None = None) -> Lookup:
        """The values of variables; `given` are those of ``--set``."""
        known = variable_lookup(os.environ, self.configuration.environment, target.variables if target else {}, given)

        def look_up(name: str) -> str | None:
            value = known(name)
            if value is None:
                self._warn_of_near(name)
            return value

        return look_up

    def _warn_of_near(self, name: str) -> None:
        """Say so if the environment has almost the variable that is missing, such as one in capitals."""
        wanted = f"{PREFIX}{name}"
        given = {each.upper(): each for each in os.environ if each.upper().startswith(PREFIX)}
        for near in get_close_matches(wanted.upper(), given, n=1, cutoff=0.9):
            self._warn_once(f"{wanted} is not in the environment, and {given[near]} is: did you mean that?")

    def definition_check(self, kind: Kind = ACCOUNT_TYPE) -> Check:
        """The check of definitions by the schema of their kind; the custom rules are for account types."""
        if kind is not ACCOUNT_TYPE:
            return shipped.check(kind.name)
        return with_custom_rules(shipped.check(), self.configuration.require)

    def rules(self, *targets: Target) -> Policy:
        """The severities that the configuration gives to rules, with those of a single target. Raises `UsageError`."""
        for rules in (self.configuration.rules, *(each.rules for each in targets)):
            check_policy(rules, self.configuration.path or "")
        alone = len({each.name for each in targets}) == 1
        return {**self.configuration.rules, **(targets[0].rules if alone else {})}

    @property
    def _kind(self) -> Kind | None:
        """The only kind of documents that is wanted, if one is named."""
        return None if self._databases.kind is None else kind_named(self._databases.kind)

    def only(self, kinds: Iterable[Kind]) -> None:
        """Be about these kinds of documents, whatever the catalogue holds."""
        self._kinds = tuple(kinds)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of documents that the run is about: the one that is named, else those of the catalogue."""
        if self._kinds is None:
            self._kinds = catalogue_of(self.configuration, None, kind=self._kind).kinds
        return self._kinds

    def targets(self) -> list[Target]:
        """The targets that the options name, each once a kind. Raises `UsageError` if options contradict each other."""
        return [each for target in self._targets for each in self._of_kinds(target)]

    def _of_kinds(self, target: Target) -> list[Target]:
        database = self._given.database
        if database and len(self.kinds) > 1:
            kinds = listed(each.name for each in self.kinds)
            raise UsageError(
                f"--database is for one kind of documents, and this run has {kinds}", "choose one with --kind"
            )
        found = [target.of_kind(kind, alone=len(self.kinds) == 1) for kind in self.kinds]
        found = [replace(each, database=database) if database else each for each in found]
        for each in found:
            for kind in (other for other in KINDS if other is not each.kind):
                if target.of_kind(kind, alone=True).database == each.database:  # each would prune what the other has
                    raise UsageError(
                        f"{each.database} is the database of {kind.noun}s, and cannot be that of {each.kind.noun}s",
                        f"pass --kind {kind.name}, or another database",
                    )
        return found

    def possible_targets(self) -> list[Target]:
        """The only target that the options name, once for each kind of which it may have documents."""
        if self._kind:
            return self.target_of_kinds((self._kind,))
        database = self._given.database
        of_database = [
            kind for kind in KINDS for target in self._targets if target.of_kind(kind, alone=True).database == database
        ]
        return self.target_of_kinds((of_database[:1] or (ACCOUNT_TYPE,)) if database else KINDS)

    def about(self, ids: Sequence[str]) -> None:
        """Be about the kinds of some definitions, if any are named."""
        if ids and not self._kind:
            self.only(kinds_of_ids(self.configuration, ids))

    def also_live(self, reached: Iterable[Target]) -> list[Target]:
        """Targets that were reached, for the kinds of documents that no folder here defines and their server has."""
        if self._kind or self._databases.database:
            return []
        left = [kind for kind in KINDS if kind not in self.kinds]
        others = [target.of_kind(kind, alone=False) for target in reached for kind in left]
        found: list[Target] = []
        for other, there in zip(others, side_by_side(self._is_there, others), strict=True):
            if isinstance(there, StoreError):
                self.unread.append(other.database)
                self._warn_once(f"the database {other.database} cannot be read: {there}")
            elif isinstance(there, ProvisionError):
                raise there
            elif there:
                found.append(other)
        return found

    def _is_there(self, target: Target) -> bool:
        with self.store(target) as store:
            return store.security() is not None

    @cached_property
    def _targets(self) -> list[Target]:
        given = self._given
        ways = (given.couch is not None, bool(given.target) or given.all_targets, given.cozy_config is not None)
        if sum(ways) > 1:
            raise UsageError("--couch, --target and --cozy-config each select a server", "pass only one of them")
        if given.cozy_config is not None:
            return [read_cozy_config(given.cozy_config, os.environ)]
        if not ways[1]:
            return [Target(couch=given.couch)]
        found = [named_target(name, self.configuration, os.environ.get) for name in self._names]
        if len(found) > 1:
            for target in found:
                self._address(target)  # a sign-in that is missing stops the run before it reads or writes anything
        return found

    @property
    def _names(self) -> list[str]:
        return names_of(self.configuration, self._given.target or (), every=self._given.all_targets)

    @cached_property
    def _given(self) -> options.Databases:
        """What the options name; a person is asked at most once. Raises `UsageError`."""
        self._databases = self._asked()
        return self._databases

    def _asked(self) -> options.Databases:
        """The databases that the options name; a person is asked if nothing does, and targets or a write need it.

        Raises `UsageError` if there is no terminal to ask on.
        """
        given, targets = self._databases, self.configuration.targets
        named = given.couch or given.target or given.all_targets or given.cozy_config
        if named or os.environ.get("PROVISION_COUCH") or not (targets or self._writes):
            return given
        if targets:
            what = f"{self.configuration.path} has several targets, and none is selected: {listed(targets)}"
            question, next = f"Which target ({listed(targets)})", "pass --target NAME or --all-targets"
        else:
            what, next = "no CouchDB given", "pass --couch URL; to read only, run provision diff"
            question = f"Which CouchDB should be written to? For example {DEFAULT}"
        answer = output.prompt(question).strip() if sys.stdin.isatty() else ""
        if not answer:
            raise UsageError(what, next)
        return replace(given, target=[answer]) if targets else replace(given, couch=answer)

    def each_target(self) -> dict[str, Target | ProvisionError]:
        """The targets that the options name, or the error that stops one of them, by name (empty for one without).

        One that is wrong does not stop the others. Raises `UsageError` if the options contradict each other.
        """
        given = self._given
        if given.couch or given.cozy_config or not (given.target or given.all_targets):
            return {target.key: target for target in self.targets()}
        found: dict[str, Target | ProvisionError] = {}
        for name, one in zip(self._names, side_by_side(self._named, self._names), strict=True):
            each_kind = [one] if isinstance(one, ProvisionError) else self._of_kinds(one)
            found |= {name if isinstance(each, ProvisionError) else each.key: each for each in each_kind}
        return found

    def _named(self, name: str) -> Target:
        target = named_target(name, self.configuration, os.environ.get)
        self._address(target)
        return target

    def target(self) -> Target:
        """The only target that the options name, for account types. Raises `UsageError` if others are wanted."""
        if self._kind not in (None, ACCOUNT_TYPE):
            raise UsageError(f"this is for account types, and --kind is {self._databases.kind}", "leave out --kind")
        return self.target_of_kinds((ACCOUNT_TYPE,))[0]

    def asked_by_others(self, kind: Kind) -> Asked:
        """What the definitions of other kinds ask for: what a source has for them is not strange."""
        every = [catalogue_of(self.configuration, None), *([self._catalogue] if self._catalogue else [])]
        found = [each for one in every if not one.absent for each in self.read(one) if each.kind is not kind]
        return {each.account_type: (*each.kind.asked(each.fields), *each.kind.facts) for each in found}

    def target_of_kinds(self, kinds: Iterable[Kind]) -> list[Target]:
        """The only target that the options name, once a kind."""
        if len(self._targets) > 1:
            raise UsageError("this command works on one target at a time", "pass one --target")
        self.only(kinds)
        return self.targets()

    @contextmanager
    def store(self, target: Target) -> Iterator["CouchStore"]:
        """The database of a target, over connections that are closed in the end."""
        from provisioner.adapters.couchdb.store import CouchStore  # as above

        with self.connection(target) as connection:
            yield CouchStore(connection, target.database, target.kind)

    @contextmanager
    def connection(self, target: Target, timeout: float | None = None) -> Iterator["Connection"]:
        """Connections to the server of a target; `timeout` replaces ``--timeout``."""
        if self._databases.verbose:
            log_requests()
        self._learn_environment(target)
        address = self._address(target)
        for warning in address.warnings:
            self._warn_once(warning)
        if address.in_clear:
            self._warn_once(f"the password travels in clear text to {address.host}: use https")
        yield from self._open(address, target.tls, timeout)

    def credentials(self, target: Target, asked: Asked, outputs: CommandOutputs | None = None) -> list[Credentials]:
        """What each credential source of a target knows of some documents, and no server may repeat.

        Raises `ProvisionError`.
        """
        outputs = outputs or CommandOutputs()
        found: list[Credentials] = []
        for source in target.credentials:
            others = partial(self.asked_by_others, target.kind)
            found.append(read_credentials(source, asked, os.environ, target.name, target.kind, outputs, others))
            for document in found[-1].values():
                self._learn(document)
        return found

    def _learn_environment(self, target: Target) -> None:
        """Know what the environment has for any document, before a server says anything."""
        for kind in KINDS:
            of_kind = target.of_kind(kind, alone=True)
            prefixes = tuple(each.prefix for each in of_kind.credentials if isinstance(each, EnvironmentSource))
            for name in (each for each in os.environ if each.startswith(tuple(filter(None, prefixes)))):
                field = next((each for each in kind.asked({}) if name.endswith(f"_{each.upper()}")), name)
                self._learn(kind.conceal({field: os.environ[name]}))

    def _learn(self, document: Document) -> None:
        for secret in secrets_in({**document}):
            self._secrets.add(secret)

    @contextmanager
    def clusters(self, target: Target) -> Iterator[list["Connection"]]:
        """Connections to the other servers that hold instances of the stack."""
        with ExitStack() as stack:
            yield [
                stack.enter_context(self.connection(replace(target, couch=url))) for url in target.instances.values()
            ]

    def _warn_once(self, text: str) -> None:
        """Write a warning, unless this run did: a server may be connected to again and again."""
        if text not in self._warned:
            self._warned.add(text)
            output.warn(text)

    @contextmanager
    def anonymous(self, target: Target) -> Iterator["Connection"]:
        """A connection to a target's server that does not sign in."""
        address = read_address(target.couch, os.environ, sign_in=False)
        tls = replace(target.tls, client_cert=None, client_key=None)
        yield from self._open(address, tls)

    def _open(self, address: Address, tls: Tls, timeout: float | None = None) -> Iterator["Connection"]:
        from provisioner.adapters.couchdb.connection import Connection  # as above

        connection = Connection(address, timeout or self._databases.timeout, tls, secrets=self._secrets)
        try:
            yield connection
        finally:
            connection.close()

    def place(self, target: Target) -> Place:
        """Where the documents of a target are. Raises `UsageError` if its URL cannot be read."""
        return Place(target.name, read_address(target.couch, os.environ, sign_in=False).url, target.database)

    def places(self, targets: Mapping[str, Target | ProvisionError] | None = None) -> dict[str, Place]:
        """Where the documents of each target are, by the target's name (empty for one without)."""
        if targets is None:
            targets = {target.key: target for target in self.targets()}
        return {name: self._place(name, target) for name, target in targets.items()}

    def _place(self, name: str, target: Target | ProvisionError) -> Place:
        if isinstance(target, ProvisionError):
            return Place(name or None, None, self._databases.database or ACCOUNT_TYPE.database)
        try:
            return self.place(target)
        except ProvisionError:
            return Place(target.name, None, target.database)

    def _address(self, target: Target) -> Address:
        databases = self._databases
        names = self.configuration.targets if databases.all_targets else set(databases.target or ())
        insecure = databases.insecure_http
        self._check_variables(target)
        return read_address(
            target.couch,
            os.environ,
            target=target.name,
            alone=len(names) <= 1,
            insecure_http=insecure,
            ask=self._password if sys.stdin.isatty() else None,
        )

    def _password(self, question: str) -> str:
        """A password that a person types, once a run."""
        if question not in self._passwords:
            self._passwords[question] = output.prompt(question, hidden=True)
        return self._passwords[question]

    def _check_variables(self, target: Target) -> None:
        """Raise `UsageError` if the password of a target could be meant for another one, whose name is almost equal."""
        if target.name is None:
            return
        suffix = variable_suffix(target.name)
        sharing = [name for name in self.configuration.targets if variable_suffix(name) == suffix]
        if len(sharing) > 1 and f"COUCHDB_USER{suffix}" in os.environ:
            what = f"COUCHDB_USER{suffix} would apply to several targets: {listed(sharing)}"
            raise UsageError(what, "rename one of them, or set user and password in another way")


def environment_credentials(asked: Asked) -> list[Credentials]:
    """What the environment knows of some account types."""
    return [read_credentials(EnvironmentSource(), asked, os.environ)]


def log_requests() -> None:
    """Log each request to stderr."""
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("provisioner").setLevel(logging.DEBUG)
