"""Rules about secrets and slugs: who uses a secret, and which konnector gets it, out of all account types together."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from provisioner.core.definitions.account_type import CODE_MODES, context_of, missing_required
from provisioner.core.definitions.problem import Severity
from provisioner.core.rules.rule import AccountTypeView, Finding, rule, rule_across
from provisioner.core.secret import Secret
from provisioner.core.text import listed


@rule("get-leaks-secret", Severity.WARNING)
def _get_leaks(view: AccountTypeView) -> Iterator[Finding]:
    if view.text("token_mode") == "get":
        yield Finding("token_mode get puts the client secret into URLs, so into access logs", ("token_mode",))


@rule("secret-never-used", Severity.WARNING)
def _never_used(view: AccountTypeView) -> Iterator[Finding]:
    known_mode = view.mode or view.absent("grant_mode")
    if known_mode and not view.hands_secret and not view.absent("secret"):
        mode = f"grant_mode {view.mode}" if view.mode else "a document without grant_mode"
        yield Finding(f"no one gets the secret: {mode} never passes it to the konnector", ("secret",))


@rule("missing-credentials", Severity.ERROR)
def _missing(view: AccountTypeView) -> Iterator[Finding]:
    """In a file only an empty value is certain: a key that is not there may come from a credential source."""
    missing = missing_required(view.definition.document)
    if not view.live:
        missing = tuple(name for name in missing if _stated_empty(view, name))
    if missing:
        place = missing[0] if missing[0] in view.definition.document else "grant_mode"
        yield Finding(f"grant_mode {view.mode} needs {listed(missing)}", (place,))


@rule("no-client-secret", Severity.WARNING)
def _no_client_secret(view: AccountTypeView) -> Iterator[Finding]:
    exchanges = view.mode in CODE_MODES and not view.absent("token_endpoint")
    stated = _stated_empty(view, "client_secret")
    if exchanges and (stated or (view.live and view.absent("client_secret"))):
        place = "client_secret" if stated else "token_endpoint"
        yield Finding("client_secret is missing: the stack sends an empty one to exchange the code", (place,))


def _stated_empty(view: AccountTypeView, name: str) -> bool:
    return view.definition.document.get(name) in ("", Secret(""))


@rule("refused-grant-mode", Severity.ERROR)
def _refused_mode(view: AccountTypeView) -> Iterator[Finding]:
    if view.mode == "refresh_token":
        yield Finding("today's stack answers “Wrong account type” to grant_mode refresh_token", ("grant_mode",))


MAX_SEEN = 100
"""So many documents of one slug the stack looks at: the first by id (``worker/exec/konnector.go``)."""

_SLUG = re.compile(r"[a-z0-9-]+")
"""What the stack takes for the slug of an application (``model/app``)."""


@rule("slug-of-no-konnector", Severity.ERROR)
def _odd(view: AccountTypeView) -> Iterator[Finding]:
    slug = view.text("slug")
    if slug and view.hands_secret and not _SLUG.fullmatch(slug):
        message = f"no konnector has the slug {_quoted(slug)}: a slug has only lower-case letters, digits and hyphens"
        yield Finding(message, ("slug",))


@rule_across("slug-not-unique", Severity.ERROR)
def _not_unique(views: Sequence[AccountTypeView]) -> Iterator[tuple[AccountTypeView, Finding]]:
    for slug, sharing in _by_slug(views).items():
        by_id = {each.id: each for each in sharing[:MAX_SEEN] if not each.is_push and not each.broken}
        for context in _contexts(by_id.values()):
            left = [by_id[id] for id in left_in(context, by_id)]
            if len(left) > 1 and (not context or any(view.context == context for view in left)):
                where = f" in the context {context}" if context else ""
                ids = listed(sorted(view.id for view in left))
                lost = any(view.hands_secret for view in left)
                effect = "the konnector gets no secret" if lost else "none of them has a secret for the konnector"
                message = f"several account types match the slug {slug}{where}: {ids}; {effect}"
                left.sort(key=lambda view: (bool(view.context), view.id))
                place = next((view for view in reversed(left) if not view.live), left[-1])
                yield place, Finding(message, ("slug",), None if lost else Severity.WARNING)


@rule_across("push-slug", Severity.ERROR)
def _push(views: Sequence[AccountTypeView]) -> Iterator[tuple[AccountTypeView, Finding]]:
    for slug, sharing in _by_slug(views).items():
        by_id = {each.id: each for each in sharing if not each.broken}
        for push in (each for each in sharing if each.is_push):
            lost = sorted({id for context in _contexts(sharing) for id in _lost_by(push, context, by_id)})
            if lost:
                message = (
                    f"it has the slug {slug} of {listed(lost)}, whose secret the konnector no longer gets: "
                    "push credentials are found by their id alone"
                )
                yield push, Finding(message, ("slug",))


def _lost_by(push: AccountTypeView, context: str, by_id: Mapping[str, AccountTypeView]) -> Iterator[str]:
    """The account type whose secret the konnector would get in a context if push credentials had another slug."""
    left = left_in(context, by_id)
    others = [id for id in left if not by_id[id].is_push]
    if push.id in left and len(others) == 1 and by_id[others[0]].hands_secret:
        yield others[0]


@rule_across("slug-undecodable", Severity.ERROR)
def _undecodable(views: Sequence[AccountTypeView]) -> Iterator[tuple[AccountTypeView, Finding]]:
    for slug, sharing in _by_slug(views).items():
        broken = [view.id for view in sharing[:MAX_SEEN] if view.broken]
        if broken:
            message = f"the konnector {slug} gets no secret: the stack cannot decode {listed(broken)}"
            for view in sharing:
                if view.hands_secret and not view.broken:
                    yield view, Finding(message, ("slug",))


@rule_across("slug-too-common", Severity.ERROR)
def _too_many(views: Sequence[AccountTypeView]) -> Iterator[tuple[AccountTypeView, Finding]]:
    for slug, sharing in _by_slug(views).items():
        if len(sharing) > MAX_SEEN:
            unseen = sharing[MAX_SEEN]
            count = f"{len(sharing)} account types have the slug {slug}"
            message = f"{count}, and the stack reads only the first {MAX_SEEN} by id, not this one"
            yield unseen, Finding(message, ("slug",))


@rule_across("override-without-global", Severity.WARNING)
def _without_global(views: Sequence[AccountTypeView]) -> Iterator[tuple[AccountTypeView, Finding]]:
    ids = {view.id for view in views}
    for view in views:
        if view.context and view.text("slug") and view.global_id not in ids:
            message = f"it overrides {view.global_id}, which does not exist: other contexts have no such account type"
            yield view, Finding(message, ("slug",))


@rule_across("override-other-slug", Severity.WARNING)
def _other_slug(views: Sequence[AccountTypeView]) -> Iterator[tuple[AccountTypeView, Finding]]:
    by_id = {view.id: view for view in views}
    for view in views:
        overridden = by_id.get(view.global_id) if context_of(view.id) is not None else None
        if overridden is None or overridden.broken or view.broken or view.unknown("slug") or view.is_push:
            continue
        slug, own = overridden.text("slug"), view.text("slug")
        if slug and own != slug and overridden.hands_secret:
            has = f"the slug {own}" if own else "no slug"
            message = (
                f"it has {has}, so it does not replace {overridden.id} for the konnector "
                f"{slug}, which gets the secret of the global account type in this context too"
            )
            yield view, Finding(message, ("slug",) if own else ("grant_mode",))


def left_in(context: str, ids: Collection[str]) -> tuple[str, ...]:
    """The ids of one slug that are left in a context: its overrides, then what they do not take the place of."""
    own = [id for id in ids if context_of(id) == context]
    return (*own, *(id for id in ids if context_of(id) is None and f"{context}/{id}" not in own))


def _contexts(views: Iterable[AccountTypeView]) -> list[str]:
    """The contexts to look at, first that of instances without one."""
    return sorted({"", *(view.context for view in views)})


def _by_slug(views: Sequence[AccountTypeView]) -> Mapping[str, list[AccountTypeView]]:
    """The account types of each slug, in the order in which the stack finds them."""
    found: dict[str, list[AccountTypeView]] = defaultdict(list)
    for view in sorted(views, key=lambda view: view.id):
        if slug := view.text("slug"):
            found[slug].append(view)
    return found


def _quoted(slug: str) -> str:
    return f"“{slug}”"
