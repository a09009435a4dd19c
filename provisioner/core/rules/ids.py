"""Ids and the contexts before them: which the stack finds, which a file can have, and what is wrong with one."""

import re
from collections.abc import Iterator

from provisioner.core.definitions.account_type import global_id
from provisioner.core.definitions.kinds import ACCOUNT_TYPE
from provisioner.core.definitions.problem import Severity
from provisioner.core.rules import DefinitionView, Finding, found
from provisioner.core.text import is_whole, unseen

_UNESCAPED = "$&,:;=@"
"""The characters that the stack finds in a route's path as they are, and does not find percent-encoded."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*(/[A-Za-z0-9_][A-Za-z0-9._+-]*)?")
_DEVICE = re.compile(r"con|prn|aux|nul|(com|lpt)[0-9]", re.IGNORECASE)
"""Names that are devices on Windows, with any suffix."""

_NO_CONTEXT = ("account_types", ".yaml", ".yml", ".json")
"""Ends of names that are not contexts: the first is a catalogue of its own, the others are in the way of files."""

HALF = "half of a character (a lone surrogate): CouchDB would refuse the whole batch of documents"


def is_plain(id: str) -> bool:
    """Whether an id can be a path as it is."""
    if _PLAIN.fullmatch(id) is None or any(part.endswith(".") or is_device(part) for part in id.split("/")):
        return False
    context = id.rpartition("/")[0].casefold()
    return context != _NO_CONTEXT[0] and not context.endswith(_NO_CONTEXT[1:])


def is_device(name: str) -> bool:
    """Whether a file name stands for a device on Windows."""
    return _DEVICE.fullmatch(name.partition(".")[0]) is not None


def why_no_id(id: str) -> str:
    """Why an id can be that of no account type, wherever it comes from; empty if it can."""
    context, _, service = id.rpartition("/")
    if service in ("", ".", "..") or context in (".", "..") or "/" in context:
        return "it is neither <id> nor <context>/<id>"
    if id.startswith("_"):
        return "it starts with _, which CouchDB keeps for itself"
    return "it contains a character that no id can have" if "\0" in id or not is_whole(id) else ""


def check_id(view: DefinitionView) -> Iterator[Finding]:
    """What is wrong with an id."""
    id, service = view.id, global_id(view.id)
    if "+" in id and view.kind is ACCOUNT_TYPE:
        yield found("plus-in-id", f"the stack does not find the id {id}: CouchDB reads its + as a space", "_id")
    if is_plain(id):
        return
    if not is_whole(id):
        yield found("half-character", f"the id contains {HALF}", "_id")
    if hidden := unseen(id):
        yield found("unseen-character", f"the id has {hidden[1]} at character {hidden[0]}", "_id")
    if view.kind is not ACCOUNT_TYPE:
        return
    unescaped, control = [char for char in _UNESCAPED if char in service], _CONTROL.search(id)
    mild = Severity.WARNING
    if service in ("", ".", "..") or "/" in service:
        yield found("id-not-a-segment", f"the id {service} cannot be a segment of a URL's path", "_id")
    elif unescaped:
        message = f"the id {service} has {' '.join(unescaped)}: a client that percent-encodes the id gets 404"
        yield found("id-not-a-segment", message, "_id", severity=mild)
    elif control:
        message = f"the id {service} has a control character, which cannot be seen or typed"
        yield found("id-not-a-segment", message, "_id", severity=mild)
    if not (unescaped or control or "+" in service or why_no_id(id)):
        message = f"the id {id} is not a file name on every system: use letters, digits, - and _"
        yield found("id-not-plain", message, "_id")
