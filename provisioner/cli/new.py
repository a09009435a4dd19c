"""``provision new``."""

import os
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from provisioner.adapters.files import shipped
from provisioner.adapters.oauth.discovery import fetch_metadata
from provisioner.cli import completion, output
from provisioner.core.errors import ProvisionError, SafetyLimit, UsageError
from provisioner.core.oauth.discovery import definition_text, metadata_urls
from provisioner.core.plan.exporting import is_plain
from provisioner.core.targets.credentials import variable_name
from provisioner.core.targets.target import ENVIRONMENT_PREFIX
from provisioner.core.text import nearest

_READ_NOTES = frozenset({"x-domains", "x-scopes", "x-scope-delimiter", "x-scope-required"})
"""Notes that rules and commands read."""


def new(
    id: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            autocompletion=completion.shipped_ids,
            help="The account type, such as google or foobar/google.",
        ),
    ],
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="ID",
            autocompletion=completion.shipped_ids,
            help="The shipped definition to copy. Default: ID.",
        ),
    ] = None,
    discovery: Annotated[
        str | None,
        typer.Option(
            "--from-discovery", metavar="URL", help="Read the endpoints that this OpenID or OAuth issuer publishes."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder of definitions.")] = Path("account_types"),
) -> None:
    """Write a new definition, from the shipped catalogue or from what a provider publishes.

    If the catalogue does not have ID, it is a commented template.
    """
    if not is_plain(id):
        raise UsageError(
            "this id cannot be used as a file name", "use letters, digits, - and _, as in google or foobar/google"
        )
    if source is not None and discovery is not None:
        raise UsageError("--from and --from-discovery cannot be combined", "give only one of them")
    _write(id, out / f"{id}.yaml", source, discovery)


def _write(id: str, path: Path, source: str | None, discovery: str | None) -> None:
    """Write the definition of an id, a copy of `source` or what an issuer publishes. Raises `ProvisionError`."""
    if os.path.lexists(path):
        raise SafetyLimit(f"{path.as_posix()} already exists", "edit it, or delete it first")
    if discovery is not None:
        text = _discovered(id, discovery)
    elif source is not None:
        text = _without_notes(copied(id, source))
    else:
        text = _copied_or_template(id)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(_header(id, path) + text)
    except OSError as error:
        raise UsageError(
            f"{path.as_posix()} cannot be written: {error.strerror}", "choose another folder with --out"
        ) from None
    output.result(path.as_posix())
    output.message(f"next: register a client with the provider, then run provision validate {path.as_posix()}")


def _discovered(id: str, url: str) -> str:

    issuer, urls = metadata_urls(url)
    return definition_text(id, issuer, fetch_metadata(urls))


def definition(id: str, path: Path) -> str:
    """The text of a definition of an id that is to stand at a path: a shipped one, or a template."""
    return _header(id, path) + _copied_or_template(id)


def _copied_or_template(id: str) -> str:
    """The text of the shipped definition of an id, or a template if there is none."""
    service = id.rpartition("/")[2]
    known = shipped_ids()
    if service in known:
        return copied(id, service)
    output.message(f"the catalogue does not have {service}{nearest(service, known)}; this is a template to fill in")
    template = (shipped.folder("templates") / "account_type.yaml").read_text(encoding="utf-8")
    return Template(template).substitute(id=id, service=service)


def shipped_ids() -> list[str]:
    """The ids of the shipped catalogue."""
    return sorted(each.stem for each in shipped.folder("account_types").glob("*.yaml"))


def _without_notes(text: str) -> str:
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
    known = shipped_ids()
    if source not in known:
        what = f"the catalogue has no definition of {source}{nearest(source, known)}"
        raise ProvisionError(what, "run provision catalogue to see all, or give --from ID or --from-discovery URL")
    path = shipped.folder("account_types") / f"{source}.yaml"
    text = path.read_text(encoding="utf-8").partition("\n")[2]
    service = id.rpartition("/")[2]
    return text.replace(f"/accounts/{source}/redirect", f"/accounts/{service}/redirect")


def _header(id: str, path: Path) -> str:
    """The comments at the top of a definition: its schema, if found beside the catalogue, and its credentials.

    The schema is named twice, as yaml-language-server and as JetBrains' editors look for it.
    """
    schemas = (f"{above}schemas/account_type.schema.json" for above in ("../", "../../"))
    here = [schema for schema in schemas if (path.parent / schema).is_file()]
    lines = [line for schema in here for line in (f"# yaml-language-server: $schema={schema}", f"# $schema: {schema}")]
    names = (variable_name(ENVIRONMENT_PREFIX, id, field) for field in ("client_id", "client_secret"))
    lines.append("# Keep the client's credentials out of this file. They can come from the environment:")
    lines.append(f"# {' and '.join(names)}.")
    return "".join(f"{line}\n" for line in lines)
