"""What planning takes from the options of a command, and the backups that a run makes."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.adapters.files.credentials import exposed
from provisioner.adapters.files.definitions import Catalogue
from provisioner.adapters.files.git import commit_of
from provisioner.adapters.files.shipped import DOMAINS
from provisioner.cli import options, output
from provisioner.cli.wiring import Wiring, credentials_check, credentials_of
from provisioner.commands.planning import Planned, Planning
from provisioner.core.definitions.definition import Source
from provisioner.core.definitions.variables import Lookup
from provisioner.core.errors import UsageError
from provisioner.core.plan.changes import Outcome, OutcomeKind, Plan
from provisioner.core.plan.ownership import Signature, time_text
from provisioner.core.plan.planning import PlanOptions
from provisioner.core.plan.store import Store
from provisioner.core.targets.credentials import Credentials, unknown_variables
from provisioner.core.targets.target import OWNER, Config, EnvironmentSource, Place, Target

if TYPE_CHECKING:  # 10 ms, and only for targets with backups
    from provisioner.adapters.files.backups import BackupFolder, JournalFile

_UNTOUCHED = (OutcomeKind.FAILED, OutcomeKind.SETTLED, OutcomeKind.LEFT)


def folder_of(target: Target) -> "BackupFolder":
    """The backups of a target. Raises `UsageError` if the configuration names none."""
    if target.backup is None:
        what = f"the target {target.name} keeps no backups" if target.name else "no target with backups is named"
        raise UsageError(what, "add backup: to a target in provision.yaml, and name it with --target")
    from provisioner.adapters.files.backups import BackupFolder

    return BackupFolder(target.backup, target.name or "")


def new_backup(planned: Planned, signed_with: Signature | None, undoes: str | None = None) -> "JournalFile":
    """The file of a run, to be made when there is something to keep. Raises as `folder_of`."""
    from provisioner.core.plan.backup import Command, Run

    at, source = (signed_with.at, signed_with.source) if signed_with else (now(), None)
    return folder_of(planned.target).new(
        Run(Command.UNDO if undoes else Command.APPLY, str(planned.place), at, planned.owner, source, undoes)
    )


def end_backup(journal: "JournalFile", plan: Plan, outcomes: Iterable[Outcome]) -> None:
    """End the file of a run, and say where the documents are as they were before."""
    outcomes = [*outcomes]
    planned_ids = {each.id for each in (*plan.writes, *plan.removes)}
    complete = planned_ids <= {each.id for each in outcomes} and not any(each.is_bad() for each in outcomes)
    path = journal.end((each.id for each in outcomes if each.kind in _UNTOUCHED), complete=complete)
    if journal.trouble:
        what = f"the backup does not tell of all that was written, and undo leaves the rest: {journal.trouble}"
        output.warn(what)
    if path is not None:
        secrets = "" if journal.encrypted else ", without secrets,"
        what = f"kept what was there before{secrets} in {path.as_posix()}"
        output.message(f"{what}: provision undo takes this run back")


def now() -> str:
    """The time, as it is written into documents and backups."""
    return time_text(datetime.now(UTC))


class RealSurroundings:
    """The `Surroundings` of planning: files of a catalogue, credential sources and databases."""

    def __init__(
        self, wiring: Wiring, stack: ExitStack, catalogue: Catalogue, given: Mapping[str, str], *, optional: bool
    ) -> None:
        """Read nothing yet; databases are closed with the stack. `optional`: there need be no catalogue."""
        self._wiring = wiring
        self._stack = stack
        self._given = given
        self._optional = optional
        self._catalogue = catalogue
        self._check = credentials_check()

    @property
    def whole(self) -> bool:
        """Whether the paths are the whole catalogue, so that what they lack is gone from it."""
        return self._catalogue.whole

    @property
    def folders(self) -> Sequence[Path]:
        """Where the definitions are."""
        return self._catalogue.folders or self._catalogue.own

    def sources(self) -> Sequence[Source]:
        """Read the files of the catalogue; none if nothing names one and the default folder does not exist."""
        return [] if self._optional and self._catalogue.absent else self._catalogue.read()

    def lookup(self, target: Target) -> Lookup:
        """The values of variables for a target."""
        return self._wiring.lookup(self._given, target)

    def credentials(self, target: Target, ids: Sequence[str]) -> Sequence[Credentials]:
        """What each credential source of a target knows of some account types."""
        return credentials_of(target, ids, self._check)

    def unknown_variables(self, target: Target, ids: Sequence[str], *, whole: bool) -> Sequence[str]:
        """What is strange about environment variables for credentials."""
        prefixes = [source.prefix for source in target.credentials if isinstance(source, EnvironmentSource)]
        return [text for prefix in prefixes for text in unknown_variables(prefix, ids, os.environ, whole=whole)]

    def exposed(self, target: Target) -> Sequence[str]:
        """What is wrong with how the credential sources of a target are kept."""
        return [warning for source in target.credentials for warning in exposed(source)]

    def store(self, target: Target) -> Store:
        """The database of a target."""
        return self._stack.enter_context(self._wiring.store(target))

    def place(self, target: Target) -> Place:
        """Where the documents of a target are."""
        return self._wiring.place(target)


def planning_of(
    wiring: Wiring,
    stack: ExitStack,
    definitions: options.Definitions,
    *,
    owner: str | None = None,
    neighbours: bool = False,
    optional: bool = False,
    keep_rotated: bool = True,
) -> tuple[Planning, RealSurroundings]:
    """The use case that makes plans, with what it takes from outside."""
    given = options.set_values(definitions.sets)
    catalogue = wiring.catalogue(definitions.paths, definitions.only, definitions.exclude)
    around = RealSurroundings(wiring, stack, catalogue, given, optional=optional)
    wanted = PlanOptions(
        owner=_owner(owner, wiring.configuration),
        whole=around.whole,
        given=given,
        strict=definitions.strict,
        incomplete=definitions.incomplete,
        keep_rotated=keep_rotated,
        rules=wiring.rules(*wiring.targets()),
        today=datetime.now(UTC).date(),
        neighbours=neighbours,
    )
    return Planning(around, wanted, wiring.definition_check(), DOMAINS), around


def signature(owner: str | None, folders: Sequence[Path]) -> Signature | None:
    """What the writes of this run are signed with; nothing without an owner."""
    if owner is None:
        return None
    commit = commit_of(folders)
    if commit.unknown:
        output.warn(f"the documents will not name the commit of the catalogue: {commit.unknown}")
    return Signature(owner, now(), commit.name, lambda: os.urandom(8).hex())


def _owner(given: str | None, config: Config) -> str | None:
    """The owner that ``--owner`` or the configuration names. Raises `UsageError` for a name that none can have."""
    if given is not None and not OWNER.fullmatch(given):
        raise UsageError(f"--owner {given} is not the name of an owner", "use lower-case letters, digits, - and _")
    return given or config.owner
