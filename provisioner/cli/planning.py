"""From the options of a command to its plans."""

import os
from collections.abc import Mapping, Sequence, Set
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial

from msgspec.structs import replace

from provisioner.adapters.files.credential_sources import CommandOutputs, exposed
from provisioner.adapters.files.definitions import Catalogue
from provisioner.adapters.files.shipped import DOMAINS
from provisioner.cli import options, output
from provisioner.cli.boundary import by_target, good
from provisioner.cli.wiring import Wiring
from provisioner.commands.planning import Inputs, Planned, Planning
from provisioner.core.definitions.definition import Selection, Source
from provisioner.core.errors import ProvisionError, StoreError
from provisioner.core.plan.planning import PlanOptions
from provisioner.core.targets.target import Target, check_owner
from provisioner.core.text import listed


def now() -> str:
    """The time, as it is written into documents and backups."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


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
    if wanted.owner is not None:
        check_owner(wanted.owner)
    catalogue = wiring.catalogue(definitions.paths, definitions.only, definitions.exclude)

    def sources() -> list[Source]:
        if meant is None:
            return wiring.read(catalogue)
        found = [] if catalogue.absent else wiring.read(catalogue)
        return [each for each in found if not each.document_id or meant.means(each.document_id)]

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
        owner=wanted.owner or wiring.configuration.owner,
        whole=catalogue.whole and not meant,
        given=given,
        strict=definitions.strict,
        rules=wiring.rules(*wiring.targets()),
    )
    return Planning(inputs, wanted, wiring.definition_check, DOMAINS, datetime.now(UTC).date()), catalogue


def plans_of(planning: Planning, targets: Sequence[Target]) -> dict[str, Planned | ProvisionError]:
    """The plan of each target, or the error that stops it, by the target's name.

    The kinds of documents of one target stand or fall together before the first request.
    """
    planners = by_target(planning.planner, targets)
    failed = {each.name: each.kind for each in targets if isinstance(planners[each.key], ProvisionError)}

    def plan(target: Target) -> Planned:
        planner = planners[target.key]
        if isinstance(planner, ProvisionError):
            raise planner
        if kind := failed.get(target.name):
            what = f"nothing was read or written, because the {kind.noun}s of the same target have an error"
            raise ProvisionError(what, f"correct that; or choose one kind, with --kind {target.kind.name}")
        return planner()

    return by_target(plan, targets)


def warn_of_undefined(wiring: Wiring, wanted: PlanOptions, plans: Mapping[str, Planned | ProvisionError]) -> None:
    """Warn of what the owner wrote and of whose kind no folder is left: no plan removes it."""
    if not (wanted.whole and wanted.owner):
        return
    for target in wiring.also_live(each.target for each in good(plans).values()):
        try:
            with wiring.store(target) as store:
                documents = store.read_all().documents
        except StoreError as error:
            output.warn(f"the database {target.database} cannot be read: {error}")
            continue
        ids = [id for id, live in sorted(documents.items()) if live.owner == wanted.owner]
        if ids:
            what = f"no folder {target.kind.folder} defines these {target.kind.noun}s of {wanted.owner}: {listed(ids)}"
            output.warn(f"{what}. They stay in {wiring.place(target)}: restore the folder, or delete them by hand")


def check_selection(selection: Selection, found: Set[str], catalogue: Catalogue) -> None:
    """Raise `ProvisionError` if nothing was found of what is meant; the ids of a catalogue can be meant as well."""
    if not any(map(selection.means, found)) or not found >= {*selection.ids}:
        known = () if catalogue.absent else filter(None, (source.document_id for source in catalogue.read()))
        if fault := selection.fault({*found, *known}):
            raise ProvisionError(fault, "see provision list")
