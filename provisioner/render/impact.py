"""How many accounts depend on an account type."""

from provisioner.core.secret import Json
from provisioner.core.text import counted
from provisioner.render.lines import lines


def as_text(id: str, accounts: int, instances: int, of: int) -> str:
    """One line."""
    return lines([f"{id}: {counted(accounts, 'connected account')} on {instances} of {counted(of, 'instance')}"])


def values(id: str, accounts: int, instances: int, of: int) -> dict[str, Json]:
    """``account_type``, ``accounts``, ``instances`` and ``of``."""
    return {"account_type": id, "accounts": accounts, "instances": instances, "of": of}
