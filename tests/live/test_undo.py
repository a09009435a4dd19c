"""``backup:`` of a target, ``provision undo`` and ``provision undo --list``."""

import json
from pathlib import Path

import pyrage
import pytest

from provisioner.adapters.files.backups import BackupFolder
from provisioner.core.plan.backup import BackupEntry, Run
from provisioner.core.plan.store import Write
from provisioner.core.targets.target import BackupSettings
from tests.conftest import write
from tests.live_server import Live, Team
from tests.outputs import only

DEFINITION = """\
grant_mode: authorization_code
auth_endpoint: https://a.example/authorize
token_endpoint: https://a.example/token
token_mode: {}
"""
SOURCES = [{"file": "secrets.yaml"}]
WRITTEN = Write("a", None, {"grant_mode": "token"})


@pytest.fixture
def key(team: Team) -> pyrage.x25519.Identity:
    identity = pyrage.x25519.Identity.generate()
    write(team.folder / "key.txt", f"# created by a test\n{identity}\n")
    return identity


def configure(
    team: Team, *, owner: str | None = "team", key: pyrage.x25519.Identity | None = None, **more: object
) -> None:
    """The target `one`, which keeps backups in a folder, encrypted to a key if there is one."""
    sealed = {"recipients": [str(key.to_public())], "identity": "key.txt"} if key else {}
    team.configure(owner=owner, credentials=SOURCES, **{"backup": {"folder": "backups", **sealed}, **more})


def define(team: Team, mode: str = "form", secret: str = "hush-1") -> None:
    team.define("a", DEFINITION.format(mode))
    team.save("secrets.yaml", {"a": {"client_id": "id-a", "client_secret": secret}})


@pytest.fixture
def applied(team: Team, key: pyrage.x25519.Identity) -> Team:
    """After two applies: the first created a, the second changed its token_mode and client_secret."""
    configure(team, key=key)
    twice(team)
    return team


def twice(team: Team) -> None:
    for mode, secret in (("form", "hush-1"), ("basic", "hush-2")):
        define(team, mode, secret)
        assert team("apply").code == 0


def files(team: Team) -> list[str]:
    """The names of the backups, the latest first."""
    return [row["file"] for row in only(team("undo", "--list", "--format", "json").out)["backups"]]


def state(live: Live) -> tuple[str, str]:
    document = live.get("a")
    return document["token_mode"], document["client_secret"]


def test_each_apply_that_writes_is_kept_and_listed(applied: Team) -> None:
    done = applied("apply")
    assert (done.code, "kept" in done.err) == (0, False), "nothing was changed"
    assert {path.name for path in (applied.folder / "backups").iterdir()} == {*files(applied)}
    _, head, *rows = applied("undo", "--list").out.splitlines()
    assert head.split() == ["BACKUP", "COMMAND", "TIME", "OWNER", "COMMIT", "KIND", "DOCUMENTS"]
    assert [row.split()[0] for row in rows] == files(applied)
    assert [row.rpartition("  ")[2] for row in rows] == ["1 changed", "1 created"]
    latest = only(applied("undo", "--list", "--format", "json").out)["backups"][0]
    assert (latest["command"], latest["owner"], latest["documents"]) == ("apply", "team", ["a"])
    assert latest["summary"] == {"created": 0, "changed": 1, "removed": 0}


def test_a_backup_is_encrypted_and_only_ours_to_read(applied: Team, key: pyrage.x25519.Identity) -> None:
    path = applied.folder / "backups" / files(applied)[0]
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"hush-" not in path.read_bytes()
    (sealed,) = (row["sealed"] for row in map(json.loads, path.read_text().splitlines()) if "sealed" in row)
    states = json.loads(pyrage.decrypt(sealed.encode(), [key]))
    assert [states[when]["client_secret"] for when in ("before", "after")] == ["hush-1", "hush-2"]
    assert states["before"]["provision"]["owner"] == "team"


