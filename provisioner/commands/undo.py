"""Takes back what a run changed, as a plan like any other."""

from collections.abc import Mapping
from dataclasses import dataclass

from provisioner.commands.planning import Planned
from provisioner.core.errors import SafetyLimit
from provisioner.core.plan.backup import Backup, Entry
from provisioner.core.plan.changes import Change
from provisioner.core.plan.ownership import Signature
from provisioner.core.plan.store import Live, Store, Write
from provisioner.core.plan.undoing import change_back, way_back, write_back
from provisioner.core.targets.place import Place
from provisioner.core.targets.target import Target


@dataclass(frozen=True, slots=True)
class ToBackup:
    """The `Course` back to what a backup holds; `signature`: what signs documents that a later apply signed, too."""

    entries: Mapping[str, Entry]
    owner: str | None
    signature: Signature | None

    def write(self, change: Change) -> Write:
        """The write that makes a change, with the key that was there before."""
        return write_back(change, self.entries[change.id], self.signature)

    def again(self, tried: Change, live: Live | None) -> Change | str:
        """Plan a change anew."""
        change = change_back(tried.id, self.entries[tried.id], live, self.owner)
        return "someone deleted it meanwhile" if change is None else change


def plan_back(backup: Backup, target: Target, place: Place, store: Store) -> Planned:
    """Read what is live, and plan the way back. Raises `ProvisionError`."""
    if backup.place != str(place):
        what = f"this is a backup of {backup.place}, and not of {place}"
        raise SafetyLimit(what, "name the target that it belongs to")
    survey = store.survey([*backup.entries])
    plan, warnings = way_back(backup, survey.snapshot.existing())
    return Planned(
        target=target,
        place=place,
        owner=backup.owner,
        store=store,
        definitions=(),
        survey=survey,
        plan=plan,
        whole=False,
        warnings=warnings,
        problems=(),
    )
