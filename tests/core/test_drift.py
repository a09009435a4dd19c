"""A look finds what others did, and the difference of two looks is what happened between them."""

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.commands.drift import Follower, watch
from provisioner.core.definitions.account_type import Document, conceal
from provisioner.core.errors import ProvisionError, SignInRefused
from provisioner.core.plan.live import DOWN, REMOVED, UNSEEN, UP, Drift, DriftKind, Event, Expected, Look, events
from provisioner.core.plan.ownership import Ownership, Signature, UnknownForm
from provisioner.core.plan.store import Write
from provisioner.core.targets.target import Target
from tests.core.strategies import documents, ids
from tests.store.memory import MemoryStore

AT = "2026-11-26T10:00:00Z"
EXPECTED = Expected("me", {"google": "", "zoom": ""}, takes=lambda each: each != "é", ignore=["a b", "google.slug"])


def signature(owner: str, at: str = AT) -> Signature:
    return Signature(owner, at, None, lambda: "0" * 16)


class World:
    """A database, and what the last look at it found."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.store.prepare()
        self.last = UNSEEN
        self.writes = 0

    def do(self, what: str, id: str, document: Document) -> None:
        live = self.store.documents.get(id)
        self.writes += 1
        signed = signature("me" if what in ("apply", "prune") else "them", f"2026-11-26T10:{self.writes:02}:00Z")
        match what:
            case "apply" | "other":
                own = signed.sign(id, document, document.keys(), (), None)
                assert [*self.store.write([Write(id, live.rev if live else None, document, own)])]
            case "edit" if live:
                self.store.put(id, {**live.document, **document}, live.ownership)
            case "replace":
                self.store.put(id, document)
            case "break":
                self.store.put(id, document, UnknownForm())
            case "delete" if live:
                assert [*self.store.write([Write(id, live.rev, None)])]
            case "prune" if live:
                assert [*self.store.write([Write(id, live.rev, None, signed.sign(id, {}, (), (), None))])]

    def look(self) -> list[Event]:
        before, self.last = self.last, EXPECTED.look(self.store.read_all(), self.store.deleted, self.last)
        return [*events(before, self.last)]

    def drift(self) -> list[tuple[str | None, DriftKind]]:
        """What is wrong now; what was ours and has no definition is missed by the next look only."""
        found = ((each.id, each.kind) for each in self.last.drift)
        return [(id, kind) for id, kind in found if kind is not DriftKind.DELETED or id in EXPECTED.defined]

    def words(self) -> dict[str | None, str]:
        return {event.id: event.word for event in self.look()}


def fields(**given: Any) -> Document:
    return conceal(given)


actions = st.sampled_from(["apply", "other", "edit", "replace", "break", "delete", "prune"])
steps = st.lists(st.tuples(actions, ids, documents), max_size=8)


@given(steps, steps)
def test_whoever_looks_seldom_is_told_the_last_of_what_whoever_looks_often_is_told(
    before: list[tuple[str, str, Document]], after: list[tuple[str, str, Document]]
) -> None:
    often, seldom = World(), World()
    for world in (often, seldom):
        for step in before:
            world.do(*step)
        world.look()
    last: dict[str | None, str] = {}
    for step in after:
        often.do(*step)
        seldom.do(*step)
        last |= often.words()
    assert {(id, word) for id, word in seldom.words().items() if id in EXPECTED.defined} <= last.items()
    assert often.drift() == seldom.drift()


def test_each_word() -> None:
    world = World()
    world.do("apply", "google", fields(slug="a", client_secret="s"))
    assert world.look() == [], "as it was applied: there is nothing to say at first"
    world.do("apply", "google", fields(slug="a", client_secret="s"))
    assert world.words() == {"google": DriftKind.APPLIED}
    world.do("edit", "google", fields(client_secret="other"))
    (event,) = world.look()
    assert (event.word, event.fields) == (DriftKind.EDITED, ("client_secret",))
    assert event.rev == world.store.documents["google"].rev
    assert world.look() == [], "once"
    world.do("edit", "google", fields(client_secret="another"))
    assert world.words() == {"google": DriftKind.EDITED}, "each edit"
    world.do("delete", "google", {})
    assert world.words() == {"google": DriftKind.DELETED}
    world.do("replace", "google", fields(slug="a"))
    assert world.words() == {"google": DriftKind.REPLACED}
    world.do("break", "google", fields(slug="a"))
    assert world.words() == {"google": DriftKind.BROKEN}
    world.do("other", "google", fields(slug="a"))
    assert world.words() == {"google": DriftKind.FOREIGN}
    world.do("apply", "google", fields(slug="a"))
    assert world.words() == {"google": DriftKind.APPLIED}
    world.do("prune", "google", {})
    assert world.words() == {"google": REMOVED}


def test_what_no_definition_mentions() -> None:
    world = World()
    world.look()
    world.do("replace", "by-hand", fields(slug="a"))
    assert world.words() == {"by-hand": DriftKind.NEW}
    world.do("delete", "by-hand", {})
    assert world.words() == {"by-hand": REMOVED}
    world.do("other", "theirs", fields(slug="a"))
    world.do("apply", "former", fields(slug="a"))
    assert world.words() == {"former": DriftKind.APPLIED}, "what another owner has is none of ours"
    world.do("delete", "former", {})
    assert world.words() == {"former": DriftKind.DELETED}
    assert world.look() == []
    world.do("apply", "former", fields(slug="a"))
    world.look()
    world.do("other", "former", fields(slug="a"))
    assert world.words() == {"former": DriftKind.FOREIGN}, "it was ours"
    assert world.last.drift == [], "nobody misses it"


def test_the_first_look_reports_what_is_wrong() -> None:
    world = World()
    world.do("apply", "google", fields(slug="a"))
    world.do("replace", "zoom", fields(slug="a"))
    assert world.words() == {"zoom": DriftKind.REPLACED}


def test_a_database_that_is_gone_and_one_that_comes_back() -> None:
    world = World()
    for id in ("google", "zoom"):
        world.do("apply", id, fields(slug="a"))
    world.look()
    world.store, full = MemoryStore(), world.store
    assert world.look() == [Event(None, DriftKind.GONE)]
    assert [each.kind for each in world.last.drift] == [DriftKind.GONE]
    assert world.look() == []
    world.store.prepare()
    assert world.words() == {None: UP, "google": DriftKind.DELETED, "zoom": DriftKind.DELETED}, (
        "it is another, empty one"
    )
    assert world.look() == []
    assert len(world.last.drift) == 2
    world.store = full
    assert world.words() == {"google": DriftKind.APPLIED, "zoom": DriftKind.APPLIED}


def test_a_database_that_comes_later() -> None:
    world = World()
    world.store = MemoryStore()
    assert world.words() == {None: DriftKind.GONE}
    world.do("apply", "google", fields(slug="a"))
    world.store.prepare()
    assert world.words() == {None: UP, "google": DriftKind.APPLIED}


def test_a_look_that_fails_hides_nothing() -> None:
    world = World()
    world.do("apply", "google", fields(slug="a"))
    world.look()
    known = world.last
    down = known.failed("no answer")
    assert [*events(known, down)] == [Event(None, DOWN, reason="no answer")]
    assert [*events(down, down.failed("no answer"))] == []
    assert [*events(down, down.failed("refused"))] == [Event(None, DOWN, reason="refused")]
    world.last = down
    world.do("edit", "google", fields(slug="a", client_secret="x"))
    world.do("delete", "google", {})
    assert world.words() == {None: UP, "google": DriftKind.DELETED}


def test_what_was_never_there_is_not_missed() -> None:
    world = World()
    world.look()
    assert world.last.drift == [], "both definitions are pending"


def test_what_may_change_is_not_reported() -> None:
    world = World()
    world.look()
    for id in ("a b", "é"):
        world.do("replace", id, fields(slug="a"))
    assert world.look() == []
    world.do("apply", "google", fields(slug="a"))
    world.look()
    world.do("edit", "google", fields(slug="b"))
    assert world.look() == []
    assert world.last.drift == []


def test_the_time_of_the_last_apply_is_that_of_this_owner() -> None:
    world = World()
    world.store.put("zoom", {}, Ownership("them", "0" * 16, {}, "2027-01-01T00:00:00Z"))
    world.look()
    assert world.last.last_apply == 0
    world.store.put("google", {}, Ownership("me", "0" * 16, {}, "no time at all"))
    world.look()
    assert world.last.last_apply == 0
    world.store.put("google", {}, Ownership("me", "0" * 16, {}, AT))
    world.look()
    assert world.last.last_apply == 1_795_687_200


def test_a_look_keeps_no_digest_of_a_whole_document() -> None:
    world = World()
    world.do("replace", "zoom", fields(slug="a", client_secret="1234"))
    world.look()
    assert world.last.documents is not None
    assert re.fullmatch("[0-9]+-[0-9a-f]{4}", world.last.documents["zoom"].mark)


@dataclass
class Picky:
    """A receiver that refuses at times."""

    refuses: bool = False
    said: list[Event] = field(default_factory=list)

    def accept(self, follower: Follower, happened: Sequence[Event], look: Look) -> None:
        if self.refuses:
            raise ProvisionError("not now")
        self.said += happened


def test_whoever_refuses_is_told_again_and_nobody_twice() -> None:
    edited = Look({"google": Drift("google", DriftKind.EDITED, ("slug",), mark="2-x")})
    picky, other = Picky(refuses=True), Picky()
    kept: list[Look] = []
    receivers = [picky.accept, other.accept]
    follower = Follower(Target("one"), "one", lambda before: edited, receivers, Look({}), kept.append)
    assert [error.what for error in follower.run()] == ["not now"]
    assert not kept, "not everybody accepted it"
    picky.refuses = False
    assert follower.run() == follower.run() == []
    assert picky.said == other.said == [Event("google", "edited", ("slug",))]
    assert kept == [edited]
    kept.clear()
    follower.look = _broken
    assert [error.what for error in follower.run()] == [other.said[-1].reason]
    assert other.said[-1].word == DOWN
    told = [*other.said]
    follower.look = lambda before: edited if before.documents == edited.documents else Look()
    assert follower.run() == []
    assert other.said == [*told, Event(None, UP)], "what was known before the failure is known after it"
    assert kept[-1] == edited


def _broken(before: Look) -> Look:
    raise ZeroDivisionError


class Clock(threading.Event):
    """Notes each pause, and takes none; so many of them end the following."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.pauses: list[float | None] = []
        self._looks = looks

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout)
        if len(self.pauses) == self._looks:
            self.set()
        return self.is_set()


@pytest.mark.parametrize(
    ("error", "pauses"),
    [
        (ProvisionError("no answer"), [2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]),
        (SignInRefused("refused"), [2.0, 30.0, 60.0, 120.0, 240.0, 480.0, 600.0]),
    ],
    ids=["it doubles", "CouchDB locks an account after five refusals in five minutes"],
)
def test_after_a_failure_the_next_look_waits(error: ProvisionError, pauses: list[float]) -> None:
    def look(before: Look) -> Look:
        raise error

    clock = Clock(len(pauses))
    follower = Follower(Target("one"), "one", look, [])
    watch(follower, hint, 30.0, lambda follower, error: None, clock)
    assert clock.pauses == pauses


def hint(position: str | None, seconds: float) -> None:
    raise AssertionError("a failed look waits for no change")
