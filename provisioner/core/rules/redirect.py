"""Rules about where the provider sends the user back to."""

from collections.abc import Iterator

from provisioner.core.definitions.account_type import context_of
from provisioner.core.definitions.go_escape import unescaped
from provisioner.core.definitions.go_url import escape_path, read_query
from provisioner.core.definitions.problem import Severity
from provisioner.core.definitions.url import GAP, Url, as_browser, without_gaps
from provisioner.core.rules.rule import Finding, rule
from provisioner.core.rules.subject import CODE_MODES, IMPLICIT_MODES, Subject

_APPS = frozenset({"drive", "home", "settings", "store"})
"""The web applications that every instance has: each is served on a host of its own, `<app>.<instance>`."""

_ANSWERS = ("access_token", "code", "error", "state")
"""What the stack looks for in the query of a callback (``web/accounts/oauth.go``, ``redirect``)."""


@rule("redirect-path", Severity.ERROR)
def _path(subject: Subject) -> Iterator[Finding]:
    written, url = subject.urls.get("redirect_uri"), _seen(subject)
    wanted = f"/accounts/{subject.service}/redirect"
    if written and url and GAP not in written.path and _routed(url.path) != wanted and subject.mode != "secret":
        message = f"the path of redirect_uri must be {wanted}: the callback would answer “bad state”"
        yield Finding(message, ("redirect_uri",))


def _seen(subject: Subject) -> Url | None:
    """The redirect URI as the browser calls it; something stands for what is not known."""
    text = subject.written.get("redirect_uri")
    return as_browser(without_gaps(text)) if text else None


def _routed(path: str) -> str:
    """A path as the stack's router compares it: escapes count as what they stand for only if Go would write them so."""
    plain = unescaped(path)
    return plain if escape_path(plain) == path else path


@rule("redirect-query", Severity.ERROR)
def _query(subject: Subject) -> Iterator[Finding]:
    url = _seen(subject)
    names = {name for name, _ in read_query(url.query)} if url else set()
    for name in sorted(names.intersection(_ANSWERS)):
        message = f"redirect_uri has {name} in its query: the stack would take it for the provider's answer"
        yield Finding(message, ("redirect_uri",))


@rule("redirect-to-app", Severity.WARNING)
def _app(subject: Subject) -> Iterator[Finding]:
    url = subject.urls.get("redirect_uri")
    if url and is_app(url.host):
        message = (
            f"redirect_uri is on {url.host.partition('.')[0]}.…: the stack serves an application there, and no callback"
        )
        yield Finding(message, ("redirect_uri",))


def is_app(host: str) -> bool:
    """Whether an application of an instance is on a host."""
    first, _, rest = host.partition(".")
    return first in _APPS and "." in rest


@rule("context-without-redirect", Severity.ERROR)
def _context(subject: Subject) -> Iterator[Finding]:
    starts_flow = subject.mode in CODE_MODES | IMPLICIT_MODES or subject.mode.startswith("bi_")
    if context_of(subject.id) is not None and starts_flow and subject.absent("redirect_uri"):
        route = f"/accounts/{subject.id}/redirect"
        message = f"the overload of a context needs a redirect_uri: its default {route} is not a route of the stack"
        yield Finding(message, ("redirect_uri",) if "redirect_uri" in subject.definition.document else ("grant_mode",))


@rule("implicit-redirect", Severity.ERROR)
def _implicit(subject: Subject) -> Iterator[Finding]:
    url = subject.urls.get("redirect_uri")
    if not url or subject.mode not in IMPLICIT_MODES:
        return
    if url.host.startswith("oauthcallback."):
        message = f"grant_mode {subject.mode} needs a redirect to the instance itself, and oauthcallback is none"
        yield Finding(message, ("redirect_uri",))
    elif GAP not in url.host:
        message = f"grant_mode {subject.mode} works with this redirect_uri only if {url.host} is an instance"
        yield Finding(message, ("redirect_uri",), Severity.WARNING)
