"""``provision new``."""

from pathlib import Path
from typing import Annotated

import typer

from provisioner.adapters.files import shipped
from provisioner.adapters.oauth.discovery import fetch_metadata
from provisioner.cli import output
from provisioner.core.errors import ProvisionError, SafetyLimit, UsageError
from provisioner.core.oauth.discovery import definition_text, metadata_urls
from provisioner.core.plan.exporting import is_plain
from provisioner.core.targets.credentials import variable_name
from provisioner.core.targets.target import ENVIRONMENT_PREFIX
from provisioner.core.text import nearest


def new(
    id: Annotated[str, typer.Argument(metavar="ID", help="The account type, such as google or foobar/google.")],
    source: Annotated[
        str | None, typer.Option("--from", metavar="ID", help="The shipped definition to copy. Default: ID.")
    ] = None,
    discovery: Annotated[
        str | None,
        typer.Option(
            "--from-discovery", metavar="URL", help="Read the endpoints that this OpenID or OAuth issuer publishes."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder of definitions.")] = Path("account_types"),
) -> None:
    """Write a new definition, from the shipped catalogue or from what a provider publishes."""
    if not is_plain(id):
        raise UsageError(
            "this id cannot be used as a file name", "use letters, digits, - and _, as in google or foobar/google"
        )
    if source is not None and discovery is not None:
        raise UsageError("--from and --from-discovery cannot be combined", "give only one of them")
    path = out / f"{id}.yaml"
    if path.exists() or path.is_symlink():
        raise SafetyLimit(f"{path.as_posix()} already exists", "edit it, or delete it first")
    text = _discovered(id, discovery) if discovery is not None else _copied(id, source or id.rpartition("/")[2])
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


def _copied(id: str, source: str) -> str:
    """The text of a shipped definition, adapted to another id if needed."""
    folder = shipped.folder("account_types")
    known = [each.stem for each in folder.glob("*.yaml")]
    if source not in known:
        what = f"the catalogue has no definition of {source}{nearest(source, known)}"
        raise ProvisionError(what, "run provision catalogue to see all, or give --from ID or --from-discovery URL")
    text = (folder / f"{source}.yaml").read_text(encoding="utf-8").partition("\n")[2]
    service = id.rpartition("/")[2]
    return text.replace(f"/accounts/{source}/redirect", f"/accounts/{service}/redirect")


def _header(id: str, path: Path) -> str:
    """The comments at the top of a definition: its schema, if found beside the catalogue, and its credentials."""
    schemas = (f"{above}schemas/account_type.schema.json" for above in ("../", "../../"))
    lines = [f"# yaml-language-server: $schema={schema}" for schema in schemas if (path.parent / schema).is_file()]
    names = (variable_name(ENVIRONMENT_PREFIX, id, field) for field in ("client_id", "client_secret"))
    lines.append("# Keep the client's credentials out of this file. They can come from the environment:")
    lines.append(f"# {' and '.join(names)}.")
    return "".join(f"{line}\n" for line in lines)
