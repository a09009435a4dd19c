"""Which secret a konnector is given, out of all documents of a database, as the stack does it.

The stack looks for the documents of the konnector's slug with CouchDB's index ``by-slug``, keeps those of the
instance's context, and gives the secret to the konnector only if exactly one is left and its grant mode says so
(``worker/exec/konnector.go``; ``FindAccountTypesBySlug`` and ``filterByContext`` of ``model/account/type.go``).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from provisioner.core.definitions.account_type import SECRET_MODES, Decoded, Decoding, Document, Undecodable, decode
from provisioner.core.rules.secrets import MAX_SEEN, left_in
from provisioner.core.secret import Json, Secret


@dataclass(frozen=True, slots=True)
class LookUp:
    """What the stack finds for one konnector in one context.

    `left`: the ids that are left once the context is considered. `secret` is what the konnector is given as
    ``COZY_PARAMETERS.secret`` (``Secret(None)`` is JSON's null); none: nothing, so that it keeps what its own manifest
    says. `error`: what the stack says of a document that it cannot decode.
    """

    left: tuple[str, ...]
    secret: Secret | None = None
    error: str = ""


def look_up(documents: Mapping[str, Document], context: str, slug: str) -> LookUp:
    """What a konnector is given in a context (empty: an instance without one), from the documents by their ids."""
    found: dict[str, Decoded] = {}
    for id in sorted(id for id, document in documents.items() if document.get("slug") == slug)[:MAX_SEEN]:
        match decode(documents[id]):
            case Undecodable() as undecodable:
                return LookUp((), error=undecodable.faults[0].error)
            case decoded:
                found[id] = decoded
    left = left_in(context, found)
    secret = _handed_out(found[left[0]]) if len(left) == 1 else None
    return LookUp(left, secret)


def _handed_out(document: Decoded) -> Secret | None:
    if document.text("grant_mode") not in SECRET_MODES:
        return None
    secret = document.document.get("secret", Secret(None))
    assert isinstance(secret, Secret)
    return secret


def decode_text(text: str) -> Decoding:
    """Decode the JSON text of a document, of which CouchDB keeps the last of two equal keys. Raises `ValueError`."""
    document = json.loads(text, object_pairs_hook=_last_of_equal_keys)
    if isinstance(document, dict):
        return decode(document)
    raise ValueError("a document is a JSON object")


def _last_of_equal_keys(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for key, value in pairs:
        found.pop(key, None)
        found[key] = value
    return found
