"""Agreement with the records about decoding, fields, ids, konnector secrets and Budget Insight."""

import json

from provisioner.adapters.files import shipped
from provisioner.adapters.files.shipped import DOMAINS
from provisioner.commands import validate
from provisioner.commands.check import run_live
from provisioner.core.definitions.account_type import Decoded, Decoding, Undecodable, conceal, decode
from provisioner.core.definitions.content import Content
from provisioner.core.definitions.definition import Source
from provisioner.core.definitions.problem import Problem
from provisioner.core.definitions.schema_check import schema_check
from provisioner.core.plan.store import Live
from provisioner.core.secret import Json, Secret, same_json
from tests.golden.agreement import Agreement, Record, agreement
from tests.golden.look_up import LookUp, decode_text, look_up
from tests.golden.records import records

CHECK = schema_check(shipped.schema())

ADVICE = frozenset({"secret-in-source", "get-leaks-secret"})
"""Rules about how secrets are kept. Each record has its client secret in the document, so they say nothing of a login."""

UNEXPLAINED = "not explained"
"""The reason of a difference that nothing below foresees: there may be none."""

TEXTS = {
    "AuthEndpoint": "auth_endpoint",
    "ClientID": "client_id",
    "ClientSecret": "client_secret",
    "GrantMode": "grant_mode",
    "ManageEndpoint": "manage_endpoint",
    "ReconnectEndpoint": "reconnect_endpoint",
    "RegisteredRedirectURI": "redirect_uri",
    "Slug": "slug",
    "TokenAuthMode": "token_mode",
    "TokenEndpoint": "token_endpoint",
}
FLAGS = {"SkipRedirectURI": "skip_redirect_uri_on_authorize", "SkipState": "skip_state_on_token"}
CONTEXTS = {"(none)": "", "ctx": "ctx"}

STRICT = {
    "unknown-key": "strict: the stack ignores an unknown key, and silently drops a misspelled one",
    "ignored-key": "strict: the stack ignores the key with this grant mode",
    "secret-never-used": "strict: the login works, but the konnector never gets the secret",
    "id-not-plain": "strict: an id that is not a file name on every system",
    "id-not-a-segment": "strict: a control character in an id, or one of $ & , : ; = @, which works unless a client encodes it",
    "basic-not-encoded": "strict: % and + with token_mode basic, which only providers that do not decode them read alike",
    "no-pkce": "strict: the stack does not support PKCE, so a provider that looks at a code challenge refuses the code",
    "fixed-nonce": "strict: a nonce that is the same at each login",
    "padded-credential": "strict: white space as a client id",
    "placeholder-credential": "strict: a thousand times x, which stands for a masked value",
    "unseen-character": "strict: an invisible character",
}
"""Why a document that works is refused, by the rule that refuses it."""

MISSED = {
    ("client_id", "absent"): "a key that a file leaves out may come from a credential source or stay as it is live",
    ("client_secret", "absent"): "a key that a file leaves out may come from a credential source or stay as it is live",
    ("_id", "override"): "an override is for another context than that of the tested instance",
}
"""Why nothing is said of a document with which a login failed."""


def agreements() -> list[Agreement]:
    """All of this part."""
    return [
        agreement("decode", records("decode"), _decoding_differs),
        agreement("mutated_fields", records("mutated_fields"), mutated_differs),
        agreement("mutated_ids", records("mutated_ids"), mutated_differs),
        agreement("konnector_secrets", records("konnector_secrets"), secrets_differ),
        agreement("bi", records("bi"), bi_differs),
    ]


def decoded(record: Record) -> Decoding:
    """What we make of the document of a record."""
    return decode_text(record["document_text"]) if "document_text" in record else decode(record["document"])


def decoding_as_recorded(record: Record) -> bool:
    """Whether the decoder gives the error, or the fields, that the stack gave."""
    result, fields = decoded(record), record["fields"]
    if isinstance(result, Undecodable) or fields is None:
        return isinstance(result, Undecodable) and result.faults[0].error == record["error"]
    return (
        all(result.text(ours) == fields[name] for name, ours in TEXTS.items())
        and all(result.flag(ours) == fields[name] for name, ours in FLAGS.items())
        and result.extras == fields["ExtraAuthQuery"]
        and same_json(_secret(result, "secret"), fields["Secret"])
        and _compact(result) == fields["FCMCredentials"]
    )


def _decoding_differs(record: Record) -> str:
    return "" if decoding_as_recorded(record) else UNEXPLAINED


def _secret(result: Decoded, name: str) -> Json:
    secret = result.document.get(name, Secret(None))
    assert isinstance(secret, Secret)
    return secret.reveal()


