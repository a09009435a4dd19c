"""The kinds of documents that the program knows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

from provisioner.core.definitions.account_type import (
    CREDENTIAL_FIELDS,
    DATABASE,
    EXPIRY,
    FIELDS,
    Document,
    Undecodable,
    conceal,
    decode,
    field_of,
    is_missing,
    missing_credentials,
)
from provisioner.core.definitions.credential_form import Path, no_credentials
from provisioner.core.definitions.kind import Kind, NewValue
from provisioner.core.definitions.remote_secret import REMOTE_SECRET
from provisioner.core.secret import Json
from provisioner.core.text import shown

_REFUSED_REFRESH = "until then the stack answers 401 oauth_refresh_invalid_token to its konnector"


class AccountTypes(Kind):
    """How the stack does OAuth with a service."""

    name = "account_type"
    noun = "account type"
    secrets = "client secrets"
    folder = "account_types"
    database = DATABASE
    database_key = "database"
    prefix = "ACCOUNT_TYPE_"
    keys = FIELDS
    index: ClassVar[Json] = {"ddoc": "by-slug", "index": {"fields": ["slug"]}}  # as pkg/couchdb/index.go has it
    states_fields = True
    is_client = True
    has_contexts = True
    json_fields = frozenset({"secret", "fcm_credentials"})
    facts = (EXPIRY,)
    removal = "accounts connected through it can no longer refresh their tokens: the stack answers 404"

    def asked(self, fields: Mapping[str, Json]) -> tuple[str, ...]:
        """Each account type may have any credential."""
        del fields
        return CREDENTIAL_FIELDS

    def conceal(self, fields: Mapping[str, Json]) -> Document:
        """Most fields are public."""
        return conceal(fields)

    def credentials(self, document: Document) -> list[str]:
        """Those that may come from elsewhere than the definition."""
        return [name for name in CREDENTIAL_FIELDS if not is_missing(document.get(name))]

    def missing(self, document: Document, asked: Sequence[str]) -> tuple[str, ...]:
        """The grant mode says which are needed."""
        del asked
        return missing_credentials(document)

    def sent_as_is(self, document: Document) -> Sequence[str]:
        """The secret is JSON for a konnector."""
        del document
        return ("client_id", "client_secret")

    def no_credentials(self, document: Document) -> Iterator[tuple[Path, str]]:
        """The credentials, and what of ``extras`` sounds secret."""
        return no_credentials(document)

    def field_of(self, key: str) -> str | None:
        """Go's decoder takes keys without regard to case."""
        return field_of(key)

    def undecodable(self, document: Document) -> Undecodable | None:
        """One value of a wrong type makes the whole document undecodable."""
        found = decode(document)
        return found if isinstance(found, Undecodable) else None

    def as_read(self, document: Document) -> Document:
        """The fields that the stack decodes; a document that it cannot decode keeps the keys that it has."""
        decoded = decode(document)
        if isinstance(decoded, Undecodable):
            return super().as_read(document)
        secrets = [value for key, value in document.items() if field_of(key) == "secret"]
        as_written = {"secret": secrets[-1]} if secrets else {}  # with the digits that the stack loses
        slug = {"slug": document.get("slug")}  # CouchDB's index knows no other spelling of the key
        return {**decoded.document, **as_written, **slug}

    def identity(self, document: Document) -> tuple[str, ...]:
        """The grant mode and the endpoints; empty if the document has no endpoint."""
        mode, *endpoints = (str(document.get(name) or "") for name in ("grant_mode", "auth_endpoint", "token_endpoint"))
        return (mode, *endpoints) if any(endpoints) else ()

    def meaning(self, before: Document, fields: Iterable[NewValue]) -> Iterator[str]:
        """What a change means for connected accounts.

        Source: the refresh of the stack (``model/account/type.go``) sends the client of the account type and the
        refresh token of the account to token_endpoint; without one, ``web/accounts/oauth.go`` copies the secret into
        each account.
        """
        copied = is_missing(before.get("token_endpoint"))
        for name, old, new in fields:
            if old is None:  # nothing worked with it before
                continue
            match name:
                case "client_id":
                    yield f"client_id changes: every connected account must be connected again ({_REFUSED_REFRESH})"
                case "client_secret":
                    yield "client_secret changes: connected accounts stay connected"
                    if copied:
                        yield (
                            "there was no token_endpoint: each connected account keeps a copy of the old client_secret"
                        )
                case "redirect_uri":
                    yield f"redirect_uri changes: register {shown(new)} with the provider first"
                case "token_endpoint":
                    yield "token_endpoint changes: connected accounts are refreshed at another address"
                case "grant_mode":
                    yield f"grant_mode changes: new accounts are connected with {shown(new)}"
                case _:
                    pass


ACCOUNT_TYPE = AccountTypes()

KINDS: tuple[Kind, ...] = (ACCOUNT_TYPE, REMOTE_SECRET)


def kind_named(name: str) -> Kind:
    """The kind of a name. Raises `ValueError` if there is none."""
    for kind in KINDS:
        if kind.name == name:
            return kind
    raise ValueError(name)
