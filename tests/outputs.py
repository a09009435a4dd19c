"""Reads what the commands write as JSON."""

import json
from typing import Any


def by_target(out: str) -> dict[str | None, Any]:
    """What a command says of each target, by the target's name."""
    return {row["target"]: row for row in json.loads(out)["targets"]}


def only(out: str) -> Any:
    """What a command says of its only target."""
    (row,) = json.loads(out)["targets"]
    return row
