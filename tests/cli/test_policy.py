"""``rules:`` of ``provision.yaml``: the severities of rules, for all targets and for one."""

from pathlib import Path

import pytest

from tests.conftest import Run, write
from tests.live_server import Live

HTTP = """\
grant_mode: token
client_id: "1"
auth_endpoint: http://a.example/
"""


@pytest.fixture
def catalogue(folder: Path) -> Path:
    write(folder / "account_types/a.yaml", HTTP)
    return folder


@pytest.mark.parametrize(("severity", "code", "shown"), [("off", 0, False), ("warning", 0, True), ("error", 1, True)])
def test_the_severity_of_a_rule_is_changed(catalogue: Path, run: Run, severity: str, code: int, shown: bool) -> None:
    write(catalogue / "provision.yaml", f"rules: {{plain-http: '{severity}'}}\n")
    done = run("validate")
    assert done.code == code
    assert (f": {severity}: " in done.out and "[plain-http]" in done.out) is shown


def test_an_error_stops_an_apply_and_a_target_overrides_it(catalogue: Path, live: Live, run: Run) -> None:
    row = f"couch: '{live.url}', database: '{live.database}'"
    write(
        catalogue / "provision.yaml",
        f"rules: {{plain-http: error}}\ntargets:\n  one: {{{row}}}\n  two: {{{row}, rules: {{plain-http: 'off'}}}}\n",
    )
    stopped = run("apply", "--target", "one")
    assert stopped.code == 1
    assert "[plain-http]" in stopped.err
    assert not live.exists
    assert run("apply", "--target", "two", "--strict").code == 0
    assert live.exists
    assert run("validate", "--target", "one").code == 1
    assert run("validate", "--target", "two").code == 0


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("plain-htp: error", "provision.yaml sets the rule plain-htp, which does not exist: did you mean plain-http?"),
        ("unknown-key: warning", "provision.yaml sets the rule unknown-key, which is always an error"),
    ],
)
def test_a_rule_that_cannot_be_set_is_refused(catalogue: Path, live: Live, run: Run, rules: str, said: str) -> None:
    write(catalogue / "provision.yaml", f"rules: {{{rules}}}\n")
    for command in (["validate"], ["diff", "--couch", live.url, "--database", live.database]):
        done = run(*command)
        assert done.code == 2
        assert f"error: {said}" in done.err
    write(
        catalogue / "provision.yaml",
        f"targets: {{one: {{couch: '{live.url}', database: '{live.database}', rules: {{{rules}}}}}}}\n",
    )
    assert f"error: {said}" in run("apply", "--target", "one").err


def test_a_severity_that_does_not_exist_is_refused(catalogue: Path, run: Run) -> None:
    write(catalogue / "provision.yaml", "rules: {plain-http: loud}\n")
    done = run("validate")
    assert done.code == 1
    assert "rules.plain-http must be one of off, warning, error" in done.err


REQUIRE = """\
require:
  - description: "only a.example is allowed"
    properties: {auth_endpoint: {pattern: "^https?://a[.]example/"}}
  - required: [x-name]
"""


def test_custom_rules_are_demanded_of_every_definition(catalogue: Path, live: Live, run: Run) -> None:
    write(catalogue / "provision.yaml", REQUIRE)
    write(catalogue / "account_types/b.yaml", HTTP.replace("a.example", "${host:?b}.example") + "x-name: B\n")
    done = run("validate", "--set", "host=hush-marker")
    assert done.code == 1
    assert [line for line in done.out.splitlines() if "[custom-rule]" in line] == [
        "account_types/a.yaml:1:1: error: required of the custom rule is not met [custom-rule]",
        "account_types/b.yaml:3:16: error: auth_endpoint: only a.example is allowed [custom-rule]",
    ]
    assert "hush" not in done.out
    assert "account_types/b.yaml" not in run("validate").out.replace("plain-http", "")
    stopped = run("apply", "--couch", live.url, "--database", live.database, "--set", "host=b")
    assert stopped.code == 1
    assert not live.exists


def test_a_custom_rule_that_is_no_schema_is_refused(catalogue: Path, run: Run) -> None:
    write(catalogue / "provision.yaml", "require: [{type: nonsense}]\n")
    done = run("validate")
    assert done.code == 1
    assert "this custom rule is not a JSON schema" in done.err
