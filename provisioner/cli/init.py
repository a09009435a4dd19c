"""``provision init``."""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from provisioner import __version__
from provisioner.adapters.couchdb.address import DEFAULT
from provisioner.adapters.files import shipped
from provisioner.adapters.files.private_file import write_whole
from provisioner.cli import completion, output
from provisioner.cli.new import definition
from provisioner.core.definitions.domains import host_advice
from provisioner.core.errors import UsageError
from provisioner.core.targets.target import OWNER

_FILES = {
    "provision.yaml": "provision.yaml",
    ".gitignore": "gitignore",
    ".pre-commit-config.yaml": "pre-commit-config.yaml",
    ".github/workflows/account-types.yml": "github-workflow.yml",
    ".gitlab-ci.yml": "gitlab-ci.yml",
}
"""Each file with its template."""


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the repository.")] = Path(),
    owner: Annotated[
        str | None, typer.Option(metavar="NAME", help="The owner of the account types. Default: the folder's name.")
    ] = None,
    domain: Annotated[
        str | None, typer.Option(metavar="DOMAIN", help="The domain of your Cozy instances. Default: mycozy.cloud.")
    ] = None,
    couch: Annotated[str | None, typer.Option(metavar="URL", help=f"Your CouchDB. Default: {DEFAULT}.")] = None,
    service: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID",
            autocompletion=completion.shipped_ids,
            help="A service to begin with; repeatable. Default: google.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; take the defaults.")] = False,
) -> None:
    """Begin a repository of account types.

    It holds a configuration, a catalogue, hooks and pipelines. A file that exists is kept as it is.
    """
    if not yes and not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on", "add --yes to take the defaults")
    values = {
        "owner": _asked("Whose account types are these?", owner, _name(folder), ask=not yes),
        "domain": _asked("The domain of your Cozy instances", domain, "mycozy.cloud", ask=not yes),
        "couch": _asked("Your CouchDB", couch, DEFAULT, ask=not yes),
        "version": __version__,
    }
    if advice := host_advice(values["domain"]):
        raise UsageError(f"{values['domain']} is not a domain", advice)
    if not OWNER.fullmatch(values["owner"]):
        raise UsageError(f"{values['owner']} is not the name of an owner", "use lower-case letters, digits, - and _")
    services = service or _asked("Which services, by their ids?", None, "google", ask=not yes).split()
    for name, text in _texts(values):
        _write(folder / name, text)
    for id in services:
        path = folder / f"account_types/{id}.yaml"
        _write(path, definition(id, path))
    where = "" if folder == Path() else f"cd {folder.as_posix()} && "
    output.message(f"next: {where}provision validate, then provision diff --target local; more: provision new ID")


def _texts(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The files that do not depend on the services, with their texts."""
    for name, template in _FILES.items():
        text = (shipped.folder("templates") / template).read_text(encoding="utf-8")
        yield name, Template(text).substitute(values)
    for kind in ("provision", "account_type", "credentials"):
        yield f"schemas/{kind}.schema.json", shipped.schema_text(kind)


def _write(path: Path, text: str) -> None:
    shown = path.as_posix()
    if os.path.lexists(path):
        output.result(f"kept     {shown}")
        return
    try:
        write_whole(path, text)
    except OSError as error:
        raise UsageError(f"{shown} cannot be written: {error.strerror}", "name another folder") from None
    output.result(f"written  {shown}")


def _asked(question: str, given: str | None, default: str, *, ask: bool) -> str:
    """What an option says, else what a person answers, else the default."""
    if given is not None or not ask:
        return given if given is not None else default
    return output.prompt(f"{question} [{default}]").strip() or default


def _name(folder: Path) -> str:
    """The name of a folder as that of an owner."""
    return re.sub(r"[^a-z0-9_-]+", "-", folder.resolve().name.lower()).strip("-_") or "default"
