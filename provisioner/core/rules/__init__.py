"""The rules of definitions and documents: what makes an account type fail inside cozy-stack; rules.md explains each."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Struct

from provisioner.core.definitions.account_type import BANK_ENDPOINTS, SECRET_MODES, Document, context_of, is_missing
from provisioner.core.definitions.definition import Definition
from provisioner.core.definitions.domains import Domains
from provisioner.core.definitions.kinds import Kind
from provisioner.core.definitions.problem import Severity
from provisioner.core.definitions.url import Url, is_stated, read_url, with_gaps


class Rule(Struct, frozen=True):
    """One rule: its kebab-case id, how bad it is, and whether a comment or a policy may silence it."""

    id: str
    severity: Severity
    ignorable: bool


_TABLE = {
    (Severity.ERROR, False): """
        ambiguous-value bad-id custom-rule duplicate-key empty-file empty-folder extras-not-strings file-name
        key-not-a-string manifest-no-account-type manifest-no-scope manifest-scope-array merge-key missing-key
        missing-variable not-a-mapping not-json not-utf-8 same-id several-documents syntax tag template-refused
        template-without-secret too-deep too-large undecodable unknown-key unreadable variable-in-host variable-syntax
        wrong-type wrong-value
        bi-endpoints half-character number-loses-digits plus-in-id remote-doctype remote-secret-name
        remote-secret-no-text template-value url-unreadable""",
    (Severity.WARNING, False): """
        key-in-other-case manifest-old-key manifest-scope-delimiter secret-without-template unused-ignore
        unused-variable""",
    (Severity.ERROR, True): """
        colon-in-client-id context-without-redirect get-with-query id-not-a-segment implicit-redirect
        missing-credentials no-pkce padded-credential parameter-twice placeholder-credential push-slug query-dropped
        redirect-path redirect-query refused-grant-mode reserved-parameter slug-not-unique slug-of-no-konnector
        slug-too-common slug-undecodable unreadable-answer unseen-character url-fragment url-user-info""",
    (Severity.WARNING, True): """
        commented-credential folded-credential secret-in-source
        basic-not-encoded bi-same-page bi-token-endpoint fixed-nonce foreign-endpoint get-leaks-secret google-offline
        host-mapped id-not-plain ids-differ-by-case ignored-key no-client-secret no-token-endpoint override-other-slug
        override-without-global plain-http redirect-to-app secret-never-used""",
}
"""The rules by their severity, and whether they can be ignored. Those before a line break are found elsewhere: while
files are read, by the JSON schema, or by a command; the others by the checks of this package."""

RULES: tuple[Rule, ...] = tuple(
    sorted((Rule(id, *kind) for kind, ids in _TABLE.items() for id in ids.split()), key=lambda rule: rule.id)
)
"""Every rule, by its id."""

BY_ID = {rule.id: rule for rule in RULES}

OF_VALUES = frozenset(
    {
        *("basic-not-encoded", "colon-in-client-id", "half-character", "number-loses-digits", "padded-credential"),
        *("placeholder-credential", "unseen-character"),
    }
)
"""The rules about values, wherever they come from: a definition, a variable, a credential source, the database."""


class RuleText(Struct, frozen=True):
    """How a rule is explained, in Markdown: what it finds, why that fails, how to fix it, and a reference if any."""

    finds: str
    why: str
    fix: str
    reference: str = ""


def read_texts(markdown: str) -> Mapping[str, RuleText]:
    """The texts of the rules by id, from the file that ships with them: a section each, with titled paragraphs."""
    texts: dict[str, RuleText] = {}
    _, *parts = re.split(r"^## (\S+)$", markdown, flags=re.MULTILINE)
    for id, section in zip(parts[::2], parts[1::2], strict=True):
        paragraphs = re.findall(r"^\*\*([^*]+):\*\*\s+(.*?)(?=\n\n|\Z)", section, re.MULTILINE | re.DOTALL)
        found = {title: " ".join(text.split()) for title, text in paragraphs}
        texts[id] = RuleText(found["Finds"], found["Why"], found["How to fix"], found.get("Reference", ""))
    return texts


ENDPOINTS = ("auth_endpoint", "token_endpoint", *BANK_ENDPOINTS)
URLS = (*ENDPOINTS, "redirect_uri")


class DefinitionView(Struct, frozen=True):
    """A definition, or a live document as one, with what the checks ask of it.

    `urls` holds the fields that can be read as a URL, with a `GAP` for each variable without a value, and `written`
    the texts of all that are meant as one. `gaps` are the fields that contain such a variable. `live`: it is a live
    document, so nothing of it comes from elsewhere. `broken`: the stack cannot decode that document.
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
    def of(cls, definition: Definition, domains: Domains, *, live: bool = False) -> "DefinitionView":
        """The view of a definition."""
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
        """The id of the document, with its context."""
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
