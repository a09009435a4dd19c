"""A definition as the checks see it, from a file or from the database, and what they find in it."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from msgspec import Struct

from provisioner.core.definitions.account_type import BANK_ENDPOINTS, SECRET_MODES, Document, context_of, is_missing
from provisioner.core.definitions.definition import Definition
from provisioner.core.definitions.domains import Domains
from provisioner.core.definitions.kind import Kind
from provisioner.core.definitions.problem import Severity
from provisioner.core.definitions.url import Url, is_stated, read_url, with_gaps

ENDPOINTS = ("auth_endpoint", "token_endpoint", *BANK_ENDPOINTS)
URLS = (*ENDPOINTS, "redirect_uri")


class AccountTypeView(Struct, frozen=True):
    """A definition with what the checks ask of it.

    `urls` holds the fields that can be read as a URL, with a `GAP` for each variable without a value, and `written`
    the texts of all that are meant as one. `gaps` are the fields that are such a variable. `live`: it is a document of
    the database, so nothing of it comes from elsewhere. `broken`: the stack cannot decode that document.
    """

    definition: Definition
    domains: Domains
    mode: str
    urls: Mapping[str, Url]
    written: Mapping[str, str]
    gaps: frozenset[str]
    live: bool = False
    broken: bool = False

    @classmethod
    def of(cls, definition: Definition, domains: Domains, *, live: bool = False) -> "AccountTypeView":
        """The view that a definition is."""
        document, mode = definition.document, definition.document.get("grant_mode")
        gaps = frozenset(str(path[0]) for path in definition.content.gaps if len(path) == 1)
        urls: dict[str, Url] = {}
        written: dict[str, str] = {}
        for name in URLS:
            text = document.get(name)
            if isinstance(text, str):
                text = with_gaps(text) if name in gaps else text
                if url := read_url(text):
                    urls[name] = url
                if is_stated(text):
                    written[name] = text
        known_mode = mode if isinstance(mode, str) and "grant_mode" not in gaps else ""
        broken = live and definition.kind.undecodable(document) is not None
        return cls(definition, domains, known_mode, urls, written, gaps, live, broken)

    @property
    def id(self) -> str:
        """The id of the account type, with its context."""
        return self.definition.id

    @property
    def kind(self) -> Kind:
        """The kind of the document."""
        return self.definition.kind

    @property
    def document(self) -> Document:
        """The fields."""
        return self.definition.document

    @property
    def context(self) -> str:
        """The context of the account type; empty for a global one."""
        return context_of(self.id) or ""

    @property
    def hands_secret(self) -> bool:
        """Whether the konnector is to get the secret (``HasSecretGrant`` of the stack)."""
        return self.mode in SECRET_MODES

    @property
    def is_push(self) -> bool:
        """Whether it only holds the credentials of push notifications."""
        noted = "x-fcm_credentials" in self.definition.content.values
        return self.absent("grant_mode") and (noted or "fcm_credentials" in self.document)

    def text(self, name: str) -> str:
        """The text of a field; empty where it is missing, no text, or a variable without a value."""
        value = self.document.get(name)
        return value if isinstance(value, str) and name not in self.gaps else ""

    def absent(self, name: str) -> bool:
        """Whether the stack finds nothing in a field."""
        return is_missing(self.document.get(name))


class Finding(NamedTuple):
    """What is wrong: the rule that says it, the keys that lead to the value, and a severity milder than the rule's."""

    rule: str
    message: str
    path: tuple[str, ...]
    severity: Severity | None


def found(rule: str, message: str, *path: str, severity: Severity | None = None) -> Finding:
    """What a rule finds, and where."""
    return Finding(rule, message, path, severity)


Check: TypeAlias = Callable[[AccountTypeView], Iterator[Finding]]
