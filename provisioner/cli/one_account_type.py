"""One account type with its credentials: from the live database where one is named, else from its definition."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.core.errors import InvalidFile, ProvisionError
from provisioner.core.text import listed, nearest, printable

if TYPE_CHECKING:
    from provisioner.cli.reach import Reach
    from provisioner.core.definitions.account_type import Document
    from provisioner.core.definitions.source import Source
    from provisioner.core.definitions.validation import Validation


def account_type(reach: "Reach", id: str, catalogue: Sequence[Path] | None, sets: Sequence[str] | None) -> "Document":
    """The document of an account type. Raises `ProvisionError` where there is none, or one with errors."""
    if reach.live:
        return _live(reach, id)
    sources = reach.read_catalogue(catalogue)
    found = [source for source in sources if source.id == id]
    if not found:
        what = f"the catalogue has no {printable(id)}{nearest(id, [source.id for source in sources])}"
        raise ProvisionError(what, "see provision catalogue; or take it from a database, with --couch")
    return _defined(id, found, sets, reach.configuration().environment)


def requires_scope(reach: "Reach", id: str, catalogue: Sequence[Path] | None) -> bool:
    """Whether the catalogue notes that the provider of an account type wants a scope (``x-scope-required``)."""
    from provisioner.core.definitions.catalogue import providers
    from provisioner.core.oauth.manifest import REQUIRED

    known = providers(reach.read_catalogue(catalogue))
    return any(each.id == id and each.fields.get(REQUIRED) is True for each in known)


def _live(reach: "Reach", id: str) -> "Document":
    target = reach.target()
    with reach.store(target) as store:
        live = store.read([id]).documents.get(id)
    if live is None:
        what = f"the database {target.database} has no account type {printable(id)}"
        raise ProvisionError(what, "see provision list, or apply it first")
    return live.document


def _defined(id: str, sources: "Sequence[Source]", sets: Sequence[str] | None, allowed: Collection[str]) -> "Document":
    from provisioner.adapters.files import shipped
    from provisioner.adapters.files.credentials import read_credentials
    from provisioner.adapters.files.public_suffix import DOMAINS
    from provisioner.cli.options import set_values
    from provisioner.commands import validate
    from provisioner.core.definitions.schema_check import schema_check
    from provisioner.core.definitions.variables import PREFIX, variable_lookup
    from provisioner.core.targets.credentials import fill
    from provisioner.core.targets.target import EnvironmentSource

    lookup = variable_lookup(os.environ, allowed, {}, set_values(sets))
    check = schema_check(shipped.schema())
    validation = validate.run(sources, check, lookup, need_values=False, domains=DOMAINS)
    _stop_at_errors(validation)
    (definition,) = validation.definitions
    if unknown := [name for name in definition.unknown if name != "redirect_uri"]:
        what = f"{definition.path} has variables without a value: in {listed(unknown)}"
        raise ProvisionError(what, f"give them with --set name=value, or as {PREFIX}name in the environment")
    check = schema_check(shipped.schema("credentials"))
    filled = fill(definition, [read_credentials(EnvironmentSource(), [id], os.environ, check)])
    _stop_at_errors(validate.filled(validation, [filled], sources, DOMAINS))
    return filled.document


def _stop_at_errors(validation: "Validation") -> None:
    from provisioner.core.definitions.problem import Severity

    errors = tuple(problem for problem in validation.problems if problem.severity is Severity.ERROR)
    if errors:
        raise InvalidFile(errors)
