"""Where the credentials of an account type come from, and which of them wins."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import TypeAlias

from msgspec.structs import replace

from provisioner.core.definitions.account_type import SECRET_MODES, Document, same_value
from provisioner.core.definitions.definition import Definition
from provisioner.core.definitions.kinds import Kind
from provisioner.core.targets.target import CredentialSource, EnvironmentSource, source_name
from provisioner.core.text import did_you_mean, listed

Credentials: TypeAlias = Mapping[str, Document]
"""The content of one credential source: id → the credentials that it has."""

Asked: TypeAlias = Mapping[str, Sequence[str]]
"""What sources are asked for: id → the names of credentials."""


def fill(definition: Definition, contents: Sequence[Credentials]) -> Definition:
    """The definition with the credentials that it asks for and does not state, from the first source that has each."""
    found = {name: value for each in reversed(contents) for name, value in each.get(definition.id, {}).items()}
    missing = {name: found[name] for name in definition.asked if name in found and name not in definition.document}
    return replace(definition, document={**definition.document, **missing}) if missing else definition


def credential_warnings(
    definitions: Collection[Definition], contents: Sequence[tuple[str, Credentials]], known: Collection[str], noun: str
) -> Iterator[str]:
    """What is strange about credentials: the `contents` of named sources; `known` are the ids of all definitions.

    Ids that no definition has, names that it does not ask for, a client secret that stands beside another client id
    than the one that is used, and a secret that the grant mode does not use.
    """
    for name, content in contents:
        for id in sorted(content.keys() - set(known)):
            yield f"{name} has credentials for {id}, and no {noun} has this id{did_you_mean(id, known)}"
    of_another_client: dict[str, list[str]] = {}
    for each in definitions:
        places = [(name, content[each.id]) for name, content in contents if each.id in content]
        if not each.kind.states_fields:
            for name, fields in places:
                for field in sorted(fields.keys() - {*each.asked, *each.kind.facts}):
                    hint = did_you_mean(field, each.asked)
                    yield f"{name} has {field} for {each.id}, and its definition does not ask for it{hint}"
            continue
        places.insert(0, (each.path, each.document))
        used = next((fields["client_id"] for _, fields in places if "client_id" in fields), None)
        place, beside = next(((name, fields) for name, fields in places if "client_secret" in fields), ("", {}))
        if "client_id" in beside and not same_value("client_id", beside["client_id"], used):
            of_another_client.setdefault(place, []).append(each.id)
        mode = each.document.get("grant_mode")
        unused = next((name for name, fields in places if "secret" in fields), each.path)
        if unused != each.path and mode not in SECRET_MODES:
            hint = "" if place else ": did you mean client_secret?"
            yield f"{each.id}: {unused} has a secret, and the grant mode {mode} does not use one{hint}"
    for place, ids in of_another_client.items():
        yield (
            f"{listed(ids)}: client_secret comes from {place}, which has another client_id than the one in use: make "
            "sure that both belong to the same client"
        )


def unknown_variables(prefix: str, asked: Asked, names: Collection[str], kind: Kind, *, whole: bool) -> Iterator[str]:
    """What is strange about environment variables that look like those of credentials: no definition has them.

    `whole`: the ids are all there are; else only those are reported that are near a variable of these ids.
    """
    begin = prefix[:5].upper()
    given = sorted(name for name in names if begin and name.upper().startswith(begin))
    own = {variable_name(prefix, id, name) for id in asked for name in (*asked[id], *kind.facts)} if given else set()
    ends = tuple(f"_{name.upper()}" for name in kind.asked({})) or ("",)
    for name in given:
        if name in own:
            continue
        near = get_close_matches(name.upper(), own.difference(names), n=1, cutoff=0.93)
        exact = name.startswith(prefix) and name.endswith(ends)
        meant = near or (get_close_matches(name, own, n=1) if exact and whole else [])
        if meant or (exact and whole):
            hint = f": did you mean {meant[0]}?" if meant else ""
            yield f"no {kind.noun} uses the environment variable {name}{hint}"


def where_to_put(id: str, fields: Iterable[str], sources: Sequence[CredentialSource]) -> str:
    """What to do about credentials that an account type lacks: the variables to set, or the source to add them to."""
    for source in sources:
        if isinstance(source, EnvironmentSource):
            return f"set {' and '.join(variable_name(source.prefix, id, field) for field in fields)}"
    return f"add {' and '.join(fields)} to {source_name(sources[0])}" if sources else "add a source of credentials"


def variable_name(prefix: str, id: str, field: str) -> str:
    """The environment variable of one credential.

    ``google`` and ``client_id`` give ``ACCOUNT_TYPE_GOOGLE_CLIENT_ID``: letters become capitals, and every other
    character than a letter or a digit an underscore, so ``foobar/google`` gives ``…_FOOBAR_GOOGLE_…``.
    """
    return f"{prefix}{re.sub('[^A-Z0-9]', '_', id.upper())}_{field.upper()}"


def ambiguous_variables(prefix: str, asked: Asked) -> Mapping[str, str]:
    """The environment variables that two credentials would share, each with the ids or the names in one as text."""
    owners: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for id, names in asked.items():
        for name in names:
            owners[variable_name(prefix, id, name)].add((id, name))
    return {variable: _sharing(sharing) for variable, sharing in owners.items() if len(sharing) > 1}


def _sharing(credentials: Collection[tuple[str, str]]) -> str:
    ids, names = (sorted({*each}) for each in zip(*credentials, strict=True))
    return listed(ids) if len(ids) > 1 else f"{listed(names)} of {ids[0]}"
