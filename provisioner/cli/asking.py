"""Asks a person before something that cannot be undone."""

import sys

import typer

from provisioner.cli import output
from provisioner.commands.guard import Permissions, exposure, is_exposing
from provisioner.commands.planning import Planned
from provisioner.core.errors import SafetyLimit
from provisioner.core.text import counted
from provisioner.render import plan as render


def ask(planned: Planned, allowed: Permissions, *, yes: bool, make_private: bool) -> bool:
    """Ask what must be asked before a plan is applied, and close the database if that is wanted.

    Whether a person was asked and agreed. Raises `SafetyLimit` if nobody agrees.
    """
    asked = False
    if make_private or (is_exposing(planned) and not allowed.allow_public):
        asked = _close(planned, make_private=make_private)
    removes = len(planned.plan.removes) if allowed.prune else 0
    target = planned.target
    if yes or not (removes or (target.protected and planned.plan.writes)):
        return asked
    reason = f"the target {target.name} is protected" if target.protected else "a prune deletes documents"
    if not sys.stdin.isatty():
        raise SafetyLimit(f"{reason}, and nobody can be asked here", "add --yes if you mean it")
    if not sys.stdout.isatty():
        output.message(render.as_text(planned.plan))
    if target.protected:
        given = typer.prompt(f"{reason}. Type its name to write to {planned.place}", default="", err=True)
        agreed = given.strip() == target.name
    else:
        agreed = typer.confirm(f"Delete {counted(removes, 'document')} from {planned.place}?", err=True)
    if not agreed:
        raise SafetyLimit("not confirmed", "nothing was written")
    return True


def _close(planned: Planned, *, make_private: bool) -> bool:
    """Close a database that everyone can read to everyone but admins, by option or after a question."""
    security = planned.survey.security
    if security is None or not security.public:
        return False
    if not make_private:
        if not sys.stdin.isatty():
            raise exposure(planned)
        what = f"Everyone can read {planned.place}. Close it to everyone but admins?"
        if not typer.confirm(what, err=True):
            raise exposure(planned)
    planned.store.close_to_others()
    output.message(f"closed {planned.place} to everyone but admins")
    return not make_private
