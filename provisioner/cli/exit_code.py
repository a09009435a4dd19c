"""The exit codes of every command."""

from enum import IntEnum


class ExitCode(IntEnum):
    DONE = 0
    PROBLEMS = 1
    USAGE = 2
    DIFFERENCES = 3
    INTERRUPTED = 130
