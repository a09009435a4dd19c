"""Edits definition files: their usual form, and corrections of which only one comes into question."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from provisioner.core.definitions.definition import Reading, Source
from provisioner.core.definitions.editing import Edit, certain_edits, edited, formatted

STDIN = "-"
_YAML = (".yaml", ".yml")


class Texts(Protocol):
    """The texts of definition files. Its methods raise `ProvisionError`."""

    def text_of(self, path: str) -> str:
        """The text of a definition that was read before."""
        ...

    def read_text(self, text: str) -> Reading:
        """What the text of a definition in YAML holds."""
        ...

    def replace_text(self, path: str, text: str) -> None:
        """Put a text in place of a file."""
        ...


@dataclass(frozen=True, slots=True)
class Formatted:
    """What formatting comes to: how many files were looked at, and the paths of those that are not in form."""

    files: int
    changed: tuple[str, ...]


def format_files(sources: Sequence[Source], texts: Texts, *, write: bool) -> Formatted:
    """Put the YAML files among some sources into their usual form, if `write`; those that cannot be read stay."""
    paths = [source.path for source in sources if source.node is not None and source.path.endswith(_YAML)]
    changed = []
    for path in paths:
        before = texts.text_of(path)
        after = formatted(before, texts.read_text)
        if after != before:
            changed.append(path)
            if write:
                texts.replace_text(path, after)
    return Formatted(len(paths), tuple(changed))


def fix_files(sources: Sequence[Source], texts: Texts) -> Iterator[tuple[str, Edit]]:
    """Correct what is certain in the files of some sources; each correction with its path."""
    for source in sources:
        if source.node is None or source.path == STDIN:
            continue
        text = texts.text_of(source.path)
        if edits := certain_edits(text, source.node):
            texts.replace_text(source.path, edited(text, edits))
            yield from ((source.path, edit) for edit in edits)
