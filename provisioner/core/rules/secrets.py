"""Rules about client secrets, the konnector's secret, and the modes that use them."""

from collections.abc import Iterator

from provisioner.core.definitions.account_type import missing_credentials
from provisioner.core.definitions.problem import Severity
from provisioner.core.rules.rule import Finding, rule
from provisioner.core.rules.subject import CODE_MODES, Subject
from provisioner.core.secret import Secret
from provisioner.core.text import listed


@rule("get-leaks-secret", Severity.WARNING)
def _get_leaks(subject: Subject) -> Iterator[Finding]:
    if subject.text("token_mode") == "get":
        yield Finding("token_mode get puts the client secret into URLs, so into access logs", ("token_mode",))


@rule("secret-never-used", Severity.WARNING)
def _never_used(subject: Subject) -> Iterator[Finding]:
    known_mode = subject.mode or subject.absent("grant_mode")
    if known_mode and not subject.hands_secret and not subject.absent("secret"):
        mode = f"grant_mode {subject.mode}" if subject.mode else "a document without grant_mode"
        yield Finding(f"no one gets the secret: {mode} never gives it to the konnector", ("secret",))


@rule("missing-credentials", Severity.ERROR)
def _missing(subject: Subject) -> Iterator[Finding]:
    """In a file only an empty value is certain: a key that is not there may come from a credential source."""
    missing = missing_credentials(subject.definition.document)
    if not subject.live:
        missing = tuple(name for name in missing if _stated_empty(subject, name))
    if missing:
        place = missing[0] if missing[0] in subject.definition.document else "grant_mode"
        yield Finding(f"grant_mode {subject.mode} needs {listed(missing)}", (place,))


@rule("no-client-secret", Severity.WARNING)
def _no_client_secret(subject: Subject) -> Iterator[Finding]:
    exchanges = subject.mode in CODE_MODES and not subject.absent("token_endpoint")
    stated = _stated_empty(subject, "client_secret")
    if exchanges and (stated or (subject.live and subject.absent("client_secret"))):
        place = "client_secret" if stated else "token_endpoint"
        yield Finding("there is no client_secret: the exchange of the code sends an empty one", (place,))


def _stated_empty(subject: Subject, name: str) -> bool:
    return subject.definition.document.get(name) in ("", Secret(""))


@rule("refused-grant-mode", Severity.ERROR)
def _refused_mode(subject: Subject) -> Iterator[Finding]:
    if subject.mode == "refresh_token":
        yield Finding("today's stack answers “Wrong account type” to grant_mode refresh_token", ("grant_mode",))
