"""What a konnector's manifest asks of its account type, and the files from which one in development takes its token.

Sources: ``oauth.scope`` and ``oauth.account_type`` as the client (cozy-libs, harvest) reads them; ``oauth: true`` with
``oauth_scope``, and ``fields.account.account_type``, as older konnectors wrote them.
``konnector-dev-config.json`` is an object with ``COZY_URL``, ``fields`` and ``COZY_PARAMETERS``, which
cozy-konnector-libs reads. ``data/importedData.json`` has document types, each with a list of documents; standalone
konnectors such as orangeapi read ``oauth`` of the first of ``io.cozy.accounts``.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from provisioner.core.definitions.content import Content, at
from provisioner.core.definitions.definition import Source, Validation
from provisioner.core.definitions.problem import Mark, Problem, Severity
from provisioner.core.errors import ProvisionError
from provisioner.core.secret import Json, Secret
from provisioner.core.text import did_you_mean

if TYPE_CHECKING:  # most commands that read a manifest get no token
    from provisioner.core.oauth.answers import Token

DELIMITER = "x-scope-delimiter"
"""The note in a definition that says how its provider separates scopes."""

REQUIRED = "x-scope-required"
"""The note that says whether its provider wants a scope."""


def is_required(notes: Mapping[str, Json]) -> bool:
    """Whether the notes of a definition say that its provider wants a scope."""
    return str(notes.get(REQUIRED) or "").strip().lower() not in ("", "false", "no", "off", "n")


class ManifestRequest(Struct, frozen=True):
    """The account type that a konnector needs, and the scope string that the provider receives (none: no scope).

    `several`: the manifest has a list of more than one. `old`: where an older key stands.
    """

    slug: str
    account_type: str
    scope: str | None
    place: Mark
    scope_place: Mark | None = None
    several: bool = False
    old: Mark | None = None


class ManifestRow(Struct, frozen=True):
    """One manifest: what it asks for (nothing: no OAuth), and where that is."""

    path: str
    requested: ManifestRequest | None
    found: str


def manifest_request(manifest: Content) -> ManifestRequest | None:
    """What a manifest asks for; ``None`` where its konnector does no OAuth."""
    slug, oauth = manifest.text("slug"), manifest.values.get("oauth")
    if isinstance(oauth, dict):
        place = manifest.place(("oauth", "account_type"))
        mark = place.mark if "account_type" in oauth else place.key
        name = _text(oauth.get("account_type")) or slug
        return _with_scope(ManifestRequest(slug, name, None, mark), manifest, ("oauth", "scope"))
    if oauth is True:
        mark = manifest.place(("oauth",)).key
        return _with_scope(ManifestRequest(slug, slug, None, mark, old=mark), manifest, ("oauth_scope",))
    fields = manifest.values.get("fields")
    account = fields.get("account") if isinstance(fields, dict) else None
    if isinstance(account, dict) and (account_type := _text(account.get("account_type"))):
        place = manifest.place(("fields", "account", "account_type"))
        return ManifestRequest(slug, account_type, None, place.mark, old=place.key)
    return None


def _with_scope(requested: ManifestRequest, manifest: Content, path: tuple[str, ...]) -> ManifestRequest:
    if path not in manifest.places:
        return requested
    scope = at(manifest.values, path)
    several = isinstance(scope, list) and len(scope) > 1
    place = manifest.place(path).mark
    return replace(requested, scope=scope_as_sent(scope), scope_place=place, several=several)


def scope_as_sent(scope: Json) -> str | None:
    """The scope string that the provider receives.

    The client joins an array with a literal ``%2B``, which is encoded once more, so ``["a", "b"]`` arrives as ``a+b``;
    a plus within one string arrives as a space. ``false`` and ``null`` drop the scope.
    """
    if isinstance(scope, list):
        return "+".join(str(item).replace("+", " ") for item in scope) or None
    return _text(scope).replace("+", " ") or None


def check_manifests(
    sources: Sequence[Source], catalogue: Mapping[str, Mapping[str, Json]], database: Collection[str] | None = None
) -> tuple[list[ManifestRow], Validation]:
    """Check manifests; `catalogue`: the notes of each account type. If a `database` is asked, only its ids exist."""
    names = catalogue if database is None else database

    def found(id: str) -> str:
        places = {"catalogue": id in catalogue, "database": id in (database or ())}
        return " and ".join(place for place in places if places[place]) or "nowhere"

    rows: list[ManifestRow] = []
    problems = [problem for source in sources for problem in source.problems]
    for source in sources:
        if source.content is None:
            continue
        requested = manifest_request(source.content)
        rows.append(ManifestRow(source.path, requested, found(requested.account_type) if requested else "-"))
        if requested is not None:
            faults = manifest_faults(requested, names, catalogue.get(requested.account_type, {}))
            problems += (fault.in_file(source.path) for fault in faults)
    return rows, Validation(len(rows), (), tuple(sorted(problems)))


def manifest_faults(requested: ManifestRequest, names: Collection[str], notes: Mapping[str, Json]) -> Iterator[Problem]:
    """What will go wrong between a manifest and its account type: `names` are all that exist, `notes` are its own."""
    if requested.old is not None:
        message = "today's client reads oauth: {scope, account_type}, and not this older key"
        yield Problem(requested.old, message, "manifest-old-key", Severity.WARNING)
    if requested.account_type not in names:
        hint = did_you_mean(requested.account_type, names)
        message = f"there is no account type {requested.account_type}{hint}"
        yield Problem(requested.place, message, "manifest-no-account-type")
    yield from scope_faults(requested, notes)


def scope_faults(requested: ManifestRequest, notes: Mapping[str, Json]) -> Iterator[Problem]:
    """What will go wrong with a scope; `notes` are those of the account type's definition."""
    place, delimiter = requested.scope_place or requested.place, notes.get(DELIMITER)
    if requested.several:
        message = f"the provider receives “{requested.scope or ''}” for this array: write one string"
        yield Problem(place, message, "manifest-scope-array")
    elif requested.scope is None and is_required(notes):
        yield Problem(place, f"{requested.account_type} requires a scope, and none is sent", "manifest-no-scope")
    elif requested.scope and isinstance(delimiter, str) and delimiter:
        other = "," if delimiter == " " else " "
        if any(other in scope.strip() for scope in requested.scope.split(delimiter)):
            words = {" ": "spaces", ",": "commas"}
            message = f"the provider separates scopes by {words.get(delimiter, delimiter)}, and this has {words[other]}"
            yield Problem(place, message, "manifest-scope-delimiter", Severity.WARNING)


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def has_field(manifest: Content, name: str) -> bool:
    """Whether a konnector has a field, such as refresh_token, which its account then fills."""
    fields = manifest.values.get("fields")
    return isinstance(fields, dict) and name in fields


