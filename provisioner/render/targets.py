"""The targets of a configuration."""

import json
from collections.abc import Sequence

from provisioner.core.targets.reachability import Reachability
from provisioner.render.paint import Paint, plain
from provisioner.render.table import table


def as_text(targets: Sequence[Reachability], paint: Paint = plain) -> str:
    """One line per target."""
    rows = [
        (each.name, each.url or "-", each.database, "yes" if each.protected else "no", each.trouble or "yes")
        for each in targets
    ]
    return table(("TARGET", "COUCHDB", "DATABASE", "PROTECTED", "REACHABLE"), rows, paint)


def as_json(targets: Sequence[Reachability]) -> str:
    """A list of objects: name, url, database, protected, reachable, trouble."""
    rows = [
        {
            "name": each.name,
            "url": each.url or None,
            "database": each.database,
            "protected": each.protected,
            "reachable": not each.trouble,
            "trouble": each.trouble or None,
        }
        for each in targets
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False)
