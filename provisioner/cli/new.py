"""``provision new``."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from provisioner.adapters.files.definition_writer import copied, header, shipped_ids, template, without_notes
from provisioner.adapters.files.private_file import refuse_foreign_link
from provisioner.adapters.oauth.discovery import fetch_metadata
from provisioner.cli import completion, output
from provisioner.core.errors import SafetyLimit, UsageError
from provisioner.core.oauth.discovery import definition_text, metadata_urls
from provisioner.core.rules.ids import is_plain
from provisioner.core.text import nearest


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
    blank: Annotated[
        bool, typer.Option("--template", help="Write a template, even if ID is near a shipped definition.")
    ] = False,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder of definitions.")] = Path("account_types"),
) -> None:
    """Write a new definition, from a shipped one or from a provider.

    If the catalogue does not have ID, it is a commented template.
    """
    if not is_plain(id):
        raise UsageError(
            "this id cannot be used as a file name", "use letters, digits, - and _, as in google or foobar/google"
        )
    if source is not None and discovery is not None:
        raise UsageError("--from and --from-discovery cannot be combined", "give only one of them")
    if source is None and discovery is None and not blank:
        check_near(id)
    _write(id, out / f"{id}.yaml", source, discovery)


def check_near(id: str) -> None:
    """Ask whether a service is meant that is only near a shipped one. Raises `SafetyLimit` if nobody says so."""
    service, known = id.rpartition("/")[2], shipped_ids()
    near = "" if service in known else nearest(service, known)
    if not near:
        return
    what = f"the catalogue does not have {service}{near}"
    if not sys.stdin.isatty():
        raise SafetyLimit(what, "run provision new with the right id; --template writes a template for another service")
    output.message(what)
    if not output.confirm(f"Write a template for {service}?"):
        raise SafetyLimit(f"{what}: nothing was written", "run provision new with the right id")


def _write(id: str, path: Path, source: str | None, discovery: str | None) -> None:
    """Write the definition of an id, a copy of `source` or what an issuer publishes. Raises `ProvisionError`."""
    if os.path.lexists(path):
        raise SafetyLimit(f"{path.as_posix()} already exists", "edit it, or delete it first")
    if discovery is not None:
        text = _discovered(id, discovery)
    elif source is not None:
        text = without_notes(copied(id, source))
    else:
        text = _copied_or_template(id)
    try:
        refuse_foreign_link(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(header(id, path) + text)
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
    return header(id, path) + _copied_or_template(id)


def _copied_or_template(id: str) -> str:
    """The text of the shipped definition of an id, or a template if there is none."""
    service = id.rpartition("/")[2]
    known = shipped_ids()
    if service in known:
        return copied(id, service)
    output.message(f"the catalogue does not have {service}{nearest(service, known)}; this is a template to fill in")
    return template(id, service)
