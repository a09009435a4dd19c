"""Secrets and other values: what is wrong with one, who uses a secret, and which konnector gets it."""

import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from provisioner.core.definitions.account_type import CODE_MODES, context_of, global_id, missing_required, numbers_in
from provisioner.core.definitions.content import walk
from provisioner.core.definitions.credential_form import padding
from provisioner.core.definitions.kinds import ACCOUNT_TYPE
from provisioner.core.definitions.problem import Severity
from provisioner.core.outside_json import MAX_EXACT
from provisioner.core.rules import DefinitionView, Finding, found
from provisioner.core.rules.ids import HALF
from provisioner.core.secret import Json, Secret, revealed
from provisioner.core.text import counted, is_whole, listed, unseen

_SLUG = re.compile(r"[a-z0-9-]+")
"""What the stack takes for the slug of an application (``model/app``)."""


def check_secret(view: DefinitionView) -> Iterator[Finding]:
    """What is wrong with the credentials of one account type in its grant mode, and with its slug.

    In a file only an empty value is certain: a key that is not there may come from a credential source.
    """
    document, mode = view.document, view.mode
    if view.text("token_mode") == "get":
        yield found(
            "get-leaks-secret", "token_mode get puts the client secret into URLs, so into access logs", "token_mode"
        )
    if not view.hands_secret and not view.absent("secret") and (mode or view.absent("grant_mode")):
        shown = f"grant_mode {mode}" if mode else "a document without grant_mode"
        yield found("secret-never-used", f"no one gets the secret: {shown} never passes it to the konnector", "secret")
    if missing := [name for name in missing_required(document) if view.live or _stated_empty(view, name)]:
        place = missing[0] if missing[0] in document else "grant_mode"
        yield found("missing-credentials", f"grant_mode {mode} needs {listed(missing)}", place)
    if mode in CODE_MODES and not view.absent("token_endpoint"):
        stated = _stated_empty(view, "client_secret")
        if stated or (view.live and view.absent("client_secret")):
            message = "client_secret is missing: the stack sends an empty one to exchange the code"
            yield found("no-client-secret", message, "client_secret" if stated else "token_endpoint")
    if mode == "refresh_token":
        message = "today's stack answers “Wrong account type” to grant_mode refresh_token"
        yield found("refused-grant-mode", message, "grant_mode")
    slug = view.text("slug")
    if slug and view.hands_secret and not _SLUG.fullmatch(slug):
        message = f"no konnector has the slug “{slug}”: a slug has only lower-case letters, digits and hyphens"
        yield found("slug-of-no-konnector", message, "slug")


def _stated_empty(view: DefinitionView, name: str) -> bool:
    return revealed(view.document.get(name)) == ""  # no other value equals it


MAX_SEEN = 100
"""So many documents of one slug the stack looks at: the first by id (``worker/exec/konnector.go``)."""

TOGETHER = frozenset(
    {
        *("ids-differ-by-case", "override-other-slug", "override-without-global", "push-slug", "slug-not-unique"),
        *("slug-too-common", "slug-undecodable"),
    }
)
"""The rules about several account types."""


def check_several(views: Sequence[DefinitionView], *, whole: bool) -> Iterator[tuple[DefinitionView, Finding]]:
    """What is wrong between several account types; `whole`: there are no others."""
    views = sorted(views, key=lambda view: view.id)  # the order in which the stack finds them
    by_slug: defaultdict[str, list[DefinitionView]] = defaultdict(list)
    by_id = {view.id: view for view in views}
    by_case: dict[str, DefinitionView] = {}
    for view in views:
        if (other := by_case.setdefault(view.id.casefold(), view)).id != view.id:
            message = f"the id {view.id} differs from {other.id} only by case"
            yield view, found("ids-differ-by-case", message, "_id")
        if slug := view.text("slug"):
            by_slug[slug].append(view)
        if context_of(view.id) is not None:
            yield from _check_override(view, by_id.get(global_id(view.id)), whole=whole)
    for slug, sharing in by_slug.items():
        if len(sharing) > 1:
            yield from _check_sharing(slug, sharing)
            yield from _check_push(slug, sharing)


