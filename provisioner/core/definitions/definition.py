"""A definition: one file, and the document that it asks for; how files are read, chosen and checked."""

from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from provisioner.core.definitions.account_type import NOTE_PREFIX, Document
from provisioner.core.definitions.content import Content, Reading
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, Kind
from provisioner.core.definitions.problem import START, Ignore, Problem, Severity
from provisioner.core.secret import Json
from provisioner.core.text import did_you_mean


class Definition(Struct, frozen=True):
    """A document as its file wants it, with neither ``_id`` nor notes. `asked`: what credential sources may add."""

    id: str
    path: str
    document: Document
    content: Content = Content({})
    kind: Kind = ACCOUNT_TYPE
    asked: tuple[str, ...] = ACCOUNT_TYPE.asked({})

    @property
    def unknown(self) -> tuple[str, ...]:
        """The fields that hold a variable without a value."""
        return tuple(name for name in self.content.values if self.content.has_gap((name,)))

    def note(self, name: str) -> str:
        """The text of the note ``x-<name>``; empty if there is none."""
        return self.content.text(f"{NOTE_PREFIX}{name}")

    @classmethod
    def of(cls, id: str, path: str, content: Content, kind: Kind = ACCOUNT_TYPE) -> "Definition":
        """The definition that a checked mapping holds."""
        values = content.values
        fields = {name: values[name] for name in values if name != "_id" and not name.startswith(NOTE_PREFIX)}
        return cls(id, path, kind.document(fields), content, kind, kind.asked(fields))


def stated_id(content: Content, usual: str) -> str:
    """The id that a definition states, else the usual one."""
    given = content.values.get("_id", usual)
    return usual if isinstance(given, dict | list) else str(given)


class Source(Struct, frozen=True):
    """One file: its path as the user named it, the id that the path gives, its content, problems, ignores and kind."""

    path: str
    id: str
    content: Content | None
    problems: tuple[Problem, ...] = ()
    ignores: tuple[Ignore, ...] = ()
    kind: Kind = ACCOUNT_TYPE

    @classmethod
    def of(cls, path: str, id: str, reading: Reading, kind: Kind = ACCOUNT_TYPE) -> "Source":
        """A file that was read."""
        problems = tuple(problem.in_file(path) for problem in reading.faults)
        return cls(path, id, reading.content, problems, reading.ignores, kind)

    @classmethod
    def failed(cls, path: str, message: str, rule: str, kind: Kind = ACCOUNT_TYPE) -> "Source":
        """A file or folder that cannot be read."""
        return cls(path, "", None, (Problem(START, message, rule, path=path),), kind=kind)

    @property
    def document_id(self) -> str:
        """The id of the document that it defines: its ``_id``, else what its path says."""
        return stated_id(self.content, self.id) if self.content else self.id

    @property
    def fields(self) -> dict[str, Json]:
        """The keys as they are in the file."""
        return self.content.values if self.content else {}

    def text(self, name: str) -> str:
        """The text of a key; empty if there is none."""
        return self.content.text(name) if self.content else ""

    def note(self, name: str) -> str:
        """The text of the note ``x-<name>``; empty if there is none."""
        return self.text(f"{NOTE_PREFIX}{name}")

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
        """Whether a word stands in what is known of the provider."""
        texts = [self.id, self.name, *self.hosts, self.note("notes"), self.note("homepage")]
        return any(word.lower() in text.lower() for text in texts)


class Selection(Struct, frozen=True):
    """Which account types are meant: `ids`, or those that fit a glob of `only` and none of `exclude`."""

    ids: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @classmethod
    def of(cls, ids: Sequence[str] | None, only: Sequence[str] | None, exclude: Sequence[str] | None) -> "Selection":
        """What the words of a command line mean."""
        return cls((*dict.fromkeys(ids or ()),), (*(only or ()),), (*(exclude or ()),))

    def __bool__(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.ids or self.only or self.exclude)

    def takes(self, id: str) -> bool:
        """Whether an account type is meant by the globs."""
        fits = not self.only or any(fnmatchcase(id, glob) for glob in self.only)
        return fits and not any(fnmatchcase(id, glob) for glob in self.exclude)

    def means(self, id: str) -> bool:
        """Whether an account type is meant: by its id, if any are named, and by the globs."""
        return self.takes(id) and (not self.ids or id in self.ids)

    def fault(self, known: Collection[str], noun: str = "account type") -> str:
        """What is wrong with it: an unknown id, or that no known id is left; an empty text if nothing.

        `noun`: what an id may stand for.
        """
        unknown = next((id for id in self.ids if id not in known), None)
        if unknown is not None:
            return f"there is no {noun} {unknown}{did_you_mean(unknown, known)}"
        return "" if not known or any(map(self.means, known)) else NONE_LEFT


NONE_LEFT = "--only and --exclude leave no account type"

ALL = Selection()
"""Every account type."""


LIVE = "couchdb:"
"""What stands before the id of a live document where a file has its path."""


class Validation(Struct, frozen=True):
    """What a catalogue holds: `definitions` sorted by id, `problems` sorted by place, the number of `files`.

    `ignored` are the problems that comments in the files ignore. `documents`: how many live documents were checked,
    ``None`` if none were asked for.
    """

    files: int
    definitions: tuple[Definition, ...]
    problems: tuple[Problem, ...]
    documents: int | None = None
    ignored: tuple[Problem, ...] = ()

    def strict(self) -> "Validation":
        """The same, with its warnings as errors."""
        problems = (replace(problem, severity=Severity.ERROR) for problem in self.problems)
        return replace(self, problems=tuple(problems))

    @property
    def in_files(self) -> tuple[Problem, ...]:
        """The problems of files and folders, without those of options and of live documents."""
        return tuple(problem for problem in self.problems if not problem.path.startswith(("--", LIVE)))

    @property
    def errors(self) -> int:
        """The problems that stop a run."""
        return sum(problem.severity is Severity.ERROR for problem in self.problems)

    @property
    def warnings(self) -> int:
        """The problems that do not stop a run."""
        return len(self.problems) - self.errors


def joined(validations: Sequence[Validation]) -> Validation:
    """What several catalogues hold together."""
    first, *others = validations
    if not others:
        return first
    return replace(
        first,
        files=sum(each.files for each in validations),
        definitions=tuple(each for one in validations for each in one.definitions),
        problems=tuple(sorted(each for one in validations for each in one.problems)),
        ignored=tuple(sorted(each for one in validations for each in one.ignored)),
    )


def providers(sources: Iterable[Source]) -> list[Source]:
    """The files of a catalogue that can be read, sorted by id."""
    return sorted((source for source in sources if source.content), key=lambda source: source.id)
