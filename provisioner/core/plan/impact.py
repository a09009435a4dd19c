"""How many connected accounts depend on an account type."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Impact:
    """The connected accounts of one account type: how many, on how many of all instances."""

    id: str
    accounts: int
    instances: int
    of: int
