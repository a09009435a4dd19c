"""Undo: after random applies and hand edits, what it gives back, and what lies on the disk meanwhile."""

import json
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyrage
import pytest
from msgspec.structs import replace

from provisioner.adapters.files.backups import BackupFolder
from provisioner.commands.admission import ApplyOptions, Permission
from provisioner.commands.apply import ApplyRun, DefinedState
from provisioner.commands.planning import plan_undo
from provisioner.core.definitions.account_type import Document, conceal, reveal
from provisioner.core.definitions.definition import Definition
from provisioner.core.plan.backup import Backup, BackupEntry, FormerState, Run
from provisioner.core.plan.changes import Action, create
from provisioner.core.plan.ownership import Ownership, Signature
from provisioner.core.plan.planning import PlanOptions, make_plan
from provisioner.core.plan.store import Live, Write
from provisioner.core.secret import Json
from provisioner.core.targets.filling import Credentials
from provisioner.core.targets.target import BackupSettings, Place, Target
from tests.core.strategies import definition
from tests.store.memory import MemoryStore

ROUNDS = 200
PLACE = Place("local", "http://localhost:5984", "secrets")
IDS = ("google", "zoom", "foobar/google", "orange")
PAIR = {"client_id", "client_secret"}
"""Neither goes back without the other."""
NAMES = ("grant_mode", "client_id", "client_secret", "token_mode", "slug", "note")


class World:
    """A database with an owner, others who edit it, and the backups of each run."""

    def __init__(self, folder: Path, seed: int, *, encrypted: bool) -> None:
        key = pyrage.x25519.Identity.generate()
        (folder / "key.txt").write_text(str(key))
        recipients = (str(key.to_public()),) if encrypted else ()
        settings = BackupSettings(str(folder / "backups"), recipients, str(folder / "key.txt"))
        self.target = Target(name="local", backup=settings)
        self.folder = BackupFolder(settings, "local")
        self.random = random.Random(seed)
        self.store = MemoryStore()
        self.store.prepare()
        self.round = 0
        self.lost = False

    def fields(self) -> dict[str, Any]:
        some = self.random.sample(NAMES, self.random.randint(1, len(NAMES)))
        return {
            name: f"{'hush' if name in ('client_secret', 'note') else 'v'}-{self.random.randint(1, 3)}" for name in some
        }

    def signature(self) -> Signature:
        self.round += 1
        minutes, seconds = divmod(self.round, 60)
        at = f"2026-11-26T10:{minutes:02}:{seconds:02}Z"
        return Signature("me", at, None, lambda: f"{self.random.getrandbits(64):016x}")

    def apply_some(self) -> None:
        chosen = self.random.sample(IDS, self.random.randint(0, len(IDS)))
        self.apply({id: definition(id, conceal(self.fields())) for id in chosen})

    def apply(self, definitions: Mapping[str, Definition], *, prune: bool | None = None) -> None:
        plan = make_plan(definitions.values(), self.store.read_all(), PlanOptions("me", whole=True))
        options = ApplyOptions(
            allow=[Permission.CHANGED] if self.random.random() < 0.5 else [],
            prune=self.random.random() < 0.6 if prune is None else prune,
        )
        signed = self.signature()
        kept = self.folder.new(Run("apply", str(PLACE), signed.at, "me"))
        outcomes = [*ApplyRun(plan, self.store, DefinedState(definitions, signed), options, journal=kept).outcomes()]
        assert not any(each.is_bad() for each in outcomes)
        kept.end((), complete=True)

    def edit(self) -> None:
        """What others do by hand: change fields, remove a document, write a new one without the key."""
        id = self.random.choice(IDS)
        live = self.store.documents.get(id)
        if live is None or self.random.random() < 0.2:
            self.store.remove(id)
            if self.random.random() < 0.6:
                self.store.put(id, conceal(self.fields()))
            return
        edited = {**live.document, **conceal(self.fields())}
        edited.pop(self.random.choice(NAMES), None)
        self.store.put(id, edited, live.ownership)

    def sources(self, ids: Iterable[str]) -> list[Credentials]:
        """A credential source that has every secret, unless they are lost."""
        return [] if self.lost else [{id: self.store.documents[id].document for id in ids}]

    def undo(self, file: str) -> tuple[str, ...]:
        """Take a run back, and return the warnings."""
        way = FormerState(self.folder.read(self.folder.path(file)))
        planned = plan_undo(way, self.target, PLACE, self.store, self.sources)
        signed = self.signature()
        kept = self.folder.new(Run("undo", str(PLACE), signed.at, "me", undoes=file))
        options = ApplyOptions(allow=[Permission.CHANGED], prune=True)
        outcomes = [
            *ApplyRun(planned.plan, self.store, replace(way, signature=signed), options, journal=kept).outcomes()
        ]
        assert not any(each.is_bad() for each in outcomes)
        kept.end((), complete=True)
        return planned.warnings


