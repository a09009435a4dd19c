"""Checks what konnectors ask for against the account types that exist."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from provisioner.core.definitions.definition import Source, Validation
from provisioner.core.oauth.konnector import Known, ManifestRow, Manifests, manifest_faults, manifest_request
from provisioner.core.secret import Json


@dataclass(frozen=True, slots=True)
class KnownAccountTypes:
    """The account types that exist: with their notes in the catalogue, and, where asked, in the database."""

    catalogue: Mapping[str, Mapping[str, Json]]
    database: frozenset[str] | None = None

    def known(self, id: str) -> Known:
        """What is known of an account type. Where a database is asked, only what is there counts."""
        exists = id in (self.catalogue if self.database is None else self.database)
        return Known(exists, self.catalogue.get(id, {}))

    def found(self, id: str) -> str:
        """Where an account type is, in words."""
        places = ["catalogue"] if id in self.catalogue else []
        places += ["database"] if self.database is not None and id in self.database else []
        return " and ".join(places) or "nowhere"


def run(sources: Sequence[Source], places: KnownAccountTypes) -> Manifests:
    """Check all manifests."""
    rows: list[ManifestRow] = []
    problems = [problem for source in sources for problem in source.problems]
    names = places.catalogue if places.database is None else places.database
    for source in sources:
        requested = manifest_request(source.node) if source.node else None
        if source.node is not None:
            rows.append(ManifestRow(source.path, requested, places.found(requested.account_type) if requested else "-"))
        if requested is not None:
            faults = manifest_faults(requested, places.known(requested.account_type), names)
            problems += (fault.in_file(source.path) for fault in faults)
    return Manifests(tuple(rows), Validation(len(rows), (), tuple(sorted(problems))))
