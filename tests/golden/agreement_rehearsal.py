"""Agreement of whole rehearsals with the records: whether a person ends with an account."""

from base64 import b64decode
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote, unquote_plus

from provisioner.commands.rehearse import Login, rehearse
from provisioner.core.definitions.url import as_browser, browser_fault, mapped_host, stack_fault
from provisioner.core.errors import ProvisionError
from provisioner.core.oauth.answers import Host
from provisioner.core.oauth.rehearsal import Rehearsal, SimulatedProvider, Step, StepOutcome
from provisioner.core.oauth.requests import Client
from tests.golden.agreement import Agreement, Record, agreement
from tests.golden.agreement_fields import UNEXPLAINED
from tests.golden.agreement_urls import NETWORK, REPEATED, SPACE, WHITE_SPACE
from tests.golden.records import records

STATE = "0123456789abcdef0123456789abcdef"
INSTANCES = ("alice.localhost:8080", "bob.localhost:8080", "alice.localhost:8085")

MEANT = "it works with another value than intended: a changed client, a token_mode that is none"
SECRETLESS = "a public client: an empty client_secret is one, though most providers issue one"
UNEXCHANGED = "the account is made without a token request, and the konnector exchanges the code"
CONTEXT = "an override is for another context than that of the tested instance"
NO_DOCUMENT = "CouchDB refuses the document, so there is none to rehearse"
FRAGMENT = "a fragment in auth_endpoint, which no provider sees"
DROPPED = "strict: a pair of the query that the stack drops, and the recorded provider did not miss"
HOSTS = "strict: a host that no certificate or no browser has, or port 0, which the record did not look up"
LONG = "strict: a thousand times x, which stands for a masked value"
EMOJI = "strict: a client id with neither a letter nor a digit, an emoji alone"
BLANK = "strict: white space as a client id"


def host_of(instance: str, host: str) -> Host:
    """Whose host it is, where the records were made."""
    if host == instance:
        return Host.INSTANCE
    if host in INSTANCES:
        return Host.OTHER_INSTANCE
    return Host.APP if host.endswith(INSTANCES) else Host.ELSEWHERE


def works(found: Rehearsal) -> bool:
    """Whether the person ends with an account."""
    steps = {step.step: step.outcome for step in found.steps if step.step not in (Step.REFRESH, Step.REFRESH_AGAIN)}
    return steps[Step.START] is StepOutcome.OK and StepOutcome.FAILED not in steps.values()


def rehearsed(id: str, document: Record, instance: str) -> Rehearsal | None:
    """The rehearsal of a document, or none for one that cannot be decoded."""
    try:
        client = Client.of(id, document)
    except ProvisionError:
        return None
    login = Login(STATE, "openid", "nonce", f"http://{instance}", lambda host: host_of(instance, host))
    secret = str(client.client_secret.reveal())
    return rehearse(client, login, SimulatedProvider(client.client_id, secret, login.redirect_uri(client)))


def agreements() -> list[Agreement]:
    """A row for each file of records that holds documents."""
    mutated = ("mutated_fields", "mutated_ids", "mutated_urls")
    return [
        agreement("rehearse: flows", records("flows"), lambda record: _differs(record, _flow_works)),
        *(
            agreement(f"rehearse: {name}", _asked_by_a_cozy(name), lambda record: _differs(record, _is_ok))
            for name in mutated
        ),
    ]


def _asked_by_a_cozy(name: str) -> list[Record]:
    """The records of one file without those in which an id is percent-encoded, as no Cozy's client does."""
    return [
        each for each in records(name) if not each["mutation"].partition(" (")[2].startswith(("encodeURI", "all esc"))
    ]


def _flow_works(record: Record) -> bool:
    """Whether a person ends with an account at a provider that looks at what it gets, as in the other records.

    The provider of the flows answered anything: no browser went there, and nobody read the requests.
    """
    callback = record["callback"]
    fields = {name.lower(): value for name, value in record["document"].items()}
    if record["start"]["status"] != 303 or not callback or callback["status"] != 303:
        return False
    credentials = [fields.get(name) or "" for name in ("client_id", "client_secret")]
    padded = any(each != each.strip("\0\n ") for each in credentials)
    at_provider = _arrives(fields, record["start"]["location"])
    return at_provider and not padded and all(_is_read(each, credentials) for each in record["token_requests"])


