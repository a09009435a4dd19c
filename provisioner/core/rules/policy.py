"""The severities that ``provision.yaml`` gives to rules, for all targets or for one."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

from provisioner.core.definitions.problem import Severity
from provisioner.core.definitions.validation import Validation
from provisioner.core.errors import UsageError
from provisioner.core.rules import BY_ID
from provisioner.core.text import nearest

Policy: TypeAlias = Mapping[str, str]
"""Rule → ``off``, ``warning`` or ``error``."""

OFF = "off"


def check_policy(policy: Policy, path: str) -> None:
    """Raises `UsageError` for a rule that does not exist, or whose severity is fixed."""
    for name in policy:
        rule = BY_ID.get(name)
        if rule is None:
            raise UsageError(f"{path} sets the rule {name}, which does not exist{nearest(name, BY_ID)}", "fix its name")
        if not rule.ignorable:
            what = f"{path} sets the rule {name}, whose severity is fixed: the stack cannot work with what it finds"
            raise UsageError(what, "remove it from rules")


def with_policy(validation: Validation, policy: Policy) -> Validation:
    """The validation with the severities of a policy; problems of a rule that is off are left out."""
    if not policy:
        return validation
    problems = (
        replace(problem, severity=Severity(policy[problem.rule])) if problem.rule in policy else problem
        for problem in validation.problems
        if policy.get(problem.rule) != OFF
    )
    return replace(validation, problems=tuple(problems))
