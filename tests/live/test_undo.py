"""``backup:`` of a target, ``provision undo`` and ``provision undo --list``."""

import json
from pathlib import Path
from typing import Any

import pyrage
import pytest
import yaml

from provisioner.adapters.files.backups import BackupFolder
from provisioner.core.plan.backup import BackupEntry
from provisioner.core.plan.backup import Run as Run_
from provisioner.core.plan.store import Write
from provisioner.core.targets.target import BackupSettings
from tests.cli.terminal import on_a_terminal
from tests.conftest import Run, write
from tests.live_server import Live
from tests.outputs import only

DEFINITION = """\
grant_mode: authorization_code
auth_endpoint: https://a.example/authorize
token_endpoint: https://a.example/token
token_mode: {mode}
"""
TARGET = ["--target", "one"]


@pytest.fixture
def key(folder: Path) -> pyrage.x25519.Identity:
    identity = pyrage.x25519.Identity.generate()
    write(folder / "key.txt", f"# created by a test\n{identity}\n")
    return identity


def configure(folder: Path, live: Live, backup: dict[str, Any] | None, **more: Any) -> None:
    target = {"couch": live.url, "database": live.database, "credentials": [{"file": "secrets.yaml"}], **more}
    rows = {"one": target | ({"backup": backup} if backup else {})}
    write(folder / "provision.yaml", yaml.safe_dump({"owner": "team", "targets": rows}))


def write_secret(folder: Path, secret: str) -> None:
    rows = {"a": {"client_id": "id-a", "client_secret": secret}}
    write(folder / "secrets.yaml", yaml.safe_dump(rows)).chmod(0o600)


@pytest.fixture
def applied(folder: Path, live: Live, key: pyrage.x25519.Identity, run: Run) -> Path:
    """A target after two applies: the first created a, the second changed its token_mode and client_secret."""
    backup = {"folder": "backups", "recipients": [str(key.to_public())], "identity": "key.txt"}
    configure(folder, live, backup)
    twice(folder, run)
    return folder


def twice(folder: Path, run: Run) -> None:
    for mode, secret in (("form", "hush-1"), ("basic", "hush-2")):
        write(folder / "account_types/a.yaml", DEFINITION.format(mode=mode))
        write_secret(folder, secret)
        assert run("apply", *TARGET).code == 0


def files(run: Run) -> list[str]:
    """The names of the backups, the latest first."""
    return [row["file"] for row in only(run("undo", "--list", "--format", "json", *TARGET).out)["backups"]]


def test_each_apply_that_writes_is_kept_and_listed(applied: Path, run: Run) -> None:
    done = run("apply", *TARGET)
    assert (done.code, "kept" in done.err) == (0, False), "nothing was changed"
    assert {path.name for path in (applied / "backups").iterdir()} == {*files(run)}
    shown = run("undo", "--list", *TARGET)
    _, head, *rows = shown.out.splitlines()
    assert head.split() == ["BACKUP", "COMMAND", "TIME", "OWNER", "COMMIT", "KIND", "DOCUMENTS"]
    assert [row.split()[0] for row in rows] == files(run)
    assert [row.rpartition("  ")[2] for row in rows] == ["1 changed", "1 created"]
    listed = only(run("undo", "--list", "--format", "json", *TARGET).out)
    latest = listed["backups"][0]
    assert (latest["command"], latest["owner"], latest["documents"]) == ("apply", "team", ["a"])
    assert latest["summary"] == {"created": 0, "changed": 1, "removed": 0}


def test_a_backup_is_encrypted_and_only_ours_to_read(applied: Path, key: pyrage.x25519.Identity, run: Run) -> None:
    path = applied / "backups" / files(run)[0]
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"hush-" not in path.read_bytes()
    (sealed,) = (row["sealed"] for row in map(json.loads, path.read_text().splitlines()) if "sealed" in row)
    states = json.loads(pyrage.decrypt(sealed.encode(), [key]))
    assert [states[when]["client_secret"] for when in ("before", "after")] == ["hush-1", "hush-2"]
    assert states["before"]["provision"]["owner"] == "team"


def test_undo_shows_a_plan_and_then_makes_it(applied: Path, live: Live, run: Run) -> None:
    file = files(run)[-1]
    first = json.loads(run("undo", *TARGET, "--dry-run", "--format", "json").out)["targets"][0]["changes"][0]
    assert [field["name"] for field in first["fields"]] == ["client_secret", "token_mode"]
    shown = run("undo", *TARGET, "--dry-run")
    assert '    ~ token_mode: "basic" → "form"\n' in shown.out
    assert "client_secret: (secret) changed" in shown.out
    assert live.get("a")["token_mode"] == "basic", "a dry run writes nothing"
    refused = run("undo", *TARGET)
    assert refused.code == 1
    assert (
        "there is no terminal to ask on\nnext: see the plan with provision diff, or undo --dry-run; then add --yes"
        in refused.err
    )
    done = run("undo", *TARGET, "--yes")
    assert done.code == 0
    assert done.out.splitlines()[-1] == "0 created, 1 changed, 0 unchanged"
    assert (live.get("a")["token_mode"], live.get("a")["client_secret"]) == ("form", "hush-1")
    assert run("drift", *TARGET).out.endswith("0 account types changed by someone else\n"), "the key went back, too"
    assert run("undo", file, *TARGET, "--yes").code == 0
    assert live.documents() == {}, "the first apply created it"
    said = "".join(each.out + each.err for each in (shown, refused, done))
    assert "hush-" not in said
    assert run("undo", "--list", *TARGET).out.count(" undo ") == 2


