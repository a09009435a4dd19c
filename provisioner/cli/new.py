"""``provision new`` and ``provision init``: a new definition, and a repository to keep it in."""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from provisioner.adapters.couchdb.address import DEFAULT, read_address
from provisioner.adapters.files import shipped
from provisioner.adapters.files.definition_writer import copied, header, template, to_yaml, without_notes
from provisioner.adapters.files.definitions import kind_of
from provisioner.adapters.files.private_file import refuse_foreign_link, whole_path, write_whole
from provisioner.adapters.files.shipped import PACKAGE, requirement
from provisioner.adapters.oauth.providers import fetch_metadata
from provisioner.cli import options, output
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, KINDS
from provisioner.core.definitions.url import domain_advice
from provisioner.core.errors import SafetyLimit, UsageError, explained
from provisioner.core.oauth.endpoints import definition_text, metadata_urls
from provisioner.core.rules.ids import is_plain
from provisioner.core.secret import without_sign_in
from provisioner.core.targets.target import check_owner
from provisioner.core.text import did_you_mean


def new(
    id: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            autocompletion=options.offer_shipped_ids,
            help="The account type, such as google or foobar/google.",
        ),
    ],
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="ID",
            autocompletion=options.offer_shipped_ids,
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
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder of definitions. Default: that of their kind.")
    ] = None,
) -> None:
    """Write a new definition, from a shipped one or from a provider.

    Without a shipped definition of ID, provision writes a commented template. It also knows the public doctypes whose
    requests use a secret.
    """
    _check_id(id)
    if source is not None and discovery is not None:
        raise UsageError("--from and --from-discovery cannot be combined", "pass only one of them")
    kind = kind_of(out or Path(), next((each for each in KINDS if id in each.public), ACCOUNT_TYPE))
    path = (out or Path(kind.folder)) / f"{id}.yaml"
    shown, copies = path.as_posix(), source is not None or discovery is not None
    if kind is not ACCOUNT_TYPE and (copies or "/" in id):
        raise UsageError(f"{id} is to be a {kind.noun}: nothing can be copied for it", "pass its id alone")
    if kind is ACCOUNT_TYPE and not (copies or blank):
        _check_near(id)
    if os.path.lexists(path):
        raise SafetyLimit(f"{shown} already exists", "edit it, or delete it first")
    text = _definition(id, source, discovery) if kind is ACCOUNT_TYPE else kind.template(id)
    with explained(f"{shown} cannot be written", "choose another folder with --out"):
        refuse_foreign_link(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(header(id, path, kind) + text)
    output.paths([shown])
    step = "register a client with the provider" if kind is ACCOUNT_TYPE else "give the value to a credential source"
    output.message(f"next: {step}, then run provision validate {shown}")


def _check_id(id: str) -> None:
    if not is_plain(id) or len(id) > _LONGEST_ID:
        what = f"the id {id} cannot be used as a file name"
        raise UsageError(what, "use letters, digits, - and _, as in google or foobar/google")


_LONGEST_ID = 200
"""Characters that a file name can have on every system, with its ending."""


def _check_near(id: str) -> None:
    """Ask whether an id near a shipped one is meant. Raises `SafetyLimit` if it is not, or nobody can be asked."""
    service, known = id.rpartition("/")[2], shipped.ids()
    near = "" if service in known else did_you_mean(service, known)
    if not near:
        return
    what = f"no shipped definition for {service}{near}"
    if not sys.stdin.isatty():
        raise SafetyLimit(
            what, "run provision new with the right id; --template writes a template for another provider"
        )
    output.message(what)
    if not output.confirm(f"Write a template for {service}?"):
        raise SafetyLimit(f"nothing was written: {what}", "run provision new with the right id")


def _definition(id: str, source: str | None = None, discovery: str | None = None) -> str:
    """A definition of an id: of `source` or of what an issuer publishes, else a shipped one, else a template."""
    if discovery is not None:
        issuer, urls = metadata_urls(discovery)
        return definition_text(id, issuer, fetch_metadata(urls))
    if source is not None:
        return without_notes(copied(id, source))
    service, known = id.rpartition("/")[2], shipped.ids()
    if service in known:
        return copied(id, service)
    output.message(f"no shipped definition for {service}{did_you_mean(service, known)}; wrote a template to fill in")
    return template(id, service)


_FILES = {
    "provision.yaml": "provision.yaml",
    ".gitignore": "gitignore",
    ".pre-commit-config.yaml": "pre-commit-config.yaml",
    ".github/workflows/account-types.yml": "github-workflow.yml",
    ".gitlab-ci.yml": "gitlab-ci.yml",
    "provision-requirements.txt": "requirements.txt",
}
"""Each file with its template."""

_KNOWN = "pip installs the provision that wrote this file"
_UNKNOWN = "Set PROVISION_SOURCE: the source of the provision that wrote this file is unknown"


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the repository.")] = Path(),
    owner: Annotated[
        str | None, typer.Option(metavar="NAME", help="The owner of the account types. Default: the folder's name.")
    ] = None,
    domain: Annotated[
        str | None, typer.Option(metavar="DOMAIN", help="The domain of your Cozy instances. Default: mycozy.cloud.")
    ] = None,
    couch: Annotated[str | None, typer.Option(metavar="URL", help=f"Your CouchDB. Default: {DEFAULT}.")] = None,
    account_type: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID",
            autocompletion=options.offer_shipped_ids,
            help="An account type to begin with; repeatable. Default: google.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; use the defaults.")] = False,
) -> None:
    """Create a repository of account types.

    It gets a configuration, a definition, hooks and pipelines. Existing files are kept.
    """
    if not yes and not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on", "add --yes to use the defaults")
    asked = partial(_asked, ask=not yes)
    usual = re.sub(r"[^a-z0-9_-]+", "-", folder.resolve().name.lower()).strip("-_") or "default"
    values = {
        "owner": asked("Whose account types are these?", owner, usual, check_owner),
        "domain": asked("The domain of your Cozy instances", domain, "mycozy.cloud", _checked_domain),
        "couch": asked("Your CouchDB", couch, DEFAULT, _checked_couch),
    }
    given = None if account_type is None else " ".join(account_type)
    ids = asked("Which account types, by their ids?", given, "google", _checked_ids).split()
    source = requirement()
    names = {id: f"account_types/{id}.yaml" for id in ids}
    definitions = ((name, header(id, folder / name) + _definition(id)) for id, name in names.items())
    for name, text in chain(_texts(values, source), definitions):
        path = folder / name
        shown = path.as_posix()
        if os.path.lexists(path):
            output.paths([f"kept     {shown}"])
            continue
        with explained(f"{shown} cannot be written", "choose another folder"):
            write_whole(whole_path(path, folder), text)
        output.paths([f"written  {shown}"])
    if source is None:
        output.message(
            "where this provision was installed from is unknown, so the pipelines fail until PROVISION_SOURCE is "
            f"set in your CI, such as {PACKAGE} @ git+https://…@<commit>"
        )
    where = "" if folder == Path() else f"cd {folder.as_posix()} && "
    output.message(f"next: {where}provision validate, then provision diff --target local; more: provision new ID")


