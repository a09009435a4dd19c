"""The problems of a catalogue: as lines, JSON, annotations, SARIF 2.1.0 and GitLab's Code Quality; and their rules."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from posixpath import normpath
from textwrap import fill
from typing import TypeAlias
from urllib.parse import quote

from msgspec.structs import replace

from provisioner import __version__
from provisioner.core.definitions.account_type import PUBLIC_FIELDS
from provisioner.core.definitions.definition import Validation
from provisioner.core.definitions.problem import Mark, Problem, Severity
from provisioner.core.rules import Rule, RuleText
from provisioner.core.secret import Json
from provisioner.core.text import counted
from provisioner.render.layout import PROBLEM, Colour, Paint, lines, plain, plain_markdown, row, table, unlinked

_COLOURS = {Severity.ERROR: Colour.RED, Severity.WARNING: Colour.YELLOW}

LineOf: TypeAlias = Callable[[str, int], str | None]
"""The text of a line of a file, by path and number; ``None`` if there is none."""

_PAIR = r"""(\s*(["']?)([\w.-]+)\2\s*:)(?:\s+([^\s{}\[\]#][^{}\[\]]*?))?,?\s*"""
_COMMENT = r"(?<!\s)\s+#.*"
_USER = r"://[^/@\s]*@"
_LONGEST = 500
"""The longest line that is shown: a longer one helps nobody, and costs more than its length."""

_NESTED = frozenset({"extras"})


def _excerpt(problem: Problem, line_of: LineOf, paint: Paint) -> Iterator[str]:
    """The line of a problem, with a caret below its column, and with its value only if that is known to be public.

    Nothing for a line that is anything but one key with a short value.
    """
    text = line_of(problem.path, problem.line) or ""
    pair = None if len(text) > _LONGEST or "\t" in text else re.fullmatch(_PAIR, re.sub(_COMMENT, "", text))
    if pair is None:
        return
    key, name, value = pair[1], pair[3], pair[4]
    if value is not None:
        key += f" {re.sub(_USER, '://…@', value)}" if name in PUBLIC_FIELDS - _NESTED else " …"
    if problem.column <= len(key):
        number = str(problem.line)
        yield paint(Colour.DIM, f"  {number} | ") + key
        yield paint(Colour.DIM, f"  {' ' * len(number)} | ") + " " * (problem.column - 1) + paint(Colour.RED, "^")


def as_text(validation: Validation, paint: Paint = plain, line_of: LineOf | None = None) -> str:
    """One line per problem, ``path:line:column: error: message [rule]``, then the summary.

    A variable without a value is one, however many places use it. With `line_of`, each problem is followed by its line
    of the file.
    """
    texts: list[str] = []
    missing = Counter(each.message for each in validation.problems if each.rule == "missing-variable")
    for problem in validation.problems:
        places = missing.pop(problem.message, 0) if problem.rule == "missing-variable" else 1
        if places:
            also = f"; also in {counted(places - 1, 'other place')}" if places > 1 else ""
            texts.append(line(replace(problem, message=f"{problem.message}{also}"), paint))
            texts += _excerpt(problem, line_of, paint) if line_of else ()
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
    problems = [row(problem, *PROBLEM) for problem in validation.problems]
    figures = {"files": validation.files, "errors": validation.errors, "warnings": validation.warnings}
    if validation.documents is not None:
        figures["documents"] = validation.documents
    return {"problems": problems, "summary": figures}


def as_annotations(validation: Validation) -> str:
    """One GitHub workflow command per problem, then the summary."""
    commands = (
        command(
            each.severity, {"file": each.path, "line": each.line, "col": each.column, "title": each.rule}, each.message
        )
        for each in validation.problems
    )
    return "\n".join([*commands, summary(validation)])


_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = {**_DATA, ord(":"): "%3A", ord(","): "%2C"}


def command(level: str, properties: Mapping[str, object], message: str) -> str:
    """A GitHub workflow command."""
    listed = ",".join(f"{name}={str(value).translate(_PROPERTY)}" for name, value in properties.items())
    return f"::{level} {listed}::{message.translate(_DATA)}"


Texts: TypeAlias = Mapping[str, RuleText]
"""Rule id → how it is explained."""

_WIDTH = 100


def rule_text(rule: Rule, text: RuleText, paint: Paint = plain) -> str:
    """A rule as paragraphs, without Markdown's back quotes."""
    head = f"{paint(Colour.BOLD, rule.id)} ({paint(_COLOURS[rule.severity], rule.severity)})"
    parts = (f"{title}: {part}".replace("`", "") for title, part in _parts(rule, text))
    return "\n\n".join([head, *(fill(part, _WIDTH, break_on_hyphens=False) for part in parts)])


def rules_text(rules: Sequence[Rule], texts: Texts, paint: Paint = plain) -> str:
    """One line per rule: its id, its severity and the first sentence of what it finds."""
    rows = [(rule.id, str(rule.severity), first_sentence(texts[rule.id])) for rule in rules]
    return table(("RULE", "SEVERITY", "FINDS"), rows, paint)


def rule_markdown(rule: Rule, text: RuleText) -> str:
    """A rule as a section."""
    parts = (f"**{title}:** {part}" for title, part in _parts(rule, text))
    return "\n\n".join([f"## {rule.id}", f"*{rule.severity}*", *parts])


def _parts(rule: Rule, text: RuleText) -> list[tuple[str, str]]:
    always = "" if rule.ignorable else "This rule cannot be ignored."
    parts = ("Finds", text.finds), ("Why", text.why), ("How to fix", text.fix), ("Reference", text.reference)
    return [(title, part) for title, part in (*parts, ("Ignore", always)) if part]


def first_sentence(text: RuleText) -> str:
    """What a rule finds, in one sentence without Markdown and without its full stop."""
    return re.split(r"(?<=\.)\s", text.finds.replace("`", ""), maxsplit=1)[0].rstrip(".")


_LINE = r"\bline \d+"


def _fingerprinted(problems: Sequence[Problem]) -> Iterator[tuple[Problem, str]]:
    """Each problem with a digest that stays the same if its line moves, and that no other problem has.

    Numbers of lines in messages do not count. Equal problems of one file are counted from the top, so only their
    number tells them apart.
    """
    from hashlib import sha256  # OpenSSL: 3 ms, and only for these formats

    seen: Counter[tuple[str, str, str]] = Counter()
    for problem in problems:
        what = (problem.path, problem.rule, re.sub(_LINE, "", problem.message))
        seen[what] += 1
        yield problem, sha256(json.dumps([*what, seen[what]]).encode()).hexdigest()[:32]


Ends: TypeAlias = Callable[[str], Mapping[Mark, Mark]]
"""Where the keys and values of the file at a path end, by where they begin; the end is behind the last character."""


def as_sarif(validation: Validation, rules: Sequence[Rule], texts: Texts, folder: str, ends: Ends) -> str:
    """One run with all `rules`, and a result per problem of a file, also if a comment ignores it.

    URIs are relative to `folder`. Problems of live documents and of options are left out: GitHub refuses a report that
    has a result outside a file.
    """
    index = {rule.id: number for number, rule in enumerate(rules)}
    results: list[Json] = [
        {
            "ruleId": problem.rule,
            "ruleIndex": index[problem.rule],
            "level": problem.severity.value,
            "message": {"text": _unlinked(problem.message)},
            "locations": [{"physicalLocation": _place(problem, folder, ends)}],
            "partialFingerprints": {"provision/v1": fingerprint},
            "suppressions": [] if problem.ignored is None else [_suppression(problem.ignored)],
        }
        for problem, fingerprint in _fingerprinted([*validation.in_files, *dict.fromkeys(validation.ignored)])
    ]
    described: list[Json] = [
        {
            "id": rule.id,
            "shortDescription": {"text": first_sentence(texts[rule.id]) + "."},
            "fullDescription": {"text": f"{texts[rule.id].finds} {texts[rule.id].why}".replace("`", "")},
            "help": {"text": rule_text(rule, texts[rule.id]), "markdown": rule_markdown(rule, texts[rule.id])},
            "defaultConfiguration": {"level": rule.severity.value},
            "properties": {"problem.severity": rule.severity.value, "precision": "high"},
        }
        for rule in rules
    ]
    run: dict[str, Json] = {
        "tool": {"driver": {"name": "provision", "version": __version__, "rules": described}},
        "automationDetails": {"id": "provision/"},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _suppression(reason: str) -> Json:
    return {"kind": "inSource", **({"justification": _unlinked(reason)} if reason else {})}


def _unlinked(text: str) -> str:
    """A message in which nothing is a link (SARIF, section 3.11.6: ``[text](target)``; an address as it is)."""
    return unlinked(re.sub(r"[\\\[\]]", r"\\\g<0>", text) if "](" in text else text)


def _place(problem: Problem, folder: str, ends: Ends) -> Json:
    region: dict[str, Json] = {"startLine": problem.line, "startColumn": problem.column}
    if end := ends(problem.path).get(Mark(problem.line, problem.column)):
        region |= {"endLine": end.line, "endColumn": end.column}
    path = PurePosixPath(normpath(PurePosixPath(folder, problem.path)))
    uri = quote(str(path.relative_to(folder))) if path.is_relative_to(folder) else path.as_uri()
    return {"artifactLocation": {"uri": uri}, "region": region}


def as_code_quality(validation: Validation) -> str:
    """One array with an object per problem of a file, as GitLab's documentation of Code Quality reports asks for it.

    Problems of live documents are left out: a merge request cannot show them at a line.
    """
    issues = [
        {
            "description": plain_markdown(problem.message),
            "check_name": problem.rule,
            "fingerprint": fingerprint,
            "severity": "major" if problem.severity is Severity.ERROR else "minor",
            "location": {"path": problem.path, "lines": {"begin": problem.line}},
        }
        for problem, fingerprint in _fingerprinted(validation.in_files)
    ]
    return json.dumps(issues, indent=2, ensure_ascii=False)
