"""The part of a host that somebody registered, by the public suffix list that comes with tldextract."""

from functools import cache
from typing import TYPE_CHECKING

from provisioner.core.definitions.domains import Domains

if TYPE_CHECKING:
    from tldextract import TLDExtract

_FLAT = frozenset({"com", "net", "org"})
"""Domains under which the list has no suffix of a registry: no list is needed for them, and reading it takes time."""


def registrable(host: str) -> str:
    """The registrable domain of a host; empty for a public suffix, an address or a name without a dot."""
    *_, domain, suffix = ("", *host.split("."))
    if not domain or suffix.isdigit():
        return ""
    if suffix in _FLAT:
        return f"{domain}.{suffix}"
    found = _list()(host)
    unlisted = f"{domain}.{suffix}"  # by the list's own rule for what it does not have
    return found.top_domain_under_public_suffix if found.suffix else unlisted


@cache
def _list() -> "TLDExtract":
    from tldextract import TLDExtract

    return TLDExtract(suffix_list_urls=(), cache_dir=None)


DOMAINS = Domains(registrable)
"""Domains by that list, without any that are known to belong together."""
