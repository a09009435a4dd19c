"""The runs that backups tell of."""

from collections.abc import Mapping
from dataclasses import dataclass

from provisioner.core.plan.backup import Backup


@dataclass(frozen=True, slots=True)
class Run:
    """A backup's file, and the backup, or why it cannot be read."""

    file: str
    backup: Backup | None = None
    trouble: str = ""

    @property
    def figures(self) -> Mapping[str, int]:
        """How many documents were to be created, changed and removed; nothing if that is not known."""
        entries = self.backup.entries.values() if self.backup else ()
        kinds = ["create" if each.before is None else "remove" if each.after is None else "change" for each in entries]
        return {kind: kinds.count(kind) for kind in ("create", "change", "remove")} if self.backup else {}


@dataclass(frozen=True, slots=True)
class History:
    """The runs of one target, the latest first, and where their files are."""

    folder: str
    runs: tuple[Run, ...]
