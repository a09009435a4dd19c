"""An apply that is killed between any two requests leaves a state from which the next one converges."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from werkzeug import Response

from tests.conftest import Run, write
from tests.outputs import only
from tests.program import Program
from tests.wire.couch import Asked, Couch

OLD = 'grant_mode: authorization_code\nclient_id: "1"\nauth_endpoint: https://a.example/old\ntoken_mode: get\n'
NEW = 'grant_mode: authorization_code\nclient_id: "1"\nauth_endpoint: https://a.example/new\n'


def catalogue(folder: Path, texts: dict[str, str]) -> None:
    for path in folder.glob("account_types/*"):
        path.unlink()
    for id, text in texts.items():
        write(folder / f"account_types/{id}.yaml", text)


def state(couch: Couch) -> tuple[object, object]:
    """Documents and the fields that are ours, without revisions, times and digests."""
    documents = {
        id: {name: value for name, value in document.items() if name not in ("_rev", "provision")}
        for id, document in (couch.documents or {}).items()
    }
    return documents, {id: sorted(document["provision"]["fields"]) for id, document in (couch.documents or {}).items()}


@pytest.mark.parametrize("first", [True, False], ids=["a new database", "a second apply"])
@pytest.mark.parametrize("answered", [True, False], ids=["after the request", "before it"])
def test_the_next_apply_converges(folder: Path, couch: Couch, url: str, run: Run, first: bool, answered: bool) -> None:
    def prepare() -> None:
        couch.documents, couch.before = None, lambda asked: None
        if not first:
            catalogue(folder, {"a": OLD, "b": OLD, "gone": OLD})
            assert run("apply", "--owner", "team", "--couch", url).code == 0
            couch.put("a", **{**couch.documents["a"], "client_secret": "by hand"})  # type: ignore[index]
        catalogue(folder, {"a": NEW, "b": NEW, "c": NEW})
        couch.asked.clear()

    prepare()
    apply = ["apply", "--prune", "--yes", "--owner", "team", "--couch", url, "--incomplete", "warn"]
    assert run(*apply[:-2]).code == 0
    requests, undisturbed = len(couch.asked), state(couch)
    assert requests >= 6

    for number in range(1, requests + 1):
        prepare()
        kill_at(number, apply, folder, couch, answered=answered)
        couch.before = lambda asked: None
        assert run(*apply[:-2]).code == 0
        assert state(couch) == undisturbed, f"killed at request {number}"
        assert run("diff", "--exit-code", "--owner", "team", "--couch", url).code == 0


def kill_at(number: int, command: list[str], folder: Path, couch: Couch, *, answered: bool) -> None:
    """Run a command and kill it at one of its requests, before or after the server has dealt with it."""
    began = threading.Event()

    def kill(asked: Asked) -> Response | None:
        if len(couch.asked) < number:
            return None
        if answered and len(couch.asked) == number:
            couch.answer(asked)
        began.wait()
        program.process.kill()
        return asked.hang_up()

    couch.before = kill
    with Program(*command, folder=folder) as program:
        began.set()
        assert program.process.wait() == -9


@pytest.mark.parametrize("signal_sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("number", [2, 40])
def test_an_interruption_tells_what_was_done(
    folder: Path, couch: Couch, url: str, signal_sent: signal.Signals, number: int
) -> None:
    catalogue(folder, {f"t{index:02}": NEW for index in range(number)})
    began = threading.Event()

    def interrupt(asked: Asked) -> Response | None:
        if asked.path.endswith(("/t00", "_bulk_docs")):
            answer = couch.answer(asked)
            began.wait()
            program.process.send_signal(signal_sent)
            return answer
        return None

    couch.before = interrupt
    with Program("apply", "--incomplete", "warn", "--format", "json", "--couch", url, folder=folder) as program:
        began.set()
        done = program.ended()
    assert done.code == (130 if signal_sent is signal.SIGINT else 143)
    assert done.err.splitlines()[-1] == ("interrupted" if signal_sent is signal.SIGINT else "terminated")
    assert "Traceback" not in done.err
    told = {row["id"]: row["outcome"] for row in only(done.out)["outcomes"]}
    assert told["t00"] == "created"
    assert couch.documents is not None
    assert {id for id, outcome in told.items() if outcome == "created"} == couch.documents.keys()


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_does_not_cut_the_report(
    folder: Path, couch: Couch, url: str, sent: signal.Signals, code: int
) -> None:
    ids = [f"a{number:04}" for number in range(600)]  # whose report does not fit into a pipe at once
    catalogue(folder, dict.fromkeys(ids, OLD))
    command = [sys.executable, "-m", "provisioner", "apply", "--incomplete", "warn", "--couch", url, "--format", "json"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    begin = process.stdout.read(1)
    process.send_signal(sent)
    out, _ = process.communicate()
    assert process.returncode == code
    assert [row["id"] for row in only(begin + out)["outcomes"]] == ids


def test_an_interruption_while_the_work_begins_is_told_with_all_that_was_done(
    folder: Path, couch: Couch, url: str
) -> None:
    catalogue(folder, {"a": OLD})
    begin = """
import os, signal, sys, threading, traceback
from provisioner.__main__ import main
start = threading.Thread.start
def interrupted(self):
    start(self)
    if any(frame.name == "carry_out" for frame in traceback.extract_stack()):
        threading.Thread.start = start
        os.kill(os.getpid(), signal.SIGINT)
threading.Thread.start = interrupted
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv = ["provision", "apply", "--incomplete", "warn", "--couch", sys.argv[1]]
main()
"""
    done = subprocess.run([sys.executable, "-c", begin, url], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, "interrupted" in done.stderr) == (130, True), done
    told = "created   a" if couch.documents else "failed    a: not written: the run was interrupted"
    assert told in done.stdout, done
