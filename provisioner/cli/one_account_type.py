"""One account type with its credentials: from the live database if one is given, else from its definition."""

from collections.abc import Sequence
from pathlib import Path

from provisioner.adapters.files import shipped
from provisioner.adapters.files.public_suffix import DOMAINS
from provisioner.cli.options import set_values
from provisioner.cli.wiring import Wiring, environment_credentials
from provisioner.commands import definitions
from provisioner.core.definitions.account_type import Document
from provisioner.core.definitions.catalogue import providers
from provisioner.core.definitions.schema_check import schema_check
from provisioner.core.errors import ProvisionError
from provisioner.core.oauth.manifest import is_required


def account_type(wiring: Wiring, id: str, catalogue: Sequence[Path] | None, sets: Sequence[str] | None) -> Document:
    """The document of an account type. Raises `ProvisionError` if it does not exist or has errors."""
    if wiring.live:
        return _live(wiring, id)
    found = definitions.of_id(id, wiring.read_catalogue(catalogue))
    check, lookup = schema_check(shipped.schema()), wiring.lookup(set_values(sets))
    (definition,) = definitions.filled(found, check, DOMAINS, lookup, environment_credentials)
    return definitions.with_values(definition).document


def requires_scope(wiring: Wiring, id: str, catalogue: Sequence[Path] | None) -> bool:
    """Whether the catalogue says that the provider requires a scope (``x-scope-required``)."""
    known = providers(wiring.read_catalogue(catalogue))
    return any(each.id == id and is_required(each.fields) for each in known)


def _live(wiring: Wiring, id: str) -> Document:
    target = wiring.target()
    with wiring.store(target) as store:
        live = store.read([id]).documents.get(id)
    if live is None:
        what = f"the database {target.database} has no account type {id}"
        raise ProvisionError(what, "run provision list to see all ids, or apply its definition first")
    return live.document
