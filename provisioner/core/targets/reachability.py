"""Whether a target can be reached."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reachability:
    """A target with its URL, without user information; `trouble` says why it cannot be reached, if so."""

    name: str
    url: str
    database: str
    protected: bool
    trouble: str = ""