def expected(before: Live | None, after: Live | None, now: Live | None) -> dict[str, Any] | None:
    """The fields that an undo should leave, by what was there before the apply, after it, and before the undo."""
    if _same(before, after):
        return _plain(now)
    if now is not None and after is not None and now.ownership is None:
        return _plain(now)  # somebody wrote a new document
    if before is None:
        return None if _same(now, after) else _plain(now)
    if after is None:
        return _plain(before) if now is None else _plain(now)
    if now is None:
        return None
    old, new, there = _plain(before), _plain(after), _plain(now)
    assert old is not None
    assert new is not None
    assert there is not None
    names = old.keys() | new.keys() | there.keys()
    changed = {name for name in names if old.get(name) != new.get(name)}
    touched = {name for name in changed if there.get(name) == new.get(name)}
    if is_parted(old, new, there):
        touched -= PAIR
    return {name: value for name in names if (value := (old if name in touched else there).get(name)) is not None}


def is_parted(old: Mapping[str, Any], new: Mapping[str, Any], there: Mapping[str, Any]) -> bool:
    """Whether somebody else changed one of the pair since, so that the other stays, too."""
    return any(
        there.get(name) not in (old.get(name), new.get(name)) and old.get(name) != new.get(name) for name in PAIR
    )


def _plain(live: Live | None) -> dict[str, Any] | None:
    return None if live is None else reveal(live.document)


def _same(one: Live | None, other: Live | None) -> bool:
    return _plain(one) == _plain(other)


def test_200_applies_with_hand_edits_are_undone_field_by_field(tmp_path: Path) -> None:
    world = World(tmp_path, 15, encrypted=True)
    restored = kept_keys = 0
    for _ in range(ROUNDS):
        for _ in range(world.random.randint(0, 2)):
            world.edit()
        before = dict(world.store.documents)
        known = set(world.folder.names())
        world.apply_some()
        if set(world.folder.names()) == known:
            continue
        (file,) = set(world.folder.names()) - known
        after = dict(world.store.documents)
        for _ in range(world.random.randint(0, 2)):
            world.edit()
        now = dict(world.store.documents)
        world.undo(file)
        for id in IDS:
            wanted = expected(before.get(id), after.get(id), now.get(id))
            assert _plain(world.store.documents.get(id)) == wanted, id
            restored += wanted != _plain(now.get(id))
            written = (
                _was_written(before.get(id), after.get(id)) and _own(now.get(id)) == _own(after.get(id)) and wanted
            )
            if written and not is_parted(*(_plain(each.get(id)) or {} for each in (before, after, now))):
                kept_keys += 1
                assert _own(world.store.documents.get(id)) == _own(before.get(id)), id
    content = b"".join(path.read_bytes() for path in (tmp_path / "backups").iterdir())
    print(f"{ROUNDS} rounds: {restored} documents restored, {kept_keys} keys put back")
    assert b"hush-" not in content
    assert restored > ROUNDS
    assert kept_keys > ROUNDS


def _own(live: Live | None) -> object:
    """The key of a document without the name of its write: an undo is a write of its own."""
    return replace(live.ownership, write=None) if live and isinstance(live.ownership, Ownership) else None


def _was_written(before: Live | None, after: Live | None) -> bool:
    return before is not None and after is not None and before.rev != after.rev


def test_without_recipients_only_what_is_public_lies_on_the_disk_and_comes_back(tmp_path: Path) -> None:
    world = World(tmp_path, 16, encrypted=False)
    for _ in range(40):
        world.edit()
        before = dict(world.store.documents)
        known = set(world.folder.names())
        world.apply_some()
        after = dict(world.store.documents)
        new = set(world.folder.names()) - known
        if not new:
            continue
        world.undo(*new)
        for id in IDS:
            live = world.store.documents.get(id)
            wanted = _public(before[id].document if id in before else None)
            assert _public(live.document if live else None) == wanted, (id, after.get(id))
    assert b"hush-" not in b"".join(path.read_bytes() for path in (tmp_path / "backups").iterdir())


