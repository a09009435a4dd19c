"""The problems of a catalogue for code scanning: SARIF 2.1.0 for GitHub, and the Code Quality report of GitLab."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import PurePosixPath
from posixpath import normpath
from typing import TypeAlias
from urllib.parse import quote

from provisioner import __version__
from provisioner.core.definitions.definition import Validation
from provisioner.core.definitions.node import Mark
from provisioner.core.definitions.problem import Problem, Severity
from provisioner.core.rules.rule import Rule, RuleText
from provisioner.core.secret import Json
from provisioner.render.layout import plain_markdown, unlinked
from provisioner.render.problems import Texts, first_sentence, rule_markdown, rule_text

_LINE = re.compile(r"\bline \d+")


def fingerprinted(problems: Sequence[Problem]) -> Iterator[tuple[Problem, str]]:
    """Each problem with a digest that stays the same if its line moves, and that no other problem has.

    Numbers of lines in messages do not count. Equal problems of one file are counted from the top, so only their
    number tells them apart.
    """
    seen: Counter[tuple[str, str, str]] = Counter()
    for problem in problems:
        what = (problem.path, problem.rule, _LINE.sub("", problem.message))
        seen[what] += 1
        yield problem, sha256(json.dumps([*what, seen[what]]).encode()).hexdigest()[:32]


_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning"}

Ends: TypeAlias = Callable[[str], Mapping[Mark, Mark]]
"""Where the keys and values of the file at a path end, by where they begin; the end is behind the last character."""


def as_sarif(validation: Validation, rules: Sequence[Rule], texts: Texts, folder: str, ends: Ends) -> str:
    """One run with all `rules`, and a result per problem of a file, also if a comment ignores it.

    URIs are relative to `folder`. Problems of live documents and of options are left out: GitHub refuses a report that
    has a result outside a file.
    """
    index = {rule.id: number for number, rule in enumerate(rules)}
    results: list[Json] = [
        _result(problem, fingerprint, index[problem.rule], _place(problem, folder, ends))
        for problem, fingerprint in fingerprinted([*validation.in_files, *dict.fromkeys(validation.ignored)])
    ]
    described: list[Json] = [_rule(rule, texts[rule.id]) for rule in rules]
    run: dict[str, Json] = {
        "tool": {"driver": {"name": "provision", "version": __version__, "rules": described}},
        "automationDetails": {"id": "provision/"},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _rule(rule: Rule, text: RuleText) -> Json:
    return {
        "id": rule.id,
        "shortDescription": {"text": first_sentence(text) + "."},
        "fullDescription": {"text": f"{text.finds} {text.why}".replace("`", "")},
        "help": {"text": rule_text(rule, text), "markdown": rule_markdown(rule, text)},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"problem.severity": _LEVELS[rule.severity], "precision": "high"},
    }


def _result(problem: Problem, fingerprint: str, rule_index: int, place: Json) -> Json:
    suppression: dict[str, Json] = {"kind": "inSource"}
    if problem.ignored:
        suppression["justification"] = _unlinked(problem.ignored)
    return {
        "ruleId": problem.rule,
        "ruleIndex": rule_index,
        "level": _LEVELS[problem.severity],
        "message": {"text": _unlinked(problem.message)},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"provision/v1": fingerprint},
        "suppressions": [] if problem.ignored is None else [suppression],
    }


def _unlinked(text: str) -> str:
    """A message in which nothing is a link (SARIF, section 3.11.6: ``[text](target)``; an address as it is)."""
    return unlinked(re.sub(r"[\\\[\]]", r"\\\g<0>", text) if "](" in text else text)


def _place(problem: Problem, folder: str, ends: Ends) -> Json:
    region: dict[str, Json] = {"startLine": problem.line, "startColumn": problem.column}
    end = ends(problem.path).get(Mark(problem.line, problem.column))
    if end is not None:
        region |= {"endLine": end.line, "endColumn": end.column}
    return {"artifactLocation": {"uri": _uri(problem.path, folder)}, "region": region}


def _uri(path: str, folder: str) -> str:
    whole = PurePosixPath(normpath(PurePosixPath(folder, path)))
    return quote(str(whole.relative_to(folder))) if whole.is_relative_to(folder) else whole.as_uri()


_SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor"}


def as_code_quality(validation: Validation) -> str:
    """One array with an object per problem of a file, as GitLab's documentation of Code Quality reports asks for it.

    Problems of live documents are left out: a merge request cannot show them at a line.
    """
    return json.dumps([_row(*each) for each in fingerprinted(validation.in_files)], indent=2, ensure_ascii=False)


def _row(problem: Problem, fingerprint: str) -> dict[str, Json]:
    return {
        "description": plain_markdown(problem.message),
        "check_name": problem.rule,
        "fingerprint": fingerprint,
        "severity": _SEVERITIES[problem.severity],
        "location": {"path": problem.path, "lines": {"begin": problem.line}},
    }
