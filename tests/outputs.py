"""Reads what the commands write as JSON."""

import json
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

SCHEMAS = Path(__file__).parents[1] / "schemas/output"
SAME = {"undo": "apply"}
"""Commands that print what another one prints."""

SPECIAL = {"--dry-run": "diff", "--list": "undo-list"}
"""Options with which a command prints something else."""


def by_target(out: str) -> dict[str | None, Any]:
    """What a command says of each target, by the target's name."""
    return {row["target"]: row for row in json.loads(out)["targets"]}


def check_output(command: str = "", *options: str, out: str) -> None:
    """The JSON of a command is as its published schema says, in whichever test it is printed."""
    special = next((name for option, name in SPECIAL.items() if option in options), None)
    command = special or SAME.get(command, command)
    formats = [value for name, value in pairwise(options) if name == "--format"]
    if formats[-1:] == ["json"] and (SCHEMAS / f"{command}.schema.json").exists():
        events = command == "drift" and not {"--follow", "--state"}.isdisjoint(options)
        for text in out.splitlines() if events else [out]:  # one object a line
            _validator("drift-event" if events else command).validate(json.loads(text))


@cache
def _validator(command: str) -> Draft7Validator:
    return Draft7Validator(json.loads((SCHEMAS / f"{command}.schema.json").read_text(encoding="utf-8")))


def only(out: str) -> Any:
    """What a command says of its only target."""
    (row,) = json.loads(out)["targets"]
    return row
