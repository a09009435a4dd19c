"""Rules about where the provider sends the user back to."""

from collections.abc import Iterator
from urllib.parse import unquote

from provisioner.core.definitions.account_type import context_of
from provisioner.core.definitions.problem import Severity
from provisioner.core.rules.rule import Finding, Rule
from provisioner.core.rules.subject import CODE_MODES, IMPLICIT_MODES, Subject
from provisioner.core.rules.url import GAP
from provisioner.core.text import printable


def _path(subject: Subject) -> Iterator[Finding]:
    url = subject.urls.get("redirect_uri")
    wanted = f"/accounts/{subject.service}/redirect"
    if url and GAP not in url.path and unquote(url.path) != wanted and subject.mode != "secret":
        message = f"the path of redirect_uri must be {printable(wanted)}: the callback would answer “bad state”"
        yield Finding(message, ("redirect_uri",))


def _context(subject: Subject) -> Iterator[Finding]:
    starts_flow = subject.mode in CODE_MODES | IMPLICIT_MODES or subject.mode.startswith("bi_")
    if context_of(subject.id) is not None and starts_flow and subject.absent("redirect_uri"):
        route = printable(f"/accounts/{subject.id}/redirect")
        message = f"the overload of a context needs a redirect_uri: its default {route} is no route of the stack"
        yield Finding(message, ("redirect_uri",) if "redirect_uri" in subject.definition.document else ("grant_mode",))


def _implicit(subject: Subject) -> Iterator[Finding]:
    url = subject.urls.get("redirect_uri")
    if url and subject.mode in IMPLICIT_MODES and url.host.startswith("oauthcallback."):
        message = f"grant_mode {subject.mode} needs a redirect to the instance itself, and oauthcallback is none"
        yield Finding(message, ("redirect_uri",))


RULES = (
    Rule(
        id="redirect-path",
        severity=Severity.ERROR,
        finds="A `redirect_uri` whose path is not `/accounts/<id>/redirect`, the id without its context.",
        why=(
            "The callback compares the id in its own path with the one that the flow was started with, and answers "
            "“bad state” where they differ; any other path is no route at all (`web/accounts/oauth.go`, `redirect`)."
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
        finds="A `redirect_uri` on `oauthcallback.…` with the grant mode `token` or `token_redirect_url`.",
        why=(
            "In the implicit modes the answer has no code and is taken as `?access_token=…` on the host of an instance "
            "only: elsewhere it is refused as “instance-less redirect” (`web/accounts/oauth.go`, `redirect`)."
        ),
        fix="Leave `redirect_uri` out, so that each instance sends its own; or use `authorization_code`.",
        check=_implicit,
    ),
)