def _check_override(
    view: DefinitionView, overridden: DefinitionView | None, *, whole: bool
) -> Iterator[tuple[DefinitionView, Finding]]:
    """What is wrong with an account type that is for one context."""
    own = view.text("slug")
    if overridden is None:
        if view.context and own and whole:
            missing = f"it overrides {global_id(view.id)}, which does not exist"
            yield view, found("override-without-global", f"{missing}: other contexts have no such account type", "slug")
        return
    slug = overridden.text("slug")
    unknown = overridden.broken or view.broken or "slug" in view.gaps or view.is_push
    if slug and own != slug and overridden.hands_secret and not unknown:
        has = f"the slug {own}" if own else "no slug"
        message = (
            f"it has {has}, so it does not replace {overridden.id} for the konnector "
            f"{slug}, which gets the secret of the global account type in this context too"
        )
        yield view, found("override-other-slug", message, "slug" if own else "grant_mode")


def _check_sharing(slug: str, sharing: Sequence[DefinitionView]) -> Iterator[tuple[DefinitionView, Finding]]:
    """What is wrong with account types of one slug, sorted by id: the stack takes a secret of one alone."""
    if len(sharing) > MAX_SEEN:
        count = f"{len(sharing)} account types have the slug {slug}"
        message = f"{count}, and the stack reads only the first {MAX_SEEN} by id, not this one"
        yield sharing[MAX_SEEN], found("slug-too-common", message, "slug")
    if broken := [view.id for view in sharing[:MAX_SEEN] if view.broken]:
        message = f"the konnector {slug} gets no secret: the stack cannot decode {listed(broken)}"
        users = (view for view in sharing if view.hands_secret and not view.broken)
        yield from ((view, found("slug-undecodable", message, "slug")) for view in users)
    by_id = {view.id: view for view in sharing[:MAX_SEEN] if not view.is_push and not view.broken}
    for context in sorted({"", *(view.context for view in by_id.values())}):
        left = [by_id[id] for id in left_in(context, by_id)]
        if len(left) > 1 and (not context or any(view.context == context for view in left)):
            where = f" in the context {context}" if context else ""
            lost = any(view.hands_secret for view in left)
            effect = "the konnector gets no secret" if lost else "none of them has a secret for the konnector"
            ids = listed(sorted(view.id for view in left))
            message = f"several account types match the slug {slug}{where}: {ids}; {effect}"
            left.sort(key=lambda view: (bool(view.context), view.id))
            place = next((view for view in reversed(left) if not view.live), left[-1])
            yield place, found("slug-not-unique", message, "slug", severity=None if lost else Severity.WARNING)


def _check_push(slug: str, sharing: Sequence[DefinitionView]) -> Iterator[tuple[DefinitionView, Finding]]:
    """Whose secret a konnector would get if the credentials of push notifications had another slug."""
    by_id = {view.id: view for view in sharing if not view.broken}
    contexts = {"", *(view.context for view in sharing)}
    for push in (view for view in sharing if view.is_push):
        lost: set[str] = set()
        for left in (left_in(context, by_id) for context in contexts):
            others = [id for id in left if not by_id[id].is_push]
            if push.id in left and len(others) == 1 and by_id[others[0]].hands_secret:
                lost |= {*others}
        if lost:
            message = (
                f"it has the slug {slug} of {listed(sorted(lost))}, whose secret the konnector no longer gets: "
                "push credentials are found by their id alone"
            )
            yield push, found("push-slug", message, "slug")


def left_in(context: str, ids: Collection[str]) -> tuple[str, ...]:
    """The ids of one slug that are left in a context: its overrides, then what they do not take the place of."""
    own = [id for id in ids if context_of(id) == context]
    return (*own, *(id for id in ids if context_of(id) is None and f"{context}/{id}" not in own))


