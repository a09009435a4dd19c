"""Hosts of URLs as Go's HTTP client takes them: the name that it looks up, and the one that it sends.

Source: Go's ``net`` (``isDomainName``), ``net/http`` (``idnaASCIIFromURL``, ``PunycodeHostPort``) and
``golang.org/x/net/idna`` (``Lookup`` for the look-up, ``Punycode``, which maps nothing, for the header ``Host``); 1.26.
"""

import re
from ipaddress import ip_address

from provisioner.core.definitions.go_url import GoUrl

MAX_NAME = 253
"""Octets of a name without its last dot (RFC 1035, section 2.3.4)."""

MAX_LABEL = 63
"""Octets of a part of a name."""

_LABEL = re.compile(rf"[a-z0-9_](?:[a-z0-9_-]{{0,{MAX_LABEL - 2}}}[a-z0-9_])?", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}", re.ASCII)
_ZONE = re.compile(r"%[^]]*")


def header_host(url: GoUrl) -> str:
    """The host and port of a URL as a request names them: each label encoded by itself. Raises `UnicodeError`."""
    host = _ZONE.sub("", url.host) if url.host.startswith("[") else url.host
    host = host.removesuffix(":")
    if host.isascii():
        return host
    name, colon, port = host.partition(":")
    labels = [each if each.isascii() else f"xn--{each.encode('punycode').decode()}" for each in name.split(".")]
    return ".".join(labels) + colon + port


def dialled(name: str) -> str | None:
    """The name or address that a request goes to; none for a host that nobody is asked for."""
    if is_address(name):
        return name
    mapped = name if name.isascii() else mapped_name(name)
    if mapped is None or (not name.isascii() and not all(map(_is_mapped_label, mapped.split(".")))):
        return None
    return mapped if is_address(mapped) or _is_looked_up(mapped) else None


def mapped_name(name: str) -> str | None:
    """A name as browsers map it to DNS (UTS 46); none if they refuse it."""
    from ada_url import URL  # a binary library, and most hosts are plain

    try:
        return str(URL(f"http://{name}/").hostname) or None
    except ValueError:
        return None


def is_address(host: str) -> bool:
    """Whether a host is an IP address, without brackets and as it is usually written; IPv6 may have a zone."""
    if ":" not in host:
        return _ADDRESS.fullmatch(host) is not None
    try:
        return ip_address(host).version == 6
    except ValueError:
        return False


def _is_mapped_label(label: str) -> bool:
    """Whether a label that was mapped has no hyphen where only other codings have them, and no underscore."""
    plain = label[4:].encode().decode("punycode") if label.startswith("xn--") else label
    return "_" not in plain and not plain.startswith("-") and not plain.endswith("-") and plain[2:4] != "--"


def _is_looked_up(name: str) -> bool:
    name = name.removesuffix(".")
    letters = name.replace(".", "")
    return len(name) <= MAX_NAME and not letters.isdigit() and all(map(_LABEL.fullmatch, name.split(".")))
