"""What every test may use."""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from provisioner.cli.app import main
from tests import program
from tests.outputs import check_output
from tests.program import Done

pytest_plugins = ["tests.browser", "tests.live_server"]

WANTED = os.environ.get("FAULTS", "")
# The same few examples each time, unless more are wanted; and no test is judged by its speed.
settings.register_profile(
    "the same",
    derandomize=not WANTED,
    max_examples=500 if WANTED else 50,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("the same")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a background job of a shell hands that down to all it starts
    signal.signal(signal.SIGINT, signal.default_int_handler)


LONG = (
    "pipelines/test_pre_commit",
    "wire/test_following",
    "live/test_follow",
    "pipelines/test_github_action",
    "test_wheel",
    "fuzz/test_costs",
    "fuzz/test_coverage_guided",
)
"""Tests that wait, or that take long."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what is long, so that nothing of it is left in the end when nothing else is."""
    items.sort(key=lambda item: not any(name in item.nodeid for name in LONG))


def pytest_sessionfinish() -> None:
    """End what the tests share."""
    program.end()


Run = Callable[..., Done]


_NUMBERS = count()


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the home folders, one a test."""
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, homes: Path) -> None:
    """No test sees the settings of the person who runs it."""
    for name in ("PROVISION_COUCH", "COUCHDB_USER", "COUCHDB_PASSWORD", "NETRC", "NO_COLOR", "SSL_CERT_FILE", "domain"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PROVISION_PORT", "0")  # tests run side by side
    home = homes / str(next(_NUMBERS))  # faster than `mktemp`, which reads the names of all that are there
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs ``provision`` with arguments, through the program's own front door."""

    def run(*arguments: object, env: Mapping[str, str] | None = None) -> Done:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["provision", *map(str, arguments)])
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
        said = capsys.readouterr()
        check_output(*map(str, arguments), out=said.out)
        code = ended.value.code
        return Done(code if isinstance(code, int) else 0, said.out, said.err)

    return run


def also_incomplete(run: Run) -> Run:
    """The same, with new account types also written without credentials."""

    def incomplete(*arguments: object, env: Mapping[str, str] | None = None) -> Done:
        plans = arguments[0] in ("apply", "diff") and "--from" not in arguments
        return run(*arguments, *(["--incomplete", "warn"] if plans else []), env=env)

    return incomplete


def make_pipe(path: Path) -> None:
    """A named pipe, which only POSIX systems have."""
    if sys.platform == "win32":
        raise NotImplementedError
    os.mkfifo(path, 0o600)


def write(path: Path, text: str) -> Path:
    """Write a file, and the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
