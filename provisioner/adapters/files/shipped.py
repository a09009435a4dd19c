"""What comes with the package: schemas, the catalogue, texts of rules, public suffixes, and where it came from."""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from provisioner.core.definitions.domains import Domains
from provisioner.core.definitions.schema_check import Check, schema_check
from provisioner.core.rules import RuleText, read_texts
from provisioner.core.secret import without_sign_in

_DOMAINS = re.compile(r"^x-domains: \[(.*)\]$", re.MULTILINE)
_PACKAGE = Path(__file__).parents[2]


def folder(name: str) -> Path:
    """A folder of the package; in a checkout it lies beside the package."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def ids() -> list[str]:
    """The ids of the shipped catalogue."""
    return sorted(path.stem for path in folder("account_types").glob("*.yaml"))


@cache
def related_domains() -> tuple[frozenset[str], ...]:
    """The sets of domains that the catalogue states in ``x-domains``: each is one provider's."""
    texts = (path.read_text(encoding="utf-8") for path in folder("account_types").glob("*.yaml"))
    found = (match[1] for text in texts for match in _DOMAINS.finditer(text))
    return tuple(frozenset(re.split(r",\s*", row.strip())) for row in found)


def schemas() -> list[str]:
    """The names of all JSON schemas; those of outputs are ``output/COMMAND``."""
    root, end = folder("schemas"), ".schema.json"
    return sorted(path.relative_to(root).as_posix().removesuffix(end) for path in root.rglob(f"*{end}"))


def schema_text(name: str = "account_type") -> str:
    """The text of a JSON schema, as it is shipped."""
    return (folder("schemas") / f"{name}.schema.json").read_text(encoding="utf-8")


def schema(name: str = "account_type") -> dict[str, Any]:
    """A JSON schema."""
    loaded: dict[str, Any] = json.loads(schema_text(name))
    return loaded


@cache
def check(name: str = "account_type") -> Check:
    """The check of files by a JSON schema."""
    return schema_check(schema(name))


def rule_texts() -> Mapping[str, RuleText]:
    """How each rule is explained, by its id."""
    return read_texts((_PACKAGE / "core/rules/rules.md").read_text(encoding="utf-8"))


_FLAT = frozenset({"com", "net", "org"})
"""Domains under which the list has no suffix of a registry: no list is needed for them, and reading it takes time."""


def registrable(host: str) -> str:
    """The registrable domain of a host; empty for a public suffix, an address or a name without a dot."""
    *_, domain, suffix = ("", *host.split("."))
    if not domain or suffix.isdigit():
        return ""
    if suffix in _FLAT:
        return f"{domain}.{suffix}"
    return str(_list().privatesuffix(host) or "")


@cache
def _list() -> Any:
    from publicsuffixlist import PublicSuffixList  # takes 30 ms, and only some hosts need it

    return PublicSuffixList(only_icann=True)


DOMAINS = Domains(registrable, related_domains)
"""Domains by that list, and those that the shipped catalogue knows to belong together."""


PACKAGE = "cozy-provisioner"
_HASH = "[0-9a-f]{40}|[0-9a-f]{64}"


def requirement() -> str | None:
    """What pip is to install to get what runs here: a commit of a repository, or an archive with its hash.

    The record of the installation names it (PEP 610): of a clone, the commit counts that is published and holds what
    runs; of an archive on this machine, the hash. Nothing: the package came from an index, which leaves no hash.
    """
    from importlib.metadata import PackageNotFoundError, distribution, version  # 12 ms, and only `init` asks
    from urllib.request import url2pathname

    from provisioner.adapters.files.git import published

    try:
        record: Any = json.loads(distribution(PACKAGE).read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return None
    url = without_sign_in(str(record.get("url", "")), "")
    found: str | None = None
    match record:
        case {"archive_info": {"hashes": {"sha256": str(digest)}}} if re.fullmatch(_HASH, digest):
            if url.startswith("file:"):  # any index may give it, with this hash
                return f"{PACKAGE}=={version(PACKAGE)} --hash=sha256:{digest}"
            found = f"{url}#sha256={digest}"
        case {"vcs_info": {"vcs": "git", "commit_id": str(commit)}} if re.fullmatch(_HASH, commit):
            found = f"git+{url}@{commit}"
        case {"dir_info": dict()} if url.startswith("file:///"):
            clone = published(Path(url2pathname(urlsplit(url).path)), _PACKAGE.name, _PACKAGE)
            found = clone and f"git+{clone}"
    known = found and re.fullmatch(r"(git\+)?(https?|ssh)://[A-Za-z0-9_.~:/@%+-]+(#sha256=[0-9a-f]+)?", found)
    return f"{PACKAGE} @ {found}" if known else None
