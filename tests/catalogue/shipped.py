"""The shipped account types, as the tests read them."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.catalogue.known_endpoints import Endpoints

FOLDER = Path(__file__).parents[2] / "account_types"
IDS = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@dataclass(frozen=True)
class Shipped:
    path: Path
    definition: dict[str, Any]

    @classmethod
    @cache
    def of(cls, id: str) -> "Shipped":
        path = FOLDER / f"{id}.yaml"
        return cls(path, yaml.safe_load(path.read_text(encoding="utf-8")))

    @property
    def notes(self) -> str:
        notes: str = self.definition.get("x-notes", "")
        return notes

    @property
    def differences(self) -> str:
        """Which sources state other endpoints, or none."""
        differences: str = self.definition["x-verified"].get("differences", "")
        return differences

    @property
    def stated_sources(self) -> list[str]:
        sources: list[str] = self.definition["x-verified"]["sources"]
        return sources

    @property
    def endpoints(self) -> Endpoints:
        return Endpoints.of(self.definition["auth_endpoint"], self.definition["token_endpoint"])

    @property
    def variables(self) -> dict[str, str]:
        """Each variable with what follows its name: a default, a message, or nothing."""
        return dict(re.findall(r"\$\{(\w+)([^}]*)\}", self.path.read_text(encoding="utf-8")))
