"""What a rule is: what it looks at, what it says, and how ``provision explain`` tells of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from provisioner.core.definitions.problem import Severity
from provisioner.core.rules.subject import Subject


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule has to say of one account type; `path` leads to the value, and the severity may be milder."""

    message: str
    path: tuple[str, ...] = ()
    severity: Severity | None = None


Check: TypeAlias = Callable[[Subject], Iterator[Finding]]
AcrossCheck: TypeAlias = Callable[[Sequence[Subject]], Iterator[tuple[Subject, Finding]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: its kebab-case id, how bad it is, and its explanation in Markdown.

    `check` looks at one account type, `across` at all of them together; a rule without either is found elsewhere:
    while files are read, by the JSON schema, or by the command. `ignorable`: a comment in the file may silence it.
    """

    id: str
    severity: Severity
    finds: str
    why: str
    fix: str
    reference: str = ""
    check: Check | None = None
    across: AcrossCheck | None = None
    ignorable: bool = True
