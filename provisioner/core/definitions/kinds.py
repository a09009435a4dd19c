"""The kinds of documents that operators write into a database of the stack, and what the program has to know of each.

What is said of remote secrets is in cozy-stack, ``model/remote/remote.go``: it reads the document of a doctype at each
request, and takes only text.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

from msgspec import Struct

from provisioner.core.definitions.account_type import (
    CREDENTIAL_FIELDS,
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
from provisioner.core.definitions.credential_form import Keys, no_credentials
from provisioner.core.secret import Json, Secret, redacted, revealed
from provisioner.core.text import shown


class FieldChange(Struct, frozen=True):
    """One field that gets another value; ``None`` stands for no field."""

    name: str
    old: Json | Secret
    new: Json | Secret

    @property
    def action(self) -> str:
        """What happens to the field: ``add``, ``change`` or ``remove``."""
        return "add" if self.old is None else "remove" if self.new is None else "change"

    @property
    def secret(self) -> bool:
        """Whether no value of it may be shown."""
        return isinstance(self.old, Secret) or isinstance(self.new, Secret)

    @property
    def public(self) -> tuple[Json, Json]:
        """The old and the new value as they may be shown: secrets that lie in them are marked."""
        old, new = (None if isinstance(value, Secret) else value for value in (self.old, self.new))
        return redacted(old), redacted(new, old)


class Kind:
    """One kind of document.

    `name` is its name in options and files, also that of its schema, `noun` the one in sentences, and `secrets` what it
    keeps from others. `folder` holds its definitions, `database` its documents, unless a target names another one with
    `database_key`. `prefix` begins the environment variables of its credentials. `keys`: those of a definition.
    `index`: the index that the stack asks for its documents. `states_fields`: a definition has the fields of the
    document, so that both fit one schema. `is_client`: a provider may be asked about it, as a client of OAuth.
    `has_contexts`: a folder in that of the definitions is a context.
    `json_fields`: what a source gives as text there may be JSON. `facts`: what a source may know beside credentials.
    `removal`: what becomes of those who use a document that is removed. `public`: ids that are known everywhere.
    """

    name: ClassVar[str]
    noun: ClassVar[str]
    secrets: ClassVar[str]
    folder: ClassVar[str]
    database: ClassVar[str]
    database_key: ClassVar[str]
    prefix: ClassVar[str]
    keys: ClassVar[Sequence[str]]
    index: ClassVar[Json] = None
    states_fields: ClassVar[bool] = False
    is_client: ClassVar[bool] = False
    has_contexts: ClassVar[bool] = False
    json_fields: ClassVar[frozenset[str]] = frozenset()
    facts: ClassVar[tuple[str, ...]] = ()
    removal: ClassVar[str]
    public: ClassVar[Sequence[str]] = ()

    def document(self, fields: Mapping[str, Json]) -> Document:
        """What a definition says itself of its document; `fields` are its keys without ``_id`` and notes."""
        return self.conceal(fields)

    def asked(self, fields: Mapping[str, Json]) -> tuple[str, ...]:
        """The fields of the document that may come from a credential source."""
        raise NotImplementedError

    def content(self, document: Document) -> Mapping[str, Json]:
        """The keys of the definition of a live document; only for a kind whose definitions state no fields."""
        raise NotImplementedError

    def template(self, id: str) -> str:
        """The text of a new definition; only for a kind whose definitions state no fields."""
        raise NotImplementedError

    def conceal(self, fields: Mapping[str, Json]) -> Document:
        """The same fields, with every value wrapped in `Secret` that is not known to be public."""
        return {name: Secret(value) for name, value in fields.items()}

    def credentials(self, document: Document) -> list[str]:
        """The credentials that a document has."""
        return [name for name, value in document.items() if not is_missing(value)]

    def missing(self, document: Document, asked: Sequence[str]) -> tuple[str, ...]:
        """The credentials that a document lacks; `asked`: what its definition asks for."""
        return tuple(name for name in asked if is_missing(document.get(name)))

    def sent_as_is(self, document: Document) -> Sequence[str]:
        """The credentials that the stack sends as they are: what stands around them breaks them."""
        return [*document]

    def no_credentials(self, document: Document) -> Iterator[tuple[Keys, str]]:
        """What cannot be a credential in a document: where it stands, and why."""
        return no_credentials(document, tuple(document))

    def field_of(self, key: str) -> str | None:
        """The field that the stack takes a key of a document for, or none."""
        return key

    def undecodable(self, document: Document) -> Undecodable | None:
        """Why the stack can use nothing of a document, if it cannot."""
        del document
        return None

    def as_read(self, document: Document) -> Document:
        """A live document as the stack reads it, without CouchDB's own fields."""
        return {name: value for name, value in document.items() if not name.startswith("_")}

    def identity(self, document: Document) -> tuple[str, ...]:
        """What a document has under any id, so that a rename is recognized; empty if nothing identifies it."""
        del document
        return ()

    def meaning(self, before: Document, fields: Iterable[FieldChange]) -> Iterator[str]:
        """One sentence for each field whose change matters to users of a live document."""
        del before, fields
        return iter(())

    def unusable(self, document: Document) -> dict[str, str]:
        """What cannot be a credential, by its name, such as ``extras.api_key``, each with the reason."""
        return {".".join(path): why for path, why in self.no_credentials(document)}

    def unusable_fields(self, document: Document) -> dict[str, str]:
        """The same by the fields that hold it."""
        return {path[0]: why for path, why in reversed([*self.no_credentials(document)])}


