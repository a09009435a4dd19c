"""Keeps tokens in the user's state folder, one file an account."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import platformdirs
from msgspec import Struct, field

from provisioner.adapters.files.private_file import locked, read_own, why_not_writable, write_private
from provisioner.core.definitions.definition import MAX_BYTES
from provisioner.core.errors import NoUsableToken, ProvisionError, said
from provisioner.core.oauth.kept_token import KeptToken, from_values, to_values
from provisioner.core.outside_json import merged, read_pairs, write

LONGEST_WAIT = 330.0
"""Seconds to wait for another run that refreshes: a little more than it waits for its provider."""


def folder() -> Path:
    """Where tokens are kept."""
    return platformdirs.user_state_path("cozy-provisioner", appauthor=False) / "tokens"


def _nothing(_: str) -> None:
    pass


class TokenFolder(Struct, frozen=True):
    """The tokens of this user. `on_wait` gets the account type whose refresh by another run is waited for."""

    wait: float = LONGEST_WAIT
    on_wait: Callable[[str], None] = field(default=_nothing)

    def check(self, id: str, account: str) -> None:
        """See that a token could be kept. Raises `ProvisionError`."""
        if why := why_not_writable(_path(id, account)):
            raise _cannot_keep(_path(id, account), why)

    def keep(self, kept: KeptToken) -> None:
        """Keep a token in place of an earlier one. Raises `ProvisionError`."""
        path = _path(kept.id, kept.account)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(path, write(to_values(kept)))
        except OSError as error:
            raise _cannot_keep(path, said(error)) from None

    def kept(self, id: str, account: str) -> KeptToken:
        """The token of an account. Raises `NoUsableToken` if there is none, or one that cannot be read."""
        again = f"sign in: provision token {id}"
        try:
            return _read(_path(id, account))
        except FileNotFoundError:
            name = f"{id} for the account {account}" if account else id
            raise NoUsableToken(f"no token of {name} is kept here", again) from None
        except OSError as error:
            what = f"{_path(id, account)!s} cannot be read: {said(error)}"
            raise NoUsableToken(what, again) from None
        except (ValueError, KeyError, TypeError):
            raise NoUsableToken(f"{_path(id, account)!s} is not a kept token", again) from None

    @contextmanager
    def locked(self, id: str, account: str) -> Iterator[None]:
        """The right to refresh a token, which one run has at a time. Raises `ProvisionError`."""
        path = _path(id, account).with_suffix(".lock")
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(path, self.wait, lambda: self.on_wait(id)))
            except TimeoutError:
                what = f"another process has been refreshing the token of {id} for more than {self.wait:g} s"
                raise ProvisionError(what, "stop that process, or try again later") from None
            except OSError as error:
                raise _cannot_keep(path, said(error)) from None
            yield

    def every(self) -> Sequence[KeptToken]:
        """All tokens that can be read."""
        found = []
        for path in sorted(folder().glob("*.json")):
            try:
                found.append(_read(path))
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return found

    def forget(self, id: str | None, account: str = "") -> list[Path]:
        """Delete the token of an account, or all; the files that are gone. Raises `ProvisionError`."""
        paths = sorted(folder().glob("*.json")) if id is None else [_path(id, account)]
        found = [path for path in paths if path.exists()]
        for path in found:
            try:
                path.unlink()
                path.with_suffix(".lock").unlink(missing_ok=True)
            except OSError as error:
                what = f"the token in {error.filename} cannot be deleted: {said(error)}"
                raise ProvisionError(what, "check its permissions, and delete it by hand") from None
        return found


def _read(path: Path) -> KeptToken:
    values: Any = merged(read_pairs(read_own(path, MAX_BYTES)))
    return from_values(values)


def _cannot_keep(path: Path, why: str) -> ProvisionError:
    what = f"the token cannot be kept in {path!s}: {why}"
    return ProvisionError(what, "check its permissions, or use --print")


def _path(id: str, account: str) -> Path:
    name = quote(id, safe="") + (f"@{quote(account, safe='')}" if account else "")
    return folder() / f"{name}.json"
