"""Where CouchDB is and who signs in: from the URL, the environment and netrc."""

import ipaddress
import netrc
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from provisioner.core.errors import UsageError
from provisioner.core.secret import Secret

DEFAULT = "http://localhost:5984"


@dataclass(frozen=True, slots=True)
class Address:
    """A CouchDB: its URL without user information and without a slash at its end, and who signs in there."""

    url: str
    host: str
    user: str | None = None
    password: Secret | None = None

    @property
    def loopback(self) -> bool:
        """Whether the host is this machine."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def in_clear(self) -> bool:
        """Whether a password would travel unencrypted over a network."""
        return self.password is not None and self.url.startswith("http:") and not self.loopback


def read_address(given: str | None, environment: Mapping[str, str]) -> Address:
    """The CouchDB that a user means. Raises `UsageError`, whose text never holds a password."""
    text = given or environment.get("PROVISION_COUCH") or DEFAULT
    url = _split(text if "://" in text else f"http://{text}")
    host = url.hostname or ""
    port = f":{url.port}" if url.port else ""
    shown_host = f"[{host}]" if ":" in host else host
    plain = f"{url.scheme}://{shown_host}{port}{url.path.rstrip('/')}"
    user, password = _credentials(url, environment)
    return Address(plain, host, user, Secret(password) if user is not None else None)


def _split(text: str) -> SplitResult:
    advice = "write it as http://user:password@host:5984, with %40 for an @ in the password and %2F for a /"
    try:
        url = urlsplit(text)
        url.port  # noqa: B018  # raises where the port is no number
    except ValueError:
        raise UsageError("the URL of CouchDB cannot be read", advice) from None
    if url.scheme not in ("http", "https"):
        raise UsageError("the URL of CouchDB starts neither with http:// nor with https://", advice)
    if not url.hostname or url.query or url.fragment or "@" in url.path or url.netloc.count("@") > 1:
        raise UsageError("the URL of CouchDB is not just user, password, host, port and path", advice)
    return url


def _credentials(url: SplitResult, environment: Mapping[str, str]) -> tuple[str | None, str]:
    if url.username:
        return unquote(url.username), unquote(url.password or "")
    if environment.get("COUCHDB_USER"):
        return environment["COUCHDB_USER"], environment.get("COUCHDB_PASSWORD", "")
    entry = _netrc(url.hostname or "", environment)
    return (entry[0], entry[2]) if entry else (None, "")


def _netrc(host: str, environment: Mapping[str, str]) -> tuple[str, str, str] | None:
    path = Path(environment.get("NETRC") or Path(environment.get("HOME", os.sep)) / ".netrc")
    try:
        entry = netrc.netrc(path).authenticators(host)
    except OSError:
        return None
    except netrc.NetrcParseError as error:
        raise UsageError(
            f"{path}, line {error.lineno}: cannot be read as netrc", "mend it, or give user and password"
        ) from None
    return (entry[0], "", entry[2] or "") if entry else None
