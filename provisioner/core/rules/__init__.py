"""What makes an account type fail inside cozy-stack, rule by rule; rules.md explains each."""

from provisioner.core.rules import credentials, endpoints, extras, form, ids, redirect, secrets, slugs
from provisioner.core.rules.rule import Rule, rules_in

_MODULES = (redirect, endpoints, extras, secrets, credentials, ids, slugs)

RULES: tuple[Rule, ...] = tuple(
    sorted((*form.RULES, *(rule for module in _MODULES for rule in rules_in(module))), key=lambda rule: rule.id)
)
"""Every rule, by its id: also those that are found elsewhere and only explained here."""

BY_ID = {rule.id: rule for rule in RULES}
