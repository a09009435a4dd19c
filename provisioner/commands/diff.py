"""Compares definitions with the live documents. Reads only."""

from collections.abc import Sequence

from provisioner.core.definitions.definition import Definition
from provisioner.core.plan.changes import Plan, make_plan
from provisioner.core.plan.ownership import Ownership
from provisioner.core.plan.store import Store


def run(
    definitions: Sequence[Definition], store: Store, ownership: Ownership | None = None, *, whole: bool = False
) -> Plan:
    """Read the live documents of the definitions, and of what we own, and say what applying would do."""
    owned = ownership.own.account_types.keys() if ownership and whole else ()
    ids = dict.fromkeys([*(definition.id for definition in definitions), *sorted(owned)])
    return make_plan(definitions, store.read(list(ids)), ownership, whole=whole)
