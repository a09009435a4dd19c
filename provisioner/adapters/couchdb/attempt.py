"""One try of a request, which is given up at a deadline whatever it waits for: a name, a handshake, a slow answer."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

SLICE = 0.25
"""Seconds between two looks at a deadline, which an interruption may move."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the status, the whole body, and the header ``Retry-After``."""

    status: int
    content: bytes
    retry_after: str | None


def within(remaining: Callable[[], float], read: Callable[[], Reply]) -> Reply | None:
    """The reply, or none if the time is over first. Raises what reading raises.

    Reading happens in a thread that the program does not wait for at its end: some waits, such as for the address of a
    host, cannot be cut short.
    """
    done = threading.Event()
    replies: list[Reply] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            replies.append(read())
        except BaseException as error:  # noqa: BLE001  # raised again where it is waited for
            errors.append(error)
        finally:
            done.set()

    threading.Thread(target=work, daemon=True).start()
    while not done.is_set():
        left = remaining()
        if left <= 0:
            return None
        done.wait(min(left, SLICE))
    if errors:
        raise errors[0]
    return replies[0]


def seconds_of(retry_after: str | None) -> float:
    """The seconds that a ``Retry-After`` header asks for (RFC 9110, section 10.2.3)."""
    if not retry_after:
        return 0.0
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0
