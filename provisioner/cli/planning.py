"""What planning takes from the options of a command, and the backups that a run makes."""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from provisioner.adapters.files.credential_sources import CommandOutputs, exposed
from provisioner.adapters.files.definitions import Catalogue
from provisioner.adapters.files.git import GitFailed, commit_of
from provisioner.adapters.files.shipped import DOMAINS
from provisioner.cli import options, output
from provisioner.cli.boundary import by_target, good
from provisioner.cli.wiring import Wiring
from provisioner.commands.apply import Journal
from provisioner.commands.planning import Inputs, Planned, Planning
from provisioner.core.definitions.definition import Selection, Source
from provisioner.core.errors import ProvisionError, StoreError, UsageError
from provisioner.core.plan.changes import Outcome, OutcomeKind, Plan
from provisioner.core.plan.ownership import Signature, time_text
from provisioner.core.plan.planning import PlanOptions, owner_of
from provisioner.core.targets.target import OWNER, Config, Target
from provisioner.core.text import listed

if TYPE_CHECKING:  # 10 ms, and only for targets with backups
    from provisioner.adapters.files.backups import BackupFolder, JournalFile

_UNTOUCHED = (OutcomeKind.FAILED, OutcomeKind.SETTLED, OutcomeKind.SKIPPED)


def folder_of(target: Target) -> "BackupFolder":
    """The backups of a target. Raises `UsageError` if the configuration names none."""
    if target.backup is None:
        what = f"the target {target.name} keeps no backups" if target.name else "no target with backups is selected"
        raise UsageError(what, "add backup: to a target in provision.yaml, and pass its name with --target")
    from provisioner.adapters.files.backups import BackupFolder

    return BackupFolder(target.backup, target.name or "")


def new_run(planned: Collection[Planned]) -> str | None:
    """What the backups of a run have in common that writes several kinds of documents."""
    return os.urandom(8).hex() if any(each.target.label for each in planned) else None


def new_backup(
    planned: Planned, signed_with: Signature | None, undoes: str | None = None, run: str | None = None
) -> "JournalFile":
    """The file of a run, to be made when there is something to keep. Raises as `folder_of`."""
    from provisioner.core.plan.backup import Run, RunCommand

    at, source = (signed_with.at, signed_with.source) if signed_with else (now(), None)
    command = RunCommand.UNDO if undoes else RunCommand.APPLY
    return folder_of(planned.target).new(
        Run(command, str(planned.place), at, planned.owner, source, undoes, planned.target.kind.name, run)
    )


def end_backup(journal: Journal | None, plan: Plan, outcomes: Iterable[Outcome]) -> None:
    """End the file of a run, if it has one, and say where the documents are as they were before."""
    if journal is None:
        return
    from provisioner.adapters.files.backups import JournalFile

    assert isinstance(journal, JournalFile)
    outcomes = [*outcomes]
    planned_ids = {each.id for each in (*plan.writes, *plan.removes)}
    complete = planned_ids <= {each.id for each in outcomes} and not any(each.is_bad() for each in outcomes)
    path = journal.end((each.id for each in outcomes if each.kind in _UNTOUCHED), complete=complete)
    if journal.trouble:
        what = f"the backup is incomplete, so provision undo cannot restore everything: {journal.trouble}"
        output.warn(what)
    if path is not None:
        secrets = "" if journal.encrypted else ", without secrets,"
        what = f"backed up the previous documents{secrets} to {path.as_posix()}"
        output.message(f"{what}: to undo this run, use provision undo")


def now() -> str:
    """The time, as it is written into documents and backups."""
    return time_text(datetime.now(UTC))


