"""The providers of a catalogue, for a terminal and for programs."""

from collections.abc import Sequence

from provisioner.core.definitions.definition import Provider
from provisioner.core.text import counted
from provisioner.render.json_output import as_json as whole_json
from provisioner.render.paint import Paint, plain
from provisioner.render.table import table


def as_text(providers: Sequence[Provider], paint: Paint = plain) -> str:
    """One line per provider, then their number."""
    rows = [(each.id, each.name, each.note("console") or each.note("homepage") or "-") for each in providers]
    return f"{table(('ID', 'PROVIDER', 'WHERE TO REGISTER'), rows, paint)}\n{counted(len(providers), 'account type')}"


def as_json(providers: Sequence[Provider]) -> str:
    """``definitions``: objects with id, name, homepage, console, docs, scopes, refresh, notes, hosts."""
    rows = [
        {
            "id": each.id,
            "name": each.name,
            **{name: each.note(name) or None for name in ("homepage", "console", "docs", "scopes", "refresh", "notes")},
            "hosts": each.hosts,
        }
        for each in providers
    ]
    return whole_json({"definitions": rows})
