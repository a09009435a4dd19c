"""What is known of a target's server: whether it can be reached, takes our user, and has the database."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reachability:
    """A target with its URL, without user information, and three facts; ``None`` is a fact that nobody could tell.

    `trouble` says why one of the first two is not so.
    """

    name: str
    url: str
    database: str
    protected: bool
    reachable: bool | None = None
    signed_in: bool | None = None
    exists: bool | None = None
    trouble: str = ""
