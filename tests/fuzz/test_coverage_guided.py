"""The readers under coverage-guided fuzzing, from what they read every day; Python versions without atheris have the
tests of `test_readers`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FULL = os.environ.get("FAULTS") == "full"
BUDGET = ["-runs=-1", "-max_total_time=300"] if FULL else ["-runs=1500"]
TARGETS = ("yaml", "json", "variables", "couchdb", "token", "packed", "words") if find_spec("atheris") else ()

TOKEN = json.dumps({"access_token": "a", "refresh_token": "r", "token_type": "bearer", "expires_in": 3600})
DOCUMENT = {
    "_id": "a",
    "_rev": "1-a",
    "grant_mode": "authorization_code",
    "extras": {"scope": "x"},
    "provision": {"owner": "o", "salt": "00ff", "fields": {"slug": "00ff"}, "at": "2026-11-24T17:00:00Z", "since": {}},
}


def seeds(target: str) -> Iterator[str]:
    """Texts to begin with."""
    match target:
        case "yaml":
            yield from (path.read_text("utf-8") for path in sorted((ROOT / "account_types").glob("*.yaml"))[:12])
            yield "a: &a [1, 0x1f, 1e3, ~]\nb: *a\n# provision: ignore[unknown-key]\n"
        case "json":
            yield json.dumps(DOCUMENT)
            yield r'{"a": ["é", "\ud83d\ude00", 1e3, null, true]}'
        case "variables":
            yield "https://oauthcallback.${domain:-example.org}/${a:?missing}/$$"
        case "couchdb":
            rows = [{"id": "a", "key": "a", "value": {"rev": "1-a"}, "doc": DOCUMENT}]
            yield json.dumps({"total_rows": 1, "offset": 0, "rows": rows})
            yield json.dumps([{"ok": True, "id": "a", "rev": "1-a"}, {"id": "b", "error": "conflict", "reason": "no"}])
            yield json.dumps({"ok": True, "id": "a", "rev": "1-a"})
            yield json.dumps({"_revisions": {"start": 2, "ids": ["b", "a"]}})
        case "token":
            yield f"\0{TOKEN}"
            yield '\1{"error": "invalid_client", "error_description": "the client secret hush is wrong"}'
            yield "\1error=invalid_grant&error_description=x"
        case "packed":
            yield "\3\0"
        case "words":
            yield "the secret is wrong: the secret is, and the s; dGhlIHNlY3JldCBpcw==, the%20secret, \\u0074he"


@pytest.mark.parametrize("targets", [[each] for each in TARGETS] if FULL else [TARGETS][: len(TARGETS)])
def test_no_input_breaks_the_reader(targets: Sequence[str], tmp_path: Path) -> None:
    for target in targets:
        (tmp_path / "corpora" / target).mkdir(parents=True)
        for number, text in enumerate(seeds(target)):
            (tmp_path / "corpora" / target / str(number)).write_text(text, "utf-8")
    limits = ["-max_len=8192", "-timeout=120", "-rss_limit_mb=2048", "-seed=9"]
    command = [sys.executable, "-m", "tests.fuzz.harness", ",".join(targets), *BUDGET, *limits, "corpora"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert done.returncode == 0, f"{found}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    assert done.stderr.count("Done ") == len(targets)
