"""The parts of a URL in which variables may have no value."""

import re
from typing import NamedTuple

from provisioner.core.definitions.node import START, Scalar
from provisioner.core.definitions.variables import Expansion

GAP = "\ue000"
"""Stands in a URL for a variable without a value: no host, path or query has this character."""

_VARIABLE = re.compile(r"\$\{\w+\}")
_URL = re.compile(r"(https?)://(?:([^/?#]*)@)?(\[[^]/?#]*\]|[^:/?#]+)(?::[^/?#]*)?([^?#]*)(?:\?([^#]*))?(?:#(.*))?")


class Url(NamedTuple):
    """Only what the rules ask for. The host is in lower case and without the brackets of an IPv6 address."""

    scheme: str
    user_info: str
    host: str
    path: str
    query: str
    fragment: str


def read_url(text: str) -> Url | None:
    """The parts of an ``http`` or ``https`` URL, or nothing where it is none."""
    match = _URL.fullmatch(text)
    if match is None:
        return None
    scheme, user_info, host, path, query, fragment = match.groups("")
    return Url(scheme, user_info, host.lower().strip("[]"), path, query, fragment)


def with_gaps(text: str) -> str:
    """A text that could not be expanded, with a `GAP` for each of its variables; empty where it is malformed."""
    text = _VARIABLE.sub(GAP, text)
    if "$" not in text:
        return text
    scalar = Expansion(_gap).node(Scalar(text, START))
    known = isinstance(scalar, Scalar) and not scalar.placeholder and isinstance(scalar.value, str)
    return str(scalar.value) if known and isinstance(scalar, Scalar) else ""


def _gap(variable: str) -> str:  # noqa: ARG001  # the shape of a `Lookup`
    return GAP
