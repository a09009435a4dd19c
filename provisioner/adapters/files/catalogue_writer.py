"""Writes definitions and credentials as YAML."""

import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from provisioner.adapters.files.private_file import write_private, write_whole
from provisioner.core.definitions.account_type import reveal
from provisioner.core.errors import SafetyLimit, UsageError
from provisioner.core.plan.exporting import Exported
from provisioner.core.secret import Json
from provisioner.core.text import listed

CREDENTIALS = ".credentials.yaml"
"""The file of credentials in an exported catalogue: hidden, so that it is not read as a definition."""


def write_catalogue(folder: Path, exported: Sequence[Exported], *, with_secrets: bool, force: bool) -> list[Path]:
    """Write definitions, and their credentials where wanted; nothing where a file is in the way."""
    texts = {folder / each.path: to_yaml(each.content) for each in exported}
    secrets = {each.id: reveal(each.credentials) for each in exported if each.credentials}
    credentials = folder / CREDENTIALS
    paths = [*texts, *([credentials] if with_secrets and secrets else [])]
    present = [path.as_posix() for path in paths if os.path.lexists(path)]
    if present and not force:
        raise SafetyLimit(f"these files exist: {listed(present)}", "name another folder, or overwrite with --force")
    try:
        for path in paths:
            _refuse_link(folder, path)
        for path, text in texts.items():
            write_whole(path, text)
        if credentials in paths:
            write_private(credentials, to_yaml({**secrets}))
    except OSError as error:
        shown = str(error.filename or folder)
        raise UsageError(f"{shown} cannot be written: {error.strerror}", "name another folder") from None
    return paths


def _refuse_link(folder: Path, path: Path) -> None:
    """Raise `OSError` for a path that leads out of the folder, or for a link that leads nowhere."""
    for place in (path, *path.parents):
        if place == folder:
            return
        if place.is_symlink() and not place.exists():
            raise OSError(errno.ENOENT, "it is a symlink to a missing file", str(place))
        if Path(os.path.realpath(folder)) not in Path(os.path.realpath(place)).parents:
            raise OSError(errno.ELOOP, "it is a symlink to a place outside the folder", str(place))


class _Dumper(yaml.SafeDumper):
    """Writes texts that hold a line end in double quotes, where it is escaped: elsewhere YAML folds some of them."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if _LINE_ENDS & {*text} else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_LINE_ENDS = frozenset("\x85\u2028\u2029")
_Dumper.add_representer(str, _text)


def to_yaml(content: Mapping[str, Json]) -> str:
    """A mapping as YAML, in the order of its keys, without line breaks in long values."""
    text: str = yaml.dump(dict(content), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=float("inf"))
    return text
