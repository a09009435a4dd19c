"""Rules about ids, contexts and slugs, most of them over all account types together."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from provisioner.core.definitions.problem import Severity
from provisioner.core.rules.rule import Finding, Rule
from provisioner.core.rules.subject import Subject
from provisioner.core.text import listed, printable

_SEGMENT = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@-]+")
"""A segment of a path that needs no escapes (RFC 3986, ``pchar``)."""


def _segment(subject: Subject) -> Iterator[Finding]:
    shown = printable(subject.service)
    if subject.service in (".", "..") or "/" in subject.service:
        yield Finding(f"the id {shown} can be no segment of a URL's path", ("_id",))
    elif not _SEGMENT.fullmatch(subject.service):
        yield Finding(f"the id {shown} is a segment of a URL's path only with escapes", ("_id",), Severity.WARNING)


def _case(subjects: Sequence[Subject]) -> Iterator[tuple[Subject, Finding]]:
    first: dict[str, Subject] = {}
    for subject in sorted(subjects, key=lambda subject: subject.id):
        other = first.setdefault(subject.id.casefold(), subject)
        if other.id != subject.id:
            message = f"the id {printable(subject.id)} differs from {printable(other.id)} only by case"
            yield subject, Finding(message, ("_id",))


def _not_unique(subjects: Sequence[Subject]) -> Iterator[tuple[Subject, Finding]]:
    for slug, sharing in _by_slug(subjects).items():
        others = [subject for subject in sharing if not subject.is_push]
        for context in sorted({subject.context for subject in others}):
            left = _left(others, context)
            if len(left) > 1 and any(subject.context == context for subject in left):
                where = f" in the context {printable(context)}" if context else ""
                ids = listed(subject.id for subject in left)
                lost = any(subject.hands_secret for subject in left)
                effect = "none of them hands out its secret" if lost else "none of them could hand out a secret"
                message = f"several account types are left for the slug {printable(slug)}{where}: {ids}; {effect}"
                place = next((subject for subject in reversed(left) if not subject.live), left[-1])
                yield place, Finding(message, ("slug",), None if lost else Severity.WARNING)


def _left(subjects: Sequence[Subject], context: str) -> list[Subject]:
    """What the stack keeps of the account types of one slug for a context (``filterByContext``), globals first."""
    own = [subject for subject in subjects if context and subject.context == context]
    overloaded = {subject.service for subject in own}
    return [subject for subject in subjects if not subject.context and subject.id not in overloaded] + own


def _push(subjects: Sequence[Subject]) -> Iterator[tuple[Subject, Finding]]:
    for slug, sharing in _by_slug(subjects).items():
        for push in sharing:
            others = [subject for subject in sharing if _meet(push, subject) and subject is not push]
            if push.is_push and others:
                ids = listed(subject.id for subject in others)
                lost = any(subject.hands_secret for subject in others)
                message = f"it has the slug {printable(slug)} of {ids}, and only the id of push credentials is read"
                yield push, Finding(message, ("slug",), None if lost else Severity.WARNING)


def _meet(one: Subject, other: Subject) -> bool:
    """Whether a context may see both."""
    return "" in (one.context, other.context) or one.context == other.context


def _twin(subjects: Sequence[Subject]) -> Iterator[tuple[Subject, Finding]]:
    ids = {subject.id for subject in subjects}
    for subject in subjects:
        if subject.context and subject.text("slug") and subject.service not in ids:
            message = f"there is no global {printable(subject.service)} that it overloads: other contexts have nothing"
            yield subject, Finding(message, ("slug",))


def _by_slug(subjects: Sequence[Subject]) -> Mapping[str, list[Subject]]:
    found: dict[str, list[Subject]] = defaultdict(list)
    for subject in sorted(subjects, key=lambda subject: subject.id):
        if slug := subject.text("slug"):
            found[slug].append(subject)
    return found


RULES = (
    Rule(
        id="id-not-a-segment",
        severity=Severity.ERROR,
        finds=(
            "An id that cannot stand in a URL's path: `.`, `..`, or one with a `/` beside that of its context. One "
            "that can only with escapes is a warning: with a space, an accent, `?`, `#` or `%`."
        ),
        why=(
            "The id is a segment of the routes `/accounts/<id>/start` and `/accounts/<id>/redirect` "
            "(`web/accounts/oauth.go`); not every client escapes what it puts there."
        ),
        mend="Use lower-case letters, digits, `-` and `_`: best the slug of the konnector.",
        reference="RFC 3986, section 3.3",
        check=_segment,
    ),
    Rule(
        id="ids-differ-by-case",
        severity=Severity.WARNING,
        finds="Two ids that differ only by case, such as `Google` and `google`.",
        why=(
            "For CouchDB they are two documents (`model/account/type.go`, `TypeInfo`), for people and for many file "
            "systems one: half of the konnectors use the one that nobody maintains."
        ),
        mend="Keep one of them.",
        across=_case,
    ),
    Rule(
        id="slug-not-unique",
        severity=Severity.ERROR,
        finds=(
            "Several account types that are left for one `slug` once the context is considered: two global ones, or "
            "`<context>/other` beside a global `foo`. A warning where none of them hands out a secret."
        ),
        why=(
            "The konnector gets its secret only if exactly one is left; otherwise it is dropped in silence "
            "(`worker/exec/konnector.go`, `model/account/type.go`, `filterByContext`). An overload takes the place of "
            "the global account type with the same id, not of that with the same slug."
        ),
        mend="Leave the slug to the one that has the secret; name an overload `<context>/<id of the global one>`.",
        across=_not_unique,
    ),
    Rule(
        id="overload-without-twin",
        severity=Severity.WARNING,
        finds=(
            "An overload `<context>/<id>` with a `slug` and without a global account type `<id>`. Looked for in whole "
            "folders only, not in single files."
        ),
        why=(
            "It works in its own context and nowhere else; and where the global one was meant by slug, both are left, "
            "and the secret is dropped (`model/account/type.go`, `filterByContext`)."
        ),
        mend="Give the overload the id of the global account type; where only that context has it, ignore the rule.",
        across=_twin,
    ),
    Rule(
        id="push-slug",
        severity=Severity.ERROR,
        finds=(
            "A document of push credentials (`fcm_credentials` without `grant_mode`) with a `slug` that another "
            "account type has. A warning where that one hands out no secret."
        ),
        why=(
            "Push credentials are found by id (`worker/push/push.go`); the slug only makes a second document for the "
            "konnector's secret, which is dropped then (`worker/exec/konnector.go`)."
        ),
        mend="Take the slug away from the document with `fcm_credentials`.",
        across=_push,
    ),
)
