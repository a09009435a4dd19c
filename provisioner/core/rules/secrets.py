"""Rules about client secrets, the konnector's secret, and the modes that use them."""

from collections.abc import Iterator

from provisioner.core.definitions.account_type import missing_credentials
from provisioner.core.definitions.problem import Severity
from provisioner.core.rules.rule import Finding, Rule
from provisioner.core.rules.subject import CODE_MODES, Subject
from provisioner.core.secret import Secret
from provisioner.core.text import listed


def _get_leaks(subject: Subject) -> Iterator[Finding]:
    if subject.text("token_mode") == "get":
        yield Finding("token_mode get puts the client secret into URLs, so into access logs", ("token_mode",))


def _never_used(subject: Subject) -> Iterator[Finding]:
    known_mode = subject.mode or subject.absent("grant_mode")
    if known_mode and not subject.hands_secret and not subject.absent("secret"):
        mode = f"grant_mode {subject.mode}" if subject.mode else "a document without grant_mode"
        yield Finding(f"no one gets the secret: {mode} never gives it to the konnector", ("secret",))


def _missing(subject: Subject) -> Iterator[Finding]:
    """In a file only an empty value is certain: a key that is not there may come from a credential source."""
    missing = missing_credentials(subject.definition.document)
    if not subject.live:
        missing = tuple(name for name in missing if _stated_empty(subject, name))
    if missing:
        place = missing[0] if missing[0] in subject.definition.document else "grant_mode"
        yield Finding(f"grant_mode {subject.mode} needs {listed(missing)}", (place,))


def _no_client_secret(subject: Subject) -> Iterator[Finding]:
    exchanges = subject.mode in CODE_MODES and not subject.absent("token_endpoint")
    stated = _stated_empty(subject, "client_secret")
    if exchanges and (stated or (subject.live and subject.absent("client_secret"))):
        place = "client_secret" if stated else "token_endpoint"
        yield Finding("there is no client_secret: the exchange of the code sends an empty one", (place,))


def _stated_empty(subject: Subject, name: str) -> bool:
    return subject.definition.document.get(name) in ("", Secret(""))


def _refused_mode(subject: Subject) -> Iterator[Finding]:
    if subject.mode == "refresh_token":
        yield Finding("today's stack answers “Wrong account type” to grant_mode refresh_token", ("grant_mode",))


RULES = (
    Rule(
        id="get-leaks-secret",
        severity=Severity.WARNING,
        finds="`token_mode: get`.",
        why=(
            "Client id and client secret become part of the URL (`model/account/type.go`, `RequestAccessToken`), and "
            "URLs end in the access logs of every server and proxy on the way."
        ),
        fix="Use `form` or `basic` where the provider takes it; most do.",
        reference="RFC 6749, section 2.3.1",
        check=_get_leaks,
    ),
    Rule(
        id="secret-never-used",
        severity=Severity.WARNING,
        finds="A `secret` in an account type whose `grant_mode` is neither `secret` nor ends in `+secret`.",
        why="Only those modes hand it to the konnector (`worker/exec/konnector.go`, `HasSecretGrant`).",
        fix="Add `+secret` to the mode, and the `slug` of the konnector; or take the secret away.",
        check=_never_used,
    ),
    Rule(
        id="missing-credentials",
        severity=Severity.ERROR,
        finds=(
            "In the database: an account type without `client_id`, or without a `secret` that its mode gives to the "
            "konnector. In a file, where credentials may come from elsewhere: only one that is stated and empty."
        ),
        why=(
            "The provider refuses an empty client id, and the konnector gets an empty `COZY_PARAMETERS.secret` "
            "(`model/account/type.go`, `worker/exec/konnector.go`)."
        ),
        fix="Give the credentials by a variable or a credential source, and apply.",
        check=_missing,
    ),
    Rule(
        id="no-client-secret",
        severity=Severity.WARNING,
        finds=(
            "In the database: `authorization_code` with a `token_endpoint` and without `client_secret`. In a file: "
            "with an empty one."
        ),
        why=(
            "The stack knows no PKCE and sends an empty client secret (`model/account/type.go`, `RequestAccessToken`): "
            "nearly every provider refuses that."
        ),
        fix="Give the client secret by a variable or a credential source, and apply.",
        check=_no_client_secret,
    ),
    Rule(
        id="refused-grant-mode",
        severity=Severity.ERROR,
        finds="The grant mode `refresh_token`, which the public tutorial names.",
        why="The start of a flow answers “Wrong account type” (`model/account/type.go`, `MakeOauthStartURL`).",
        fix="Use `authorization_code`: refresh tokens are used by themselves where the provider gives one.",
        check=_refused_mode,
    ),
    Rule(
        id="secret-in-source",
        severity=Severity.WARNING,
        finds="A `client_secret` or `secret` that is written in the file itself.",
        why="The file is in git, so the secret then stays in its history permanently.",
        fix="Use a variable, such as `${google_client_secret}`, or a credential source.",
    ),
)