def _public(document: Document | None) -> Mapping[str, Any] | None:
    """What is no secret; a client_id stays beside a secret that is not kept."""
    shown = {name: value for name, value in (document or {}).items() if isinstance(value, str) and name not in PAIR}
    return None if document is None else shown


@pytest.mark.parametrize("seed", range(3))
def test_a_second_undo_takes_the_first_one_back(tmp_path: Path, seed: int) -> None:
    world = World(tmp_path, seed, encrypted=True)
    for _ in range(20):
        known = set(world.folder.names())
        world.apply_some()
        new = set(world.folder.names()) - known
        if not new:
            continue
        after = {id: (_plain(live), _own(live)) for id, live in world.store.documents.items()}
        world.undo(*new)
        world.undo(world.folder.names()[0])
        assert {id: (_plain(live), _own(live)) for id, live in world.store.documents.items()} == after


def test_an_older_run_is_taken_back_beside_later_ones(tmp_path: Path) -> None:
    """A later apply signed the document: its key then tells of both, and of what others changed."""
    world = World(tmp_path, 1, encrypted=True)
    first = {"slug": "a", "token_mode": "form", "grant_mode": "secret"}
    second = {**first, "slug": "b", "client_id": "new"}
    for fields in (first, second, {**second, "token_mode": "basic"}):
        world.apply({"google": definition("google", conceal(fields))})
    live = world.store.documents["google"]
    world.store.put("google", {**live.document, "grant_mode": "by hand"}, live.ownership)
    world.undo(world.folder.names()[1])
    live = world.store.documents["google"]
    assert _plain(live) == {"slug": "a", "token_mode": "basic", "grant_mode": "by hand"}
    assert isinstance(live.ownership, Ownership)
    assert live.ownership.edited("google", live.document) == {"grant_mode"}
    assert live.ownership.fields.keys() == {"slug", "token_mode", "grant_mode"}


def test_a_field_that_a_later_run_dropped_comes_back_as_ours(tmp_path: Path) -> None:
    world = World(tmp_path, 2, encrypted=True)
    for fields in ({"slug": "a", "token_mode": "form"}, {"slug": "a"}, {"slug": "b"}):
        world.apply({"google": definition("google", conceal(fields))})
    world.undo(world.folder.names()[1])
    own = _own(world.store.documents["google"])
    assert isinstance(own, Ownership)
    assert own.fields.keys() == {"slug", "token_mode"}


def test_an_adoption_can_be_taken_back_and_that_too(tmp_path: Path) -> None:
    world = World(tmp_path, 3, encrypted=True)
    document = conceal({"slug": "a"})
    other = Signature("other", "2026-11-26T09:00:00Z", None, lambda: "0" * 16)
    world.store.put("google", document, other.sign("google", document, ["slug"], (), None))
    world.apply({"google": definition("google", document)})
    for owner in ("other", "me"):
        world.undo(world.folder.names()[0])
        own = _own(world.store.documents["google"])
        assert isinstance(own, Ownership)
        assert own.owner == owner


