"""Rules about where the provider sends the user back to."""

from collections.abc import Iterator

from provisioner.core.definitions.account_type import context_of
from provisioner.core.definitions.go_escape import unescaped
from provisioner.core.definitions.go_url import escape_path, read_query
from provisioner.core.definitions.problem import Severity
from provisioner.core.rules.rule import Finding, Rule
from provisioner.core.rules.subject import CODE_MODES, IMPLICIT_MODES, Subject
from provisioner.core.rules.url import GAP, Url, as_browser, without_gaps

_APPS = frozenset({"drive", "home", "settings", "store"})
"""The web applications that every instance has: each is served on a host of its own, `<app>.<instance>`."""

_ANSWERS = ("access_token", "code", "error", "state")
"""What the stack looks for in the query of a callback (``web/accounts/oauth.go``, ``redirect``)."""


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


def _query(subject: Subject) -> Iterator[Finding]:
    url = _seen(subject)
    names = {name for name, _ in read_query(url.query)} if url else set()
    for name in sorted(names.intersection(_ANSWERS)):
        message = f"redirect_uri has {name} in its query: the stack would take it for the provider's answer"
        yield Finding(message, ("redirect_uri",))


def _app(subject: Subject) -> Iterator[Finding]:
    url = subject.urls.get("redirect_uri")
    first, _, rest = url.host.partition(".") if url else ("", "", "")
    if first in _APPS and "." in rest:
        message = f"redirect_uri is on {first}.…: the stack serves an application there, and no callback"
        yield Finding(message, ("redirect_uri",))


def _context(subject: Subject) -> Iterator[Finding]:
    starts_flow = subject.mode in CODE_MODES | IMPLICIT_MODES or subject.mode.startswith("bi_")
    if context_of(subject.id) is not None and starts_flow and subject.absent("redirect_uri"):
        route = f"/accounts/{subject.id}/redirect"
        message = f"the overload of a context needs a redirect_uri: its default {route} is not a route of the stack"
        yield Finding(message, ("redirect_uri",) if "redirect_uri" in subject.definition.document else ("grant_mode",))


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


RULES = (
    Rule(
        id="redirect-path",
        severity=Severity.ERROR,
        finds="A `redirect_uri` whose path is not `/accounts/<id>/redirect`, the id without its context.",
        why=(
            "The callback compares the id in its own path with the one that the flow was started with, and answers "
            "“bad state” if they differ; any other path is not a route at all (`web/accounts/oauth.go`, `redirect`). "
            "An escape that is not needed, `%71` for `q`, is not resolved before that."
        ),
        fix="Write `https://oauthcallback.${domain}/accounts/<id>/redirect`, and register exactly that URI.",
        check=_path,
    ),
    Rule(
        id="context-without-redirect",
        severity=Severity.ERROR,
        finds="An overload for a context, `<context>/<id>`, that starts an OAuth flow and has no `redirect_uri`.",
        why=(
            "The default is made from the whole id: `/accounts/<context>/<id>/redirect`, which has no route "
            "(`model/account/type.go`, `RedirectURI`)."
        ),
        fix="Give it the `redirect_uri` of the global account type: `…/accounts/<id>/redirect`, without the context.",
        check=_context,
    ),
    Rule(
        id="implicit-redirect",
        severity=Severity.ERROR,
        finds=(
            "A `redirect_uri` with the grant mode `token` or `token_redirect_url`: an error on `oauthcallback.…`, else "
            "a warning, since one definition serves many instances and only the one on that host can take the answer."
        ),
        why=(
            "In the implicit modes the answer has no code and is taken as `?access_token=…` on the host of an instance "
            "only: elsewhere it is refused as “instance-less redirect” (`web/accounts/oauth.go`, `redirect`)."
        ),
        fix="Leave `redirect_uri` out, so that each instance sends its own; or use `authorization_code`.",
        check=_implicit,
    ),
    Rule(
        id="redirect-query",
        severity=Severity.ERROR,
        finds="A `redirect_uri` with `code`, `state`, `error` or `access_token` in its own query.",
        why=(
            "The provider adds its parameters behind that query, and of two with one name the stack takes the first "
            "(`web/accounts/oauth.go`, `redirect`)."
        ),
        fix="Take the parameter away.",
        check=_query,
    ),
    Rule(
        id="redirect-to-app",
        severity=Severity.WARNING,
        finds="A `redirect_uri` on the host of an application of an instance, such as `home.alice.example.org`.",
        why=(
            "The stack serves the files of the application there, and answers 404 to a callback: only an instance's "
            "own host, or a host without an instance, has the route (`web/accounts/oauth.go`)."
        ),
        fix="Write `https://oauthcallback.${domain}/accounts/<id>/redirect`.",
        check=_app,
    ),
)
