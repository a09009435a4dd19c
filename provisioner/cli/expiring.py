"""When the client secrets of a target expire."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from provisioner.cli.wiring import credentials_check, credentials_of
from provisioner.core.plan.expiry import Expiry, ends_of
from provisioner.core.plan.store import Live
from provisioner.core.targets.target import Target


def read_expiries(
    target: Target, ids: Sequence[str], documents: Iterable[Live], notes: Mapping[str, str]
) -> list[Expiry]:
    """Read the credential sources of a target, and say what expires when; `notes` are those of lifetimes, by id.

    Raises `ProvisionError` for a source that cannot be read.
    """
    sources = credentials_of(target, ids, credentials_check())
    return [*ends_of(ids, sources, documents, notes, datetime.now(UTC).date())]
