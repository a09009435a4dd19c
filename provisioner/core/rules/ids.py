"""Rules about ids and the contexts before them."""

import re
from collections.abc import Iterator, Sequence

from provisioner.core.definitions.problem import Severity
from provisioner.core.rules.rule import AccountTypeView, Finding, rule, rule_across

_UNESCAPED = "$&,:;=@"
"""The characters that the stack finds in a route's path as they are, and does not find percent-encoded."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

_NEVER = re.compile(r"[\0\ud800-\udfff]")
"""What no id of CouchDB can hold, or no URL."""


_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*(/[A-Za-z0-9_][A-Za-z0-9._+-]*)?")

_DEVICE = re.compile(r"con|prn|aux|nul|(com|lpt)[0-9]", re.IGNORECASE)
"""Names that are devices on Windows, with any suffix."""

_CATALOGUE = "account_types"
_SUFFIXES = (".yaml", ".yml", ".json")
"""Folders of these names are not contexts: the first is a catalogue of its own, the others are in the way of files."""


def is_plain(id: str) -> bool:
    """Whether an id can be a path as it is."""
    if _PLAIN.fullmatch(id) is None or any(part.endswith(".") or is_device(part) for part in id.split("/")):
        return False
    context = id.rpartition("/")[0].casefold()
    return context != _CATALOGUE and not context.endswith(_SUFFIXES)


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
    if _NEVER.search(id):
        return "it contains a character that no id can have"
    return ""


@rule("id-not-a-segment", Severity.ERROR)
def _segment(view: AccountTypeView) -> Iterator[Finding]:
    shown = view.global_id
    found = [char for char in _UNESCAPED if char in view.global_id]
    if view.global_id in ("", ".", "..") or "/" in view.global_id:
        yield Finding(f"the id {shown} cannot be a segment of a URL's path", ("_id",))
    elif found:
        message = f"the id {shown} has {' '.join(found)}: a client that percent-encodes the id gets 404"
        yield Finding(message, ("_id",), Severity.WARNING)
    elif _CONTROL.search(view.id):
        yield Finding(
            f"the id {shown} has a control character, which cannot be seen or typed", ("_id",), Severity.WARNING
        )


@rule("id-not-plain", Severity.WARNING)
def _plain(view: AccountTypeView) -> Iterator[Finding]:
    reported_elsewhere = set(f"{_UNESCAPED}+").intersection(view.global_id) or _CONTROL.search(view.id)
    if not is_plain(view.id) and not reported_elsewhere and not why_no_id(view.id):
        message = f"the id {view.id} is not a file name on every system: use letters, digits, - and _"
        yield Finding(message, ("_id",))


@rule("plus-in-id", Severity.ERROR, ignorable=False)
def _plus(view: AccountTypeView) -> Iterator[Finding]:
    if "+" in view.id:
        message = f"the stack does not find the id {view.id}: CouchDB reads its + as a space"
        yield Finding(message, ("_id",))


@rule_across("ids-differ-by-case", Severity.WARNING)
def _case(views: Sequence[AccountTypeView]) -> Iterator[tuple[AccountTypeView, Finding]]:
    first: dict[str, AccountTypeView] = {}
    for view in sorted(views, key=lambda view: view.id):
        other = first.setdefault(view.id.casefold(), view)
        if other.id != view.id:
            message = f"the id {view.id} differs from {other.id} only by case"
            yield view, Finding(message, ("_id",))
