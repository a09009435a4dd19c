"""What pipelines read: the reports of ``provision validate`` for GitLab and code scanning."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from provisioner.core.rules import RULES
from tests.conftest import Run, write

SARIF_TOOL = Path(__file__).with_name("node_modules") / "@microsoft/sarif-multitool-linux/Sarif.Multitool"
BAD = """\
# the service has one
grant_mode: authorization_code
client_id: "1"
client_secret: in-git
"auth_endpont": https://a.example/authorize
token_mode: baskic
"""


def issues(run: Run) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("validate", "--format", "gitlab").out)
    return found


def sarif(run: Run, *arguments: object) -> Any:
    """The run of a report, and its results by their rules."""
    (only,) = json.loads(run("validate", "--format", "sarif", *arguments).out)["runs"]
    return only["tool"]["driver"]["rules"], {result["ruleId"]: result for result in only["results"]}


def test_code_quality_holds_what_gitlab_asks_for(folder: Path, run: Run) -> None:
    write(folder / "account_types/a.yaml", BAD)
    rows = {row["check_name"]: row for row in issues(run)}
    assert rows["unknown-key"] == {
        "description": "unknown key auth_endpont: did you mean auth_endpoint?",
        "check_name": "unknown-key",
        "fingerprint": rows["unknown-key"]["fingerprint"],
        "severity": "major",
        "location": {"path": "account_types/a.yaml", "lines": {"begin": 5}},
    }
    assert rows["secret-in-source"]["severity"] == "minor"
    assert "in-git" not in json.dumps(rows)


def test_a_fingerprint_survives_a_moved_line_and_never_repeats(folder: Path, run: Run) -> None:
    path = write(folder / "account_types/a.yaml", BAD + "foo: 1\nfoo: 2\nfoo: 3\n")
    write(folder / "account_types/b.yaml", BAD)
    before = [row["fingerprint"] for row in issues(run)]
    write(path, "# one more line\n\n" + path.read_text())
    assert [row["fingerprint"] for row in issues(run)] == before
    assert len(set(before)) == len(before) > 8


def test_a_good_catalogue_is_an_empty_report_and_sarif_explains_every_rule(folder: Path, run: Run) -> None:
    write(folder / "account_types/a.yaml", "grant_mode: secret\nslug: a\n")
    assert issues(run) == []
    rules, results = sarif(run)
    assert (results, [rule["id"] for rule in rules]) == ({}, [rule.id for rule in RULES])
    for rule in rules:
        assert rule["shortDescription"]["text"]
        assert rule["fullDescription"]["text"]
        assert rule["help"]["markdown"].startswith(f"## {rule['id']}")


@pytest.mark.parametrize("bad", [BAD, "\t- x: [", '{"a": 1, }', ""])
def test_sarif_is_accepted_by_its_official_validator(folder: Path, run: Run, bad: str, tmp_path: Path) -> None:
    write(folder / "account_types/a é#.yaml", bad)
    file = write(tmp_path / "report.sarif", run("validate", "--format", "sarif", "--set", "unused=1").out)
    checked = subprocess.run(
        [SARIF_TOOL, "validate", file, "--rule-kind", "Sarif;Gh", "--level", "Error"],
        env={**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Analysis completed successfully." in checked.stdout
    assert "error" not in checked.stdout
    assert checked.returncode == 0


def test_sarif_points_at_the_key_or_value_from_its_first_to_its_last_character(folder: Path, run: Run) -> None:
    write(folder / "account_types/a é.yaml", BAD)
    _, found = sarif(run, folder / "account_types/../account_types/a é.yaml")
    place, wrong = (found[rule]["locations"][0]["physicalLocation"] for rule in ("unknown-key", "wrong-value"))
    assert place == {
        "artifactLocation": {"uri": "account_types/a%20%C3%A9.yaml"},
        "region": {"startLine": 5, "startColumn": 1, "endLine": 5, "endColumn": 15},
    }
    assert (wrong["region"]["startColumn"], wrong["region"]["endColumn"]) == (13, 19)
    assert [found[rule]["level"] for rule in ("secret-in-source", "unknown-key")] == ["warning", "error"]
    assert found["unknown-key"]["suppressions"] == []
    assert sarif(run)[1]["unknown-key"]["locations"][0]["physicalLocation"] == place


def test_sarif_holds_what_a_comment_ignores_with_its_reason(folder: Path, run: Run) -> None:
    comment = "# provision: ignore[secret-in-source] a test account"
    write(folder / "account_types/a.yaml", f"grant_mode: secret\nslug: a\nsecret: x  {comment}\n")
    ignored = {"kind": "inSource", "justification": "a test account"}
    assert sarif(run)[1]["secret-in-source"]["suppressions"] == [ignored]
    assert run("validate").out == "1 file, 0 errors, 0 warnings\n"
