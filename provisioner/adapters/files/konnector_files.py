"""Reads and writes the files of a konnector in development, and finds manifests."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, count
from pathlib import Path

from provisioner.adapters.files.private_file import why_not_writable, write_private
from provisioner.adapters.files.text_files import is_file, is_folder, read_limited, read_mapping
from provisioner.core.definitions.definition import Source
from provisioner.core.errors import ProvisionError, UsageError, explained, said
from provisioner.core.outside_json import write
from provisioner.core.secret import Json
from provisioner.core.text import is_whole, listed

_MAX_BYTES = 64 * 1024 * 1024  # data for an import may be large
_NOT_WRITABLE = "check its permissions, or choose another file"


def read_object(path: Path, default: Mapping[str, Json]) -> tuple[Mapping[str, Json], str | None]:
    """The object in a file, the default if it does not exist; and its text, if it has comments or trailing commas.

    Raises `ProvisionError` for anything else.
    """
    shown, commented = path.as_posix(), None
    if is_stream(path):
        return default, None
    try:
        text = read_limited(path, _MAX_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        return default, None
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {said(error)}", "choose another file") from None
    except UnicodeDecodeError:
        raise ProvisionError(f"{shown} is not UTF-8", "save it as UTF-8") from None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        import json5  # only for a file that is not plain JSON

        commented = text
        try:
            content = json5.loads(text)
        except (ValueError, RecursionError) as error:
            why = str(error).removeprefix("<string>:")
            raise ProvisionError(f"{shown} is not JSON: line {why}", "fix the file, or move it away") from None
    if not isinstance(content, dict):
        raise ProvisionError(f"{shown} does not contain a JSON object", "fix the file, or move it away")
    try:
        _as_json(content)
    except ValueError:
        raise ProvisionError(f"{shown} has a number that JSON does not have", "fix the file") from None
    return content, commented


def _as_json(content: Mapping[str, Json]) -> str:
    """Plain JSON, in which only lone surrogates are escaped. Raises `ValueError` for NaN and infinity."""
    text = write(dict(content), indent=2)
    return (text if is_whole(text) else json.dumps(content, indent=2)) + "\n"


def is_stream(path: Path) -> bool:
    """Whether what is written there goes on to somebody who reads: ``-``, ``/dev/stdout``, a FIFO or a device."""
    if path == Path("-") or path.is_relative_to("/dev") or path.is_relative_to("/proc"):
        return True
    return path.exists() and not path.is_file() and not path.is_dir()


def check_writable(path: Path) -> None:
    """See that a file can be written, before something is done for it. Raises `UsageError`."""
    if not is_stream(path) and (why := why_not_writable(path)):
        raise UsageError(f"{path.as_posix()} cannot be written: {why}", _NOT_WRITABLE)


def write_object(path: Path, content: Mapping[str, Json], commented: str | None) -> Path | None:
    """Write an object as plain JSON that only we may read; into a stream as it is. Raises `UsageError`.

    The text that was there is kept beside it if it has comments: then its new file is returned.
    """
    text, copy = _as_json(content), None
    with explained(f"{path.as_posix()} cannot be written", _NOT_WRITABLE):
        if path == Path("-"):
            sys.stdout.write(text)
            sys.stdout.flush()
        elif is_stream(path):
            path.write_text(text, encoding="utf-8")
        else:
            if commented is not None:
                names = chain([".bak"], (f".bak.{number}" for number in count(2)))
                copies = (path.with_name(f"{path.name}{name}") for name in names)
                copy = next(each for each in copies if not os.path.lexists(each))
                write_private(copy, commented)
            write_private(path, text)
    return copy


NAMES = ("manifest.konnector", "manifest.webapp")
_SKIPPED = frozenset({"node_modules", "build"})


def read_manifests(paths: Sequence[Path]) -> list[Source]:
    """Read the manifests named, and all below the folders named; an unreadable one becomes a problem."""
    sources: dict[str, Source] = {}
    for path in paths:
        found = [*_below(path)] if is_folder(path) else [path]
        if not found:
            missing = f"no {listed(NAMES)} below this folder"
            sources[path.as_posix()] = Source.failed(path.as_posix(), missing, "empty-folder")
        for shown, manifest in ((each.as_posix(), each) for each in found):
            try:
                sources.setdefault(shown, Source.of(shown, "", read_mapping(manifest, json=True)))
            except OSError as error:
                sources.setdefault(shown, Source.failed(shown, f"cannot be read: {said(error)}", "unreadable"))
    return [*sources.values()]


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED and not name.startswith("."))
        yield from (Path(place, name) for name in NAMES if name in files)


def read_requests(folder: Path) -> dict[str, tuple[str, str]]:
    """The files ``request`` of the doctypes in a folder: the path and the text of each. Raises `UsageError`."""
    with explained(f"{folder.as_posix()} cannot be read", "pass a folder of doctypes"):
        paths = [path for each in sorted(folder.iterdir()) if is_file(path := each / "request")]
        texts = (read_limited(path, _MAX_BYTES).decode(errors="replace") for path in paths)
        found = {path.parent.name: (path.as_posix(), text) for path, text in zip(paths, texts, strict=True)}
    if not found:
        raise UsageError(f"{folder.as_posix()} has no DOCTYPE/request", "pass a folder of doctypes")
    return found
