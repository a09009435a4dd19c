"""The texts of new definitions: copies of the shipped ones, and a template for a service that none describes."""

from pathlib import Path
from string import Template

from provisioner.adapters.files import shipped
from provisioner.core.errors import ProvisionError
from provisioner.core.targets.credentials import variable_name
from provisioner.core.targets.target import ENVIRONMENT_PREFIX
from provisioner.core.text import nearest

_READ_NOTES = frozenset({"x-domains", "x-scopes", "x-scope-delimiter", "x-scope-required"})
"""Notes that rules and commands read."""


def template(id: str, service: str) -> str:
    """A commented definition to fill in."""
    text = (shipped.folder("templates") / "account_type.yaml").read_text(encoding="utf-8")
    return Template(text).substitute(id=id, service=service)


def shipped_ids() -> list[str]:
    """The ids of the shipped catalogue."""
    return sorted(each.stem for each in shipped.folder("account_types").glob("*.yaml"))


def without_notes(text: str) -> str:
    """A definition without the notes that describe its service; those that rules and commands read are kept."""
    kept, dropping = [], False
    for line in text.splitlines():
        if not line.startswith((" ", "#", "-")):
            dropping = line.startswith("x-") and line.partition(":")[0] not in _READ_NOTES
        if not dropping and not line.startswith("#"):
            kept.append(line)
    return "\n".join(kept) + "\n"


def copied(id: str, source: str) -> str:
    """The text of a shipped definition, adapted to another id if needed."""
    known = shipped_ids()
    if source not in known:
        what = f"the catalogue has no definition of {source}{nearest(source, known)}"
        raise ProvisionError(what, "run provision catalogue to see all, or give --from ID or --from-discovery URL")
    path = shipped.folder("account_types") / f"{source}.yaml"
    text = path.read_text(encoding="utf-8").partition("\n")[2]
    service = id.rpartition("/")[2]
    return text.replace(f"/accounts/{source}/redirect", f"/accounts/{service}/redirect")


def header(id: str, path: Path) -> str:
    """The comments at the top of a definition: its schema, if found beside the catalogue, and its credentials.

    The schema is named twice, as yaml-language-server and as JetBrains' editors look for it.
    """
    schemas = (f"{above}schemas/account_type.schema.json" for above in ("../", "../../"))
    here = [schema for schema in schemas if (path.parent / schema).is_file()]
    lines = [line for schema in here for line in (f"# yaml-language-server: $schema={schema}", f"# $schema: {schema}")]
    names = (variable_name(ENVIRONMENT_PREFIX, id, field) for field in ("client_id", "client_secret"))
    lines.append("# Keep the client's credentials out of this file. They can come from the environment:")
    lines.append(f"# {' and '.join(names)}.")
    return "".join(f"{line}\n" for line in lines)
