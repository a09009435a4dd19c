"""The rules of definitions and documents: what makes an account type fail inside cozy-stack; rules.md explains each."""

import re
from collections.abc import Mapping

from msgspec import Struct

from provisioner.core.definitions.problem import Severity


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
