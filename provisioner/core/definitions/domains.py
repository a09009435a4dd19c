"""Which hosts belong together."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from ipaddress import ip_address

from msgspec import Struct

from provisioner.core.secret import Json
from provisioner.core.text import unseen

DOMAINS_NOTE = "x-domains"
"""The note of a definition that names all domains of its provider."""

_HOST = r"[^\s/\\:@?#]+(:\d+)?"

_LABEL = r"(?s)[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?|.*[^\x00-\x7f].*"
"""A part of a host: letters, digits, - and _, or letters beyond ASCII, which are for a browser to judge."""

_LOOPBACK = r"(?is)(.*\.)?localhost\.?"


class Domains(Struct, frozen=True):
    """What is known of domains.

    `registrable` gives the part of a host that somebody registered, or nothing if it does not have one (a public
    suffix, an address); `related` gives the sets of domains that are known to be one provider's, and is only asked if
    nothing else decides.
    """

    registrable: Callable[[str], str]
    related: Callable[[], Sequence[frozenset[str]]] = tuple

    def one_owner(self, hosts: Collection[str], stated: Iterable[str] = ()) -> bool:
        """Whether hosts are all of one provider; `stated` are the domains that its definition names."""
        if len(set(hosts)) < 2 or all(map(is_loopback, hosts)):
            return True
        if _together(hosts, frozenset(stated)) or len({self.domain(host) for host in hosts}) == 1:
            return True
        return any(_together(hosts, group) for group in self.related())

    def domain(self, host: str) -> str:
        """The registrable domain of a host, or the host itself."""
        return self.registrable(host) or host


def unusable_host(host: str) -> str:
    """Why no browser can go to a host, or no certificate be for it; empty if both are possible. It has no port.

    Source: RFC 1034 (section 3.5, the letters of a label), and the Baseline Requirements for certificates, in which a
    wildcard stands for hosts and is none. An underscore is against both, and works with some.
    """
    labels = host.split(".")
    if labels == [""]:
        return "it has no host"
    if len(labels) == 2 and not labels[1]:
        return f"its host is {labels[0]} and a dot, with nothing after it"
    if not all(labels[:-1]):
        return "its host has an empty part: two dots, or one at the start"
    for label in labels:
        if label and not re.fullmatch(_LABEL, label):
            return f"no host has a part like {label}"
    return ""


def is_askable(host: str) -> bool:
    """Whether a host can be looked up: an address, or a name that DNS can have."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return ":" in host or not (unusable_host(host) or unseen(host))


def host_advice(text: str) -> str:
    """What to write instead of a text that is meant as a host and cannot be one; empty if it can. A port is fine."""
    if not text.strip():
        return "set a value"
    if re.fullmatch(_HOST, text) and not unusable_host(text.partition(":")[0]):
        return ""
    host = re.sub(r"^\w+:/*", "", text.strip()).partition("/")[0]
    usable = re.fullmatch(_HOST, host) and not unusable_host(host.partition(":")[0])
    return f"write a host, without a scheme or path: {host if usable else 'mycozy.cloud'}"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: a name of it or an address, whole; ``localhost.example`` is another's."""
    if re.fullmatch(_LOOPBACK, host):
        return True
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback  # Python before 3.13 does not look inside


def stated_domains(values: Mapping[str, Json]) -> frozenset[str]:
    """The domains that a definition names as its provider's."""
    value = values.get(DOMAINS_NOTE)
    items = value if isinstance(value, list) else [value]
    return frozenset(item.lower() for item in items if isinstance(item, str))


def related_domains(definitions: Iterable[Mapping[str, Json]]) -> tuple[frozenset[str], ...]:
    """What several definitions state, in a stable order and without those that state nothing."""
    groups: Mapping[frozenset[str], None] = dict.fromkeys(filter(None, map(stated_domains, definitions)))
    return tuple(groups)


def _together(hosts: Iterable[str], domains: Collection[str]) -> bool:
    return all(any(host == domain or host.endswith(f".{domain}") for domain in domains) for host in hosts)
