"""A watch that takes in changes one by one knows what a look at everything finds."""

import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.commands import drift, watching
from provisioner.commands.followed import Followed, Looked
from provisioner.commands.watch import Watch
from provisioner.core.definitions.account_type import Document, conceal
from provisioner.core.errors import ProvisionError
from provisioner.core.plan.drift import Expected, Kind
from provisioner.core.plan.event import APPLIED, FOREIGN, REMOVED
from provisioner.core.plan.feed import Connected, Item
from provisioner.core.plan.ownership import Ownership, Signature
from provisioner.core.plan.store import Snapshot, Write
from tests.core.strategies import documents, ids
from tests.store.memory import MemoryStore

AT = "2026-11-26T10:00:00Z"
EXPECTED = Expected("me", {"google": "", "zoom": ""}, takes=lambda each: each != "é", ignore=["a b", "google.slug"])


def signed(owner: str, id: str, document: Document) -> Ownership:
    return Signature(owner, AT, None, lambda: "0" * 16).sign(id, document, document.keys(), (), None)


class World:
    """A database, and the watch of it."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.store.prepare()
        self.watch = Watch("local", EXPECTED)

    def do(self, what: str, id: str, document: Document) -> None:
        live = self.store.documents.get(id)
        match what:
            case "apply" | "other":
                own = signed("me" if what == "apply" else "them", id, document)
                assert [*self.store.write([Write(id, live.rev if live else None, document, own)])]
            case "edit" if live:
                self.store.put(id, {**live.document, **document}, live.ownership)
            case "replace":
                self.store.put(id, document)
            case "delete" if live:
                assert [*self.store.write([Write(id, live.rev, None)])]

    def words(self, *ids: str) -> list[str]:
        return [event.word for event in self.watch.changed(self.store, ids, AT)]


steps = st.lists(
    st.tuples(st.sampled_from(["apply", "other", "edit", "replace", "delete"]), ids, documents), max_size=8
)


@given(steps)
def test_one_by_one_comes_to_the_same_as_all_at_once(steps: list[tuple[str, str, Document]]) -> None:
    world = World()
    for what, id, document in steps:
        world.do(what, id, document)
        events = world.watch.changed(world.store, [id], AT)
        assert sorted(world.watch.drift) == [each.id for each in drift.run(EXPECTED, world.store)]
        assert [event.drift for event in events if event.drift] == [
            each for each in drift.run(EXPECTED, world.store) if each.id == id
        ]


def fields(**given: Any) -> Document:
    return conceal(given)


def test_each_word() -> None:
    world = World()
    world.do("apply", "google", fields(slug="a", client_secret="s"))
    assert world.words("google", "_design/by-slug", "google") == [APPLIED]
    world.do("edit", "google", fields(client_secret="other"))
    assert world.words("google") == [Kind.EDITED]
    assert world.watch.drift["google"].fields == ("client_secret",)
    world.do("delete", "google", {})
    assert world.words("google") == [Kind.DELETED]
    world.do("replace", "google", fields(slug="a"))
    assert world.words("google") == [Kind.REPLACED]
    world.do("replace", "by-hand", fields(slug="a"))
    assert world.words("by-hand") == [Kind.NEW]
    world.do("delete", "by-hand", {})
    assert world.words("by-hand") == [REMOVED]
    world.do("other", "zoom", fields(slug="a"))
    assert world.words("zoom") == [FOREIGN]


def test_what_may_change_is_not_told() -> None:
    world = World()
    for id in ("a b", "é"):
        world.do("replace", id, fields(slug="a"))
        assert world.words(id) == []
    world.do("apply", "google", fields(slug="a"))
    world.do("edit", "google", fields(slug="b"))
    assert world.words("google") == []
    assert world.watch.drift == {}


def test_the_time_of_the_last_apply_is_that_of_this_owner() -> None:
    world = World()
    world.do("other", "zoom", fields(slug="a"))
    world.words("zoom")
    assert world.watch.last_apply == 0
    own = Ownership("me", "0" * 16, {}, "no time at all")
    world.store.put("google", {}, own)
    world.words("google")
    assert world.watch.last_apply == 0
    world.do("apply", "google", fields(slug="a"))
    world.watch.refresh(world.store, world.store.read_all())
    assert world.watch.last_apply == 1_795_687_200


class Steady:
    """A feed that is there, and tells nothing."""

    def follow(self, tell: Callable[[Item], None], stopped: threading.Event) -> None:
        tell(Connected("1"))
        stopped.wait()

    def since(self) -> tuple[list[str], str]:
        return [], "1"


class Noted:
    """Notes what is told, figures and sequences too; it ends the watch when all looks are used up."""

    def __init__(self, looks: list[ProvisionError | None]) -> None:
        self.looks = looks
        self.said: list[str] = []

    def look(self) -> Looked:
        if not self.looks:
            raise KeyboardInterrupt
        error = self.looks.pop(0)
        if error:
            raise error
        return Looked(Snapshot(), {}, {})

    def up(self, label: str, up: bool) -> None:
        self.said += [f"up {up}"] if f"up {up}" not in self.said[-1:] else []

    def trouble(self, followed: Followed, error: ProvisionError) -> None:
        self.said.append(error.what)

    def again(self, followed: Followed) -> None:
        self.said.append("again")

    def begun(self, followed: Followed) -> None:
        self.said.append("begun")

    def get(self, place: str) -> str | None:
        return None

    def nothing(self, *_: object) -> None:
        """What this test does not look at."""

    drift = last_apply = expiry = failed = events = measured = put = nothing


def test_a_catalogue_with_errors_makes_the_watch_blind_until_it_is_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LOOK", 0.0)
    monkeypatch.setattr(watching, "TICK", 0.01)
    broken = ProvisionError("broken")
    noted, world = Noted([None, broken, broken, None, None]), World()
    followed = Followed("local", "there", world.watch, Steady(), lambda: nullcontext(world.store), noted.look)
    with pytest.raises(KeyboardInterrupt):
        watching.Watching({"local": followed}, noted, noted, noted).forever()
    assert noted.said == ["begun", "up True", "broken", "up False", "again", "up True"]
