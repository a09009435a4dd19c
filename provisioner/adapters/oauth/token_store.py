"""Keeps tokens in the user's state folder, one file an account."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import platformdirs
from msgspec import Struct

from provisioner.adapters.files.private_file import locked, read_own, why_not_writable, write_private
from provisioner.core.definitions.content import MAX_BYTES
from provisioner.core.errors import NoUsableToken, ProvisionError, said
from provisioner.core.oauth.answers import KeptToken, from_values, to_values
from provisioner.core.outside_json import merged, read_pairs, write

LONGEST_WAIT = 330.0
"""Seconds to wait for another run that refreshes: a little more than it waits for its provider."""


def folder() -> Path:
    """Where tokens are kept."""
    return platformdirs.user_state_path("cozy-provisioner", appauthor=False) / "tokens"


class TokenFile(Struct, frozen=True):
    """The place of the token of an account type, under the name of an account if there are several."""

    id: str
    account: str = ""

    @property
    def path(self) -> Path:
        """The file."""
        name = quote(self.id, safe="") + (f"@{quote(self.account, safe='')}" if self.account else "")
        return folder() / f"{name}.json"

    def check(self) -> None:
        """See that a token could be kept. Raises `ProvisionError`."""
        if why := why_not_writable(self.path):
            raise _cannot_keep(self.path, why)

    def keep(self, kept: KeptToken) -> None:
        """Keep a token in place of an earlier one. Raises `ProvisionError`."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(self.path, write(to_values(kept)))
        except OSError as error:
            raise _cannot_keep(self.path, said(error)) from None

    def kept(self) -> KeptToken:
        """The token. Raises `NoUsableToken` if there is none, or one that cannot be read."""
        try:
            return _read(self.path)
        except FileNotFoundError:
            what = f"no token of {self.id}{f' for the account {self.account}' if self.account else ''} is kept here"
        except OSError as error:
            what = f"{self.path!s} cannot be read: {said(error)}"
        except ValueError:
            what = f"{self.path!s} is not a kept token"
        raise NoUsableToken(what, f"sign in: provision token {self.id}")

    @contextmanager
    def locked(self, on_wait: Callable[[], None]) -> Iterator[None]:
        """The right to refresh the token, which one run has at a time: `on_wait` is called if another one has it.

        Raises `ProvisionError`.
        """
        path = self.path.with_suffix(".lock")
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(path, LONGEST_WAIT, on_wait))
            except TimeoutError:
                what = f"another process has been refreshing the token of {self.id} for more than {LONGEST_WAIT:g} s"
                raise ProvisionError(what, "stop that process, or try again later") from None
            except OSError as error:
                raise _cannot_keep(path, said(error)) from None
            yield


def every_token() -> Iterator[KeptToken]:
    """All tokens that can be read."""
    for path in _files():
        with suppress(OSError, ValueError):
            yield _read(path)


def forget(id: str | None, account: str = "") -> list[Path]:
    """Delete the token of an account, or all; the files that are gone. Raises `ProvisionError`."""
    found = _files() if id is None else [path for path in [TokenFile(id, account).path] if path.exists()]
    for path in found:
        try:
            path.unlink()
            path.with_suffix(".lock").unlink(missing_ok=True)
        except OSError as error:
            what = f"the token in {error.filename} cannot be deleted: {said(error)}"
            raise ProvisionError(what, "check its permissions, and delete it by hand") from None
    return found


def _files() -> list[Path]:
    return sorted(folder().glob("*.json"))


def _read(path: Path) -> KeptToken:
    values: Any = merged(read_pairs(read_own(path, MAX_BYTES)))
    return from_values(values)


def _cannot_keep(path: Path, why: str) -> ProvisionError:
    return ProvisionError(f"the token cannot be kept in {path!s}: {why}", "check its permissions, or use --print")