def _arrives(fields: Record, location: str) -> bool:
    """Whether a browser comes to the page that was meant, with each parameter of the stack once and all others."""
    seen, meant = as_browser(location), as_browser(fields["auth_endpoint"])
    if seen is None or meant is None or browser_fault(seen.origin):
        return False
    if (seen.host, unquote(seen.path)) != (meant.host, unquote(meant.path)) or "\\" in fields["auth_endpoint"]:
        return False
    names = [name for name, _ in parse_qsl(seen.query, keep_blank_values=True)]
    own = [unquote_plus(pair.partition("=")[0]) for pair in meant.query.split("&") if pair]
    added = {name for name in names if name not in own} | {*(fields.get("extras") or {}), *_SENT}
    once = all(names.count(name) == 1 for name in added if name in names)
    return once and all(names.count(name) >= own.count(name) for name in own) and ";" not in meant.query


_SENT = ("client_id", "response_type", "state", "scope", "redirect_uri")


def _is_read(request: str, credentials: list[str]) -> bool:
    """Whether a token endpoint finds the client in a request for the path that was meant."""
    target, _, content = request.partition(" ")[2].partition(" ")
    head, _, body = content.partition("\r\n\r\n")
    path, _, query = target.partition("?")
    form = dict(parse_qsl(query if request.startswith("GET") else body, keep_blank_values=True))
    client = [form.get("client_id", ""), form.get("client_secret", "")]
    if "\r\nAuthorization: Basic " in head:
        if "client_id" in form:
            return False
        pair = head.partition("\r\nAuthorization: Basic ")[2].partition("\r\n")[0]
        client = b64decode(pair).decode().split(":", 1)
    return client == credentials and "%5C" not in path and content.startswith("HTTP/") and credentials[0] != ""


def _is_ok(record: Record) -> bool:
    return bool(record["stack"] == "ok")


def _differs(record: Record, recorded: Callable[[Record], bool]) -> str:
    found = rehearsed(record["id"], record["document"], record.get("instance", INSTANCES[0]))
    stack = recorded(record)
    if (found is not None and works(found)) == stack:
        return ""
    if found is None:
        return UNEXPLAINED
    if "stack" not in record:
        return (EMOJI if "emoji" in record["id"] else UNEXPLAINED) if stack else NETWORK
    return _strict(found, record) if stack else _missed(record)


def _strict(found: Rehearsal, record: Record) -> str:
    """Why a rehearsal fails though the recorded login worked."""
    value = str(record["document"].get(record["field"], ""))
    if record["field"].startswith("client_"):
        return LONG if value.strip("x") == "" else UNEXPLAINED if value.strip() else BLANK
    if " " in value.partition("?")[2]:
        return SPACE
    if value.endswith(" "):
        return WHITE_SPACE
    if found.steps[-1].step is Step.START and value.count("?"):
        return DROPPED
    url = as_browser(value)
    odd = url is None or browser_fault(value) or stack_fault(value, browser=False) or mapped_host(value)
    return HOSTS if odd and record["field"].endswith(("_endpoint", "_uri")) else UNEXPLAINED


_WHY = {
    "0 token requests": UNEXCHANGED,
    "Location has a fragment": FRAGMENT,
    "couchdb 400": NO_DOCUMENT,
    "start 404: deleted": CONTEXT,
    "sent twice: ['a']": REPEATED,
    "authorize client_id=": MEANT,
    "basic: 'authorization'": MEANT,
    "callback 500: Get": NETWORK,
    "callback 500: Post": NETWORK,
}
"""Why nothing fails in a rehearsal, by what went wrong where it was recorded."""


def _missed(record: Record) -> str:
    stack = record["stack"]
    if stack.startswith(("form client", "basic gives")):
        return MEANT if record["document"].get("client_secret") else SECRETLESS
    return next((why for start, why in _WHY.items() if stack.startswith(start)), UNEXPLAINED)
