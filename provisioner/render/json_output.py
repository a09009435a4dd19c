"""The JSON that every command writes: ``{"version": 1, …, "errors": […]}``."""

import json
from collections.abc import Mapping, Sequence

from provisioner.core.errors import InvalidCatalogue, InvalidFile, ProvisionError
from provisioner.core.secret import Json
from provisioner.render.problems import problem_values

VERSION = 1
"""The version of the form; it grows when a key changes its meaning or goes away."""


def as_json(content: Mapping[str, object], errors: Sequence[ProvisionError] = ()) -> str:
    """The content of a command's result, with the errors that stopped the run."""
    whole = {"version": VERSION, **content, "errors": [error_values(error) for error in errors]}
    return json.dumps(whole, indent=2, ensure_ascii=False)


def error_values(error: ProvisionError) -> dict[str, Json]:
    """An error as JSON: ``what``, ``next``, and the ``problems`` in files."""
    if isinstance(error, InvalidCatalogue):
        problems = error.validation.problems
    else:
        problems = error.problems if isinstance(error, InvalidFile) else ()
    return {"what": error.what, "next": error.next or None, "problems": [problem_values(each) for each in problems]}
