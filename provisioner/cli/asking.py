"""Asks for confirmation before a change that cannot be undone."""

import sys

from provisioner.cli import output
from provisioner.commands.guard import Permissions, exposure, is_exposing
from provisioner.commands.planning import Planned
from provisioner.core.errors import SafetyLimit
from provisioner.core.text import counted
from provisioner.render import plan as render


def ask(planned: Planned, allowed: Permissions, *, yes: bool, make_private: bool) -> bool:
    """Ask for the confirmations that a plan needs, and close the database if the user wants that.

    Returns whether a person was asked and agreed. Raises `SafetyLimit` if no one agrees.
    """
    asked = False
    if make_private or (is_exposing(planned) and not allowed.allow_public):
        asked = _close(planned, make_private=make_private)
    removes = len(planned.plan.removes) if allowed.prune else 0
    target = planned.target
    if yes or not (removes or (target.protected and planned.plan.writes)):
        return asked
    reason = f"the target {target.name} is protected" if target.protected else "--prune deletes documents"
    if not sys.stdin.isatty():
        raise SafetyLimit(f"{reason}, and there is no terminal to ask on", "add --yes to confirm")
    if not sys.stdout.isatty():
        output.message(render.as_text(planned.plan))
    if target.protected:
        given = output.prompt(f"{reason}. Type its name to write to {planned.place}")
        agreed = given.strip() == target.name
    else:
        agreed = output.confirm(f"Delete {counted(removes, 'document')} from {planned.place}?")
    if not agreed:
        raise SafetyLimit("not confirmed: nothing was written", "run the command again, and confirm or add --yes")
    return True


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