def _texts(values: Mapping[str, str], source: str | None) -> Iterator[tuple[str, str]]:
    """The files that do not depend on the account types, with their texts."""
    scalars = {name: _scalar(value) for name, value in values.items()}
    if source is None:
        scalars |= {"source_comment": f"# {_UNKNOWN}", "github_source": "${{ vars.PROVISION_SOURCE }}"}
        scalars["gitlab_variables"] = f"  # {_UNKNOWN}\n"
    else:
        scalars |= {"source_comment": f"# {_KNOWN}", "github_source": _scalar(source)}
        scalars["gitlab_variables"] = f"  variables:\n    # {_KNOWN}\n    PROVISION_SOURCE: {_scalar(source)}\n"
    for name, file in _FILES.items():
        yield name, Template((shipped.folder("templates") / file).read_text(encoding="utf-8")).substitute(scalars)
    for name in ("provision", *(kind.name for kind in KINDS), "credentials"):
        yield f"schemas/{name}.schema.json", shipped.schema_text(name)


def _asked(question: str, given: str | None, default: str, check: Callable[[str], str], *, ask: bool) -> str:
    """What an option says, else what a person answers, else the default. A wrong answer is asked for again."""
    if given is not None or not ask:
        return check(given if given is not None else default)
    while True:
        try:
            return check(output.prompt(f"{question} [{default}]").strip() or default)
        except (UsageError, SafetyLimit) as error:
            output.report(error)


def _checked_domain(domain: str) -> str:
    if advice := domain_advice(domain):
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


def _checked_ids(ids: str) -> str:
    for id in ids.split():
        _check_id(id)
        _check_near(id)
    return ids


def _scalar(text: str) -> str:
    """A text as a value in YAML, with quotes where it needs them."""
    return to_yaml({"value": text})[7:-1] if text[:1].isalpha() else json.dumps(text)
