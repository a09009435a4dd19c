"""Writes definitions and credentials as YAML."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from provisioner.adapters.files.private_file import write_private
from provisioner.core.definitions.account_type import reveal
from provisioner.core.errors import SafetyLimit, UsageError
from provisioner.core.plan.exporting import Exported
from provisioner.core.secret import Json
from provisioner.core.text import listed

CREDENTIALS = ".credentials.yaml"
"""The file of credentials in an exported catalogue: hidden, so that it is no definition."""


def write_catalogue(folder: Path, exported: Sequence[Exported], *, with_secrets: bool, force: bool) -> list[Path]:
    """Write definitions, and their credentials where wanted; nothing where a file is in the way."""
    texts = {folder / each.path: to_yaml(each.content) for each in exported}
    secrets = {each.id: reveal(each.credentials) for each in exported if each.credentials}
    credentials = folder / CREDENTIALS
    paths = [*texts, *([credentials] if with_secrets and secrets else [])]
    present = [path.as_posix() for path in paths if path.exists()]
    if present and not force:
        raise SafetyLimit(f"these files exist: {listed(present)}", "name another folder, or overwrite with --force")
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        if credentials in paths:
            write_private(credentials, to_yaml({**secrets}))
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be written: {error.strerror}", "name another folder") from None
    return paths


def to_yaml(content: Mapping[str, Json]) -> str:
    """A mapping as YAML, in the order of its keys, without line breaks in long values."""
    return yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=float("inf"))
