"""Reads and writes the files of a konnector in development."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from provisioner.adapters.files.private_file import write_private
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.secret import Json
from provisioner.core.text import printable


@dataclass(frozen=True, slots=True)
class Found:
    """The object in a file, and whether more than plain JSON stood there, such as comments."""

    content: Mapping[str, Json]
    lenient: bool = False


def read_object(path: Path, default: Mapping[str, Json]) -> Found:
    """The object in a file, which may have comments and trailing commas; the default where there is no file.

    Raises `ProvisionError` for anything else.
    """
    shown = printable(path.as_posix())
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return Found(default)
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {error.strerror}", "name another file") from None
    except UnicodeDecodeError:
        raise ProvisionError(f"{shown} is not UTF-8", "save it as UTF-8") from None
    try:
        found = Found(json.loads(text))
    except (ValueError, RecursionError):
        found = Found(_lenient(text, shown), lenient=True)
    if not isinstance(found.content, dict):
        raise ProvisionError(f"{shown} does not hold an object", "mend the file, or move it away")
    try:
        _as_json(found.content)
    except ValueError:
        raise ProvisionError(f"{shown} has a number that JSON does not have", "mend the file") from None
    return found


def _as_json(content: Mapping[str, Json]) -> str:
    """Plain JSON, in which only what is no character at all is escaped. Raises `ValueError` for NaN and infinity."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    whole = all(not "\ud800" <= char <= "\udfff" for char in text)
    return (text if whole else json.dumps(content, indent=2)) + "\n"


def _lenient(text: str, shown: str) -> Mapping[str, Json]:
    import json5

    try:
        content: Mapping[str, Json] = json5.loads(text)
    except (ValueError, RecursionError) as error:
        why = printable(str(error)).removeprefix("<string>:")
        raise ProvisionError(f"{shown} is not JSON: line {why}", "mend the file, or move it away") from None
    return content


def write_object(path: Path, content: Mapping[str, Json]) -> None:
    """Write an object as plain JSON that only we may read. Raises `UsageError`."""
    try:
        write_private(path, _as_json(content))
    except OSError as error:
        what = f"{printable(path.as_posix())} cannot be written: {error.strerror}"
        raise UsageError(what, "see who may write there, or name another file") from None


def ends_in_git(path: Path) -> bool:
    """Whether git would take a file into its repository, since it does not ignore it."""
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "check-ignore", "--quiet", path.name],  # noqa: S607
            cwd=path.resolve().parent,
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 1
