"""Rules about remote secrets: what the stack does not find, what breaks its requests, and what these ask for.

The facts come from cozy-stack, ``model/remote/remote.go``: it reads the document of a doctype at each request, takes
only text, and answers 400 where a template asks for a name that is not there. ``{{secret_NAME}}`` counts in the path,
the query and the values of headers; and in the body of a POST, where a function may stand before the name.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from provisioner.core.definitions.account_type import Document
from provisioner.core.definitions.definition import LIVE, Source, Validation
from provisioner.core.definitions.go_url import UrlError, parse, unescaped
from provisioner.core.definitions.kinds import REMOTE_SECRET, SECRET_NAME
from provisioner.core.definitions.problem import START, Mark, Problem, Severity
from provisioner.core.rules import DefinitionView, Finding, found
from provisioner.core.secret import revealed

_VARIABLE = re.compile(r"{{([0-9A-Za-z_ ]+)}}")
_PREFIX = "secret_"
_DOCTYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def check_remote_secret(view: DefinitionView) -> Iterator[Finding]:
    """What the stack does not find in a document, or cannot put into a request."""
    if not _DOCTYPE.fullmatch(view.id):
        message = f"the id {view.id} is not a doctype: use letters, digits, dots, - and _, as in cc.cozycloud.dacc"
        yield found("remote-doctype", message, "_id")
    for name, value in view.document.items():
        if not SECRET_NAME.fullmatch(name):
            message = f"no template can ask for {name}: a name has letters, digits and _ alone"
            yield found("remote-secret-name", message, name)
        if not isinstance(revealed(value), str):
            message = f"{name} is not text: the stack answers 400 to a request that asks for it"
            yield found("remote-secret-no-text", message, name)


class SecretRow(Struct, frozen=True):
    """A secret of a doctype: whether its request asks for it, a definition names it, and it is live."""

    doctype: str
    secret: str
    needed: bool
    files: bool
    live: bool | None


Requests = Mapping[str, tuple[str, str]]
"""The requests of doctypes: the path of each, and its text."""


def check_templates(
    requests: Requests, sources: Sequence[Source], live: Mapping[str, Document] | None
) -> tuple[list[SecretRow], Validation]:
    """Compare what requests ask for with the definitions, and with what is live (``None``: nobody asked)."""
    asked = {doctype: read_template(text) for doctype, (_, text) in requests.items()}
    defined = {source.document_id: source for source in sources if source.content}
    rows: list[SecretRow] = []
    problems = [problem for source in sources for problem in source.problems]
    for doctype, template in asked.items():
        if template.refused:
            what = f"the stack refuses this request: {template.refused}"
            problems.append(Problem(START, what, "template-refused", path=requests[doctype][0]))
    for doctype in sorted({*asked, *defined, *(live or {})}):
        needed = asked[doctype].secrets if doctype in asked else ()
        named = REMOTE_SECRET.asked(defined[doctype].fields) if doctype in defined else ()
        there = REMOTE_SECRET.credentials((live or {}).get(doctype, {}))
        elsewhere = defined[doctype].path if doctype in defined else f"{LIVE}{doctype}"
        for secret in dict.fromkeys([*needed, *named, *there]):
            row = SecretRow(
                doctype, secret, secret in needed, secret in named, None if live is None else secret in there
            )
            rows.append(row)
            path, text = requests[doctype] if row.needed else (elsewhere, "")
            if problem := _problem(row, path, text):
                problems.append(problem)
    return rows, Validation(len(requests), (), tuple(sorted(problems)))


def _problem(row: SecretRow, path: str, text: str) -> Problem | None:
    """What is wrong with one secret; `text` is that of the request."""
    asks, missing = f"the request asks for the secret {row.secret}", "template-without-secret"
    mark = Mark(text[: max(text.find(f"secret_{row.secret}"), 0)].count("\n") + 1, 1)
    if not row.needed:
        where = " and ".join([*(["a definition"] if row.files else []), *(["the database"] if row.live else [])])
        what = f"{where} of {row.doctype} has the secret {row.secret}, and no request asks for it"
        return Problem(START, what, "secret-without-template", Severity.WARNING, path)
    if row.files:
        what = f"{asks}, and it is not live: run provision apply"
        return Problem(mark, what, missing, path=path) if row.live is False else None
    if row.live:
        what = f"{asks}, and it is live alone: no definition lists it"
        return Problem(mark, what, missing, Severity.WARNING, path)
    return Problem(mark, f"{asks}, and no definition lists it", missing, path=path)


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
