"""Rules about ids and the contexts before them."""

import re
from collections.abc import Iterator, Sequence

from provisioner.core.definitions.problem import Severity
from provisioner.core.rules.rule import Finding, Rule
from provisioner.core.rules.subject import Subject

_UNESCAPED = "$&,:;=@"
"""The characters that the stack finds in a route's path as they are, and does not find percent-encoded."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def _segment(subject: Subject) -> Iterator[Finding]:
    shown = subject.service
    found = [char for char in _UNESCAPED if char in subject.service]
    if subject.service in ("", ".", "..") or "/" in subject.service:
        yield Finding(f"the id {shown} cannot be a segment of a URL's path", ("_id",))
    elif found:
        message = f"the id {shown} has {' '.join(found)}: a client that percent-encodes the id gets 404"
        yield Finding(message, ("_id",), Severity.WARNING)
    elif _CONTROL.search(subject.id):
        yield Finding(
            f"the id {shown} has a control character, which cannot be seen or typed", ("_id",), Severity.WARNING
        )


def _plus(subject: Subject) -> Iterator[Finding]:
    if "+" in subject.id:
        message = f"the stack does not find the id {subject.id}: CouchDB takes its + for a space"
        yield Finding(message, ("_id",))


def _case(subjects: Sequence[Subject]) -> Iterator[tuple[Subject, Finding]]:
    first: dict[str, Subject] = {}
    for subject in sorted(subjects, key=lambda subject: subject.id):
        other = first.setdefault(subject.id.casefold(), subject)
        if other.id != subject.id:
            message = f"the id {subject.id} differs from {other.id} only by case"
            yield subject, Finding(message, ("_id",))


RULES = (
    Rule(
        id="id-not-a-segment",
        severity=Severity.ERROR,
        finds=(
            "An id that cannot be in a URL's path: `.`, `..`, or one with a `/` beside that of its context. One "
            f"with a control character or any of `{' '.join(_UNESCAPED)}` is a warning."
        ),
        why=(
            "The id is a segment of the routes `/accounts/<id>/start` and `/accounts/<id>/redirect` "
            f"(`web/accounts/oauth.go`). Spaces, accents, `?`, `#` and `%` work there, percent-encoded. "
            f"`{' '.join(_UNESCAPED)}` work as they are, but a client that percent-encodes them, as "
            "`encodeURIComponent` does, gets 404."
        ),
        fix="Use lower-case letters, digits, `-` and `_`: best the slug of the konnector.",
        reference="RFC 3986, section 3.3",
        check=_segment,
    ),
    Rule(
        id="plus-in-id",
        severity=Severity.ERROR,
        finds="A `+` in an id or in its context.",
        why=(
            "The stack sends a `+` to CouchDB as it is, CouchDB reads it as a space, and the document is not found: "
            "each login and refresh answers 404 (`model/account/type.go`, `TypeInfo`)."
        ),
        fix="Use lower-case letters, digits, `-` and `_`.",
        check=_plus,
        ignorable=False,
    ),
    Rule(
        id="ids-differ-by-case",
        severity=Severity.WARNING,
        finds="Two ids that differ only by case, such as `Google` and `google`.",
        why=(
            "For CouchDB they are two documents (`model/account/type.go`, `TypeInfo`), for people and for many file "
            "systems one: half of the konnectors use the one that no one maintains."
        ),
        fix="Keep one of them.",
        across=_case,
    ),
)
