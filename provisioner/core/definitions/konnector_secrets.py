"""Which secret a konnector is given, out of all documents of a database.

The stack looks for the documents of the konnector's slug with CouchDB's index ``by-slug``, keeps those of the
instance's context, and gives the secret to the konnector only if exactly one is left and its grant mode says so
(``worker/exec/konnector.go``; ``FindAccountTypesBySlug`` and ``filterByContext`` of ``model/account/type.go``).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from provisioner.core.definitions.account_type import SECRET_MODES, Document, context_of
from provisioner.core.definitions.decoding import Decoded, Undecodable, decode
from provisioner.core.secret import Secret

MOST = 100
"""So many documents of one slug are looked at: the first by id."""


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
    for id in sorted(id for id, document in documents.items() if document.get("slug") == slug)[:MOST]:
        match decode(documents[id]):
            case Undecodable() as undecodable:
                return LookUp((), error=undecodable.error)
            case decoded:
                found[id] = decoded
    left = left_in(context, found)
    secret = _handed_out(found[left[0]]) if len(left) == 1 else None
    return LookUp(left, secret)


def left_in(context: str, ids: Collection[str]) -> tuple[str, ...]:
    """The ids of one slug that are left in a context: its overloads, then what they do not take the place of."""
    own = [id for id in ids if context_of(id) == context]
    return (*own, *(id for id in ids if context_of(id) is None and f"{context}/{id}" not in own))


def _handed_out(document: Decoded) -> Secret | None:
    if document.text("grant_mode") not in SECRET_MODES:
        return None
    secret = document.document.get("secret", Secret(None))
    assert isinstance(secret, Secret)
    return secret
