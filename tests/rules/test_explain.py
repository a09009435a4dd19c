"""``provision explain``."""

import pytest

from provisioner.adapters.files.shipped import rule_texts
from provisioner.core.rules import RULES
from tests.conftest import Run


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_is_explained(rule: object, run: Run) -> None:
    id = rule.id  # type: ignore[attr-defined]  # pytest knows no types
    done = run("explain", id)
    assert done.code == 0
    assert done.out.startswith(f"{id} (")
    assert all(f"\n\n{title}: " in done.out for title in ("Finds", "Why", "How to fix"))


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.check or rule.across], ids=lambda rule: rule.id)
def test_a_rule_names_the_part_of_the_stack_that_breaks(rule: object) -> None:
    why = rule_texts()[rule.id].why  # type: ignore[attr-defined]  # pytest knows no types
    assert any(f"`{part}" in why for part in ("web/accounts/oauth.go", "model/account/type.go", "worker/"))


def test_without_a_rule_all_are_listed(run: Run) -> None:
    lines = run("explain").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == sorted(rule.id for rule in RULES)


def test_an_unknown_rule_is_wrong_usage(run: Run) -> None:
    done = run("explain", "redirect-pth")
    assert (done.code, done.out) == (2, "")
    assert "there is no rule redirect-pth: did you mean redirect-path?" in done.err
