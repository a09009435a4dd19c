"""Asks a person to confirm a plan, and closes a public database where the person wants that."""

import sys

from provisioner.cli import output
from provisioner.commands.admission import ApplyOptions, Permission, Terms, exposure, is_exposing
from provisioner.commands.planning import Planned
from provisioner.core.errors import SafetyLimit
from provisioner.core.plan.planning import why_kept
from provisioner.core.text import counted, listed
from provisioner.render import plan as render


def ask(planned: Planned, options: ApplyOptions) -> Terms:
    """Ask for the confirmations that a plan needs, then close the database if the user wants that.

    Returns what each change is measured by. Raises `SafetyLimit` if nothing confirms the plan.
    """
    plan, public = planned.plan, planned.survey.public
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
        public=public and plan.ready and not (closes or allowed),
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
