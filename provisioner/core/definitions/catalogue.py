"""A catalogue to choose from: what each definition says of its provider, in its notes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from provisioner.core.definitions.node import MappingNode, to_json
from provisioner.core.definitions.source import Source
from provisioner.core.secret import Json


@dataclass(frozen=True, slots=True)
class Provider:
    """One definition for a person to read. Each text may be empty; `fields` are the keys as they are in the file."""

    id: str
    fields: Mapping[str, Json]

    def note(self, name: str) -> str:
        """The text of the note ``x-<name>``."""
        value = self.fields.get(f"x-{name}")
        return value if isinstance(value, str) else ""

    def text(self, name: str) -> str:
        """The text of a key that is sent."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    @property
    def name(self) -> str:
        """The name of the provider; the id if the file notes none."""
        return self.note("name") or self.id

    @property
    def hosts(self) -> list[str]:
        """The hosts of its endpoints."""
        endpoints = (self.text(name) for name in ("auth_endpoint", "token_endpoint"))
        return [urlsplit(endpoint).netloc for endpoint in endpoints if "://" in endpoint]

    def mentions(self, word: str) -> bool:
        """Whether a word stands in what is known of it."""
        texts = [self.id, self.name, *self.hosts, self.note("notes"), self.note("homepage")]
        return any(word.lower() in text.lower() for text in texts)


def providers(sources: Iterable[Source]) -> list[Provider]:
    """The providers of a catalogue, sorted by id."""
    found = (Provider(source.id, _fields(source.node)) for source in sources if source.node)
    return sorted(found, key=lambda provider: provider.id)


def _fields(node: MappingNode) -> Mapping[str, Json]:
    fields = to_json(node)
    assert isinstance(fields, dict)
    return fields
