"""The part of a host that somebody registered, by the public suffix list that comes with tldextract."""

from functools import cache
from typing import TYPE_CHECKING

from provisioner.core.domains import Domains

if TYPE_CHECKING:
    from tldextract import TLDExtract

_FLAT = frozenset({"com", "net", "org"})
"""Domains under which the list has no suffix of a registry: no list is needed for them, and reading it takes time."""


def registrable(host: str) -> str:
    """The registrable domain of a host; empty for a public suffix, an address or a name without a dot."""
    *_, domain, suffix = ("", *host.split("."))
    if suffix in _FLAT and domain:
        return f"{domain}.{suffix}"
    return _list()(host).top_domain_under_public_suffix if domain else ""


@cache
def _list() -> "TLDExtract":
    from tldextract import TLDExtract

    return TLDExtract(suffix_list_urls=(), cache_dir=None)


DOMAINS = Domains(registrable)
"""Domains by that list, without any that are known to belong together."""
