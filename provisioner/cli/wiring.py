"""What a command reaches beyond this machine: the targets that its options name, and their servers."""

import logging
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from provisioner.adapters.couchdb.address import DEFAULT, Address, read_address, variable_suffix
from provisioner.adapters.files.credential_sources import CommandOutputs, read_credentials
from provisioner.cli import options, output
from provisioner.cli.boundary import Results, by_target, good, side_by_side
from provisioner.cli.repository import Repository
from provisioner.core.definitions.account_type import Document
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, KINDS, Kind
from provisioner.core.errors import ProvisionError, StoreError, UsageError
from provisioner.core.masking import Mask
from provisioner.core.secret import secrets_in
from provisioner.core.targets.filling import Asked, Credentials
from provisioner.core.targets.target import EnvironmentSource, Place, Target, named_target, names_of
from provisioner.core.text import listed, printable

if TYPE_CHECKING:  # httpcore takes 40 ms to import, and only where a server is asked
    from provisioner.adapters.couchdb.connection import Connection
    from provisioner.adapters.couchdb.store import CouchStore

T = TypeVar("T")


class _Warnings(logging.Handler):
    """Prints what an adapter warns of."""

    def emit(self, record: logging.LogRecord) -> None:
        output.warn(printable(record.getMessage()))


_WARNINGS = logging.getLogger("provisioner.warnings")
_WARNINGS.propagate = False
_WARNINGS.addHandler(_Warnings())


