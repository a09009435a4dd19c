"""Remote secrets: what the stack puts into the requests of remote doctypes, and what such a request asks for.

The facts come from cozy-stack, ``model/remote/remote.go``: it reads the document of a doctype at each request, takes
only text, and answers 400 where a template asks for a name that is not there. ``{{secret_NAME}}`` counts in the path,
the query and the values of headers; and in the body of a POST, where a function may stand before the name.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from provisioner.core.definitions.account_type import Document
from provisioner.core.definitions.go_url import UrlError, parse, unescaped
from provisioner.core.definitions.kind import Kind
from provisioner.core.secret import Json, revealed

NAME = re.compile(r"(?!provision$)[0-9A-Za-z][0-9A-Za-z_]*")
"""The names that a template can ask for and a document can hold: CouchDB keeps those with a leading _ for itself."""

_PUBLIC = (
    *("cc.cozycloud.dacc", "cc.cozycloud.dacc_v2", "cc.cozycloud.dacc.dev", "cc.cozycloud.dacc.dev_v2"),
    *("com.inokufu", "com.inokufu.api", "com.megaapply.www", "com.visionstrust", "eu.mycozy.dacc", "eu.mycozy.dacc_v2"),
    *("io.vision.palmapp", "org.mps.registry", "org.mps.registry.rec", "org.mps.store", "org.mps.store.rec"),
)
"""The doctypes of the public collection whose template asks for a secret: each for ``token``."""

_VARIABLE = re.compile(r"{{([0-9A-Za-z_ ]+)}}")
_PREFIX = "secret_"


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
        """A definition to begin with: that of a public doctype, or one to correct."""
        note = "" if id in _PUBLIC else "# NAME for each {{secret_NAME}} in the request of the doctype\n"
        return f"{note}secrets: [token]\n"

    def content(self, document: Document) -> Mapping[str, Json]:
        """The names of the secrets that a document has."""
        return {"secrets": [name for name in document if NAME.fullmatch(name)]}

    def missing(self, document: Document, asked: Sequence[str]) -> tuple[str, ...]:
        """What is no text counts as missing: so the stack reads it."""
        return tuple(name for name in asked if not (text := revealed(document.get(name))) or not isinstance(text, str))


REMOTE_SECRET = RemoteSecrets()


class Template(Struct, frozen=True):
    """What a request asks for: the names of secrets; or why the stack refuses it."""

    secrets: tuple[str, ...] = ()
    refused: str = ""


def read_template(text: str) -> Template:
    """What the stack makes of the text of a request."""
    first, *others = text.split("\n")
    verb, _, address = first.partition(" ")
    if verb not in ("GET", "POST") or not address:
        return Template(refused="its first line is not GET or POST with a URL")
    try:
        url = parse(address)
    except UrlError as error:
        return Template(refused=error.reason)
    if url.scheme not in ("http", "https"):
        return Template(refused="its URL is neither http nor https")
    headers: dict[str, str] = {}
    body = ""
    for number, line in enumerate(others):
        name, colon, value = line.partition(":")
        if not line and verb == "POST":
            body = "\n".join(others[number + 1 :])
            break
        if line and not colon:
            return Template(refused=f"line {number + 2} is not a header")
        headers[name] = value  # of a header that is there twice, the last counts
    asked = [name for part in (unescaped(url.path), url.raw_query, *headers.values()) for name in _asked(part)]
    return Template(tuple(dict.fromkeys([*asked, *_asked(body, functions=True)])))


def _asked(text: str, *, functions: bool = False) -> Iterator[str]:
    """The names of the secrets in a part of a request; `functions`: the first word may be one."""
    for match in _VARIABLE.finditer(text):
        words = match[1].strip(" ")
        variable = words.partition(" ")[2] if functions and " " in words else words
        if variable.startswith(_PREFIX):
            yield variable.removeprefix(_PREFIX)
