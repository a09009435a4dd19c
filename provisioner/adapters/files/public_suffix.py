"""The part of a host that somebody registered, by the public suffix list that comes with publicsuffixlist."""

from functools import cache
from typing import Any

from provisioner.adapters.files import shipped
from provisioner.core.definitions.domains import Domains

_FLAT = frozenset({"com", "net", "org"})
"""Domains under which the list has no suffix of a registry: no list is needed for them, and reading it takes time."""


def registrable(host: str) -> str:
    """The registrable domain of a host; empty for a public suffix, an address or a name without a dot."""
    *_, domain, suffix = ("", *host.split("."))
    if not domain or suffix.isdigit():
        return ""
    if suffix in _FLAT:
        return f"{domain}.{suffix}"
    return str(_list().privatesuffix(host) or "")


@cache
def _list() -> Any:
    from publicsuffixlist import PublicSuffixList  # takes 30 ms, and only some hosts need it

    return PublicSuffixList(only_icann=True)


DOMAINS = Domains(registrable, shipped.related_domains)
"""Domains by that list, and those that the shipped catalogue knows to belong together."""
