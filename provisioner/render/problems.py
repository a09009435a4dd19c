"""The problems of a catalogue."""

from collections.abc import Mapping

from provisioner.core.definitions.definition import Validation
from provisioner.core.definitions.problem import Problem, Severity
from provisioner.core.secret import Json
from provisioner.core.text import counted
from provisioner.render.excerpt import LineOf, excerpt
from provisioner.render.lines import lines
from provisioner.render.paint import Colour, Paint, plain

_COLOURS = {Severity.ERROR: Colour.RED, Severity.WARNING: Colour.YELLOW}


def as_text(validation: Validation, paint: Paint = plain, line_of: LineOf | None = None) -> str:
    """One line per problem, ``path:line:column: error: message [rule]``, then the summary.

    With `line_of`, each problem is followed by its line of the file.
    """
    texts: list[str] = []
    for problem in validation.problems:
        texts.append(line(problem, paint))
        if line_of:
            texts += excerpt(problem, line_of, paint)
    return lines([*texts, summary(validation)])


def summary(validation: Validation) -> str:
    """The numbers of files and live documents that were checked, and of errors and warnings."""
    looked_at = [counted(validation.files, "file")] if validation.files or validation.documents is None else []
    if validation.documents is not None:
        looked_at.append(counted(validation.documents, "live document"))
    found = (counted(validation.errors, "error"), counted(validation.warnings, "warning"))
    return ", ".join((*looked_at, *found))


def line(problem: Problem, paint: Paint = plain) -> str:
    """A problem as ``path:line:column: error: message [rule]``."""
    severity = paint(_COLOURS[problem.severity], problem.severity)
    return f"{problem.path}:{problem.line}:{problem.column}: {severity}: {problem.message} [{problem.rule}]"


def values(validation: Validation) -> dict[str, object]:
    """An object with ``problems`` (path, line, column, severity, rule, message) and ``summary``."""
    problems = [problem_values(problem) for problem in validation.problems]
    figures = {"files": validation.files, "errors": validation.errors, "warnings": validation.warnings}
    if validation.documents is not None:
        figures["documents"] = validation.documents
    return {"problems": problems, "summary": figures}


def problem_values(problem: Problem) -> dict[str, Json]:
    """A problem as JSON: path, line, column, severity, rule, message."""
    return {
        "path": problem.path,
        "line": problem.line,
        "column": problem.column,
        "severity": problem.severity,
        "rule": problem.rule,
        "message": problem.message,
    }


def as_annotations(validation: Validation) -> str:
    """One GitHub workflow command per problem, then the summary."""
    return "\n".join([*map(_annotation, validation.problems), summary(validation)])


def _annotation(problem: Problem) -> str:
    place = {"file": problem.path, "line": problem.line, "col": problem.column}
    return command(problem.severity, {**place, "title": problem.rule}, problem.message)


def command(level: str, properties: Mapping[str, object], message: str) -> str:
    """A GitHub workflow command."""
    listed = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{level} {listed}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
