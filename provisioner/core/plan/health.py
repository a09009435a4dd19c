"""What is found out about a database and its documents, and what that means."""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from provisioner.core.definitions.account_type import has_secrets
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, Kind
from provisioner.core.masking import MAX_SHOWN, Mask
from provisioner.core.plan.changes import losing_revision
from provisioner.core.plan.live_document import live_definition, why_undecodable
from provisioner.core.plan.store import Live, Security
from provisioner.core.secret import Json, Secret
from provisioner.core.text import listed, printable, shown

DATABASE = "(database)"
"""The subject of what is not about one account type."""


class Verdict(StrEnum):
    """What a check comes to. Undecided: nothing is known to be wrong, and nothing is proved."""

    OK = "ok"
    UNDECIDED = "undecided"
    WARNING = "warning"
    FAILED = "failed"


_MAX = 2 * MAX_SHOWN
"""Characters of a result that quotes what a provider says."""


class CheckResult(Struct, frozen=True):
    """The result of one check, what to do next if that is not all right, and what was checked of which `subject`."""

    verdict: Verdict
    message: str
    next: str = ""
    subject: str = DATABASE
    check: str = ""

    def __post_init__(self) -> None:
        """Make what comes from outside printable."""
        force_setattr(self, "message", printable(self.message))
        force_setattr(self, "next", printable(self.next))

    def of(self, subject: str, check: str) -> "CheckResult":
        """The same, with what was checked."""
        return replace(self, subject=subject, check=check)

    def without(self, secrets: Iterable[Json | Secret]) -> "CheckResult":
        """The same without some secrets: what it quotes of a provider may repeat what was sent."""
        known = Mask(secrets)
        message, next = (known.clean(text, _MAX) for text in (self.message, self.next))
        return replace(self, message=message, next=next)

    @property
    def account_type(self) -> str | None:
        """The id; none if it is about the database."""
        return None if self.subject == DATABASE else self.subject


def ok(message: str) -> CheckResult:
    """What is all right."""
    return CheckResult(Verdict.OK, message)


undecided = partial(CheckResult, Verdict.UNDECIDED)
warning = partial(CheckResult, Verdict.WARNING)
failed = partial(CheckResult, Verdict.FAILED)
"""A result, of a message and what to do next."""


class Inspection(Struct, frozen=True):
    """What a server says of itself and of the database.

    `anonymous` is the status of a read without signing in. `security` is ``None`` if the database does not exist.
    `similar` are databases whose names are almost the same.
    `indexes` are as CouchDB gives them, ``None`` if they cannot be read.
    """

    server: str
    anonymous: int
    security: Security | None
    similar: Sequence[str]
    indexes: Sequence[Any] | None
    kind: Kind = ACCOUNT_TYPE


def database_findings(inspection: Inspection) -> Iterator[CheckResult]:
    """What an inspection shows."""
    kind = inspection.kind
    yield ok(inspection.server).of(DATABASE, "reachable")
    yield ok("your requests are accepted").of(DATABASE, "signed-in")
    for name in inspection.similar:
        what = f"the stack does not read the database {name}, whose name is almost the same"
        next = f"inspect it with provision list --database {name}; move what belongs here, then delete it"
        yield warning(what, next).of(DATABASE, "name")
    if inspection.security is None:
        missing = failed(f"the database is missing: the stack finds no {kind.noun}", "provision apply creates it")
        yield missing.of(DATABASE, "exists")
        return
    match inspection.anonymous:
        case 401 | 403 as status:
            anonymous = ok(f"requests without credentials are refused ({status})")
        case 200:
            what = f"EVERYONE CAN READ THE {kind.secrets.upper()}: the database answers without signing in"
            next = f"create an admin of CouchDB, close the database (_security), and change all {kind.secrets}"
            anonymous = failed(what, next)
        case status:
            what = f"a request without credentials gets the status {status}"
            anonymous = warning(what, "check which server answers at this address")
    yield anonymous.of(DATABASE, "admin-only")
    security = ok("only the admins of CouchDB can read it")
    if inspection.security.public:
        what = f"_security lists no member: everyone who can sign in can read the {kind.secrets}"
        security = failed(what, "close it to everyone but admins: provision apply --make-private")
    elif readers := listed(inspection.security.readers):
        what = f"not only the admins of CouchDB can read the {kind.secrets}, but also {readers}"
        security = warning(what, "remove them from members and admins in _security")
    yield security.of(DATABASE, "security")
    if kind.index is not None:
        yield _index(inspection.indexes).of(DATABASE, "by-slug")


def _index(indexes: Sequence[Any] | None) -> CheckResult:
    """The stack looks for konnectors' secrets by ``by-slug`` over ``slug`` (``pkg/couchdb/index.go``)."""
    for index in indexes or ():
        fields = index.get("def", {}).get("fields") if isinstance(index, dict) else None
        if isinstance(index, dict) and index.get("ddoc") == "_design/by-slug":
            if [name for field in fields or () for name in (field if isinstance(field, dict) else [field])] == ["slug"]:
                return ok("the index is as the stack defines it")
            what = f"the index by-slug is over {shown(fields)}, and not over slug"
            return failed(what, "delete _design/by-slug, and restart the stack")
    what = "the index by-slug is missing: no konnector gets its secret"
    return failed(what, "restart the stack: it creates the index when it starts")


def document_findings(live: Live) -> Iterator[CheckResult]:
    """Whether the stack can decode a document, and whether its credentials are there."""
    if undecodable := live.kind.undecodable(live.document):
        why = why_undecodable(live, undecodable)
        yield failed(why, "fix its definition, and apply it").of(live.id, "document")
    else:
        # what it makes of it, a rule says
        yield ok("the stack can decode it" if live.kind.states_fields else "present").of(live.id, "document")
    document = live_definition(live).document
    missing = listed(live.kind.missing(document, ()))
    bad = [f"without {missing}"] if missing else []
    bad += [f"{name} is {why}" for name, why in live.kind.unusable(document).items()]
    if bad:
        state = warning if bad == ["without client_secret"] else failed
        next = "set them in a credential source, and run provision apply"
        yield state("; ".join(bad), next).of(live.id, "credentials")
    elif not undecodable and ("client_id" in document or has_secrets(document)):
        yield ok("present").of(live.id, "credentials")
    for losing in live.conflicts:
        what = f"the document has a conflicting revision: {losing_revision(losing, live.document)}"
        yield warning(what, "compare them, then run provision apply --resolve-conflicts").of(live.id, "conflict")
