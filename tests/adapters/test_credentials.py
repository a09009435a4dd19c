"""Credential sources: what they may take, and what their errors show."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from select import select

import pytest

from provisioner.adapters.files import shipped
from provisioner.adapters.files.credential_sources import exposed, read_credentials
from provisioner.adapters.files.saved_files import read_plan
from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.targets.filling import Credentials
from provisioner.core.targets.target import CommandSource, CredentialSource, DirectorySource, FileSource
from tests.conftest import Run, make_pipe, write
from tests.program import PATIENCE

MIB = 1024 * 1024


def read(source: CredentialSource, environment: Mapping[str, str] | None = None) -> Credentials:
    given = os.environ if environment is None else environment
    return read_credentials(source, {"google": CREDENTIAL_FIELDS}, given, "one")


def shell(script: str, *names: str, limit: float = 60) -> CommandSource:
    return CommandSource(("sh", "-c", script), ".", limit, frozenset(names))


def test_the_time_limit_ends_a_grandchild_that_holds_the_pipe(tmp_path: Path) -> None:
    if sys.platform == "win32":
        raise NotImplementedError
    alive = tmp_path / "alive"
    make_pipe(alive)
    reading = os.open(alive, os.O_RDONLY | os.O_NONBLOCK)  # it ends with the last process that writes
    try:
        with pytest.raises(ProvisionError, match=r"did not finish within 0\.5 s"):
            read(shell(f"exec 9>{alive}; sleep 3000 & exit 0", limit=0.5))
        assert select([reading], [], [], PATIENCE)[0], "the grandchild lives on"
        assert os.read(reading, 1) == b""
    finally:
        os.close(reading)


def test_a_command_that_prints_without_end_is_stopped() -> None:
    with pytest.raises(ProvisionError, match=r"target one: the command `yes` printed more than 1 MiB"):
        read(CommandSource(("yes",), ".", 60))


def test_what_a_command_says_is_cut_and_does_not_stop_it() -> None:
    script = "yes line | head -c 300000 >&2; "
    found = read(shell(script + "echo 'google: {client_id: abc}'"))
    assert found["google"]["client_id"] == "abc"
    with pytest.raises(ProvisionError) as failed:
        read(shell(script + "exit 1"))
    assert 60_000 < len(failed.value.what) < 66_000
    assert failed.value.what.endswith("\n(the rest is left out)")


def test_a_command_inherits_only_what_it_needs() -> None:
    script = 'printf "google: {client_id: \\"%s|%s|%s|%s\\"}" "$VAULT_ADDR" "$COUCHDB_PASSWORD" "$MINE" "$LC_TIME"'
    environment = {**os.environ, "VAULT_ADDR": "v", "COUCHDB_PASSWORD": "hush", "MINE": "m", "LC_TIME": "C"}
    assert read(shell(script), environment)["google"]["client_id"] == "v|||C"
    assert read(shell(script, "MINE"), environment)["google"]["client_id"] == "v||m|C"


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("google: {client_secret: hush}", "wrong: hush"),
        ('google: {client_secret: "hu\\"sh"}', 'wrong: hu"sh'),
        ("not: [yaml hush", "line: not: [yaml hush"),
        ("google: {secret: {a: [12, hush]}}", "pin 12 of hush"),
    ],
)
def test_what_a_failing_command_printed_is_not_shown(tmp_path: Path, printed: str, said: str) -> None:
    (tmp_path / "out").write_text(printed)
    (tmp_path / "err").write_text(said + "\n::error::second")
    with pytest.raises(ProvisionError) as failed:
        read(CommandSource(("sh", "-c", "cat out; cat err >&2; exit 3"), str(tmp_path), 60))
    first, second, third = failed.value.what.splitlines()
    assert first == "target one: the command `sh …` failed with exit code 3"
    assert "(secret)" in second
    assert not any(word in second for word in ("hu", "12"))
    assert third == r"\u003a:error::second"


def test_a_command_is_named_without_its_arguments() -> None:
    with pytest.raises(ProvisionError, match="the command `git status …` failed") as failed:
        read(CommandSource(("git", "status", "--hush-marker"), ".", 60))
    assert failed.value.what.startswith("target one: ")


@pytest.mark.parametrize("source", [FileSource("~nobody-here/x.yaml"), DirectorySource("~nobody-here/x")])
def test_a_home_folder_that_does_not_exist_is_explained(source: CredentialSource) -> None:
    with pytest.raises(ProvisionError, match="target one: the credentials ~nobody-here/x"):
        read(source)
    if isinstance(source, FileSource):
        with pytest.raises(ProvisionError, match="home folder"):
            exposed(source)


def test_a_file_larger_than_1_mib_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * (MIB + 1))
    with pytest.raises(ProvisionError, match=r"large\.yaml are larger than 1 MiB"):
        read(FileSource(str(path)))


def test_a_plan_larger_than_64_mib_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(64 * MIB + 1)
    with pytest.raises(UsageError, match=r"large\.json is larger than 64 MiB"):
        read_plan(path, shipped.schema("plan"))


def test_git_that_hangs_does_not_hold_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin/git"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(300)\n")
    program.chmod(0o700)
    secrets = tmp_path / "secrets.yaml"
    secrets.touch(0o600)
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setattr("provisioner.adapters.files.git.LIMIT", 0.2)
    assert exposed(FileSource(str(secrets))) == []


def test_each_target_whose_command_fails_is_named_once(folder: Path, run: Run) -> None:
    write(folder / "account_types/a.yaml", "grant_mode: secret\nslug: a\n")
    targets = "".join(
        f"  {name}: {{couch: 'http://127.0.0.1:9', credentials: [{{command: ['false'], env: [MINE]}}]}}\n"
        for name in ("one", "two")
    )
    write(folder / "provision.yaml", f"targets:\n{targets}")
    done = run("diff", "--all-targets")
    for name in ("one", "two"):
        assert f"error: target {name}: the command `false` failed with exit code 1\n" in done.err


@pytest.mark.parametrize("source", ["{env: [MINE]}", "{command: [x], env: MINE}", "{command: [x], env: [not-a-name]}"])
def test_only_a_command_has_a_list_of_variables(folder: Path, run: Run, source: str) -> None:
    write(folder / "account_types/a.yaml", "grant_mode: secret\nslug: a\n")
    write(folder / "provision.yaml", f"targets: {{one: {{couch: 'http://h', credentials: [{source}]}}}}\n")
    done = run("diff", "--target", "one")
    assert done.code == 1
    assert "provision.yaml:1:" in done.err


def test_a_secret_that_the_limit_of_stderr_cuts_is_not_shown_in_part() -> None:
    secret = "s3cr3t-" + "m" * 40
    fill = "x" * (64 * 1024 - 20)
    with pytest.raises(ProvisionError) as failed:
        read(shell(f"echo 'google: {{client_secret: {secret}}}'; printf 'first\\n{fill} {secret}' >&2; exit 1"))
    assert "s3cr3t" not in str(failed.value)
    assert "first" in str(failed.value)
    assert "(the rest is left out)" in str(failed.value)


@pytest.mark.parametrize(
    "form", ["base64", "od -An -tx1", "sed s/-/%2D/g", "fold -w 7", "sed 's/^/Authorization: Bearer /'"]
)
def test_what_a_command_says_holds_no_secret_in_any_form(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "s3cr3t-0123456789-mmmm"
    monkeypatch.setenv("VAULT_TOKEN", "t0k3n-of-the-vault")
    said = f"echo {secret} | {form} >&2; echo $VAULT_TOKEN | {form} >&2; exit 1"
    with pytest.raises(ProvisionError) as failed:
        read(shell(f"echo 'google: {{client_secret: {secret}}}'; {said}"))
    plain = subprocess.check_output(form, input=f"{secret}\n", shell=True, text=True).strip()  # a test's
    assert "(secret)" in str(failed.value)
    assert not any(line in str(failed.value) for line in (secret, *plain.splitlines()) if len(line) > 6)
    assert "t0k3n-of-the-vault" not in str(failed.value)
