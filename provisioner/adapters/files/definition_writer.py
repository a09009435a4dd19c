"""Writes definitions: those of an export with their credentials, and the texts of new ones."""

import errno
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

import yaml

from provisioner.adapters.files import shipped
from provisioner.adapters.files.private_file import whole_path, write_private, write_whole
from provisioner.core.definitions.account_type import reveal
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, Kind
from provisioner.core.errors import ProvisionError, SafetyLimit, explained
from provisioner.core.importing.exporting import Exported
from provisioner.core.secret import Json
from provisioner.core.targets.filling import variable_name
from provisioner.core.text import did_you_mean, listed

CREDENTIALS = ".credentials.yaml"
"""The file of credentials in an exported catalogue: hidden, so that it is not read as a definition."""


def check_catalogue(folder: Path, exported: Sequence[Exported], *, with_secrets: bool, force: bool) -> list[Path]:
    """The files to write for definitions, and for their credentials where wanted. Raises where one is in the way."""
    paths = [folder / each.path for each in exported]
    paths += [folder / CREDENTIALS] if with_secrets and any(each.credentials for each in exported) else []
    present = [path.as_posix() for path in paths if os.path.lexists(path)]
    if present and not force:
        raise SafetyLimit(f"these files exist: {listed(present)}", "choose another folder, or overwrite with --force")
    for path in paths:
        with explained(f"{path.as_posix()} cannot be written", "choose another folder"):
            whole_path(path, folder)
            for place in (path, *path.parents)[: len(path.relative_to(folder).parts)]:
                if place.is_symlink() and not place.exists():
                    raise OSError(errno.ENOENT, "a link on its way leads to nothing")
    return paths


def write_catalogue(folder: Path, exported: Sequence[Exported], *, with_secrets: bool, force: bool) -> list[Path]:
    """Write definitions, and their credentials where wanted; nothing where a file is in the way."""
    paths = check_catalogue(folder, exported, with_secrets=with_secrets, force=force)
    secrets = {each.id: reveal(each.credentials) for each in exported if each.credentials}
    texts = [*(to_yaml(each.content) for each in exported), to_yaml({**secrets})]
    for path, text in zip(paths, texts, strict=False):  # the last text has a path where it is wanted
        with explained(f"{path.as_posix()} cannot be written", "choose another folder"):
            (write_private if path.name == CREDENTIALS else write_whole)(path, text)
    return paths


def replace_text(path: str, text: str) -> None:
    """Put a text in place of a file, whole or not at all; its permissions stay. Raises `ProvisionError`."""
    file = Path(path)
    with explained(f"{file.as_posix()} cannot be written", "check its permissions", ProvisionError):
        mode = stat.S_IMODE(file.stat().st_mode)
        write_whole(file, text, mode=mode, exact=True)


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


_READ_NOTES = frozenset({"x-domains", "x-scopes", "x-scope-delimiter", "x-scope-required"})
"""Notes that rules and commands read."""


def template(id: str, service: str) -> str:
    """A commented definition to fill in."""
    text = (shipped.folder("templates") / "account_type.yaml").read_text(encoding="utf-8")
    return Template(text).substitute(id=id, service=service)


def without_notes(text: str) -> str:
    """A definition without the notes that describe its service; those that rules and commands read are kept."""
    kept, dropping = [], False
    for line in text.splitlines():
        if not line.startswith((" ", "#", "-")):
            dropping = line.startswith("x-") and line.partition(":")[0] not in _READ_NOTES
        if not dropping and not line.startswith("#"):
            kept.append(line)
    return "\n".join(kept) + "\n"


def copied(id: str, source: str) -> str:
    """The text of a shipped definition, adapted to another id if needed."""
    known = shipped.ids()
    if source not in known:
        what = f"no shipped definition for {source}{did_you_mean(source, known)}"
        raise ProvisionError(what, "run provision catalogue to see all, or pass --from ID or --from-discovery URL")
    path = shipped.folder("account_types") / f"{source}.yaml"
    text = path.read_text(encoding="utf-8").partition("\n")[2]
    service = id.rpartition("/")[2]
    return text.replace(f"/accounts/{source}/redirect", f"/accounts/{service}/redirect")


def header(id: str, path: Path, kind: Kind = ACCOUNT_TYPE) -> str:
    """The comments at the top of a definition: its schema, if found beside the catalogue, and its credentials.

    The schema is named twice, as yaml-language-server and as JetBrains' editors look for it.
    """
    schemas = (f"{above}schemas/{kind.name}.schema.json" for above in ("../", "../../"))
    here = [schema for schema in schemas if (path.parent / schema).is_file()]
    lines = [line for schema in here for line in (f"# yaml-language-server: $schema={schema}", f"# $schema: {schema}")]
    names = ("client_id", "client_secret") if kind.states_fields else ("token",)
    whose = "the client's credentials" if kind.states_fields else "the values"
    lines.append(f"# Keep {whose} out of this file. They can come from the environment:")
    lines.append(f"# {' and '.join(variable_name(kind.prefix, id, name) for name in names)}.")
    return "".join(f"{line}\n" for line in lines)
