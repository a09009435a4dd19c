"""A progress bar for long runs on a terminal."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

SHORT = 100
"""With this many documents or fewer, no bar is shown."""

T = TypeVar("T")


def has_bar(total: int) -> bool:
    """Whether a run over this many documents shows a bar: if stderr is a terminal and there are many."""
    return total > SHORT and sys.stderr.isatty()


def tracked(items: Iterable[T], total: int) -> Iterator[T]:
    """The same items, with a bar on stderr if the run shows one."""
    if not has_bar(total):
        yield from items
        return
    from rich.console import Console  # only while there is something to show
    from rich.progress import track

    yield from track(items, "Writing", total=total, console=Console(stderr=True), transient=True)
