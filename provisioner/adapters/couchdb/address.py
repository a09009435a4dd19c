"""Where CouchDB is and who signs in: from the URL, the environment and netrc."""

import netrc
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from provisioner.core.definitions.domains import is_askable, is_loopback
from provisioner.core.errors import UsageError
from provisioner.core.secret import Secret

DEFAULT = "http://localhost:5984"


class Address(NamedTuple):
    """A CouchDB: its URL without user information and without a slash at its end, and who signs in there.

    `warnings` are about how the password is kept, and `variables` the environment variables for user and password.
    """

    url: str
    host: str
    user: str | None = None
    password: Secret | None = None
    warnings: tuple[str, ...] = ()
    variables: tuple[str, str] = ("COUCHDB_USER", "COUCHDB_PASSWORD")

    @property
    def in_clear(self) -> bool:
        """Whether a password would travel unencrypted over a network."""
        return self.password is not None and self.url.startswith("http:") and not is_loopback(self.host)


def read_address(
    given: str | None,
    environment: Mapping[str, str],
    *,
    target: str | None = None,
    alone: bool = True,
    insecure_http: bool = False,
    sign_in: bool = True,
    ask: Callable[[str], str] | None = None,
) -> Address:
    """The CouchDB that a user means. Raises `UsageError`, whose text never holds a password.

    `target` is the name of the target, `alone` whether it is the only one of the run: ``COUCHDB_USER`` is not for
    several servers. `insecure_http`: a password may travel in clear text. Without `sign_in`, nobody signs in. `ask`
    asks a person for a password that is missing.
    """
    text = given or environment.get("PROVISION_COUCH") or DEFAULT
    url = _split(text if "://" in text else f"http://{text}")
    host = url.hostname or ""
    server = (f"[{host}]" if ":" in host else host) + (f":{url.port}" if url.port else "")
    plain = f"{url.scheme}://{server}{url.path.rstrip('/')}"
    if not sign_in:
        return Address(plain, host)
    suffix, place = ("", "") if target is None else (variable_suffix(target), f"target {target}: ")
    variables = f"COUCHDB_USER{suffix}", f"COUCHDB_PASSWORD{suffix}"
    found = _sign_in(url, environment, suffix, None if alone else target)
    if found is None:
        if half := next((name for name in (variables[1], "COUCHDB_PASSWORD") if environment.get(name)), None):
            user = half.replace("PASSWORD", "USER", 1) if alone else variables[0]
            both = user if alone or half in variables else f"{user} and {variables[1]}"
            raise UsageError(f"{place}{half} is set, and {user} is not", f"set {both}, or put the user into the URL")
        return Address(plain, host, variables=variables)
    password = found.password if found.password is not None else environment.get(variables[1]) or None
    if password is None:
        if ask is None:
            what = f"{place}the password of {found.user} at {plain} is missing"
            advice = f"set {found.missing or variables[1]}, or write it into the URL: {found.user}:password@"
            raise UsageError(what, advice)
        password = ask(f"Password of {found.user} at {plain}")
    address = Address(plain, host, found.user, Secret(password), found.warnings, variables)
    if address.in_clear and not insecure_http:
        what = f"{place}the password would travel in clear text to {host}"
        raise UsageError(what, "use https, or allow it with --insecure-http")
    return address


def variable_suffix(target: str) -> str:
    """How the names of the environment variables for a target end: ``_TEAM_A`` for ``team-a``."""
    return "_" + re.sub("[^A-Z0-9]", "_", target.upper())


def _split(text: str) -> SplitResult:
    advice = "write it as http://user:password@host:5984, with %40 for an @ in the password and %2F for a /"
    try:
        url = urlsplit(text)
        url.port  # noqa: B018  # raises if the port is not a number
    except ValueError:
        raise UsageError("the URL of CouchDB cannot be read", advice) from None
    if url.scheme not in ("http", "https"):
        raise UsageError("the URL of CouchDB must start with http:// or https://", advice)
    if not url.hostname or url.query or url.fragment or "@" in url.path or url.netloc.count("@") > 1:
        raise UsageError("the URL of CouchDB can contain only user, password, host, port and path", advice)
    before, _, last = url.path.rstrip("/").rpartition("/")
    if (database := unquote(last)).endswith("/io-cozy-account_types"):
        server = f"{url.scheme}://{url.netloc.rpartition('@')[2]}{before}"
        advice = f"write --couch {server} and, if it is another database than usual, --database {database}"
        raise UsageError("the URL of CouchDB contains a database, not only the server", advice)
    if not is_askable(url.hostname):
        raise UsageError("the host in the URL of CouchDB is not a host name", advice)
    return url


class _SignIn(NamedTuple):
    """`password`: none if it is missing or empty; then `missing` may be the variable that was to hold it."""

    user: str
    password: str | None
    warnings: tuple[str, ...] = ()
    missing: str = ""


def _sign_in(url: SplitResult, environment: Mapping[str, str], suffix: str, among: str | None) -> _SignIn | None:
    """Who signs in, by the URL, else the environment, else netrc; `among`: the target, if it is one of several."""
    if url.username:
        return _SignIn(unquote(url.username), None if url.password is None else unquote(url.password))
    for end in dict.fromkeys((suffix, "")):
        if user := environment.get(f"COUCHDB_USER{end}"):
            if among is not None and not end:
                what = "COUCHDB_USER and COUCHDB_PASSWORD are for one server, and this run has several targets"
                next = f"set COUCHDB_USER{suffix} and COUCHDB_PASSWORD{suffix}, or work on one target"
                raise UsageError(f"target {among}: {what}", next)
            password = f"COUCHDB_PASSWORD{end}"
            return _SignIn(user, environment.get(password) or None, missing=password)
    path = Path(environment.get("NETRC") or Path(environment.get("HOME", os.sep)) / ".netrc")
    advice = "fix the file, or put user and password into the URL"
    try:
        readable = sys.platform != "win32" and bool(path.stat().st_mode & 0o077)
        entry = netrc.netrc(path).authenticators(url.hostname or "")
    except OSError:
        return None
    except netrc.NetrcParseError as error:
        raise UsageError(f"{path}, line {error.lineno}: cannot be read as netrc", advice) from None
    except ValueError:  # not UTF-8, or no path at all
        raise UsageError(f"{path} cannot be read as netrc: it is not UTF-8", advice) from None
    if entry is None:
        return None
    warning = f"other users can read the passwords in {path}: run chmod 600 {path}"
    return _SignIn(entry[0], entry[2] or "", (warning,) if readable else ())