class Wiring(Repository):
    """The files, targets and servers of one command: the options say which. Nothing is opened before it is needed.

    The way of ``--target NAME``: `options.Databases` declares it, `targets` finds it in the configuration and makes one
    `Target` of it for each kind of documents, and `store` connects to the database of such a target.
    """

    def __init__(self, databases: options.Databases, *, writes: bool = False) -> None:
        """`writes`: the server must be named."""
        super().__init__(databases)
        self._writes = writes
        self.unread: list[str] = []  # the databases of which `also_live` could not tell what they have
        self._password = cache(partial(output.prompt, hidden=True))  # asked for once a run
        self._secrets = Mask()  # what a server repeats may come from any source, whichever connection it comes over

    @property
    def names_database(self) -> bool:
        """Whether a database is named, for commands that need none. Raises `UsageError` if only half of it is."""
        given = self._databases
        named = given.couch is not None or bool(given.target) or given.cozy_config is not None
        if given.database and not named:
            raise UsageError("--database needs a CouchDB", "add --couch URL")
        return named

    def targets(self) -> list[Target]:
        """The targets that the options name, each once a kind. Raises `UsageError` if options contradict each other."""
        return [each for target in self._targets for each in self._of_kinds(target)]

    def each_target(self) -> dict[str, Target | ProvisionError]:
        """The targets that the options name, or the error that stops one of them, by name (empty for one without).

        One that is wrong does not stop the others. Raises `UsageError` if the options contradict each other.
        """
        given = self._given
        if given.couch or given.cozy_config or not (given.target or given.all_targets):
            return {target.key: target for target in self.targets()}
        found: dict[str, Target | ProvisionError] = {}
        for name in names_of(self.configuration, given.target or (), every=given.all_targets):
            try:
                target = named_target(name, self.configuration, os.environ.get)
                self._address(target)
            except ProvisionError as error:
                found[name] = error
            else:
                found |= {each.key: each for each in self._of_kinds(target)}
        return found

    def target(self) -> Target:
        """The only target that the options name, for account types. Raises `UsageError` if others are wanted."""
        return self.targets_of_kinds((ACCOUNT_TYPE,))[0]

    def targets_of_kinds(self, kinds: Iterable[Kind]) -> list[Target]:
        """The only target that the options name, once a kind."""
        if len(self._targets) > 1:
            raise UsageError("this command works on one target at a time", "pass one --target")
        self.limit_to(kinds)
        return self.targets()

    def possible_targets(self) -> list[Target]:
        """The only target that the options name, once for each kind of which it may have documents."""
        if self._kind:
            return self.targets_of_kinds((self._kind,))
        database, own = self._given.database, [kind for target in self._targets for kind in self._kinds_in(target)]
        return self.targets_of_kinds((own[:1] or (ACCOUNT_TYPE,)) if database else KINDS)

    def beside(
        self,
        work: Callable[[Target], T],
        found: Results[T],
        reached: Iterable[Target],
        ids: Callable[[T], Collection[str]],
        named: Collection[str],
    ) -> tuple[list[Target], dict[str, T | ProvisionError]]:
        """The same work in databases of kinds that no folder here defines: those databases, and their results.

        `found`: the results so far, of targets that were `reached`. `ids`: those that a result has. If some are
        `named`, a database without one of them is left out, and none is looked into if each result has them all.
        """
        wanted = {*named}
        if wanted and all(wanted <= {*ids(each)} for each in good(found).values()):
            return [], {}
        others = self.also_live(reached)
        results = by_target(work, others)
        if wanted:
            results = {name: each for name, each in good(results).items() if not wanted.isdisjoint(ids(each))}
        return [each for each in others if each.key in results], results

    def also_live(self, reached: Iterable[Target]) -> list[Target]:
        """Targets that were reached, for the kinds of documents that no folder here defines and their server has."""
        if self._kind or self._databases.database:
            return []

        def is_there(target: Target) -> bool:
            with self.store(target) as store:
                return store.security() is not None

        left = [kind for kind in KINDS if kind not in self.kinds]
        others = [target.of_kind(kind, alone=False) for target in reached for kind in left]
        found: list[Target] = []
        for other, there in zip(others, side_by_side(is_there, others), strict=True):
            if isinstance(there, StoreError):
                self.unread.append(other.database)
                self.warn_once(f"the database {other.database} cannot be read: {there}")
            elif isinstance(there, ProvisionError):
                raise there
            elif there:
                found.append(other)
        return found

    @cached_property
    def _targets(self) -> list[Target]:
        given = self._given
        ways = (given.couch is not None, bool(given.target) or given.all_targets, given.cozy_config is not None)
        if sum(ways) > 1:
            raise UsageError("--couch, --target and --cozy-config each select a server", "pass only one of them")
        if given.cozy_config is not None:
            from provisioner.adapters.files.cozy_config import read_cozy_config  # only for this option

            return [read_cozy_config(given.cozy_config, os.environ)]
        if not ways[1]:
            return [Target(couch=given.couch)]
        names = names_of(self.configuration, given.target or (), every=given.all_targets)
        found = [named_target(name, self.configuration, os.environ.get) for name in names]
        if len(found) > 1:
            for target in found:
                self._address(target)  # a sign-in that is missing stops the run before it reads or writes anything
        return found

    @cached_property
    def _given(self) -> options.Databases:
        """What the options name; a person is asked if nothing does, and targets or a write need it.

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
        self._databases = replace(given, target=[answer]) if targets else replace(given, couch=answer)
        return self._databases

    def _of_kinds(self, target: Target) -> list[Target]:
        """A target once for each kind of the run; with ``--database``, for the only kind or that of the database."""
        database, kinds = self._given.database, self.kinds
        if database:
            kinds = tuple(kind for kind in self._kinds_in(target) if kind in kinds) or kinds
            if len(kinds) > 1:
                what = (
                    f"--database is for one kind of documents, and this run has {listed(kind.name for kind in kinds)}"
                )
                raise UsageError(what, "choose one with --kind")
        found = [target.of_kind(kind, alone=len(kinds) == 1) for kind in kinds]
        found = [replace(each, database=database) if database else each for each in found]
        for each in found:
            for other in KINDS:
                if other is not each.kind and target.of_kind(other, alone=True).database == each.database:
                    what = f"{each.database} is the database of {other.noun}s, and cannot be that of {each.kind.noun}s"
                    # each would prune what the other has
                    raise UsageError(what, f"pass --kind {other.name}, or another database")
        return found

    def _kinds_in(self, target: Target) -> list[Kind]:
        """The kinds of documents that ``--database`` is the database of, as the target has it."""
        return [kind for kind in KINDS if target.of_kind(kind, alone=True).database == self._given.database]

    @contextmanager
    def store(self, target: Target) -> Iterator["CouchStore"]:
        """The database of a target, over connections that are closed in the end."""
        from provisioner.adapters.couchdb.store import CouchStore  # as above

        with self.connection(target) as connection:
            yield CouchStore(connection, target.database, target.kind)

    @contextmanager
    def connection(self, target: Target, timeout: float | None = None) -> Iterator["Connection"]:
        """Connections to the server of a target; `timeout` replaces ``--timeout``."""
        self._learn_environment(target)
        address = self._address(target)
        for warning in address.warnings:
            self.warn_once(warning)
        if address.in_clear:
            self.warn_once(f"the password travels in clear text to {address.host}: use https")
        with self._open(address, target, timeout) as opened:
            yield opened

    @contextmanager
    def anonymous(self, target: Target) -> Iterator["Connection"]:
        """A connection to a target's server that does not sign in."""
        tls = replace(target.tls, client_cert=None, client_key=None)
        address = read_address(target.couch, os.environ, sign_in=False)
        with self._open(address, replace(target, tls=tls)) as opened:
            yield opened

    def _open(self, address: Address, target: Target, timeout: float | None = None) -> "closing[Connection]":
        from provisioner.adapters.couchdb.connection import Connection  # as above

        timeout = timeout or self._databases.timeout
        return closing(Connection(address, timeout, target.tls, secrets=self._secrets))

    @contextmanager
    def clusters(self, target: Target) -> Iterator[list["Connection"]]:
        """Connections to the other servers that hold instances of the stack."""
        with ExitStack() as stack:
            yield [
                stack.enter_context(self.connection(replace(target, couch=url))) for url in target.instances.values()
            ]

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

    def place(self, target: Target) -> Place:
        """Where the documents of a target are. Raises `UsageError` if its URL cannot be read."""
        return Place(target.name, read_address(target.couch, os.environ, sign_in=False).url, target.database)

    def places(self, targets: Mapping[str, Target | ProvisionError] | None = None) -> dict[str, Place]:
        """Where the documents of each target are, by the target's name (empty for one without)."""
        places: dict[str, Place] = {}
        for name, target in ({each.key: each for each in self.targets()} if targets is None else targets).items():
            if isinstance(target, ProvisionError):
                places[name] = Place(name or None, None, self._databases.database or ACCOUNT_TYPE.database)
                continue
            try:
                places[name] = self.place(target)
            except ProvisionError:
                places[name] = Place(target.name, None, target.database)
        return places

    def _address(self, target: Target) -> Address:
        """The address of a target's server, with user and password. Raises `ProvisionError`."""
        given, names = self._databases, self.configuration.targets
        if target.name is not None:
            suffix = variable_suffix(target.name)
            sharing = [name for name in names if variable_suffix(name) == suffix]
            if len(sharing) > 1 and f"COUCHDB_USER{suffix}" in os.environ:  # one of them may be meant
                what = f"COUCHDB_USER{suffix} would apply to several targets: {listed(sharing)}"
                raise UsageError(what, "rename one of them, or set user and password in another way")
        return read_address(
            target.couch,
            os.environ,
            target=target.name,
            alone=len(names if given.all_targets else {*(given.target or ())}) <= 1,
            insecure_http=given.insecure_http,
            ask=self._password if sys.stdin.isatty() else None,
        )


def environment_credentials(asked: Asked) -> list[Credentials]:
    """What the environment knows of some account types."""
    return [read_credentials(EnvironmentSource(), asked, os.environ)]
