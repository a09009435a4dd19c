"""Remote secrets: what the stack puts into the requests of remote doctypes, and what such a request asks for.

The facts come from cozy-stack, ``model/remote/remote.go``: it reads the document of a doctype at each request, takes
only text, and answers 400 where a template asks for a name that is not there. ``{{secret_NAME}}`` counts in the path,
the query and the values of headers; and in the body of a POST, where a function may stand before the name.
"""

import re
from collections.abc import Iterator

from msgspec import Struct

from provisioner.core.definitions.go_url import UrlError, parse, unescaped

_VARIABLE = re.compile(r"{{([0-9A-Za-z_ ]+)}}")
_PREFIX = "secret_"


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
