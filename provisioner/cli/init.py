"""``provision init``."""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from provisioner.adapters.couchdb.address import DEFAULT, read_address
from provisioner.adapters.files import shipped
from provisioner.adapters.files.definition_writer import to_yaml
from provisioner.adapters.files.private_file import write_whole
from provisioner.adapters.files.shipped import PACKAGE, requirement
from provisioner.cli import completion, output
from provisioner.cli.new import check_near, definition
from provisioner.core.definitions.domains import host_advice
from provisioner.core.errors import UsageError
from provisioner.core.rules.ids import is_plain
from provisioner.core.secret import without_sign_in
from provisioner.core.targets.target import OWNER

_FILES = {
    "provision.yaml": "provision.yaml",
    ".gitignore": "gitignore",
    ".pre-commit-config.yaml": "pre-commit-config.yaml",
    ".github/workflows/account-types.yml": "github-workflow.yml",
    ".gitlab-ci.yml": "gitlab-ci.yml",
}
"""Each file with its template."""

_LONGEST_ID = 200
"""Characters that a file name can have on every system, with its ending."""


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
    ask = not yes
    values = {
        "owner": _asked("Whose account types are these?", owner, _name(folder), _checked_owner, ask=ask),
        "domain": _asked("The domain of your Cozy instances", domain, "mycozy.cloud", _checked_domain, ask=ask),
        "couch": _asked("Your CouchDB", couch, DEFAULT, _checked_couch, ask=ask),
    }
    given = None if service is None else " ".join(service)
    services = _asked("Which services, by their ids?", given, "google", _checked_services, ask=ask).split()
    for id in services:
        check_near(id)
    source = requirement()
    for name, text in _texts(values, source):
        _write(folder / name, text)
    for id in services:
        path = folder / f"account_types/{id}.yaml"
        _write(path, definition(id, path))
    if source is None:
        output.message(
            "this provision was not installed from a commit or an archive, so the pipelines cannot name it: set "
            f"PROVISION_SOURCE in your CI, such as {PACKAGE} @ git+https://…@<commit>"
        )
    where = "" if folder == Path() else f"cd {folder.as_posix()} && "
    output.message(f"next: {where}provision validate, then provision diff --target local; more: provision new ID")


def _texts(values: Mapping[str, str], source: str | None) -> Iterator[tuple[str, str]]:
    """The files that do not depend on the services, with their texts."""
    sources = {
        "github_source": "${{ vars.PROVISION_SOURCE }}" if source is None else _scalar(source),
        "gitlab_source": "$PROVISION_SOURCE" if source is None else _scalar(source),
    }
    scalars = {name: _scalar(value) for name, value in values.items()}
    for name, template in _FILES.items():
        text = (shipped.folder("templates") / template).read_text(encoding="utf-8")
        yield name, Template(text).substitute(scalars | sources)
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


def _asked(question: str, given: str | None, default: str, check: Callable[[str], str], *, ask: bool) -> str:
    """What an option says, else what a person answers, else the default. A wrong answer is asked for again."""
    if given is not None or not ask:
        return check(given if given is not None else default)
    while True:
        try:
            return check(output.prompt(f"{question} [{default}]").strip() or default)
        except UsageError as error:
            output.report(error)


def _checked_owner(name: str) -> str:
    if not OWNER.fullmatch(name):
        raise UsageError(f"{name} is not the name of an owner", "use lower-case letters, digits, - and _")
    return name


def _checked_domain(domain: str) -> str:
    if advice := host_advice(domain):
        raise UsageError(f"{domain} is not a domain", advice)
    return domain


def _checked_couch(url: str) -> str:
    """The URL of a CouchDB without user and password, which are named by variables instead."""
    bare = without_sign_in(url, "")
    if "://" not in url and "@" in url:
        bare = url.rpartition("@")[2]
    if not bare:
        raise UsageError("the URL of CouchDB is empty", f"write it as {DEFAULT}")
    checked = bare if "${" in bare else read_address(bare, {}, sign_in=False).url
    if bare != url:
        output.message(
            "user and password are not written into provision.yaml, which goes into git: "
            "set COUCHDB_USER_LOCAL and COUCHDB_PASSWORD_LOCAL, or use netrc"
        )
    return checked


def _checked_services(ids: str) -> str:
    for id in ids.split():
        if not is_plain(id) or len(id) > _LONGEST_ID:
            what = f"the id {id} cannot be used as a file name"
            raise UsageError(what, "use letters, digits, - and _, as in google or foobar/google")
    return ids


def _scalar(text: str) -> str:
    """A text as a value in YAML, with quotes where it needs them."""
    return to_yaml({"value": text})[7:-1] if text[:1].isalpha() else json.dumps(text)


def _name(folder: Path) -> str:
    """The name of a folder as that of an owner."""
    return re.sub(r"[^a-z0-9_-]+", "-", folder.resolve().name.lower()).strip("-_") or "default"
