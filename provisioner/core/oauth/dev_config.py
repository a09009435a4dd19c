"""The files from which a konnector in development takes its token.

``konnector-dev-config.json``: an object with ``COZY_URL``, ``fields`` and ``COZY_PARAMETERS``, which
cozy-konnector-libs reads. ``data/importedData.json``: document types, each with a list of documents; standalone
konnectors such as orangeapi read ``oauth`` of the first of ``io.cozy.accounts``.
"""

from collections.abc import Mapping
from datetime import datetime

from provisioner.core.errors import ProvisionError
from provisioner.core.oauth.answer import Token
from provisioner.core.secret import Json, Secret

CONFIG = "konnector-dev-config.json"
IMPORTED = "data/importedData.json"

ACCOUNTS = "io.cozy.accounts"

NEW_CONFIG: Mapping[str, Json] = {"COZY_URL": "http://cozy.tools:8080", "fields": {}}
"""What a konnector's own tools write if no such file exists."""

_NEW_ACCOUNT: Mapping[str, Json] = {"_id": "default_account_id"}


def with_token(
    config: Mapping[str, Json], token: Token, *, refresh_token: bool, secret: Secret | None
) -> tuple[dict[str, Json], list[str]]:
    """A configuration with the token in it, every other key kept; and the places that were set.

    `refresh_token`: the konnector has that field. Raises `ProvisionError` for a configuration of another shape.
    """
    fields = _object(config, "fields", CONFIG)
    fields["access_token"] = token.access_token.reveal()
    places = ["fields.access_token"]
    if refresh_token and token.refresh_token is not None:
        fields["refresh_token"] = token.refresh_token.reveal()
        places.append("fields.refresh_token")
    changed = {**config, "fields": fields}
    if secret is not None:
        changed["COZY_PARAMETERS"] = {**_object(config, "COZY_PARAMETERS", CONFIG), "secret": secret.reveal()}
        places.append("COZY_PARAMETERS.secret")
    return changed, places


def with_account(imported: Mapping[str, Json], token: Token, expires_at: datetime | None) -> dict[str, Json]:
    """Imported data with the token in the first account, every other document and key kept.

    Raises `ProvisionError` for data of another shape.
    """
    accounts = imported.get(ACCOUNTS, [])
    if not isinstance(accounts, list) or not all(isinstance(account, dict) for account in accounts):
        raise ProvisionError(f"{IMPORTED}: {ACCOUNTS} is not a list of documents", "fix the file")
    first, *others = accounts or [dict(_NEW_ACCOUNT)]
    assert isinstance(first, dict)
    oauth = _object(first, "oauth", IMPORTED)
    given: dict[str, Json] = {
        "access_token": token.access_token.reveal(),
        "refresh_token": token.refresh_token.reveal() if token.refresh_token else None,
        "token_type": token.token_type or None,
        "expires_in": token.expires_in,
        "expires_at": expires_at.isoformat() if expires_at else None,
    }
    oauth.update({name: value for name, value in given.items() if value is not None})
    return {**imported, ACCOUNTS: [{**first, "oauth": oauth}, *others]}


def _object(content: Mapping[str, Json], name: str, file: str) -> dict[str, Json]:
    value = content.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ProvisionError(f"{file}: {name} is not an object", "fix the file")
    return dict(value)
