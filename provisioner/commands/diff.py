"""Compares definitions with the live documents. Reads only."""

from collections.abc import Sequence

from provisioner.core.definition import Definition
from provisioner.core.plan import Plan, make_plan
from provisioner.core.store import Store


def run(definitions: Sequence[Definition], store: Store) -> Plan:
    """Read the live documents of the definitions and say what applying them would do."""
    return make_plan(definitions, store.read([definition.id for definition in definitions]))
