"""The readers under coverage-guided fuzzing: ``python -m tests.fuzz.harness TARGET,… [options of libFuzzer] CORPORA``.

The folder CORPORA has a folder for each target, each of which runs in a process of its own, one after the other.

A target fails on any exception other than the ones its reader documents, on a text that a terminal would not take, and
(through libFuzzer) on an input that needs more than two minutes or 2 GiB.
"""

import os
import sys

import atheris

with atheris.instrument_imports(include=["provisioner"]):
    from provisioner.adapters.couchdb import answers, writing
    from provisioner.adapters.couchdb.connection import CouchAnswer
    from provisioner.adapters.files import shipped
    from provisioner.adapters.files.text_files import parse
    from provisioner.adapters.http.client import unpacked
    from provisioner.adapters.http.trouble import NoAnswer
    from provisioner.core.definitions.kinds import ACCOUNT_TYPE
    from provisioner.core.definitions.schema_check import schema_check
    from provisioner.core.definitions.variables import Expansion
    from provisioner.core.errors import ProvisionError
    from provisioner.core.http import Answer
    from provisioner.core.masking import Mask
    from provisioner.core.oauth.answers import read_answer
    from provisioner.core.outside_json import read_json
    from provisioner.core.plan.live_document import live_definition, live_faults
    from provisioner.core.text import printable

from collections.abc import Callable, Mapping
from contextlib import suppress

CHECK = schema_check(shipped.schema())
URL = "http://localhost:5984"


def definition(data: bytes, *, is_json: bool) -> None:
    """A file, read, checked, and its variables replaced."""
    reading = parse(data, json=is_json)
    messages = [fault.message for fault in reading.faults]
    if reading.content is not None:
        messages += [fault.message for fault in CHECK(Expansion({"a": "1"}.get).definition(reading.content))]
    printable("\n".join(messages)).encode()


def variables(data: bytes) -> None:
    """A string with variables."""
    expansion = Expansion({"a": "1"}.get)
    expansion.value(data.decode(errors="replace"))
    assert all(fault.message for fault in [*expansion.missing, *expansion.malformed])


def couchdb(data: bytes) -> None:
    """An answer of CouchDB, taken for each kind of answer: of a listing, a write, a batch."""
    try:
        body = read_json(data)
    except ValueError:
        return
    answer = CouchAnswer(200, body, lost=False)
    list(writing.batch_results(["a", "b"], answer))
    writing.put_result("a", answer)
    writing.put_result("a", CouchAnswer(400, body, lost=False))
    answers.former_revision(body)
    try:
        for document in answers.read_rows(URL, body):
            live = answers.live_of(document, (), Mask(), ACCOUNT_TYPE)
            live_definition(live)
            assert all(fault.message for fault in live_faults(live, CHECK))
    except ProvisionError:
        pass


def token(data: bytes) -> None:
    """The body of a token endpoint's answer; the first byte chooses the status."""
    status = (200, 400, 401, 500)[data[0] % 4] if data else 200
    for refresh in (False, True):
        str(read_answer(Answer(status, body=data[1:]), ["hush"], refresh=refresh))


def packed(data: bytes) -> None:
    """The body of an answer with a gzip coding."""
    with suppress(NoAnswer):
        for part in unpacked([b"\x1f\x8b\x08\0\0\0\0\0\0\3", data[:100_000]]):
            assert len(part) < 2_000_000


def words(data: bytes) -> None:
    """What a server says, with secrets of several lengths in the first half."""
    text = data.decode(errors="replace")
    secrets = [text[: len(text) // 2], text[:7], text[:3]]
    assert len(Mask(secrets).clean(text)) <= 301


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "yaml": lambda data: definition(data, is_json=False),
    "json": lambda data: definition(data, is_json=True),
    "variables": variables,
    "couchdb": couchdb,
    "token": token,
    "packed": packed,
    "words": words,
}

if __name__ == "__main__":
    program, names, *options, corpora = sys.argv
    for name in names.split(","):
        if sys.platform == "win32":
            break
        if (child := os.fork()) == 0:
            atheris.Setup([program, *options, f"{corpora}/{name}"], TARGETS[name])
            atheris.Fuzz()
        if os.waitpid(child, 0)[1] != 0:
            sys.exit(f"the target {name} failed")
