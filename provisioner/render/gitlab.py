"""The problems of a catalogue as GitLab's Code Quality report."""

import json

from provisioner.core.definitions.definition import Validation
from provisioner.core.definitions.problem import Problem, Severity
from provisioner.core.secret import Json
from provisioner.render.fingerprints import fingerprinted
from provisioner.render.markdown import plain_markdown

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
