"""The only module that tells people something: results on stdout, everything else on stderr."""

import errno
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO, TypeVar

import typer

from provisioner.core.errors import InvalidCatalogue, ProvisionError, SafetyLimit
from provisioner.render import problems
from provisioner.render.layout import Colour, Paint, lines, printed


class CannotPrint(ProvisionError):
    """A result that stdout does not take."""


class Stdout:
    """Whether this run has written a result."""

    written = False


def result(text: str) -> None:
    """Write the result that the user asked for."""
    if not text:
        return
    Stdout.written = True
    try:
        typer.echo(as_written(text), color=True)
    except OSError as error:
        if error.errno == errno.EPIPE:  # the reader has seen enough, as `head` does
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left in the buffer must not fail once more
        raise CannotPrint(f"the result cannot be printed: {error.strerror}", "see where the output goes") from None


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Keep an interruption waiting until the block ends, so that what it writes is whole.

    The signals are blocked, not only caught: Python's buffered streams lose the rest of a write that a signal cuts.
    """
    if sys.platform == "win32":  # it has no masks of signals
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def paths(rows: Iterable[str]) -> None:
    """Write a result with the paths of files, one a line, whatever their names hold."""
    result(lines(rows))


def message(text: str) -> None:
    """Write a message about the run; if stderr is closed, the exit code still tells."""
    with suppress(OSError):
        typer.echo(_as_message(text), err=True, color=True)


def confirm(question: str) -> bool:
    """Ask the user for yes or no."""
    return typer.confirm(_as_message(question), err=True)


def ask_for_yes(question: str, why: str, nothing: str) -> None:
    """Ask the user to confirm. Raises `SafetyLimit` if nobody can be asked, with the reason why, and for a no."""
    if not sys.stdin.isatty():
        raise SafetyLimit(f"{why}, and there is no terminal to ask on", "add --yes to confirm")
    if not confirm(question):
        raise SafetyLimit(f"not confirmed: {nothing}", "run the command again, and confirm or add --yes")


def prompt(question: str, *, hidden: bool = False) -> str:
    """Ask the user for a line of text, which may be empty. `hidden`: nobody sees what is typed."""
    answer: str = typer.prompt(_as_message(question), default="", show_default=False, err=True, hide_input=hidden)
    return answer


def warn(text: str) -> None:
    """Write a warning."""
    message(f"{paint(sys.stderr)(Colour.YELLOW, 'warning')}: {text}")


def source_lines(stream: TextIO) -> Callable[[str, int], str | None] | None:
    """What finds the line of a problem in its file, if it is shown: on a terminal."""
    if not stream.isatty():
        return None
    from provisioner.adapters.files.text_files import line_of  # 3 ms, and not for programs that read this

    return line_of


def report(error: ProvisionError, prefix: str = "") -> None:
    """Write what stopped the run, with the problems of definitions, and what to do next."""
    if isinstance(error, InvalidCatalogue) and not error.complete:
        message(problems.as_text(error.validation, paint(sys.stderr), source_lines(sys.stderr)))
    named = error.what.startswith(f"target {prefix}")  # it says itself which target it is about
    message(f"error: {'' if named else prefix}{error.what}")
    if error.next:
        message(f"next: {error.next}")


def as_written(text: str) -> str:
    """A text of several lines, with all escape codes but our colours made visible."""
    return "\n".join(map(printed, text.split("\n")))


def _as_message(text: str) -> str:
    """The same with no command for a runner of pipelines: they obey what begins a line of stderr, too."""
    return as_written(lines(text.split("\n")))


def paint(stream: TextIO) -> Paint:
    """Colours, if the stream is a terminal or ``FORCE_COLOR`` is set (force-color.org), and nothing disables them.

    What disables them: ``NO_COLOR`` (no-color.org), and a dumb terminal. The width is that of a terminal.
    """
    terminal = stream.isatty()
    wanted = bool(os.environ.get("FORCE_COLOR")) or (terminal and os.environ.get("TERM") != "dumb")
    colours = wanted and not os.environ.get("NO_COLOR")
    return Paint(colours, shutil.get_terminal_size().columns if terminal else None)


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
