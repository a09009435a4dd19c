"""What an account type is: its keys, its grant modes and where it lives.

The facts come from cozy-stack: ``model/account/type.go`` (keys), ``web/accounts/oauth.go`` (the OAuth flow)
and ``worker/exec/konnector.go`` (the konnector's secret).
"""

from collections.abc import Mapping
from typing import TypeAlias

from provisioner.core.outside_json import is_cut
from provisioner.core.secret import Json, Secret, holds_secret, is_secret, same_json

DATABASE = "secrets/io-cozy-account_types"

Document: TypeAlias = Mapping[str, Json | Secret]
"""An account type's fields by name, without ``_id`` and ``_rev``; only the values of `PUBLIC_FIELDS` are in clear."""

FIELDS = (
    "_id",
    "slug",
    "grant_mode",
    "client_id",
    "client_secret",
    "auth_endpoint",
    "token_endpoint",
    "token_mode",
    "redirect_uri",
    "extras",
    "skip_redirect_uri_on_authorize",
    "skip_state_on_token",
    "reconnect_endpoint",
    "manage_endpoint",
    "secret",
    "fcm_credentials",
)
"""Every key that the stack reads, in the order in which we show and write them."""

SECRET_FIELDS = frozenset({"client_secret", "secret", "fcm_credentials"})

PUBLIC_FIELDS = frozenset(FIELDS) - SECRET_FIELDS
"""The fields that are shown. What any other field holds is unknown, so it is as secret as a credential."""

EMPTY_MEANS_ABSENT = frozenset({"redirect_uri", "token_endpoint"})
"""Fields whose empty string the stack treats as a missing key."""

NOTE_PREFIX = "x-"
"""Keys that start with it are notes for people and tools; they are never sent."""

CREDENTIAL_FIELDS = ("client_id", "client_secret", "secret", "fcm_credentials")
"""Fields whose values may come from elsewhere than the definition."""

SECRET_MODES = frozenset({"secret", "authorization_code+secret", "bi_webauth+secret", "bi_webview+secret"})
"""Grant modes that hand the secret to the konnector (``HasSecretGrant`` of the stack): no other ending does."""

WITHOUT_CLIENT_ID = frozenset({"secret", "token_redirect_url"})
"""Grant modes that work without a client_id."""


def context_of(id: str) -> str | None:
    """The context that an overload is for, empty for instances without one; none for a global account type."""
    context, slash, _ = id.partition("/")
    return context if slash else None


def service_of(id: str) -> str:
    """The id without its context, as ``ServiceID`` of the stack has it."""
    return id.partition("/")[2] if "/" in id else id


_FOLDED = str.maketrans({"\u017f": "s", "\u212a": "k"})
"""The two characters beyond ASCII that Go folds into ASCII letters."""


def field_of(key: str) -> str | None:
    """The field that the stack takes a key of a document for, or none.

    It matches keys without regard to case (Go's ``encoding/json``).
    """
    folded = key if key in FIELDS else key.translate(_FOLDED)
    folded = folded.lower() if folded.isascii() else folded
    return folded if folded in FIELDS and folded != "_id" else None


def conceal(fields: Mapping[str, Json]) -> Document:
    """The same fields, with every value wrapped in `Secret` that is not known to be public.

    Those are the values of `SECRET_FIELDS`, of fields that the stack does not know (``clientSecret``), and of public
    fields that hold something else than their type (an object as a ``slug``). In ``extras`` the values of some keys
    are secret, and the others are not: `holds_secret` tells, and `without_secrets` leaves them out.
    """
    return {name: value if _is_public(name, value) else Secret(value) for name, value in fields.items()}


def _is_public(name: str, value: Json) -> bool:
    if name == "extras" and isinstance(value, dict):
        return not any(isinstance(item, dict | list) for item in value.values())
    return name in PUBLIC_FIELDS and not isinstance(value, dict | list)


def without_secrets(document: Document) -> dict[str, Json]:
    """What of a document may be read by anyone: a field that holds other things beside a secret keeps these."""
    public: dict[str, Json] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            public[name] = {key: item for key, item in value.items() if not is_secret(key, item)}
        elif not isinstance(value, Secret) and not holds_secret(value):
            public[name] = value
    return public


def secrets_of(document: Document) -> dict[tuple[str, ...], Secret]:
    """The secrets of a document, each with the keys that lead to it: what `without_secrets` leaves out."""
    found: dict[tuple[str, ...], Secret] = {}
    for name, value in document.items():
        if isinstance(value, Secret):
            found[(name,)] = value
        elif isinstance(value, dict):
            found |= {(name, key): Secret(item) for key, item in value.items() if is_secret(key, item)}
        elif holds_secret(value):
            found[(name,)] = Secret(value)
    return found


def holds_secrets(document: Document) -> bool:
    """Whether a document has a value that is not for everybody."""
    return any(holds_secret(value) and not is_missing(value) for value in document.values())


def is_credential(name: str, value: Json | Secret) -> bool:
    """Whether little may be told of a field's value, such as by a digest: a secret, or what belongs to one."""
    return name in CREDENTIAL_FIELDS or holds_secret(value)


def reveal(document: Document) -> dict[str, Json]:
    """The plain JSON of a document, to be sent and never printed."""
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in document.items()}


def same_value(name: str, one: Json | Secret, other: Json | Secret) -> bool:
    """Whether the stack reads two values of one field alike; ``None`` stands for a missing field."""
    if name in EMPTY_MEANS_ABSENT:
        one, other = (None if value == "" else value for value in (one, other))
    return same_json(one, other)


def cut_fields(document: Document) -> tuple[str, ...]:
    """The fields of a live document that are nested deeper than we go, so that we have not read all of them."""
    return tuple(n for n, value in document.items() if is_cut(value.reveal() if isinstance(value, Secret) else value))


def missing_credentials(document: Document) -> tuple[str, ...]:
    """The credentials that an account type lacks: client_id, and secret for the modes that hand it to the konnector."""
    mode = document.get("grant_mode")
    if not isinstance(mode, str):
        return ()
    needed = [] if mode in WITHOUT_CLIENT_ID else ["client_id"]
    needed += ["secret"] if mode in SECRET_MODES else []
    return tuple(name for name in needed if is_missing(document.get(name)))


def lacking(document: Document) -> tuple[str, ...]:
    """The credentials that a document lacks, also those without which it only normally fails."""
    missing = missing_credentials(document)
    code = str(document.get("grant_mode", "")).startswith("authorization_code")
    return (*missing, "client_secret") if code and is_missing(document.get("client_secret")) else missing


def is_missing(value: Json | Secret) -> bool:
    """Whether the stack reads a value as a missing one: ``None`` stands for a missing field."""
    return value in (None, "", Secret(None), Secret(""))


def konnector_secret(document: Document) -> Secret | None:
    """The secret that the stack hands to the konnector as ``COZY_PARAMETERS.secret``: only some grant modes do."""
    secret, mode = document.get("secret"), document.get("grant_mode")
    return secret if isinstance(secret, Secret) and isinstance(mode, str) and mode in SECRET_MODES else None
