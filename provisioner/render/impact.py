"""How many accounts depend on an account type."""

from provisioner.core.plan.impact import Impact
from provisioner.core.secret import Json
from provisioner.core.text import counted
from provisioner.render.lines import lines


def as_text(impact: Impact) -> str:
    """One line."""
    accounts, instances = counted(impact.accounts, "connected account"), counted(impact.of, "instance")
    return lines([f"{impact.id}: {accounts} on {impact.instances} of {instances}"])


def values(impact: Impact) -> dict[str, Json]:
    """``account_type``, ``accounts``, ``instances`` and ``of``."""
    return {
        "account_type": impact.id,
        "accounts": impact.accounts,
        "instances": impact.instances,
        "of": impact.of,
    }