def test_what_others_changed_since_stays_and_is_named(applied: Path, live: Live, run: Run) -> None:
    live.put("a", {**live.get("a"), "token_mode": "get"})
    shown, done = run("undo", *TARGET, "--dry-run"), run("undo", *TARGET, "--yes")
    for each in (shown, done):
        assert "kept, because someone else changed it: token_mode" in each.out
    assert (live.get("a")["token_mode"], live.get("a")["client_secret"]) == ("get", "hush-1")


def test_a_document_that_others_deleted_or_filled_stays_so(applied: Path, live: Live, run: Run) -> None:
    first = files(run)[-1]
    live.put("a", {**live.get("a"), "slug": "by-hand"})
    done = run("undo", first, *TARGET, "--yes")
    assert (done.code, live.get("a")["slug"]) == (0, "by-hand")
    assert "warning: a is skipped: slug, client_secret, token_mode changed since it was created" in done.err
    live.delete("a")
    done = run("undo", *TARGET, "--yes")
    assert "warning: a is skipped: someone deleted it since" in done.err
    assert live.documents() == {}


def test_a_person_is_asked_and_a_protected_target_wants_its_name(applied: Path, live: Live) -> None:
    config = yaml.safe_load((applied / "provision.yaml").read_text())
    said, code = on_a_terminal(["undo", *TARGET], applied, "n\n")
    assert code == 1
    assert "not confirmed: nothing was written" in said
    config["targets"]["one"]["protected"] = True
    write(applied / "provision.yaml", yaml.safe_dump(config))
    said, code = on_a_terminal(["undo", *TARGET], applied, "two\n")
    assert code == 1
    assert "the target one is protected. Type its name" in said
    assert live.get("a")["token_mode"] == "basic"
    said, code = on_a_terminal(["undo", *TARGET], applied, "one\n")
    assert code == 0
    assert live.get("a")["token_mode"] == "form"


def test_without_recipients_no_secret_is_on_the_disk(folder: Path, live: Live, run: Run) -> None:
    configure(folder, live, {"folder": "backups"})
    twice(folder, run)
    texts = [path.read_text() for path in (folder / "backups").iterdir()]
    assert all("hush-" not in text for text in texts)
    digests = [digest for name, digest in live.get("a")["provision"]["fields"].items() if name.startswith("client_")]
    assert digests
    assert not any(f'"{digest}"' in text for text in texts for digest in digests)
    done = run("undo", *TARGET, "--yes")
    assert "warning: a: client_secret is kept: the backup was made without recipients" in done.err
    assert (live.get("a")["token_mode"], live.get("a")["client_secret"]) == ("form", "hush-2")


def test_what_was_created_stays_if_nothing_tells_whether_its_secret_is_ours(folder: Path, live: Live, run: Run) -> None:
    configure(folder, live, {"folder": "backups"})
    targets = yaml.safe_load((folder / "provision.yaml").read_text())["targets"]
    write(folder / "provision.yaml", yaml.safe_dump({"targets": targets}))
    write(folder / "account_types/a.yaml", DEFINITION.format(mode="form"))
    write_secret(folder, "hush-1")
    assert run("apply", *TARGET).code == 0
    done = run("undo", *TARGET, "--yes")
    assert "a is skipped: the backup was made without recipients, and cannot tell if client_secret changed" in done.err
    assert live.get("a")["client_secret"] == "hush-1"


def test_nothing_is_written_if_it_cannot_be_kept(folder: Path, live: Live, run: Run) -> None:
    configure(folder, live, {"folder": "backups"})
    write(folder / "account_types/a.yaml", DEFINITION.format(mode="form"))
    write_secret(folder, "hush-1")
    write(folder / "backups", "a file in place of the folder")
    done = run("apply", *TARGET)
    assert done.code == 1
    assert "error: cannot write the backup backups" in done.err
    assert "next: see backup of the target in provision.yaml; nothing was changed" in done.err
    assert not live.exists, "not even the database is created"


