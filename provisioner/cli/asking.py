"""Asks a person to confirm a plan and closes a public database; asks providers to prove the credentials of a plan."""

import secrets
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from provisioner.cli import output
from provisioner.commands.admission import ApplyOptions, Permission, Terms, exposure, is_exposing
from provisioner.commands.planning import Planned
from provisioner.core.errors import SafetyLimit
from provisioner.core.plan.changes import Action, Change, Outcome
from provisioner.core.plan.planning import why_kept
from provisioner.core.text import counted, listed
from provisioner.render import plan as render

if TYPE_CHECKING:
    from provisioner.commands.proving import Proof


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


def ask(planned: Planned, options: ApplyOptions) -> Terms:
    """Ask for the confirmations that a plan needs, then close the database if the user wants that.

    Returns what each change is measured by. Raises `SafetyLimit` if nothing confirms the plan.
    """
    plan, public = planned.plan, planned.snapshot.public
    allowed = Permission.PUBLIC in options.allow
    closes = public and (options.make_private or (not allowed and is_exposing(planned) and _wants_to_close(planned)))
    agreed = _agreed_to(planned, options, closes=closes)
    if closes:
        planned.store.close_to_others()
        output.message(f"{planned.place} is restricted to admins")
    reviewed = options.saved.plan if options.saved else plan if agreed else None
    return Terms(
        reviewed=None if reviewed is None else {change.id: change for change in reviewed.changes},
        incomplete=plan.incomplete.keys(),
        public=planned.snapshot.exposed and not (closes or allowed),
        losses={change.id: change.only_copy for change in plan.removes},
    )


def _agreed_to(planned: Planned, options: ApplyOptions, *, closes: bool) -> bool:
    """Whether a person agreed to exactly this plan. Nobody is asked if nothing needs it."""
    copies = _only_copies(planned, options)
    if options.yes:
        for id, names in copies.items():
            output.warn(f"{id} has the only copy of {names}, which is deleted with it")
    removes = len(planned.plan.removes) if options.prune else 0
    target = planned.target
    if options.yes or not (removes or (target.protected and (closes or planned.plan.writes))):
        return False
    reason = f"the target {target.name} is protected" if target.protected else "--prune deletes documents"
    if not sys.stdin.isatty():
        raise SafetyLimit(f"{reason}, and there is no terminal to ask on", "add --yes to confirm")
    _show(planned, prune=options.prune)
    agreed = _agreed(planned, reason, f"Delete {counted(removes, 'document')} from {planned.place}?")
    for id, names in copies.items():
        agreed = agreed and output.prompt(f"{id} has the only copy of {names}. Type its id to delete it").strip() == id
    _insist(agreed)
    return True


def agree(planned: Planned) -> bool:
    """Show the plan of an undo, and ask whether to write it. Raises `SafetyLimit` if nothing confirms it."""
    if not sys.stdin.isatty():
        raise SafetyLimit(
            "there is no terminal to ask on", "see the plan with provision diff, or undo --dry-run; then add --yes"
        )
    _show(planned, prune=True)
    _insist(_agreed(planned, f"the target {planned.target.name} is protected", f"Write this to {planned.place}?"))
    return True


def _show(planned: Planned, *, prune: bool) -> None:
    output.message(render.as_text(planned.plan, output.paint(sys.stderr), prune=prune))


def _agreed(planned: Planned, reason: str, question: str) -> bool:
    """Whether a person agrees: with yes, or with the name of a protected target."""
    if not planned.target.protected:
        return output.confirm(question)
    given = output.prompt(f"{reason}. Type its name to write to {planned.place}")
    return given.strip() == planned.target.name


def _insist(agreed: bool) -> None:
    if not agreed:
        raise SafetyLimit("not confirmed: nothing was written", "run the command again, and confirm or add --yes")


def _only_copies(planned: Planned, options: ApplyOptions) -> dict[str, str]:
    """The documents that a prune deletes with secrets that no credential source has, with the names of these."""
    plan, anyway = planned.plan, Permission.CHANGED in options.allow
    pruned = [each for each in plan.removes if anyway or not each.obstacles]
    pruned = [each for each in pruned if not (each.renamed_to and why_kept(each, plan))]
    return {each.id: listed(each.only_copy) for each in pruned if each.only_copy and options.prune}


def _wants_to_close(planned: Planned) -> bool:
    """Whether a person wants a public database closed. Raises `SafetyLimit` if secrets must not be written to it."""
    if sys.stdin.isatty() and output.confirm(f"Everyone can read {planned.place}. Restrict it to admins?"):
        return True
    raise exposure(planned)


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
            written = (outcome.change for outcome in outcomes[name])
            for change in written:
                if change and change.action is Action.CHANGE and (proof := self._prover.proof(change)) and proof.proven:
                    good = self._again(each, change) and good
        return good

    def _again(self, planned: Planned, change: Change) -> bool:
        proof = self._prover.again(change)
        if proof is None or proof.proven:
            note = next((each.note("console") for each in planned.definitions if each.id == change.id), "")
            output.message(f"next: revoke the old credentials of {change.id} at {note or 'the provider'}")
            return True
        target = f" --target {planned.target.name}" if planned.target.name else ""
        back = f"provision undo{target} undoes this run"
        if not planned.target.backup:
            back = "write the old credentials again: this target keeps no backups for provision undo"
        message = f"{change.id}: the provider no longer accepts the new credentials: {proof.result.message}"
        output.message(f"error: {message}\nnext: {back}")
        return False

    def _accepts(self, proof: "Proof") -> bool:
        """Whether what nothing proves may be written; only before the first write a person is asked."""
        if self._unproven or not sys.stdin.isatty() or threading.current_thread() is not threading.main_thread():
            return self._unproven
        return output.confirm(f"{proof.client.id}: {proof.result.message}. Write it unverified?")
