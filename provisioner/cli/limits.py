"""What stands between a plan and its writes: a saved plan, other owners, prunes, and protected targets."""

import sys
from dataclasses import dataclass
from pathlib import Path

import typer

from provisioner.adapters.files import shipped
from provisioner.adapters.files.plans import read_plan
from provisioner.cli import output
from provisioner.cli.planning import Planned
from provisioner.core.errors import ProvisionError, SafetyLimit, UsageError
from provisioner.core.plan.changes import prune_refusal
from provisioner.core.plan.saved_plan import moved
from provisioner.core.text import counted, listed
from provisioner.render import plan as render


@dataclass(frozen=True, slots=True)
class Limits:
    """The options of ``apply`` that decide whether a plan may be made true."""

    plan_file: Path | None
    prune: bool
    allow_mass_delete: bool
    adopt: bool
    yes: bool

    def allowed(self, planned: Planned | ProvisionError) -> Planned | ProvisionError:
        """The same plan, where it may be applied; otherwise the reason."""
        if isinstance(planned, ProvisionError):
            return planned
        try:
            self._check_saved(planned)
            self._check_owners(planned)
            self._check_prune(planned)
            self._ask(planned)
        except ProvisionError as error:
            return error
        return planned

    def _check_saved(self, planned: Planned) -> None:
        if self.plan_file is None:
            return
        content = read_plan(self.plan_file, shipped.schema("plan"))
        differences = moved(content, planned.plan, planned.place, planned.ownership.own.owner)
        if differences:
            what = "the saved plan no longer holds:\n  " + "\n  ".join(differences)
            raise SafetyLimit(what, "look at provision diff, and save the plan again with --out")

    def _check_owners(self, planned: Planned) -> None:
        if planned.plan.foreign and not self.adopt:
            owned = listed(f"{id} ({owner})" for id, owner in planned.plan.foreign)
            raise SafetyLimit(f"another owner owns {owned}", "take them out, or take them over with --adopt")

    def _check_prune(self, planned: Planned) -> None:
        if not self.prune:
            return
        if not planned.whole:
            raise UsageError("--prune looks at the whole catalogue", "leave the paths away")
        refusal = prune_refusal(planned.plan, planned.ownership.own)
        if refusal and not self.allow_mass_delete:
            raise SafetyLimit(refusal, "look at provision diff; if it is meant, add --allow-mass-delete")

    def _ask(self, planned: Planned) -> None:
        removes = len(planned.plan.removes) if self.prune else 0
        target = planned.target
        if self.yes or not (removes or (target.protected and planned.plan.writes)):
            return
        reason = f"the target {target.name} is protected" if target.protected else "a prune deletes documents"
        if not sys.stdin.isatty():
            raise SafetyLimit(f"{reason}, and nobody can be asked here", "add --yes where that is meant")
        if not sys.stdout.isatty():
            output.message(render.as_text(planned.plan))
        if target.protected:
            given = typer.prompt(f"{reason}. Type its name to write to {planned.place}", default="", err=True)
            agreed = given.strip() == target.name
        else:
            agreed = typer.confirm(f"Delete {counted(removes, 'document')} from {planned.place}?", err=True)
        if not agreed:
            raise SafetyLimit("not confirmed", "nothing was written")
