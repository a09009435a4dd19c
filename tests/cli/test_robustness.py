"""Odd outputs, files, ids and numbers end in a message and never in a traceback."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import program
from tests.conftest import Run, make_pipe, write

LONG = "a" * 5000


@pytest.fixture
def scene(folder: Path) -> Path:
    write(folder / "account_types/a.yaml", "grant_mode: secret\nslug: a\n")
    write(folder / "surrogate.json", '{"_id": "x", "grant_mode": "\\ud800"}')
    write(folder / "long.yaml", f"grant_mode: secret\nslug: a\nx-n: {'9' * 4000}\n")
    write(folder / "nested.yaml", "grant_mode: secret\nslug: '" + "${a:-" * 400 + "'\n")
    (folder / "loop").symlink_to("loop")
    source = {"file": "~nobodyx/x"}
    write(folder / "home.yaml", f"targets: {{t: {{couch: 'http://127.0.0.1:1', credentials: [{source}]}}}}\n")
    return folder


def shell(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash."""
    return subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env={**os.environ, "HOME": str(folder), "PATH": program.path(), **environment},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("provision schema >/dev/full", 1, "error: the result cannot be printed: No space left on device"),
        ("provision validate >/dev/full", 1, "error: the result cannot be printed"),
        ("provision validate >&-", 0, ""),
        ("provision diff --couch localhost:1 2>&-", 1, ""),
        ("provision validate 2>/dev/full", 0, ""),
        ("provision validate | head -c 1", 0, ""),
        ("provision validate loop", 1, "cannot be read"),
        ("provision diff --config loop", 2, "error: "),
        ("provision new x --out loop", 2, "error: "),
        ("provision diff --couch http://a..b", 2, "error: "),
        (f"provision diff --couch http://{'a' * 80}.example", 2, "error: "),
        ("provision diff --config home.yaml --target t account_types", 1, "home folder that does not exist"),
        (f"provision new {LONG}", 2, "cannot be used as a file name"),
        (f"provision validate {LONG}", 1, "no file, folder or account type has this name"),
        (f"provision list {LONG} --couch localhost:1", 1, "error: "),
        ("provision validate surrogate.json", 1, "[not-json]"),
        ("provision validate long.yaml", 1, "[not-json]"),
        ("provision validate nested.yaml", 1, "variables nested more than 20 levels deep"),
        ("provision diff --timeout nan", 2, "--timeout nan is not a number of seconds"),
        ("provision validate --only nothing", 1, "--only and --exclude leave no account type"),
        ("printf '\\377\\376\\0\\1\\200%9999d' 1 | provision validate -", 1, "-:1:"),
        ("provision catalogue --html /proc/x", 2, "cannot be written"),
        ("provision init /proc/x --yes", 2, "cannot be written"),
    ],
)
def test_it_ends_in_a_message(scene: Path, line: str, code: int, said: str) -> None:
    done = shell(line, scene)
    assert "Traceback" not in done.stderr
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, unlike those of pytest."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    (folder / "locked").chmod(0o700)
    shutil.rmtree(folder)


def test_what_may_not_be_read_is_a_problem(open_folder: Path) -> None:
    write(open_folder / "account_types/a.yaml", "grant_mode: secret\nslug: a\n")
    write(open_folder / "locked/a.yaml", "grant_mode: secret\n")
    program = """
import contextlib, os, sys
from provisioner.__main__ import main
for path in ("account_types/a.yaml", "locked/a.yaml"):
    sys.argv = ["provision", "validate", path]
    with contextlib.suppress(SystemExit):
        main()  # the first run loads everything, as root may
    if os.geteuid() == 0:
        os.seteuid(65534)
"""
    (open_folder / "locked").chmod(0)
    done = subprocess.run([sys.executable, "-c", program], cwd=open_folder, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert "locked/a.yaml:1:1: error: cannot be read: Permission denied [unreadable]" in done.stdout, done.stderr


def test_a_proxy_that_is_not_http_is_an_error(scene: Path) -> None:
    done = shell("provision diff --couch http://example.test", scene, ALL_PROXY="socks5://127.0.0.1:9")
    assert "Traceback" not in done.stderr
    assert done.returncode == 2
    assert "unset ALL_PROXY" in done.stderr


FIFOS = ["apply --plan pipe", "import pipe --out out", "diff --cozy-config pipe", "diff --target file", "diff --target age",
         "undo --target age backups/age-000001.jsonl", "validate pipe", "fmt --check pipe", "validate --config pipe",
         "manifest pipe", "drift --target age --owner a --state pipe"]  # fmt: skip


@pytest.mark.parametrize("arguments", FIFOS)
def test_a_pipe_that_nobody_writes_to_holds_no_run(folder: Path, run: Run, arguments: str) -> None:
    make_pipe(folder / "pipe")
    (folder / "backups").mkdir(mode=0o700)
    make_pipe(folder / "backups/age-000001.jsonl")
    write(folder / "account_types/a.yaml", "slug: a\ngrant_mode: secret\n")
    write(folder / "x.age", "x")
    source = "couch: http://localhost:1, credentials"
    write(
        folder / "provision.yaml",
        f"targets:\n  file: {{{source}: [{{file: pipe}}]}}\n"
        f"  age: {{{source}: [{{age: x.age, identity: pipe}}], backup: {{folder: backups}}}}\n",
    )
    assert run(*arguments.split()).code != 0


def test_a_pipe_that_a_program_writes_to_is_read(folder: Path, run: Run) -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as file:
        file.write(b'{"_id": "q", "grant_mode": "secret", "slug": "q"}')
    assert run("import", f"/dev/fd/{reader}", "--out", "out").code == 0
    os.close(reader)
    assert (folder / "out/q.yaml").exists()
