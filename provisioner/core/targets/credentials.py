"""Where the credentials of an account type come from, and which of them wins."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, Document
from provisioner.core.definitions.definition import Definition
from provisioner.core.text import listed

Credentials: TypeAlias = Mapping[str, Document]
"""What one source knows: id → the fields of `CREDENTIAL_FIELDS` that it has."""


def fill(definition: Definition, sources: Sequence[Credentials]) -> Definition:
    """The definition with the credentials that it does not state itself, from the first source that has each."""
    found: Document = {}
    for source in sources:
        found = {**source.get(definition.id, {}), **found}
    missing = {name: found[name] for name in CREDENTIAL_FIELDS if name in found and name not in definition.document}
    return replace(definition, document={**definition.document, **missing}) if missing else definition


def variable_name(prefix: str, id: str, field: str) -> str:
    """The environment variable of one credential.

    ``google`` and ``client_id`` give ``ACCOUNT_TYPE_GOOGLE_CLIENT_ID``: letters become capitals, and every other
    character than a letter or a digit an underscore, so ``foobar/google`` gives ``…_FOOBAR_GOOGLE_…``.
    """
    return f"{prefix}{re.sub('[^A-Z0-9]', '_', id.upper())}_{field.upper()}"


def ambiguous_variables(prefix: str, ids: Iterable[str]) -> Mapping[str, str]:
    """The environment variables that two account types would share, each with the ids as text."""
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for id in ids:
        for field in CREDENTIAL_FIELDS:
            owners[variable_name(prefix, id, field)].add(id)
    return {name: listed(sorted(sharing)) for name, sharing in owners.items() if len(sharing) > 1}
