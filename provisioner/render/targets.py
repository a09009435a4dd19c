"""The targets of a configuration."""

from collections.abc import Sequence

from provisioner.core.targets.reachability import Reachability
from provisioner.render.json_output import as_json as whole_json
from provisioner.render.lines import lines
from provisioner.render.paint import Paint, plain
from provisioner.render.table import table

_WORDS = {True: "yes", False: "no", None: "-"}
_HEAD = ("TARGET", "COUCHDB", "DATABASE", "PROTECTED", "REACHABLE", "SIGNED IN", "EXISTS")


def as_text(targets: Sequence[Reachability], paint: Paint = plain) -> str:
    """One line per target, then what is wrong with some."""
    rows = [
        (
            each.name,
            each.url or "-",
            each.database,
            _WORDS[each.protected],
            _WORDS[each.reachable],
            _WORDS[each.signed_in],
            _WORDS[each.exists],
        )
        for each in targets
    ]
    troubles = [f"{each.name}: {each.trouble}" for each in targets if each.trouble]
    return "\n".join([table(_HEAD, rows, paint), *([lines(troubles)] if troubles else [])])


def as_json(targets: Sequence[Reachability]) -> str:
    """``targets``: objects with name, url, database, protected, reachable, signed_in, exists, trouble."""
    rows = [
        {
            "name": each.name,
            "url": each.url or None,
            "database": each.database,
            "protected": each.protected,
            "reachable": each.reachable,
            "signed_in": each.signed_in,
            "exists": each.exists,
            "trouble": each.trouble or None,
        }
        for each in targets
    ]
    return whole_json({"targets": rows})