def test_undo_shows_a_plan_and_then_makes_it(applied: Team, live: Live) -> None:
    file = files(applied)[-1]
    first = only(applied("undo", "--dry-run", "--format", "json").out)["changes"][0]
    assert [field["name"] for field in first["fields"]] == ["client_secret", "token_mode"]
    shown = applied("undo", "--dry-run")
    assert '    ~ token_mode: "basic" → "form"\n' in shown.out
    assert "client_secret: (secret) changed" in shown.out
    assert state(live) == ("basic", "hush-2"), "a dry run writes nothing"
    refused = applied("undo")
    next = "see the plan with provision diff, or undo --dry-run; then add --yes"
    assert (refused.code, f"there is no terminal to ask on\nnext: {next}" in refused.err) == (1, True)
    done = applied("undo", "--yes")
    assert (done.code, done.out.splitlines()[-1]) == (0, "0 created, 1 changed, 0 unchanged")
    assert state(live) == ("form", "hush-1")
    assert applied("drift").out.endswith("0 account types changed by someone else\n"), "the key went back, too"
    assert applied("undo", file, "--yes").code == 0
    assert live.documents() == {}, "the first apply created it"
    assert "hush-" not in "".join(each.out + each.err for each in (shown, refused, done))
    assert applied("undo", "--list").out.count(" undo ") == 2


def test_what_others_changed_since_stays_and_is_named(applied: Team, live: Live) -> None:
    live.put("a", {**live.get("a"), "token_mode": "get"})
    for option in ("--dry-run", "--yes"):
        assert "kept, because someone else changed it: token_mode" in applied("undo", option).out
    assert state(live) == ("get", "hush-1")


def test_a_document_that_others_deleted_or_filled_stays_so(applied: Team, live: Live) -> None:
    live.put("a", {**live.get("a"), "slug": "by-hand"})
    done = applied("undo", files(applied)[-1], "--yes")
    assert (done.code, live.get("a")["slug"]) == (0, "by-hand")
    assert "warning: a is skipped: slug, client_secret, token_mode changed since it was created" in done.err
    live.delete("a")
    assert "warning: a is skipped: someone deleted it since" in applied("undo", "--yes").err
    assert live.documents() == {}


def test_a_person_is_asked_and_a_protected_target_wants_its_name(
    applied: Team, live: Live, key: pyrage.x25519.Identity
) -> None:
    said, code = applied.on_a_terminal("n\n", "undo")
    assert (code, "not confirmed: nothing was written" in said) == (1, True)
    configure(applied, key=key, protected=True)
    said, code = applied.on_a_terminal("two\n", "undo")
    assert (code, "the target one is protected. Type its name" in said) == (1, True)
    assert live.get("a")["token_mode"] == "basic"
    assert applied.on_a_terminal("one\n", "undo")[1] == 0
    assert live.get("a")["token_mode"] == "form"


def test_without_recipients_no_secret_is_on_the_disk(team: Team, live: Live) -> None:
    configure(team)
    twice(team)
    texts = [path.read_text() for path in (team.folder / "backups").iterdir()]
    digests = [digest for name, digest in live.get("a")["provision"]["fields"].items() if name.startswith("client_")]
    assert digests
    assert not [each for each in ("hush-", *(f'"{digest}"' for digest in digests)) if each in "".join(texts)]
    done = team("undo", "--yes")
    assert "warning: a: client_secret is kept: the backup was made without recipients" in done.err
    assert state(live) == ("form", "hush-2")


def test_what_was_created_stays_if_nothing_tells_whether_its_secret_is_ours(team: Team, live: Live) -> None:
    configure(team, owner=None)
    define(team)
    assert team("apply").code == 0
    why = "the backup was made without recipients, and cannot tell if client_secret changed"
    assert f"a is skipped: {why}" in team("undo", "--yes").err
    assert state(live) == ("form", "hush-1")


def test_nothing_is_written_if_it_cannot_be_kept(team: Team, live: Live) -> None:
    configure(team)
    define(team)
    write(team.folder / "backups", "a file in place of the folder")
    done = team("apply")
    assert (done.code, "error: cannot write the backup backups" in done.err) == (1, True)
    assert "next: see backup of the target in provision.yaml; nothing was changed" in done.err
    assert not live.exists, "not even the database is created"


def test_a_run_that_is_still_going_on_is_not_taken_back(applied: Team, live: Live) -> None:
    folder = BackupFolder(BackupSettings(str(applied.folder / "backups")), "one")
    place = f"{live.shown_url} {live.database}"
    going_on = folder.new(Run("apply", place, "2026-11-27T10:00:00Z", "team"))
    going_on.keep({"a": BackupEntry(None, WRITTEN)})
    before, latest = live.get("a"), files(applied)[0]
    assert applied("undo", "--list").out.count("nothing recorded, in progress\n") == 1
    rows = only(applied("undo", "--list", "--format", "json").out)["backups"]
    assert [(row["complete"], row["running"]) for row in rows] == [(False, True), (True, False), (True, False)]
    for file in ((), (latest,)):
        refused = applied("undo", *file, "--yes")
        assert (refused.code, f"{latest} has not ended, or another undo" in refused.err) == (1, True), refused
        assert live.get("a") == before
    older = folder.path(files(applied)[1])
    with folder.held(older):
        assert "another undo is undoing it" in applied("undo", older.name, "--dry-run").err
    going_on.close()  # as when its process is killed
    assert "nothing recorded, not finished\n" in applied("undo", "--list").out
    done = applied("undo", "--yes")
    assert (done.code, "a is skipped: someone else may have written it" in done.err) == (0, True), done
    assert live.get("a") == before


