"""What is found out about a database of account types, its documents and their providers, and what that means."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from provisioner.core.definitions.account_type import SECRET_FIELDS
from provisioner.core.definitions.schema_check import Check
from provisioner.core.plan.live_document import live_definition, live_faults
from provisioner.core.plan.overview import lacking
from provisioner.core.plan.security import Security
from provisioner.core.plan.store import Live
from provisioner.core.text import listed, printable, shown

DATABASE = "(database)"
"""The subject of what is not about one account type."""

SOON = 14
"""Days: a certificate that ends earlier is worth a warning."""


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: its `subject`, what was checked, and what to do next where that is not all right."""

    subject: str
    check: str
    state: State
    message: str
    next: str = ""

    @property
    def account_type(self) -> str | None:
        """The id; none where it is about the database."""
        return None if self.subject == DATABASE else self.subject


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a server says of itself and of the database.

    `anonymous` is the status of a read without signing in. `security` is ``None`` if the database does not exist.
    `indexes` are as CouchDB gives them, ``None`` if they cannot be read.
    """

    server: str
    anonymous: int
    security: Security | None
    indexes: Sequence[Any] | None


def database_findings(inspection: Inspection) -> Iterator[Finding]:
    """What an inspection shows."""
    yield Finding(DATABASE, "reachable", State.OK, inspection.server)
    if inspection.security is None:
        what = "the database is missing: the stack finds no account type"
        yield Finding(DATABASE, "exists", State.FAILED, what, "provision apply creates it")
        return
    yield _anonymous(inspection.anonymous)
    yield _security(inspection.security)
    yield _index(inspection.indexes)


def _anonymous(status: int) -> Finding:
    if status in (401, 403):
        return Finding(DATABASE, "admin-only", State.OK, f"who does not sign in is refused ({status})")
    if status == 200:
        what = "EVERYONE CAN READ THE CLIENT SECRETS: the database answers without signing in"
        next = "create an admin of CouchDB, close the database (_security), and change every client secret"
        return Finding(DATABASE, "admin-only", State.FAILED, what, next)
    what = f"a read without signing in is answered by {status}"
    return Finding(DATABASE, "admin-only", State.WARNING, what, "see what answers there")


def _security(security: Security) -> Finding:
    if security.public:
        what = "_security names no member: everyone who can sign in can read the client secrets"
        next = "close it to everyone but admins: provision apply --make-private"
        return Finding(DATABASE, "security", State.FAILED, what, next)
    if security.readers:
        what = f"not only the admins of CouchDB can read the client secrets, but also {listed(security.readers)}"
        return Finding(DATABASE, "security", State.WARNING, what, "take them out of members and admins in _security")
    return Finding(DATABASE, "security", State.OK, "only the admins of CouchDB can read it")


def _index(indexes: Sequence[Any] | None) -> Finding:
    """The stack looks for konnectors' secrets by ``by-slug`` over ``slug`` (``pkg/couchdb/index.go``)."""
    for index in indexes or ():
        fields = index.get("def", {}).get("fields") if isinstance(index, dict) else None
        if isinstance(index, dict) and index.get("ddoc") == "_design/by-slug":
            if [name for field in fields or () for name in (field if isinstance(field, dict) else [field])] == ["slug"]:
                return Finding(DATABASE, "by-slug", State.OK, "the index is as the stack defines it")
            what = f"the index by-slug is over {shown(fields)}, and not over slug"
            return Finding(DATABASE, "by-slug", State.FAILED, what, "delete _design/by-slug, and restart the stack")
    what = "the index by-slug is missing: no konnector gets its secret"
    return Finding(DATABASE, "by-slug", State.FAILED, what, "restart the stack, which defines it at its start")


def document_findings(live: Live, check: Check) -> Iterator[Finding]:
    """Whether the stack can decode a document, and whether its credentials are there."""
    faults = [fault for fault in live_faults(live, check) if fault.rule == "undecodable"]
    for fault in faults:
        yield Finding(live.id, "document", State.FAILED, fault.message, "mend its definition, and apply it")
    if not faults:
        yield Finding(live.id, "document", State.OK, "the stack can decode it")
    document = live_definition(live).document
    missing = lacking(document)
    if missing:
        state = State.WARNING if missing == ("client_secret",) else State.FAILED
        yield Finding(live.id, "credentials", state, f"without {listed(missing)}", "give them, and apply")
    elif any(name in document for name in (*SECRET_FIELDS, "client_id")):
        yield Finding(live.id, "credentials", State.OK, "present")


@dataclass(frozen=True, slots=True)
class Reply:
    """How an endpoint answered a first request; `days_left` are those of its certificate (none: no TLS)."""

    status: int
    html: bool
    days_left: float | None


def authorize_finding(id: str, reply: Reply) -> Finding:
    """Whether a person can be sent to an authorization endpoint."""
    if 300 <= reply.status < 400 or (reply.status == 200 and reply.html):
        return _with_days(id, "auth_endpoint", reply, "redirects" if reply.status != 200 else "answers with a page")
    what = f"answers {reply.status}: neither a redirect nor a page to sign in"
    return Finding(id, "auth_endpoint", _missing(reply), what, "open it in a browser; check client_id and redirect_uri")


def token_finding(id: str, reply: Reply) -> Finding:
    """Whether something answers at a token endpoint that was sent no code."""
    if _missing(reply) is State.FAILED:
        what = f"answers {reply.status}"
        return Finding(id, "token_endpoint", State.FAILED, what, "check it with the provider's documentation")
    return _with_days(id, "token_endpoint", reply, f"answers {reply.status} where no code is sent")


def _missing(reply: Reply) -> State:
    return State.FAILED if reply.status in (404, 410) or reply.status >= 500 else State.WARNING


def _with_days(id: str, check: str, reply: Reply, what: str) -> Finding:
    if reply.days_left is None:
        return Finding(id, check, State.OK, f"{what}; no TLS")
    days = f"certificate: {int(reply.days_left)} days left"
    if reply.days_left < SOON:
        return Finding(id, check, State.WARNING, f"{what}; {days}", "the provider must renew it: see whether it does")
    return Finding(id, check, State.OK, f"{what}; {days}")


def discovery_finding(id: str, ours: Mapping[str, str], published: Mapping[str, Any]) -> Finding:
    """Whether endpoints are those that the provider publishes; `ours` has them by the names of its metadata."""
    others = {
        name: published[name]
        for name, url in ours.items()
        if isinstance(published.get(name), str) and url != published[name]
    }
    if not others:
        return Finding(id, "discovery", State.OK, "the endpoints are those that the provider publishes")
    what = "; ".join(f"the provider publishes {name} {printable(url)}" for name, url in others.items())
    return Finding(id, "discovery", State.WARNING, what, "compare: older endpoints may end without notice")
