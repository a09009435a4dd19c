"""What the program has to know of a kind of document that operators write into a database of the stack.

`Kind` is a document whose fields are all secrets, and of whose names nothing is known. A kind overrides what it knows
better.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, TypeAlias

from provisioner.core.definitions.account_type import Document, Undecodable, is_missing
from provisioner.core.definitions.credential_form import Path, no_credentials
from provisioner.core.secret import Json, Secret

NewValue: TypeAlias = tuple[str, Json | Secret, Json | Secret]
"""A field by its name, with its old and its new value."""


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
        """The keys of a definition of a live document."""
        raise NotImplementedError

    def template(self, id: str) -> str:
        """A definition to begin with."""
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

    def no_credentials(self, document: Document) -> Iterator[tuple[Path, str]]:
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
        """What stays of a document that gets another id; empty if nothing tells."""
        del document
        return ()

    def meaning(self, before: Document, fields: Iterable[NewValue]) -> Iterator[str]:
        """One sentence for each field whose change matters to users of a live document."""
        del before, fields
        return iter(())

    def unusable(self, document: Document) -> dict[str, str]:
        """What cannot be a credential, by its name, such as ``extras.api_key``, each with the reason."""
        return {".".join(path): why for path, why in self.no_credentials(document)}

    def unusable_fields(self, document: Document) -> dict[str, str]:
        """The same by the fields that hold it."""
        return {path[0]: why for path, why in reversed([*self.no_credentials(document)])}
