"""Builds what the use cases need from outside: files, credentials, databases."""

import os
import secrets
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from provisioner.adapters.couchdb.address import read_address
from provisioner.adapters.files import shipped
from provisioner.adapters.files.commit import commit_of
from provisioner.adapters.files.credentials import exposed, read_credentials
from provisioner.adapters.files.definitions import DEFAULT_FOLDER, read_sources
from provisioner.adapters.files.public_suffix import DOMAINS
from provisioner.cli import options
from provisioner.cli.reach import Reach
from provisioner.commands.planning import Planning, Wishes
from provisioner.core.definitions.schema_check import schema_check
from provisioner.core.definitions.source import Source
from provisioner.core.definitions.variables import Lookup
from provisioner.core.errors import UsageError
from provisioner.core.plan.ownership import Signature
from provisioner.core.plan.store import Store
from provisioner.core.targets.credentials import Credentials
from provisioner.core.targets.target import OWNER, Config, Incomplete, Target
from provisioner.core.text import printable


class Outside:
    """The `Surroundings` of planning: the catalogue of the configuration or of given paths, and real databases."""

    def __init__(
        self,
        reach: Reach,
        config: Config,
        stack: ExitStack,
        paths: Sequence[Path],
        given: Mapping[str, str],
        *,
        optional: bool = False,
    ) -> None:
        """Read nothing yet; databases are closed with the stack. `optional`: there need be no catalogue."""
        self._optional = optional
        self._reach = reach
        self._paths = paths
        self._folders = [Path(folder) for folder in config.catalogue]
        self._given = given
        self._stack = stack
        self._check = schema_check(shipped.schema("credentials"))

    @property
    def whole(self) -> bool:
        """Whether the paths are the whole catalogue, so that what they lack is gone from it."""
        catalogue = self._folders or [DEFAULT_FOLDER]
        return not self._paths or {path.resolve() for path in self._paths} == {path.resolve() for path in catalogue}

    @property
    def folders(self) -> Sequence[Path]:
        """Where the definitions are."""
        return self._paths or self._folders or [DEFAULT_FOLDER]

    def sources(self) -> Sequence[Source]:
        """Read the files of the catalogue; none if nothing names one and the default folder does not exist."""
        named = self._paths or self._folders
        return read_sources(self.folders) if named or not self._optional or DEFAULT_FOLDER.exists() else []

    def lookup(self, target: Target) -> Lookup:
        """The values of variables for a target."""
        return {**os.environ, **target.variables, **self._given}.get

    def credentials(self, target: Target, ids: Sequence[str]) -> Sequence[Credentials]:
        """What each credential source of a target knows of some account types."""
        return [read_credentials(source, ids, os.environ, self._check) for source in target.credentials]

    def exposed(self, target: Target) -> Sequence[str]:
        """What is wrong with how the credential sources of a target are kept."""
        return [warning for source in target.credentials for warning in exposed(source)]

    def store(self, target: Target) -> Store:
        """The database of a target."""
        return self._stack.enter_context(self._reach.store(target))

    def place(self, target: Target) -> str:
        """The URL, without user information, and the database of a target."""
        return f"{read_address(target.couch, os.environ).url} {target.database}"


def reach_of(databases: options.Databases, speech: options.Speech) -> Reach:
    """What the options say of the databases."""
    return Reach(
        couch=databases.couch,
        database=databases.database,
        names=databases.target,
        all_targets=databases.all_targets,
        config=databases.config,
        cozy_config=databases.cozy_config,
        timeout=databases.timeout,
        verbose=speech.verbose,
        no_color=speech.no_color,
    )


def owner_of(given: str | None, config: Config) -> str | None:
    """The owner that ``--owner`` or the configuration names. Raises `UsageError` for a name that none can have."""
    if given is not None and not OWNER.fullmatch(given):
        what = f"--owner {printable(given)} is not the name of an owner"
        raise UsageError(what, "use lower-case letters, digits, - and _")
    return given or config.owner


def planning_of(
    reach: Reach,
    stack: ExitStack,
    definitions: options.Definitions,
    *,
    owner: str | None = None,
    neighbours: bool = False,
    optional: bool = False,
) -> tuple[Planning, Outside, Config]:
    """The use case that makes plans, with what it takes from outside."""
    config = reach.configuration()
    given = options.set_values(definitions.sets)
    outside = Outside(reach, config, stack, definitions.paths or (), given, optional=optional)
    policy = definitions.incomplete
    wishes = Wishes(
        owner=owner_of(owner, config),
        whole=outside.whole,
        given=given,
        strict=definitions.strict,
        incomplete=None if policy is None else Incomplete(policy),
        neighbours=neighbours,
    )
    return Planning(outside, wishes, schema_check(shipped.schema()), DOMAINS), outside, config


def signature(owner: str | None, folders: Sequence[Path]) -> Signature | None:
    """What the writes of this run are signed with."""
    if owner is None:
        return None
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Signature(owner, now, commit_of(folders), lambda: secrets.token_hex(8))
