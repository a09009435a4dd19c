"""Agreement with the records about URLs: how Go reads them, and with which of them a login fails."""

from provisioner.core.definitions.go_url import UrlError, parse
from tests.golden.agreement import Agreement, Record, agreement
from tests.golden.agreement_fields import UNEXPLAINED, found_in_file
from tests.golden.records import records

STRICT = {
    "url-fragment": "strict: a fragment in an endpoint, which no server receives and RFC 6749 forbids",
    "url-user-info": "strict: a user or password in a URL, where anyone can read it",
    "query-dropped": "strict: a pair that the stack drops, though the login works without it",
    "implicit-redirect": "strict: a fixed redirect URI for an implicit grant mode, which works on one instance only",
    "host-mapped": "strict: a host that IDNA maps, which the stack names otherwise; nobody looked at that here",
    "unseen-character": "strict: an invisible character",
    "url-unreadable": "strict: a host that no browser or no certificate has, port 0, or no host, which the record did not look up",
}
"""Why a document that works is refused, by the rule that refuses it."""

CONTROL = "strict: a control character in a URL, which a browser removes or encodes"
WHITE_SPACE = "strict: white space around a URL"
SPACE = "strict: a space in the query of token_endpoint, which most servers refuse and the recorded one accepted"
SLASHES = "strict: a URL without //, to which a browser adds them"
REPEATED = "works: a key of one's own that stands twice, as RFC 8707 allows it"
NETWORK = "a host that had no address when it was recorded, or an address where nothing listened"


def agreements() -> list[Agreement]:
    """All of this part."""
    return [
        agreement("go_urls", records("go_urls"), go_differs),
        agreement("mutated_urls", records("mutated_urls"), mutated_differs),
    ]


def go_differs(record: Record) -> str:
    """Whether a URL is read otherwise than Go reads it: its error, or its text after a round trip and its host."""
    try:
        url = parse(record["url"])
    except UrlError as error:
        return "" if str(error) == record.get("error") else UNEXPLAINED
    return "" if (url.text(), _as_json(url.host)) == (record["url"], record.get("host")) else UNEXPLAINED


def _as_json(text: str) -> str:
    """A text as it stands in JSON, where bytes that are not UTF-8 cannot be told."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def mutated_differs(record: Record) -> str:
    """Why a finding and a failed login do not go together, empty if they do."""
    found = {problem.rule for problem in found_in_file(record["id"], record["document"])}
    if (record["stack"] == "ok") is not bool(found):
        return ""
    if found:
        return min((_strictness(record, rule) for rule in found), default=UNEXPLAINED)
    if record["stack"] == "sent twice: ['a']":
        return REPEATED
    unreachable = record["field"] == "token_endpoint" and record["stack"].startswith("callback 500: Get ")
    return NETWORK if unreachable and record["mutation"].startswith("host ") else UNEXPLAINED


def _strictness(record: Record, rule: str) -> str:
    value = record["document"].get(record["field"], "")
    if rule == "url-unreadable" and " " in value.partition("?")[2]:
        return SPACE
    if rule not in STRICT and rule != "wrong-value":
        return UNEXPLAINED
    if any(char < " " or char == "\x7f" for char in value):
        return CONTROL
    if rule == "wrong-value":
        return WHITE_SPACE if value != value.strip() else SLASHES
    return STRICT[rule]
