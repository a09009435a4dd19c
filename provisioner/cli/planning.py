"""How the options of a command become plans, and what lets these be written: a yes, and the proof of providers."""

import os
import secrets
import sys
import threading
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer
from msgspec.structs import replace

from provisioner.adapters.files.credential_sources import CommandOutputs, exposed
from provisioner.adapters.files.definitions import Catalogue
from provisioner.adapters.files.shipped import DOMAINS
from provisioner.cli import options, output
from provisioner.cli.boundary import by_target, good
from provisioner.cli.wiring import Wiring
from provisioner.commands.admission import ApplyOptions, Permission, Terms, exposure, is_exposing
from provisioner.commands.planning import Inputs, Planned, Planning
from provisioner.core.definitions.definition import Selection, Source
from provisioner.core.errors import ProvisionError, SafetyLimit, StoreError
from provisioner.core.plan.changes import Action, Change, Outcome
from provisioner.core.plan.planning import PlanOptions, why_kept
from provisioner.core.targets.target import Target, check_owner
from provisioner.core.text import counted, listed
from provisioner.render import plan as render

if TYPE_CHECKING:
    from provisioner.commands.proving import Proof


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


Allow: TypeAlias = Annotated[
    list[Permission],
    typer.Option(
        "--allow",
        metavar="WORD",
        help="Allow a change that is refused otherwise: adopt (documents of another owner), changed (prune "
        "documents that someone else changed, and losing revisions with the only copy of a secret), mass-delete (prune "
        "more than half), new-database (despite a similar name), public (secrets in a database that everyone can "
        "read), rotated (overwrite credentials that someone else replaced), unproven (with --prove: credentials that "
        "the provider neither accepts nor rejects); repeatable.",
    ),
]


def ask_to_apply(planned: Planned, options: ApplyOptions) -> Terms:
    """Ask for the confirmations that a plan needs, then close the database if the user wants that.

    Returns what each change is measured by. Raises `SafetyLimit` if nothing confirms the plan.
    """
    plan, target, place = planned.plan, planned.target, planned.place
    allowed = Permission.PUBLIC in options.allow
    closes = planned.snapshot.public and options.make_private
    if not (closes or allowed) and is_exposing(planned):
        closes = sys.stdin.isatty() and output.confirm(f"Everyone can read {place}. Restrict it to admins?")
        if not closes:
            raise exposure(planned)
    removes = plan.removes if options.prune else ()
    pruned = [each for each in removes if Permission.CHANGED in options.allow or not each.obstacles]
    pruned = [each for each in pruned if not (each.renamed_to and why_kept(each, plan))]
    copies = {each.id: listed(each.only_copy) for each in pruned if each.only_copy}
    asks = not options.yes and bool(removes or (target.protected and (closes or plan.writes)))
    if options.yes:
        for id, names in copies.items():
            output.warn(f"{id} has the only copy of {names}, which is deleted with it")
    if asks:
        reason = "--prune deletes documents"
        if target.protected:
            reason = f"the target {target.name} is protected"
        if not sys.stdin.isatty():
            raise SafetyLimit(f"{reason}, and there is no terminal to ask on", "add --yes to confirm")
        question = f"Delete {counted(len(removes), 'document')} from {place}?"
        _confirm(planned, question, copies, prune=options.prune)
    if closes:
        planned.store.close_to_others()
        output.message(f"{place} is restricted to admins")
    reviewed = options.saved.plan if options.saved else plan if asks else None
    return Terms(
        reviewed=None if reviewed is None else {change.id: change for change in reviewed.changes},
        incomplete=plan.incomplete.keys(),
        public=planned.snapshot.exposed and not (closes or allowed),
        losses={change.id: change.only_copy for change in plan.removes},
    )


def ask_to_undo(planned: Planned) -> None:
    """Show the plan of an undo, and ask whether to write it. Raises `SafetyLimit` if nothing confirms it."""
    if not sys.stdin.isatty():
        raise SafetyLimit(
            "there is no terminal to ask on", "see the plan with provision diff, or undo --dry-run; then add --yes"
        )
    _confirm(planned, f"Write this to {planned.place}?", {}, prune=True)


def _confirm(planned: Planned, question: str, copies: Mapping[str, str], *, prune: bool) -> None:
    """Show a plan, and ask for yes, or for the name of a protected target; and for the id of each only copy.

    Raises `SafetyLimit` for any other answer.
    """
    output.message(render.as_text(planned.plan, output.paint(sys.stderr), prune=prune))
    target = planned.target
    if target.protected:
        asked = f"the target {target.name} is protected. Type its name to write to {planned.place}"
        agreed = output.prompt(asked).strip() == target.name
    else:
        agreed = output.confirm(question)
    for id, names in copies.items():
        agreed = agreed and output.prompt(f"{id} has the only copy of {names}. Type its id to delete it").strip() == id
    if not agreed:
        raise SafetyLimit("not confirmed: nothing was written", "run the command again, and confirm or add --yes")


class Proving:
    """What the providers say to the credentials that plans write."""

    def __init__(self, *, unproven: bool) -> None:
        """Ask no provider yet. `unproven`: what nothing proves is written all the same."""
        from provisioner.adapters.oauth.providers import RealProviders  # 30 ms, and only with --prove
        from provisioner.commands.proving import Prover  # as above

        self._unproven = unproven
        self._prover = Prover(RealProviders().exchange, secrets.choice, self._accepts)

    def before(self, planned: Planned) -> Callable[[Change], str]:
        """Send new credentials to their providers. Returns a function: why a change must not be written."""
        for change in planned.plan.writes:
            proof = self._prover.proof(change)
            if proof and proof.proven:
                output.message(f"verified  {change.id}: {proof.result.message}")
        return self._prover.refusal

    def after(self, planned: Mapping[str, Planned], outcomes: Mapping[str, Sequence[Outcome]]) -> bool:
        """Prove once more what replaced other credentials, and say that those may be revoked.

        Returns whether every provider still accepts what it accepted before.
        """
        good = True
        for name, each in planned.items():
            for change in (outcome.change for outcome in outcomes[name]):
                if not change or change.action is not Action.CHANGE:
                    continue
                if not ((before := self._prover.proof(change)) and before.proven):
                    continue
                proof = self._prover.again(change)
                if proof is None or proof.proven:
                    note = next((known.note("console") for known in each.definitions if known.id == change.id), "")
                    output.message(f"next: revoke the old credentials of {change.id} at {note or 'the provider'}")
                    continue
                good = False
                target = f" --target {each.target.name}" if each.target.name else ""
                back = f"provision undo{target} undoes this run"
                if not each.target.backup:
                    back = "write the old credentials again: this target keeps no backups for provision undo"
                what = f"{change.id}: the provider no longer accepts the new credentials: {proof.result.message}"
                output.report(ProvisionError(what, back))
        return good

    def _accepts(self, proof: "Proof") -> bool:
        """Whether what nothing proves may be written; only before the first write a person is asked."""
        if self._unproven or not sys.stdin.isatty() or threading.current_thread() is not threading.main_thread():
            return self._unproven
        return output.confirm(f"{proof.client.id}: {proof.result.message}. Write it unverified?")