CONFIG = "konnector-dev-config.json"
IMPORTED = "data/importedData.json"

ACCOUNTS = "io.cozy.accounts"

NEW_CONFIG: Mapping[str, Json] = {"COZY_URL": "http://cozy.tools:8080", "fields": {}}
"""What a konnector's own tools write if no such file exists."""

_NEW_ACCOUNT: Mapping[str, Json] = {"_id": "default_account_id"}


def with_token(
    config: Mapping[str, Json], token: "Token", *, refresh_token: bool, secret: Secret | None
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


def with_account(imported: Mapping[str, Json], token: Mapping[str, Json]) -> dict[str, Json]:
    """Imported data with the values of a token in the first account, every other document and key kept.

    Raises `ProvisionError` for data of another shape.
    """
    accounts = imported.get(ACCOUNTS, [])
    if not isinstance(accounts, list) or not all(isinstance(account, dict) for account in accounts):
        raise ProvisionError(f"{IMPORTED}: {ACCOUNTS} is not a list of documents", "fix the file")
    first, *others = accounts or [dict(_NEW_ACCOUNT)]
    assert isinstance(first, dict)
    oauth = _object(first, "oauth", IMPORTED)
    oauth.update({name: value for name, value in token.items() if value is not None and name != "extras"})
    return {**imported, ACCOUNTS: [{**first, "oauth": oauth}, *others]}


def _object(content: Mapping[str, Json], name: str, file: str) -> dict[str, Json]:
    value = content.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ProvisionError(f"{file}: {name} is not an object", "fix the file")
    return dict(value)
