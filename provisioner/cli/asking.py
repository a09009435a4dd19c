"""Asks for confirmation before a change that cannot be undone."""

import os
import sys
from dataclasses import replace

from provisioner.adapters.couchdb.address import DEFAULT
from provisioner.cli import output
from provisioner.cli.options import Databases
from provisioner.commands.guard import Permissions, exposure, is_exposing
from provisioner.commands.planning import Planned
from provisioner.core.errors import SafetyLimit, UsageError
from provisioner.core.plan.description import plan_rows
from provisioner.core.text import counted, listed
from provisioner.render import plan as render


def named_server(databases: Databases) -> Databases:
    """The same databases; if nothing says which server to write to, a person is asked.

    Raises `UsageError` if there is no terminal to ask on.
    """
    named = databases.couch or databases.target or databases.all_targets or databases.cozy_config
    if named or os.environ.get("PROVISION_COUCH"):
        return databases
    if not sys.stdin.isatty():
        raise UsageError(
            "nothing says which CouchDB to write to",
            "add --couch URL, or --target NAME if provision.yaml has targets; to read only, run provision diff",
        )
    given = output.prompt(f"Which CouchDB should be written to? For example {DEFAULT}").strip()
    if not given:
        raise UsageError("no CouchDB was named: nothing was written", "add --couch URL")
    return replace(databases, couch=given)


def ask(planned: Planned, allowed: Permissions, *, yes: bool, make_private: bool) -> bool:
    """Ask for the confirmations that a plan needs, and close the database if the user wants that.

    Returns whether a person was asked and agreed. Raises `SafetyLimit` if nothing confirms it.
    """
    asked = False
    copies = _only_copies(planned, allowed)
    if yes:
        for id, names in copies.items():
            output.warn(f"{id} holds the only copy of {names}, which is deleted with it")
    if make_private or (is_exposing(planned) and not allowed.allow_public):
        asked = _close(planned, make_private=make_private)
    removes = len(planned.plan.removes) if allowed.prune else 0
    target = planned.target
    if yes or not (removes or (target.protected and planned.plan.writes)):
        return asked
    reason = f"the target {target.name} is protected" if target.protected else "--prune deletes documents"
    if not sys.stdin.isatty():
        raise SafetyLimit(f"{reason}, and there is no terminal to ask on", "add --yes to confirm")
    _show(planned, prune=allowed.prune)
    agreed = _agreed(planned, reason, f"Delete {counted(removes, 'document')} from {planned.place}?")
    for id, names in copies.items():
        agreed = (
            agreed and output.prompt(f"{id} holds the only copy of {names}. Type its id to delete it").strip() == id
        )
    _insist(agreed)
    return True


def agree(planned: Planned) -> bool:
    """Show a way back, and ask whether it is to be gone. Raises `SafetyLimit` if nothing confirms it."""
    if not sys.stdin.isatty():
        raise SafetyLimit("there is no terminal to ask on", "see the plan with --dry-run; add --yes to confirm")
    _show(planned, prune=True)
    _insist(_agreed(planned, f"the target {planned.target.name} is protected", f"Write this to {planned.place}?"))
    return True


def _show(planned: Planned, *, prune: bool) -> None:
    output.message(render.as_text(plan_rows(planned.plan), output.paint(sys.stderr), prune=prune))


def _agreed(planned: Planned, reason: str, question: str) -> bool:
    """Whether a person agrees: with yes, or with the name of a protected target."""
    if not planned.target.protected:
        return output.confirm(question)
    given = output.prompt(f"{reason}. Type its name to write to {planned.place}")
    return given.strip() == planned.target.name


def _insist(agreed: bool) -> None:
    if not agreed:
        raise SafetyLimit("not confirmed: nothing was written", "run the command again, and confirm or add --yes")


def _only_copies(planned: Planned, allowed: Permissions) -> dict[str, str]:
    """The documents that a prune deletes with secrets that no credential source has, with the names of these."""
    pruned = {each.id for each in planned.plan.removes if allowed.prune_changed or not each.obstacles}
    copies = planned.plan.only_copies if allowed.prune else {}
    return {id: listed(names) for id, names in copies.items() if id in pruned}


def _close(planned: Planned, *, make_private: bool) -> bool:
    """Restrict a public database to admins, if an option or the user's answer asks for it."""
    security = planned.survey.security
    if security is None or not security.public:
        return False
    if not make_private:
        if not sys.stdin.isatty():
            raise exposure(planned)
        what = f"Everyone can read {planned.place}. Restrict it to admins?"
        if not output.confirm(what):
            raise exposure(planned)
    planned.store.close_to_others()
    output.message(f"{planned.place} is now restricted to admins")
    return not make_private
