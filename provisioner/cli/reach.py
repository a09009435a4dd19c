"""Which databases a command reaches: by ``--couch``, by the targets of ``provision.yaml``, or by the stack's file."""

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from provisioner.cli import output
from provisioner.core.errors import InvalidFile, ProvisionError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from provisioner.adapters.couchdb.http import Connection
    from provisioner.adapters.couchdb.store import CouchStore
    from provisioner.core.definitions.source import Source
    from provisioner.core.targets.target import Config, Target

SIDE_BY_SIDE = 8
"""Targets that are worked on at a time."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The options of that name."""

    couch: str | None = None
    database: str | None = None
    names: "Sequence[str] | None" = None
    all_targets: bool = False
    config: "Path | None" = None
    cozy_config: "Path | None" = None
    timeout: float = 60.0
    verbose: bool = False
    no_color: bool = False

    @property
    def live(self) -> bool:
        """Whether a database is named, where it need not be. Raises `UsageError` where only half of it is."""
        named = self.couch is not None or bool(self.names)
        if self.database and not named:
            raise UsageError("--database is for what is live, and no CouchDB is named", "add --couch URL")
        return named

    def configuration(self) -> "Config":
        """What ``provision.yaml`` says, or the defaults where there is none."""
        from provisioner.adapters.files import shipped
        from provisioner.adapters.files.config import find_config, read_config
        from provisioner.core.targets.target import Config

        path = find_config(self.config)
        return Config() if path is None else read_config(path, shipped.schema("provision"))

    def read_catalogue(self, given: "Sequence[Path] | None" = None) -> "list[Source]":
        """The definitions named, else those of the configuration or the default folder, else the shipped ones."""
        from provisioner.adapters.files import shipped
        from provisioner.adapters.files.definitions import catalogue_of, read_sources

        catalogue = catalogue_of(self.configuration(), given)
        return read_sources([shipped.folder("account_types")] if catalogue.absent else catalogue.folders)

    def targets(self, config: "Config") -> "list[Target]":
        """The targets that the options name. Raises `UsageError` where they contradict each other."""
        from provisioner.core.targets.target import Target

        ways = (self.couch is not None, bool(self.names) or self.all_targets, self.cozy_config is not None)
        if sum(ways) > 1:
            raise UsageError("--couch, --target and --cozy-config each say where to go", "give one of them")
        if self.cozy_config is not None:
            from provisioner.adapters.files.cozy_config import read_cozy_config

            found = [read_cozy_config(self.cozy_config, os.environ)]
        elif self.names or self.all_targets:
            found = [named_target(name, config) for name in _chosen(config, self.names, self.all_targets)]
        else:
            found = [Target(couch=self.couch)]
        return [replace(target, database=self.database) if self.database else target for target in found]

    def target(self) -> "Target":
        """The only target that the options name."""
        found = self.targets(self.configuration())
        if len(found) > 1:
            raise UsageError("this command works on one target at a time", "give one --target")
        return found[0]

    @contextmanager
    def store(self, target: "Target") -> "Iterator[CouchStore]":
        """The database of a target, over connections that are closed in the end; no request is made before its use."""
        from provisioner.adapters.couchdb.address import read_address
        from provisioner.adapters.couchdb.http import Connection
        from provisioner.adapters.couchdb.store import CouchStore

        if self.verbose:
            log_requests()
        address = read_address(target.couch, os.environ)
        if address.in_clear:
            output.warn(f"the password travels in clear text to {address.host}: use https", self.no_color)
        connection = Connection(address, self.timeout, target.tls)
        try:
            yield CouchStore(connection, target.database)
        finally:
            connection.close()

    @contextmanager
    def anybody(self, target: "Target") -> "Iterator[Connection]":
        """A connection to a target's server that does not sign in."""
        from provisioner.adapters.couchdb.address import read_address
        from provisioner.adapters.couchdb.http import Connection

        address = replace(read_address(target.couch, os.environ), user=None, password=None)
        connection = Connection(address, self.timeout, replace(target.tls, client_cert=None, client_key=None))
        try:
            yield connection
        finally:
            connection.close()


def log_requests() -> None:
    """Log each request to stderr."""
    import logging

    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("provisioner").setLevel(logging.DEBUG)


def _chosen(config: "Config", names: "Sequence[str] | None", all_targets: bool) -> list[str]:
    from provisioner.core.text import listed, nearest

    if not config.targets:
        raise UsageError("there is no provision.yaml with targets here", "write one, or name it with --config")
    for name in names or ():
        if name not in config.targets:
            hint = nearest(name, config.targets) or f": there are {listed(config.targets)}"
            raise UsageError(f"no target {name}{hint}", "see provision targets")
    return list(config.targets) if all_targets else list(dict.fromkeys(names or ()))


def named_target(name: str, config: "Config") -> "Target":
    """A target of the configuration. Raises `InvalidFile` where a variable in it has no value."""
    from provisioner.core.definitions.problem import Problem
    from provisioner.core.targets.target import target_of

    target, faults = target_of(name, config, os.environ.get)
    if faults:
        raise InvalidFile(tuple(Problem.of(config.path or "", fault) for fault in faults))
    return target


T = TypeVar("T")
R = TypeVar("R")


def side_by_side(work: "Callable[[T], R]", items: "Sequence[T]") -> "list[R | ProvisionError]":
    """The result of each item, or the error that stopped it: one never stops the others."""

    def attempt(item: T) -> "R | ProvisionError":
        try:
            return work(item)
        except ProvisionError as error:
            return error

    if len(items) == 1:
        return [attempt(items[0])]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return list(pool.map(attempt, items))
