"""A definition: what one file says that an account type shall be."""

from dataclasses import dataclass

from provisioner.core.definitions.account_type import NOTE_PREFIX, Document, conceal
from provisioner.core.definitions.node import MappingNode, has_placeholder, to_json


@dataclass(frozen=True, slots=True)
class Definition:
    """An account type as its file wants it. The document has neither ``_id`` nor notes."""

    id: str
    path: str
    document: Document
    node: MappingNode

    @property
    def unknown(self) -> tuple[str, ...]:
        """The fields that hold a variable without a value."""
        return tuple(entry.key for entry in self.node.entries if has_placeholder(entry.value))

    def note(self, name: str) -> str:
        """The text of the note ``x-<name>``; empty if there is none."""
        entry = self.node.get(f"{NOTE_PREFIX}{name}")
        value = to_json(entry.value) if entry else None
        return value if isinstance(value, str) else ""

    @classmethod
    def of(cls, id: str, path: str, node: MappingNode) -> "Definition":
        """The definition that a checked mapping holds."""
        fields = {
            entry.key: to_json(entry.value)
            for entry in node.entries
            if entry.key != "_id" and not entry.key.startswith(NOTE_PREFIX)
        }
        return cls(id, path, conceal(fields), node)