_BREAK = re.compile(r"[\t\n\r]")
_SURROGATE = r"[\ud800-\udfff]"


def check_values(view: DefinitionView, fields: Collection[str] | None = None) -> Iterator[Finding]:
    """What is wrong with the values of some fields, or of all."""
    document = view.document
    fields = document if fields is None else fields
    sent_as_is = view.kind.sent_as_is(document)
    for name in fields:
        value = revealed(document[name])
        text = value if isinstance(value, str) else ""
        if name in sent_as_is:
            yield from _check_credential(view, name, "" if name in view.gaps else text)
        shown = repr((name, value))
        if shown.isascii() and "\\" not in shown:
            continue  # as most are: anything odd would be escaped in it
        if not all(map(is_whole, (name, *(each for _, each in _texts(name, value))))):
            yield found("half-character", f"{re.sub(_SURROGATE, '?', name)} contains {HALF}", name)
        if not (name in sent_as_is and padding(text)):  # which padded-credential reports
            yield from _unseen_in(name, value, as_is=name in sent_as_is)
    for path, why in view.kind.no_credentials(document):
        if path[0] in fields and not view.definition.content.has_gap(path):
            yield found("placeholder-credential", f"{'.'.join(path)} is {why}", *path)
    secret = document.get("secret") if view.kind is ACCOUNT_TYPE and "secret" in fields else None
    if isinstance(secret, Secret) and (large := [each for each in numbers_in(secret.reveal()) if not _is_exact(each)]):
        lost = f"secret contains {counted(len(large), 'number')} beyond 2^53, whose last digits the stack loses"
        yield found("number-loses-digits", f"{lost}: write it as text", "secret")


def _check_credential(view: DefinitionView, name: str, text: str) -> Iterator[Finding]:
    """What is wrong with a credential that the stack sends as it is."""
    if wrong := padding(text):
        yield found("padded-credential", f"{name} {wrong}, and the stack sends it as it is", name)
    if view.kind is not ACCOUNT_TYPE or view.text("token_mode") != "basic":
        return
    if name == "client_id" and ":" in text:
        message = "client_id has a colon: with token_mode basic the provider reads the rest as a part of the secret"
        yield found("colon-in-client-id", message, name)
    if odd := [char for char in "%+" if char in text]:
        message = (
            f"{name} has {' and '.join(odd)}, which the stack does not percent-encode with token_mode basic: "
            "a provider that decodes it reads another value"
        )
        yield found("basic-not-encoded", message, name)


def _is_exact(number: int | float) -> bool:  # an int is what loses digits
    return abs(number) <= MAX_EXACT if isinstance(number, int) else math.isfinite(number)


def _unseen_in(name: str, value: Json, *, as_is: bool) -> Iterator[Finding]:
    """What nobody sees in a field; of its parts, only those of extras are named."""
    if as_is and isinstance(value, str) and (broken := _BREAK.search(value)):
        what = "a tab" if broken[0] == "\t" else "a line break"
        yield found("unseen-character", f"{name} has {what} at character {broken.start() + 1}", name)
    if hidden := unseen(name):
        yield found("unseen-character", f"the key {name} has {hidden[1]} at character {hidden[0]}", name)
    for path, text in _texts(name, value):
        if hidden := unseen(text):
            message = f"{'.'.join(path)} has {hidden[1]} at character {hidden[0]}"
            yield found("unseen-character", message, *path)


def _texts(name: str, value: Json) -> Iterator[tuple[tuple[str, ...], str]]:
    """The texts of a field, its keys too, each with the keys that lead to it; only those of extras are named."""
    for path, item in walk(value):
        place = (name, str(path[0])) if path and name == "extras" else (name,)
        yield from ((place, each) for each in (*path[-1:], item) if isinstance(each, str))