def _compact(result: Decoded) -> str:
    if "fcm_credentials" not in result.document:
        return ""
    return json.dumps(_secret(result, "fcm_credentials"), ensure_ascii=False, separators=(",", ":"))


def found_in_file(id: str, document: dict[str, Json]) -> tuple[Problem, ...]:
    """What ``validate`` finds in a file that states a document, but advice on secrets."""
    doubled = json.loads(json.dumps({"_id": id, **document}).replace("$", "$$"))
    source = Source("a.json", "a", Content(doubled))
    result = validate.run([source], CHECK, lambda _: None, need_values=True, domains=DOMAINS, whole=True)
    return tuple(problem for problem in result.problems if problem.rule not in ADVICE)


def mutated_differs(record: Record) -> str:
    """Why a finding and a failed login do not go together, empty if they do."""
    found = {problem.rule for problem in found_in_file(record["id"], record["document"])}
    if (record["stack"] == "ok") is not bool(found):
        return ""
    if found:
        reasons = {STRICT.get(rule) or _of_value(record, rule) for rule in found}
        return min(reasons - {UNEXPLAINED}, default=UNEXPLAINED)
    kind = "override" if record["field"] == "_id" and record["id"].count("/") == 1 else record["mutation"]
    return MISSED.get((record["field"], kind), UNEXPLAINED)


def _of_value(record: Record, rule: str) -> str:
    """Strictness about one value: null, which is a key without a value, and an odd token_mode."""
    field, value = record["field"], record["document"].get(record["field"])
    if field == "token_mode" and rule == "wrong-value":
        return "strict: the stack reads any other token_mode as form"
    nulls = value is None or (isinstance(value, dict) and None in value.values())
    if rule in ("wrong-type", "extras-not-strings") and nulls:
        return "strict: null is a key without a value"
    if rule == "wrong-value" and not str(value).strip() and field in ("reconnect_endpoint", "manage_endpoint"):
        return "strict: an endpoint that is empty or white space, also where nothing reads it"
    return UNEXPLAINED


def found_live(documents: dict[str, dict[str, Json]]) -> tuple[Problem, ...]:
    """What the rules of ``check`` find in a database."""
    live = {id: Live(id, "1-x", conceal(document)) for id, document in documents.items()}
    return run_live(live, CHECK, DOMAINS).problems


def given(record: Record, context: str) -> LookUp:
    """What we say that the konnector of a record is given in a context, by the name that the records have for it."""
    return look_up(record["documents"], CONTEXTS[context], record["slug"])


def secrets_as_recorded(record: Record) -> bool:
    """Whether the konnector is given what it was given, in each context."""
    for context, seen in record["given"].items():
        result = given(record, context)
        parameters = json.loads(seen["COZY_PARAMETERS"], parse_int=float)
        expected = "from-manifest" if result.secret is None else result.secret.reveal()
        secret = parameters.get("secret", "from-manifest")
        if not same_json(secret, expected) or [*result.left] != seen["left"] or result.error != (seen["error"] or ""):
            return False
    return True


def secrets_differ(record: Record) -> str:
    """Whether the look-up differs, or a konnector loses its secret and no rule says so."""
    if not secrets_as_recorded(record):
        return UNEXPLAINED
    lost = any(given(record, context).secret is None for context in CONTEXTS)
    silent = lost and bool(record["documents"]) and not found_live(record["documents"])
    return UNEXPLAINED if silent else ""


def bi_differs(record: Record) -> str:
    """Whether the page of a route leads to a host although a rule finds something, or the other way round."""
    mode, case = record["grant_mode"], record["case"]
    document: dict[str, Json] = {
        "grant_mode": mode,
        "client_id": "global",
        "slug": "m",
        "secret": "x",
        "auth_endpoint": "http://127.0.0.1:9100/authorize",
        "token_endpoint": "http://127.0.0.1:9100/token",
    }
    if case != "default redirect":
        document["redirect_uri"] = "http://oauthcallback.localhost:8080/accounts/m/redirect"
    if case != "without endpoints":
        document |= {f"{name}_endpoint": f"http://127.0.0.1:9100/{name}" for name in ("reconnect", "manage")}
    rules = {problem.rule for problem in found_in_file("m", document)}
    location = record["location"] or ""
    if mode.startswith("bi_"):
        return UNEXPLAINED if location.startswith("http") is ("bi-endpoints" in rules) else ""
    told = "ignored-key" in rules or case == "without endpoints" or mode == "secret"
    return "" if told and not location else UNEXPLAINED
