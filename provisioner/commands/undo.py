"""Takes back what a run wrote, as a plan like any other."""

from collections.abc import Callable, Sequence

from provisioner.commands.planning import Planned
from provisioner.core.errors import SafetyLimit
from provisioner.core.plan.changes import Plan
from provisioner.core.plan.planning import with_only_copies
from provisioner.core.plan.store import Store
from provisioner.core.plan.undoing import FormerState
from provisioner.core.targets.credentials import Credentials
from provisioner.core.targets.target import Place, Target
from provisioner.core.text import listed

Sources = Callable[[Sequence[str]], Sequence[Credentials]]
"""What the credential sources of a target know of some account types."""


def plan_undo(way: FormerState, target: Target, place: Place, store: Store, sources: Sources) -> Planned:
    """Read what is live, and plan the way back. Raises `ProvisionError`."""
    run = way.run.run
    if run.place != str(place):
        what = f"this is a backup of {run.place}, and not of {place}"
        raise SafetyLimit(what, "name the target that it belongs to")
    survey = store.survey([*way.run.entries])
    documents = survey.snapshot.existing().documents
    found = [*way.changes(documents, store.deleted([id for id in way.run.entries if id not in documents]))]
    warnings = [note for _, note in found if note]
    plan = Plan(tuple(change for change, _ in found if change), ready=survey.snapshot.ready)
    if plan.removes and not (target.backup and target.backup.recipients):
        plan = with_only_copies(plan, sources([each.id for each in plan.removes]))
        why = "the backup of this undo is made without recipients, and keeps no secrets"
        losing = {each.id: listed(each.only_copy) for each in plan.removes if each.only_copy}
        warnings += [
            f"{id} stays as it is: it holds the only copy of {names}, and {why}" for id, names in losing.items()
        ]
        plan = Plan(tuple(each for each in plan.changes if each.id not in losing), ready=plan.ready)
    return Planned(
        target=target,
        place=place,
        owner=run.owner,
        store=store,
        definitions=(),
        survey=survey,
        plan=plan,
        whole=False,
        warnings=tuple(warnings),
        problems=(),
    )