def test_what_a_killed_run_could_not_write_to_its_end_is_left_out(tmp_path: Path) -> None:
    folder = BackupFolder(BackupSettings(str(tmp_path / "backups")), "one")
    place = "http://localhost:5984 secrets"
    journal = folder.new(Run("undo", place, "2026-11-27T10:00:00Z", "team", undoes="one-000000.jsonl"))
    journal.keep({"a": BackupEntry(None, WRITTEN)})
    journal.close()
    (name,) = folder.names()
    folder.path(name).write_bytes(folder.path(name).read_bytes() + b'{"writ')
    going_on = folder.going_on(name)
    going_on.confirm("a", "1-a")
    going_on.close()
    assert folder.read(folder.path(name)).written == ["a"]
    (folder.path(name).parent / "one-000002.jsonl").touch()
    assert folder.names() == [name], "a run that was killed before its first line never began"


class TestMistakes:
    def refused(self, team: Team, expected: str, *words: str, code: int = 2) -> None:
        done = team("undo", *words)
        assert (done.code, expected in done.err) == (code, True), done.err

    def test_a_target_without_backups(self, team: Team) -> None:
        team.configure()
        for option in ("--dry-run", "--list"):
            self.refused(team, "the target one keeps no backups\nnext: add backup: to a target", option)

    def test_no_backup_yet(self, team: Team) -> None:
        configure(team)
        assert "no backups in backups" in team("undo", "--list").out
        self.refused(team, "there is no backup of the target one in backups")

    def test_another_place(self, applied: Team, live: Live, key: pyrage.x25519.Identity) -> None:
        configure(applied, key=key, database="other")
        self.refused(applied, "there is no backup of the target one in backups", "--yes")
        what = f"this is a backup of {live.shown_url} {live.database}, and not of {live.shown_url} other"
        self.refused(applied, what, files(applied)[0], "--yes", code=1)

    @pytest.mark.parametrize(
        ("identity", "expected"),
        [
            ({"identity": "other.txt"}, "cannot be decrypted with other.txt"),
            ({"identity": "none.txt"}, "none.txt cannot be read: there is no such file or folder"),
            ({}, "is encrypted, and the target has no key\nnext: add identity: FILE to backup"),
        ],
    )
    def test_no_key_a_wrong_one_and_a_missing_one(
        self, applied: Team, key: pyrage.x25519.Identity, identity: dict[str, str], expected: str
    ) -> None:
        write(applied.folder / "other.txt", str(pyrage.x25519.Identity.generate()))
        configure(applied, backup={"folder": "backups", "recipients": [str(key.to_public())], **identity})
        self.refused(applied, expected, "--yes")
        assert expected.partition("\n")[0] in applied("undo", "--list").out

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            ("{", "mine.json:1:1: this is not a backup"),
            ("{\n", "mine.json:1:2: not JSON: it ends too early"),
            ("[]\n", "mine.json:1:1: expected a mapping of keys to values"),
            ('{"version": 99}\n', "mine.json:1:1: this is a backup of another version of provision"),
            (None, "cannot be read: there is no such file or folder"),
        ],
    )
    def test_a_file_that_is_no_backup(self, team: Team, content: str | None, expected: str) -> None:
        configure(team)
        if content is not None:
            write(team.folder / "mine.json", content)
        self.refused(team, expected, "./mine.json", "--yes")

    def test_odd_names(self, applied: Team) -> None:
        write(applied.folder / files(applied)[0], "{}")  # another file of the same name lies here
        assert applied("undo", "--dry-run").code == 0
        self.refused(applied, "cannot be read: File name too long", "x" * 300)
        configure(applied, backup={"folder": "~nobody-of-this-name/backups"})
        self.refused(applied, "is in a home folder that does not exist", "--list")

    def test_a_recipient_that_is_no_key(self, team: Team, live: Live) -> None:
        define(team)
        configure(team, backup={"folder": "backups", "recipients": ["age1nokey"]})
        done = team("apply")
        assert (done.code, "a recipient is not a public key of age" in done.err) == (2, True)
        assert live.documents() == {}