def test_a_run_that_is_still_going_on_is_not_taken_back(applied: Path, live: Live, run: Run) -> None:
    folder = BackupFolder(BackupSettings(str(applied / "backups")), "one")
    place = f"{live.shown_url} {live.database}"
    going_on = folder.new(Run_("apply", place, "2026-11-27T10:00:00Z", "team"))
    going_on.keep({"a": BackupEntry(None, Write("a", None, {"grant_mode": "token"}))})
    before, latest = live.get("a"), files(run)[0]
    assert run("undo", "--list", *TARGET).out.count("nothing recorded, in progress\n") == 1
    rows = only(run("undo", "--list", *TARGET, "--format", "json").out)["backups"]
    assert [(row["complete"], row["running"]) for row in rows] == [(False, True), (True, False), (True, False)]
    for file in ((), (latest,)):
        refused = run("undo", *file, *TARGET, "--yes")
        assert (refused.code, f"{latest} has not ended, or another undo" in refused.err) == (1, True), refused
        assert live.get("a") == before
    older = folder.path(files(run)[1])
    with folder.held(older):
        assert "another undo is undoing it" in run("undo", older.name, *TARGET, "--dry-run").err
    going_on.close()  # as when its process is killed
    assert "nothing recorded, not finished\n" in run("undo", "--list", *TARGET).out
    done = run("undo", *TARGET, "--yes")
    assert (done.code, "a is skipped: someone else may have written it" in done.err) == (0, True), done
    assert live.get("a") == before


def test_what_a_killed_run_could_not_write_to_its_end_is_left_out(tmp_path: Path) -> None:
    folder = BackupFolder(BackupSettings(str(tmp_path / "backups")), "one")
    journal = folder.new(
        Run_("undo", "http://localhost:5984 secrets", "2026-11-27T10:00:00Z", "team", undoes="one-000000.jsonl")
    )
    journal.keep({"a": BackupEntry(None, Write("a", None, {"grant_mode": "token"}))})
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
    def test_a_target_without_backups(self, folder: Path, live: Live, run: Run) -> None:
        configure(folder, live, None)
        for option in ("--dry-run", "--list"):
            done = run("undo", option, *TARGET)
            assert done.code == 2
            assert "the target one keeps no backups\nnext: add backup: to a target" in done.err

    def test_no_backup_yet(self, folder: Path, live: Live, run: Run) -> None:
        configure(folder, live, {"folder": "backups"})
        assert "no backups in backups" in run("undo", "--list", *TARGET).out
        done = run("undo", *TARGET)
        assert (done.code, "there is no backup of the target one in backups" in done.err) == (2, True)

    def test_another_place(self, applied: Path, live: Live, run: Run) -> None:
        config = yaml.safe_load((applied / "provision.yaml").read_text())
        config["targets"]["one"]["database"] = "other"
        write(applied / "provision.yaml", yaml.safe_dump(config))
        assert "there is no backup of the target one in backups" in run("undo", *TARGET, "--yes").err
        done = run("undo", files(run)[0], *TARGET, "--yes")
        assert done.code == 1
        assert f"this is a backup of {live.shown_url} {live.database}, and not of {live.shown_url} other" in done.err

    def test_no_key_a_wrong_one_and_a_missing_one(self, applied: Path, run: Run) -> None:
        config = yaml.safe_load((applied / "provision.yaml").read_text())
        backup = config["targets"]["one"]["backup"]
        write(applied / "other.txt", str(pyrage.x25519.Identity.generate()))
        for identity, expected in (
            ("other.txt", "cannot be decrypted with other.txt"),
            ("none.txt", "none.txt cannot be read: there is no such file or folder"),
            (None, "is encrypted, and the target has no key\nnext: add identity: FILE to backup"),
        ):
            backup["identity"] = identity
            if identity is None:
                del backup["identity"]
            write(applied / "provision.yaml", yaml.safe_dump(config))
            done = run("undo", *TARGET, "--yes")
            assert (done.code, expected in done.err) == (2, True), done.err
            assert expected.partition("\n")[0] in run("undo", "--list", *TARGET).out

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
    def test_a_file_that_is_no_backup(self, applied: Path, run: Run, content: str | None, expected: str) -> None:
        if content is not None:
            write(applied / "mine.json", content)
        done = run("undo", "./mine.json", *TARGET, "--yes")
        assert (done.code, expected in done.err) == (2, True), done.err

    def test_odd_names(self, applied: Path, run: Run) -> None:
        write(applied / files(run)[0], "{}")  # another file of the same name lies here
        assert run("undo", *TARGET, "--dry-run").code == 0
        done = run("undo", "x" * 300, *TARGET)
        assert (done.code, "cannot be read: File name too long" in done.err) == (2, True)
        config = yaml.safe_load((applied / "provision.yaml").read_text())
        config["targets"]["one"]["backup"]["folder"] = "~nobody-of-this-name/backups"
        write(applied / "provision.yaml", yaml.safe_dump(config))
        done = run("undo", "--list", *TARGET)
        assert (done.code, "is in a home folder that does not exist" in done.err) == (2, True)

    def test_a_recipient_that_is_no_key(self, folder: Path, live: Live, run: Run) -> None:
        write(folder / "account_types/a.yaml", DEFINITION.format(mode="form"))
        write_secret(folder, "hush-1")
        configure(folder, live, {"folder": "backups", "recipients": ["age1nokey"]})
        done = run("apply", *TARGET)
        assert done.code == 2
        assert "a recipient is not a public key of age" in done.err
        assert live.documents() == {}
