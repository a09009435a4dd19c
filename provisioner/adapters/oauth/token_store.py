"""Keeps tokens in the user's state folder, one file an account type."""

import json
from pathlib import Path
from urllib.parse import quote

import platformdirs

from provisioner.adapters.files.private_file import write_private
from provisioner.core.errors import ProvisionError
from provisioner.core.oauth.kept_token import KeptToken, from_values, to_values
from provisioner.core.text import printable


def folder() -> Path:
    """Where tokens are kept."""
    return platformdirs.user_state_path("cozy-provisioner", appauthor=False) / "tokens"


def keep(kept: KeptToken) -> None:
    """Keep a token in place of an earlier one. Raises `ProvisionError`."""
    path = _path(kept.id)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, json.dumps(to_values(kept)))
    except OSError as error:
        what = f"the token cannot be kept in {printable(str(path))}: {error.strerror}"
        raise ProvisionError(what, "see who may write there, or use --print") from None


def kept(id: str) -> KeptToken:
    """The token of an account type. Raises `ProvisionError` where there is none, or one that cannot be read."""
    path = _path(id)
    again = f"run provision token {id} to connect"
    try:
        return from_values(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise ProvisionError(f"no token of {printable(id)} is kept here", again) from None
    except OSError as error:
        raise ProvisionError(f"{printable(str(path))} cannot be read: {error.strerror}", again) from None
    except (ValueError, KeyError, TypeError):
        raise ProvisionError(f"{printable(str(path))} is not a kept token", again) from None


def forget(id: str | None) -> list[Path]:
    """Delete the token of an account type, or all; the files that are gone."""
    paths = sorted(folder().glob("*.json")) if id is None else [_path(id)]
    found = [path for path in paths if path.exists()]
    for path in found:
        path.unlink()
    return found


def _path(id: str) -> Path:
    return folder() / f"{quote(id, safe='')}.json"
