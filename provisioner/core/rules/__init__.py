"""What makes an account type fail inside cozy-stack, rule by rule."""

from provisioner.core.rules import credentials, endpoints, extras, form, ids, redirect, secrets, slugs
from provisioner.core.rules.rule import Rule

RULES: tuple[Rule, ...] = tuple(
    sorted(
        (
            *redirect.RULES,
            *endpoints.RULES,
            *extras.RULES,
            *secrets.RULES,
            *credentials.RULES,
            *ids.RULES,
            *slugs.RULES,
            *form.RULES,
        ),
        key=lambda rule: rule.id,
    )
)
"""Every rule, by its id: also those that are found elsewhere and only explained here."""

BY_ID = {rule.id: rule for rule in RULES}
