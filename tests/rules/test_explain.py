"""``provision explain``."""

import re
from pathlib import Path

import pytest

from provisioner.core.rules import RULES
from tests.conftest import Run
from tests.rules.examples import CHECKED

TEXTS = (Path(__file__).parents[2] / "provisioner/core/rules/rules.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_is_explained(rule: object, run: Run) -> None:
    id = rule.id  # type: ignore[attr-defined]  # pytest knows no types
    done = run("explain", id)
    assert done.code == 0
    assert done.out.startswith(f"{id} (")
    assert all(f"\n\n{title}: " in done.out for title in ("Finds", "Why", "How to fix"))


@pytest.mark.parametrize("rule", sorted(CHECKED))
def test_the_part_of_the_stack_that_breaks_is_noted_beside_a_rule(rule: str) -> None:
    section = TEXTS.partition(f"\n## {rule}\n")[2].partition("\n## ")[0]
    assert re.search(
        r"<!-- Source: `(web/accounts/oauth\.go|model/account/type\.go|model/app|model/remote/|worker/)", section
    )


def test_without_a_rule_all_are_listed(run: Run) -> None:
    lines = run("explain").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == sorted(rule.id for rule in RULES)


def test_an_unknown_rule_is_wrong_usage(run: Run) -> None:
    done = run("explain", "redirect-pth")
    assert (done.code, done.out) == (2, "")
    assert "there is no rule redirect-pth: did you mean redirect-path?" in done.err
