"""Where the documents of a target are."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A database of a server; `url` has no user information, and is missing if the target's URL cannot be read.

    As a text it is the URL and the database.
    """

    target: str | None
    url: str | None
    database: str

    def __str__(self) -> str:
        return f"{self.url} {self.database}"