def planning_of(
    wiring: Wiring,
    stack: ExitStack,
    definitions: options.Definitions,
    wanted: PlanOptions,
    meant: Selection | None = None,
) -> tuple[Planning, Catalogue]:
    """The use case that makes plans, and its catalogue; databases are closed with the stack.

    `wanted` lacks what the definitions and the configuration say. `meant`: what is live counts, there need be no
    catalogue, and only these account types of it are looked at.
    """
    given = options.set_values(definitions.sets)
    catalogue = wiring.catalogue(definitions.paths, definitions.only, definitions.exclude)

    def sources() -> list[Source]:
        if meant is None:
            return wiring.read(catalogue)
        found = [] if catalogue.absent else wiring.read(catalogue)
        return [source for source in found if not (id := source.account_type) or meant.means(id)]

    inputs = Inputs(
        sources=sources,
        lookup=lambda target: wiring.lookup(given, target),
        credentials=partial(wiring.credentials, outputs=CommandOutputs()),
        exposed=exposed,
        store=lambda target: stack.enter_context(wiring.store(target)),
        place=wiring.place,
        environment=os.environ,
        others=wiring.asked_by_others,
    )
    wanted = replace(
        wanted,
        owner=_owner(wanted.owner, wiring.configuration),
        whole=catalogue.whole and not meant,
        given=given,
        strict=definitions.strict,
        rules=wiring.rules(*wiring.targets()),
        today=datetime.now(UTC).date(),
    )
    return Planning(inputs, wanted, wiring.definition_check, DOMAINS), catalogue


def plans_of(planning: Planning, targets: Sequence[Target]) -> dict[str, Planned | ProvisionError]:
    """The plan of each target, or the error that stops it, by the target's name.

    The kinds of documents of one target stand or fall together before the first request.
    """
    ready = by_target(planning.ready, targets)
    failed = {each.name: each.kind for each in targets if isinstance(ready[each.key], ProvisionError)}

    def plan(target: Target) -> Planned:
        found = ready[target.key]
        if isinstance(found, ProvisionError):
            raise found
        if kind := failed.get(target.name):
            what = f"nothing was read or written, because the {kind.noun}s of the same target have an error"
            raise ProvisionError(what, f"correct that; or pass the folder of {target.kind.noun}s alone")
        return planning.plan(found)

    return by_target(plan, targets)


def warn_of_undefined(wiring: Wiring, options: PlanOptions, plans: Mapping[str, Planned | ProvisionError]) -> None:
    """Warn of what the owner wrote and of whose kind no folder is left: no plan removes it."""
    if not (options.whole and options.owner):
        return
    for target in wiring.also_live(each.target for each in good(plans).values()):
        try:
            with wiring.store(target) as store:
                documents = store.read_all().documents
        except StoreError as error:
            output.warn(f"the database {target.database} cannot be read: {error}")
            continue
        ids = [id for id, live in sorted(documents.items()) if owner_of(live) == options.owner]
        if ids:
            what = f"no folder {target.kind.folder} defines these {target.kind.noun}s of {options.owner}: {listed(ids)}"
            output.warn(f"{what}. They stay in {wiring.place(target)}: restore the folder, or delete them by hand")


def check_selection(selection: Selection, found: Set[str], catalogue: Catalogue) -> None:
    """Raise `ProvisionError` if nothing was found of what is meant; the ids of a catalogue can be meant as well."""
    if not any(map(selection.means, found)) or not found >= {*selection.ids}:
        known = () if catalogue.absent else filter(None, (source.account_type for source in catalogue.read()))
        if fault := selection.fault({*found, *known}):
            raise ProvisionError(fault, "see provision list")


def signature(owner: str | None, folders: Sequence[Path], plans: Iterable[Plan]) -> Signature | None:
    """What the writes of this run are signed with; nothing without an owner, or if these plans write nothing."""
    touched = (plan.writes or plan.removes or any(each.conflicts for each in plan.changes) for plan in plans)
    if owner is None or not any(touched):
        return None
    commit = None
    try:
        commit = commit_of(folders)
    except GitFailed as error:
        output.warn(f"the documents will not record the commit of the catalogue: {error}")
    return Signature(owner, now(), commit, lambda: os.urandom(8).hex())


def _owner(given: str | None, config: Config) -> str | None:
    """The owner that ``--owner`` or the configuration names. Raises `UsageError` for a name that none can have."""
    if given is not None and not OWNER.fullmatch(given):
        raise UsageError(f"--owner {given} is not the name of an owner", "use lower-case letters, digits, - and _")
    return given or config.owner
