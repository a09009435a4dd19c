"""What a rule is, and an account type as the rules see it, from a file or from the database."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

from provisioner.core.definitions.account_type import (
    BANK_ENDPOINTS,
    SECRET_MODES,
    context_of,
    global_id,
    is_missing,
)
from provisioner.core.definitions.definition import Definition
from provisioner.core.definitions.domains import Domains
from provisioner.core.definitions.go_url import read_query
from provisioner.core.definitions.kind import Kind
from provisioner.core.definitions.kinds import ACCOUNT_TYPE
from provisioner.core.definitions.node import MappingNode, Scalar, at
from provisioner.core.definitions.problem import Severity
from provisioner.core.definitions.url import GAP, Url, is_stated, read_url, with_gaps
from provisioner.core.secret import Json, Secret

ENDPOINTS = ("auth_endpoint", "token_endpoint", *BANK_ENDPOINTS)
URLS = (*ENDPOINTS, "redirect_uri")

Urls: TypeAlias = Mapping[str, Url]


class AccountTypeView(Struct, frozen=True):
    """A definition with what the rules ask of it.

    `urls` holds the fields that can be read as a URL, with a `GAP` for each variable without a value, and `written`
    the texts of all that are meant as one. `gaps` are the fields that are such a variable. `extras` are the extra
    parameters, and `query` those in the query of auth_endpoint, ``None`` for a value that is not known. `live`: it is a
    document of the database, so nothing of it comes from elsewhere. `broken`: the stack cannot decode that document.
    """

    definition: Definition
    domains: Domains
    mode: str
    urls: Urls
    written: Mapping[str, str]
    gaps: frozenset[str]
    extras: Mapping[str, str | None]
    query: Mapping[str, str | None]
    live: bool = False
    broken: bool = False

    @classmethod
    def of(cls, definition: Definition, domains: Domains, *, live: bool = False) -> "AccountTypeView":
        """The view that a definition is."""
        document = definition.document
        gaps = frozenset(entry.key for entry in definition.node.entries if _is_gap(entry.value))
        texts = {name: _url_text(document[name], gap=name in gaps) for name in URLS if name in document}
        urls = {name: url for name, text in texts.items() if (url := read_url(text))}
        mode = document.get("grant_mode")
        return cls(
            definition,
            domains,
            mode if isinstance(mode, str) and "grant_mode" not in gaps else "",
            urls,
            written={name: text for name, text in texts.items() if is_stated(text)},
            gaps=gaps,
            extras=_extras(definition),
            query=_query(urls.get("auth_endpoint")),
            live=live,
            broken=live and definition.kind.undecodable(document) is not None,
        )

    @property
    def id(self) -> str:
        """The id of the account type, with its context."""
        return self.definition.id

    @property
    def kind(self) -> Kind:
        """The kind of the document."""
        return self.definition.kind

    @property
    def id_known(self) -> bool:
        """Whether the id holds no variable without a value."""
        return "_id" not in self.gaps

    @property
    def context(self) -> str:
        """The context of the account type; empty for a global one."""
        return context_of(self.id) or ""

    @property
    def global_id(self) -> str:
        """The id without its context, as ``ServiceID`` of the stack has it."""
        return global_id(self.id)

    @property
    def hands_secret(self) -> bool:
        """Whether the konnector is to get the secret (``HasSecretGrant`` of the stack)."""
        return self.mode in SECRET_MODES

    @property
    def opened(self) -> tuple[str, ...]:
        """The endpoints to which the stack sends people, with what it adds: those of banks only in bi modes."""
        return ("auth_endpoint", *BANK_ENDPOINTS) if self.mode.startswith("bi_") else ("auth_endpoint",)

    def query_of(self, name: str) -> frozenset[str]:
        """The names in the query of an endpoint."""
        return frozenset(_query(self.urls.get(name)))

    @property
    def is_push(self) -> bool:
        """Whether it only holds the credentials of push notifications."""
        noted = self.definition.node.get("x-fcm_credentials") is not None
        return self.absent("grant_mode") and (noted or "fcm_credentials" in self.definition.document)

    def text(self, name: str) -> str:
        """The text of a field; empty where it is missing, no text, or a variable without a value."""
        value = self.definition.document.get(name)
        return value if isinstance(value, str) and name not in self.gaps else ""

    def unknown(self, name: str) -> bool:
        """Whether a field holds a variable without a value."""
        return name in self.gaps

    def absent(self, name: str) -> bool:
        """Whether the stack finds nothing in a field."""
        return is_missing(self.definition.document.get(name))


def _extras(definition: Definition) -> dict[str, str | None]:
    extras = definition.document.get("extras")
    if not isinstance(extras, dict):
        return {}
    node = at(definition.node, ["extras"])
    gaps = {entry.key for entry in node.entries if _is_gap(entry.value)} if isinstance(node, MappingNode) else ()
    return {name: None if name in gaps or not isinstance(value, str) else value for name, value in extras.items()}


def _query(url: Url | None) -> dict[str, str | None]:
    pairs = read_query(url.query) if url and url.query else []
    return {name: None if GAP in value else value for name, value in pairs if GAP not in name}


def _is_gap(node: object) -> bool:
    return isinstance(node, Scalar) and node.placeholder


def _url_text(value: Json | Secret, *, gap: bool) -> str:
    if not isinstance(value, str):
        return ""
    return with_gaps(value) if gap else value


class Finding(Struct, frozen=True):
    """What a rule has to say of one account type; `path` leads to the value, and the severity may be milder."""

    message: str
    path: tuple[str, ...] = ()
    severity: Severity | None = None


Check: TypeAlias = Callable[[AccountTypeView], Iterator[Finding]]
AcrossCheck: TypeAlias = Callable[[Sequence[AccountTypeView]], Iterator[tuple[AccountTypeView, Finding]]]


class Rule(Struct, frozen=True):
    """One rule: its kebab-case id, how bad it is, and its check.

    `check` looks at one account type, `across` at all of them together; a rule without either is found elsewhere:
    while files are read, by the JSON schema, or by the command. `ignorable`: a comment in the file may silence it.
    `kind`: the documents that it is about; ``None``: all.
    """

    id: str
    severity: Severity
    check: Check | None = None
    across: AcrossCheck | None = None
    ignorable: bool = True
    kind: Kind | None = ACCOUNT_TYPE

    def fits(self, view: AccountTypeView) -> bool:
        """Whether it is about such documents."""
        return self.kind is None or self.kind is view.kind


def rule(
    id: str, severity: Severity, *, ignorable: bool = True, kind: Kind | None = ACCOUNT_TYPE
) -> Callable[[Check], Rule]:
    """Make a rule of a check that looks at one document."""
    return lambda check: Rule(id, severity, check=check, ignorable=ignorable, kind=kind)


def rule_across(id: str, severity: Severity) -> Callable[[AcrossCheck], Rule]:
    """Make a rule of a check that looks at all account types together."""
    return lambda across: Rule(id, severity, across=across)


def rules_in(module: object) -> tuple[Rule, ...]:
    """The rules that a module declares."""
    return tuple(value for value in vars(module).values() if isinstance(value, Rule))


class RuleText(Struct, frozen=True):
    """How a rule is explained, in Markdown: what it finds, why that fails, how to fix it, and a reference if any."""

    finds: str
    why: str
    fix: str
    reference: str = ""


def read_texts(markdown: str) -> Mapping[str, RuleText]:
    """The texts of the rules by id, from the file that ships with them: a section each, with titled paragraphs."""
    _, *parts = re.split(r"^## (\S+)$", markdown, flags=re.MULTILINE)
    return {id: _text(section) for id, section in zip(parts[::2], parts[1::2], strict=True)}


def _text(section: str) -> RuleText:
    paragraphs = dict(re.findall(r"^\*\*([^*]+):\*\*\s+(.*?)(?=\n\n|\Z)", section, re.MULTILINE | re.DOTALL))
    found = {title: " ".join(text.split()) for title, text in paragraphs.items()}
    return RuleText(found["Finds"], found["Why"], found["How to fix"], found.get("Reference", ""))
