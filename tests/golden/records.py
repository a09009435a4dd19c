"""Reads what a running cozy-stack was seen to do; `README.md` says how that was recorded."""

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


@cache
def records(name: str) -> list[dict[str, Any]]:
    """The records of one file, by its name without the endings. Nobody may change them."""
    found: list[dict[str, Any]] = json.loads(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()))
    return found
