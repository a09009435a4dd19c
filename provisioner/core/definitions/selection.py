"""Which account types a command is for."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Selection:
    """Which account types are meant: `ids`, or those that fit a glob of `only` and none of `exclude`."""

    ids: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @classmethod
    def of(cls, ids: Sequence[str] | None, only: Sequence[str] | None, exclude: Sequence[str] | None) -> "Selection":
        """What the words of a command line mean."""
        return cls((*dict.fromkeys(ids or ()),), (*(only or ()),), (*(exclude or ()),))

    def __bool__(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.ids or self.only or self.exclude)

    def takes(self, id: str) -> bool:
        """Whether an account type is meant by the globs."""
        fits = not self.only or any(fnmatchcase(id, glob) for glob in self.only)
        return fits and not any(fnmatchcase(id, glob) for glob in self.exclude)

    def means(self, id: str) -> bool:
        """Whether an account type is meant: by its id, if any are named, and by the globs."""
        return self.takes(id) and (not self.ids or id in self.ids)


ALL = Selection()
"""Every account type."""