_REFUSED_REFRESH = "until then the stack answers 401 oauth_refresh_invalid_token to its konnector"


class AccountTypes(Kind):
    """How the stack does OAuth with a service."""

    name = "account_type"
    noun = "account type"
    secrets = "client secrets"
    folder = "account_types"
    database = "secrets/io-cozy-account_types"
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

    def no_credentials(self, document: Document) -> Iterator[tuple[Keys, str]]:
        """The credentials, and the parts of ``extras`` that sound secret."""
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

    def meaning(self, before: Document, fields: Iterable[FieldChange]) -> Iterator[str]:
        """What a change means for connected accounts.

        Source: the refresh of the stack (``model/account/type.go``) sends the client of the account type and the
        refresh token of the account to token_endpoint; without one, ``web/accounts/oauth.go`` copies the secret into
        each account.
        """
        copied = is_missing(before.get("token_endpoint"))
        for field in fields:
            if field.old is None:  # nothing worked with it before
                continue
            match field.name:
                case "client_id":
                    yield f"client_id changes: every connected account must be connected again ({_REFUSED_REFRESH})"
                case "client_secret":
                    yield "client_secret changes: connected accounts stay connected"
                    if copied:
                        yield (
                            "there was no token_endpoint: each connected account keeps a copy of the old client_secret"
                        )
                case "redirect_uri":
                    yield f"redirect_uri changes: register {shown(field.new)} with the provider first"
                case "token_endpoint":
                    yield "token_endpoint changes: connected accounts are refreshed at another address"
                case "grant_mode":
                    yield f"grant_mode changes: new accounts are connected with {shown(field.new)}"
                case _:
                    pass


SECRET_NAME = re.compile(r"(?!provision$)[0-9A-Za-z][0-9A-Za-z_]*")
"""The names that a template can ask for and a document can hold: CouchDB keeps those with a leading _ for itself."""

_PUBLIC = (
    *("cc.cozycloud.dacc", "cc.cozycloud.dacc_v2", "cc.cozycloud.dacc.dev", "cc.cozycloud.dacc.dev_v2"),
    *("com.inokufu", "com.inokufu.api", "com.megaapply.www", "com.visionstrust", "eu.mycozy.dacc", "eu.mycozy.dacc_v2"),
    *("io.vision.palmapp", "org.mps.registry", "org.mps.registry.rec", "org.mps.store", "org.mps.store.rec"),
)
"""The doctypes of the public collection whose template asks for a secret: each for ``token``."""


class RemoteSecrets(Kind):
    """One document a doctype, in which every field is a secret."""

    name = "remote_secret"
    noun = "remote secret"
    secrets = "remote secrets"
    folder = "remote_secrets"
    database = "secrets/io-cozy-remote-secrets"
    database_key = "remote_database"
    prefix = "REMOTE_SECRET_"
    removal = "applications can no longer send its request: the stack answers 400"
    keys = ("_id", "secrets")
    public = _PUBLIC

    def document(self, fields: Mapping[str, Json]) -> Document:
        """A definition has names alone."""
        del fields
        return {}

    def asked(self, fields: Mapping[str, Json]) -> tuple[str, ...]:
        """The names under ``secrets``."""
        names = fields.get("secrets")
        return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()

    def template(self, id: str) -> str:
        """That of a public doctype, or one to correct."""
        note = "" if id in _PUBLIC else "# NAME for each {{secret_NAME}} in the request of the doctype\n"
        return f"{note}secrets: [token]\n"

    def content(self, document: Document) -> Mapping[str, Json]:
        """The names of the secrets that a document has."""
        return {"secrets": [name for name in document if SECRET_NAME.fullmatch(name)]}

    def missing(self, document: Document, asked: Sequence[str]) -> tuple[str, ...]:
        """What is no text counts as missing: so the stack reads it."""
        return tuple(name for name in asked if not (text := revealed(document.get(name))) or not isinstance(text, str))


ACCOUNT_TYPE = AccountTypes()
REMOTE_SECRET = RemoteSecrets()

KINDS: tuple[Kind, ...] = (ACCOUNT_TYPE, REMOTE_SECRET)


def kind_named(name: str) -> Kind:
    """The kind of a name. Raises `ValueError` if there is none."""
    for kind in KINDS:
        if kind.name == name:
            return kind
    raise ValueError(name)


def kind_in(database: str) -> Kind | None:
    """The kind of documents that are in a database of this name; ``None``: it does not say."""
    usual = ACCOUNT_TYPE if "account" in database else None
    return next((each for each in KINDS if each.database.rpartition("/")[2] in database), usual)
