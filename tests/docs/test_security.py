"""Each promise of SECURITY.md names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_each_promise_names_tests_that_exist() -> None:
    promised = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    promised = promised.partition("## Promises")[2].partition("## Limits")[0]
    promises = re.split(r"^- ", promised, flags=re.MULTILINE)[1:]
    assert promises
    for promise in promises:
        named = _NAMED.findall(promise)
        assert named, f"no test shows: {promise}"
        for path, name in named:
            source = (ROOT / path).read_text(encoding="utf-8")
            assert re.search(rf"^\s*def {name}\(|^{name} = ", source, re.MULTILINE), f"{path} has no {name}"