class TestWithoutSecrets:
    """A backup without recipients does not know the secrets: it neither loses one nor blames anybody."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> World:
        world = World(tmp_path, 4, encrypted=False)
        self.put(world, "hush-1")
        return world

    def put(self, world: World, secret: str) -> None:
        fields = {"slug": "a", "client_id": "1", "client_secret": secret}
        world.apply({"google": definition("google", conceal(fields))})

    def test_a_secret_that_others_rotated_is_not_deleted(self, world: World) -> None:
        live = world.store.documents["google"]
        world.store.put("google", {**live.document, **conceal({"client_secret": "by-hand"})}, live.ownership)
        world.undo(world.folder.names()[0])
        assert _plain(world.store.documents["google"]) == {"slug": "a", "client_id": "1", "client_secret": "by-hand"}

    @pytest.mark.parametrize(
        "field", [{"client_secret": "x"}, {"extras": {"api_key": "x"}}, {"token_endpoint": "https://u:x@a.example/"}]
    )
    def test_no_digest_of_a_secret_that_is_gone_is_kept(self, field: dict[str, Json]) -> None:
        signature = Signature("me", "2026-01-31T10:00:00Z", None, lambda: "a1b2c3d4")
        own = signature.sign("a", conceal(field), (*field,), (*field,), None)
        before = Live("a", "1-a", {"slug": "a"}, own)
        kept = BackupEntry(before, Write("a", "1-a", {"slug": "b"}, own)).without_secrets().row()
        (digest,) = own.fields.values()
        assert f'"{digest}"' not in json.dumps(kept)

    def test_our_own_goes_with_its_document(self, world: World) -> None:
        world.undo(world.folder.names()[0])
        assert not world.store.documents

    def test_one_that_stays_is_still_ours(self, world: World) -> None:
        self.put(world, "hush-2")
        world.undo(world.folder.names()[0])
        live = world.store.documents["google"]
        assert _plain(live) == {"slug": "a", "client_id": "1", "client_secret": "hush-2"}
        assert isinstance(live.ownership, Ownership)
        assert live.ownership.edited("google", live.document) == frozenset()

    def test_one_that_is_lost_is_nobodys(self, world: World) -> None:
        world.apply({}, prune=True)
        world.undo(world.folder.names()[0])
        live = world.store.documents["google"]
        assert _plain(live) == {"slug": "a", "client_id": "1"}
        assert isinstance(live.ownership, Ownership)
        assert live.ownership.edited("google", live.document) == frozenset()


def test_what_was_there_before_a_write_whose_answer_was_lost_counts(tmp_path: Path) -> None:
    """Our write got there, somebody edited it, and it is written again: what was there first is kept."""
    world = World(tmp_path, 5, encrypted=True)
    signed = world.signature().sign("google", conceal({"slug": "b"}), ["slug"], (), None)
    first = Live("google", "1-a", conceal({"slug": "a"}))
    ours = Write("google", "1-a", conceal({"slug": "b"}), signed)
    kept = world.folder.new(Run("apply", str(PLACE), "2026-11-26T11:00:00Z", "me"))
    kept.keep({"google": BackupEntry(first, ours)})
    kept.keep({"google": BackupEntry(Live("google", "3-c", conceal({"slug": "c"}), signed), ours)})
    kept.close()
    (name,) = world.folder.names()
    assert world.folder.read(world.folder.path(name)).entries["google"].before == first


def test_a_late_write_of_an_undo_that_was_killed_is_its_own() -> None:
    fields: Document = {"grant_mode": "secret", "slug": "a"}
    names = iter(["salt", "first", "salt", "second"])
    signature = Signature("me", "2026-11-26T10:00:00Z", None, lambda: next(names))
    first, second = (signature.sign("a", fields, fields, fields, None) for _ in range(2))
    removed = BackupEntry(Live("a", "1-x", fields, None), Write("a", "1-x", None))
    begun = Backup.of(
        [
            Run("undo", str(PLACE), "2026-11-26T10:00:00Z", "me", undoes="1").row(),
            BackupEntry(None, Write("a", None, fields, first)).row(),
            BackupEntry(None, Write("a", None, fields, second)).row(),
        ]
    )
    way = FormerState(Backup(Run("apply", str(PLACE), "2026-11-26T09:00:00Z", "me"), {"a": removed}), begun)
    for own in (first, second):
        change = way.again(create("a", fields), Live("a", "3-y", fields, own))
        assert not isinstance(change, str)
        assert change.action is Action.UNCHANGED
    assert (
        way.again(create("a", fields), Live("a", "3-y", fields, None)) == "a is skipped: someone created it again since"
    )


def test_what_an_unfinished_undo_took_back_is_not_taken_back_again() -> None:
    """Somebody may have put the value of the run there again since."""
    old, new = conceal({"grant_mode": "secret"}), conceal({"grant_mode": "token"})
    run = Run("apply", str(PLACE), "2026-11-26T09:00:00Z", "me")
    undo = replace(run, command="undo", undoes="1")
    written = BackupEntry(Live("a", "1-x", old), Write("a", "1-x", new), written=True, rev="2-x")
    for begun, number in ((Backup(undo, {"a": replace(written, rev="3-x")}), 0), (Backup(undo), 1)):
        way = FormerState(Backup(run, {"a": written}), begun)
        assert len([*way.changes({"a": Live("a", "4-x", new)}, {})]) == number
