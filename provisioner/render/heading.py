"""The line that says where a command works."""

from provisioner.core.secret import Json
from provisioner.core.targets.target import Place
from provisioner.render.lines import safe
from provisioner.render.paint import Colour, Paint, plain


def heading(place: Place, owner: str | None = None, paint: Paint = plain) -> str:
    """The target if there is one, the server, the database, and the owner if there is one."""
    target = f"target {place.target}: " if place.target else ""
    server = place.url or "no server that can be reached"
    whose = f", owner {owner}" if owner else ""
    return paint(Colour.BOLD, safe(f"{target}{server}, database {place.database}{whose}"))


def values(place: Place, owner: str | None = None) -> dict[str, Json]:
    """The same as JSON: ``target``, ``url``, ``database`` and ``owner``, each null if there is none."""
    return {"target": place.target, "url": place.url, "database": place.database, "owner": owner}
