"""What is found out about a database of account types and its documents, and what that means."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from provisioner.core.definitions.account_type import Document, holds_secrets, lacking
from provisioner.core.definitions.credential_form import unusable
from provisioner.core.definitions.schema_check import Check
from provisioner.core.masking import MAX_SHOWN, Mask
from provisioner.core.plan.changes import losing_revision, losing_text
from provisioner.core.plan.live_document import live_definition, live_faults
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


_MOST = 2 * MAX_SHOWN
"""Characters of a result that quotes what a provider says."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check: its `subject`, what was checked, and what to do next if that is not all right."""

    subject: str
    check: str
    verdict: Verdict
    message: str
    next: str = ""

    def __post_init__(self) -> None:
        """Make what comes from outside printable."""
        object.__setattr__(self, "message", printable(self.message))
        object.__setattr__(self, "next", printable(self.next))

    def without(self, secrets: Iterable[Json | Secret]) -> "CheckResult":
        """The same without some secrets: what it quotes of a provider may repeat what was sent."""
        known = Mask(secrets)
        message, next = (known.clean(text, _MOST) for text in (self.message, self.next))
        return replace(self, message=message, next=next)

    @property
    def account_type(self) -> str | None:
        """The id; none if it is about the database."""
        return None if self.subject == DATABASE else self.subject


@dataclass(frozen=True, slots=True)
class Inspection:
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


def database_findings(inspection: Inspection) -> Iterator[CheckResult]:
    """What an inspection shows."""
    yield CheckResult(DATABASE, "reachable", Verdict.OK, inspection.server)
    yield CheckResult(DATABASE, "signed-in", Verdict.OK, "your requests are accepted")
    for name in inspection.similar:
        what = f"the stack does not read the database {name}, whose name is almost the same"
        next = f"inspect it with provision list --database {name}; move what belongs here, then delete it"
        yield CheckResult(DATABASE, "name", Verdict.WARNING, what, next)
    if inspection.security is None:
        what = "the database is missing: the stack finds no account type"
        yield CheckResult(DATABASE, "exists", Verdict.FAILED, what, "provision apply creates it")
        return
    yield _anonymous(inspection.anonymous)
    yield _security(inspection.security)
    yield _index(inspection.indexes)


def _anonymous(status: int) -> CheckResult:
    if status in (401, 403):
        return CheckResult(DATABASE, "admin-only", Verdict.OK, f"requests without credentials are refused ({status})")
    if status == 200:
        what = "EVERYONE CAN READ THE CLIENT SECRETS: the database answers without signing in"
        next = "create an admin of CouchDB, close the database (_security), and change every client secret"
        return CheckResult(DATABASE, "admin-only", Verdict.FAILED, what, next)
    what = f"a request without credentials gets the status {status}"
    return CheckResult(DATABASE, "admin-only", Verdict.WARNING, what, "check which server answers at this address")


def _security(security: Security) -> CheckResult:
    if security.public:
        what = "_security names no member: everyone who can sign in can read the client secrets"
        next = "close it to everyone but admins: provision apply --make-private"
        return CheckResult(DATABASE, "security", Verdict.FAILED, what, next)
    if security.readers:
        what = f"not only the admins of CouchDB can read the client secrets, but also {listed(security.readers)}"
        return CheckResult(
            DATABASE, "security", Verdict.WARNING, what, "remove them from members and admins in _security"
        )
    return CheckResult(DATABASE, "security", Verdict.OK, "only the admins of CouchDB can read it")


def _index(indexes: Sequence[Any] | None) -> CheckResult:
    """The stack looks for konnectors' secrets by ``by-slug`` over ``slug`` (``pkg/couchdb/index.go``)."""
    for index in indexes or ():
        fields = index.get("def", {}).get("fields") if isinstance(index, dict) else None
        if isinstance(index, dict) and index.get("ddoc") == "_design/by-slug":
            if [name for field in fields or () for name in (field if isinstance(field, dict) else [field])] == ["slug"]:
                return CheckResult(DATABASE, "by-slug", Verdict.OK, "the index is as the stack defines it")
            what = f"the index by-slug is over {shown(fields)}, and not over slug"
            return CheckResult(
                DATABASE, "by-slug", Verdict.FAILED, what, "delete _design/by-slug, and restart the stack"
            )
    what = "the index by-slug is missing: no konnector gets its secret"
    return CheckResult(
        DATABASE, "by-slug", Verdict.FAILED, what, "restart the stack: it creates the index when it starts"
    )


def document_findings(live: Live, check: Check) -> Iterator[CheckResult]:
    """Whether the stack can decode a document, and whether its credentials are there."""
    faults = [fault for fault in live_faults(live, check) if fault.rule == "undecodable"]
    for fault in faults:
        yield CheckResult(live.id, "document", Verdict.FAILED, fault.message, "fix its definition, and apply it")
    if not faults:
        yield CheckResult(live.id, "document", Verdict.OK, "the stack can decode it")
    document = live_definition(live).document
    if bad := [*_bad_credentials(document)]:
        state = Verdict.WARNING if bad == ["without client_secret"] else Verdict.FAILED
        next = "set them in a credential source, and run provision apply"
        yield CheckResult(live.id, "credentials", state, "; ".join(bad), next)
    elif not faults and ("client_id" in document or holds_secrets(document)):
        yield CheckResult(live.id, "credentials", Verdict.OK, "present")
    for losing in live.conflicts:
        what = f"a conflict was lost: {losing_text(losing_revision(losing, live.document))}"
        next = "compare both; provision apply --resolve-conflicts removes the losing one"
        yield CheckResult(live.id, "conflict", Verdict.WARNING, what, next)


def _bad_credentials(document: Document) -> Iterator[str]:
    if missing := lacking(document):
        yield f"without {listed(missing)}"
    yield from (f"{name} is {why}" for name, why in unusable(document).items())
