"""Where the credentials of an account type come from, and which of them wins."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import TypeAlias

from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, SECRET_MODES, Document
from provisioner.core.definitions.definition import Definition
from provisioner.core.text import listed, nearest

Credentials: TypeAlias = Mapping[str, Document]
"""What one source knows: id → the fields of `CREDENTIAL_FIELDS` that it has."""


def fill(definition: Definition, sources: Sequence[Credentials]) -> Definition:
    """The definition with the credentials that it does not state itself, from the first source that has each."""
    found: Document = {}
    for source in sources:
        found = {**source.get(definition.id, {}), **found}
    missing = {name: found[name] for name in CREDENTIAL_FIELDS if name in found and name not in definition.document}
    return replace(definition, document={**definition.document, **missing}) if missing else definition


def doubts(
    definitions: Iterable[Definition], sources: Sequence[tuple[str, Credentials]], known: Collection[str]
) -> Iterator[str]:
    """What is strange about credentials: `sources` with their names, `known` are the ids of all account types.

    Ids that no account type has, a client id and a client secret from different places, and a secret that the grant
    mode does not use.
    """
    for name, source in sources:
        for id in sorted(source.keys() - set(known)):
            yield f"{name} has credentials for {id}, and no account type has this id{nearest(id, known)}"
    for definition in definitions:
        yield from _doubts(definition, sources)


def _doubts(definition: Definition, sources: Sequence[tuple[str, Credentials]]) -> Iterator[str]:
    def origin(field: str) -> str | None:
        if field in definition.document:
            return definition.path
        return next((name for name, source in sources if field in source.get(definition.id, {})), None)

    mode = definition.document.get("grant_mode")
    id_from, secret_from = origin("client_id"), origin("client_secret")
    if id_from and secret_from and id_from != secret_from:
        yield (
            f"{definition.id}: client_id comes from {id_from}, and client_secret from {secret_from}: "
            "make sure that they belong to the same client"
        )
    unused = origin("secret")
    if unused and unused != definition.path and mode not in SECRET_MODES:
        what = f"{definition.id}: {unused} has a secret, and the grant mode {mode} does not use one"
        yield f"{what}: did you mean client_secret?" if secret_from is None else what


def unknown_variables(prefix: str, ids: Collection[str], names: Iterable[str]) -> Iterator[str]:
    """What is strange about environment variables that begin as those of credentials: no account type has them."""
    ends = tuple(f"_{field.upper()}" for field in CREDENTIAL_FIELDS)
    given = sorted(name for name in names if name.startswith(prefix) and name.endswith(ends))
    own = {variable_name(prefix, id, field) for id in ids for field in CREDENTIAL_FIELDS} if given else set()
    for name in given:
        if name not in own:
            meant = get_close_matches(name, own, n=1)
            yield f"no account type uses the environment variable {name}" + (
                f": did you mean {meant[0]}?" if meant else ""
            )


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
