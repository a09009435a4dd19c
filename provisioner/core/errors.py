"""What can stop a run. Each error says what happened and what to do next.

::

    ProvisionError            exit code 1
    ├── UsageError            exit code 2: options that cannot be meant
    ├── InvalidFile           a configuration, credentials or single definitions, with all their problems
    ├── InvalidCatalogue      definitions, with all their problems
    ├── SafetyLimit           a safety limit that an option can lift
    ├── NoUsableToken         no kept token works: the user has to sign in
    └── StoreError            CouchDB, or what stands in its place
        ├── SignInRefused     401
        ├── AccessRefused     403
        └── TooLarge          more than is read
"""

import errno
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from provisioner.core.text import counted, listed, one_line, printable

if TYPE_CHECKING:  # they take longer to import than the rest of a start
    from provisioner.core.definitions.definition import Validation
    from provisioner.core.definitions.problem import Problem


class ProvisionError(Exception):
    """Something that stops a run; `what` happened, with `details` on lines of their own, and the `next` thing to do.

    What comes from outside becomes printable here.
    """

    exit_code = 1

    def __init__(self, what: str, next: str = "", details: Iterable[str] = ()) -> None:
        self.what = "\n".join([printable(what), *map(one_line, details)])
        super().__init__(self.what)
        self.next = printable(next)


class UsageError(ProvisionError):
    """Options that contradict each other, or that name something unknown."""

    exit_code = 2


_OF_FILES = {
    errno.ENOENT: "there is no such file or folder",
    errno.EISDIR: "it is a folder",
    errno.ENOTDIR: "a folder of its path is a file",
}


def said(error: OSError) -> str:
    """What the system says, with our words for files and folders."""
    return _OF_FILES.get(error.errno or 0) or error.strerror or str(error)


@contextmanager
def explained(failed: str, next: str, kind: type[ProvisionError] = UsageError) -> Iterator[None]:
    """Say what failed where a block raises an `OSError`, with the words of the system."""
    try:
        yield
    except OSError as error:
        raise kind(f"{failed}: {said(error)}", next) from None


class InvalidFile(ProvisionError):
    """A file with problems; `target`: the target of ``provision.yaml`` that they concern."""

    def __init__(self, problems: "tuple[Problem, ...]", next: str = "", target: str | None = None) -> None:
        self.problems = problems
        if missing := missing_values(problems, target):
            first, *others = missing
        else:
            first, *others = (
                f"{each.path}:{each.line}:{each.column}: {each.message} [{each.rule}]" for each in problems
            )
        super().__init__(first, next or ("set a value" if missing else "fix the file"), others)


def missing_values(problems: "Sequence[Problem]", target: str | None) -> list[str]:
    """One line for each variable without a value, with its places, if there are no other errors."""
    places: dict[str, list[str]] = {}
    for each in problems:
        if each.rule == "missing-variable":
            places.setdefault(each.message, []).append(f"{each.path}:{each.line}:{each.column}")
        elif each.severity == "error":
            return []
    of = "" if target is None else f"target {target}: "
    return [
        f"{of}{first}: {message}" + (f"; also in {counted(len(others), 'other place')}" if others else "")
        for message, (first, *others) in places.items()
    ]


class InvalidCatalogue(ProvisionError):
    """A catalogue with errors for a target; nothing is done with any of its definitions.

    `complete`: its own text names every problem.
    """

    def __init__(self, validation: "Validation", target: str | None = None) -> None:
        missing = missing_values(validation.problems, target)
        paths = sorted({each.path for each in validation.problems if each.severity == "error"})
        first, *others = missing or [f"{counted(len(paths), 'definition')} with errors: {listed(paths)}"]
        next = "set a value" if missing else "fix them"
        super().__init__(first, f"{next}: nothing was read from or written to CouchDB", others)
        self.validation = validation
        self.complete = bool(missing)


class SafetyLimit(ProvisionError):
    """A safety limit that an option can lift."""


class NoUsableToken(ProvisionError):
    """No token is kept, or none that works: the user has to sign in."""


class StoreError(ProvisionError):
    """CouchDB, or what stands in its place. `lost`: the server may have done what a try of the request asks for."""

    def __init__(self, what: str, next: str = "", *, lost: bool = False) -> None:
        super().__init__(what, next)
        self.lost = lost


class SignInRefused(StoreError):
    """401: the user or the password is wrong."""


class AccessRefused(StoreError):
    """403: the user may not do this."""


class TooLarge(StoreError):
    """The answer is longer, or holds more values, than is read."""
