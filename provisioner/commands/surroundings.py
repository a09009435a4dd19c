"""The port to what planning needs from outside."""

from collections.abc import Sequence
from typing import Protocol

from provisioner.core.definitions.definition import Source
from provisioner.core.definitions.variables import Lookup
from provisioner.core.plan.store import Store
from provisioner.core.targets.credentials import Credentials
from provisioner.core.targets.target import Place, Target


class Surroundings(Protocol):
    """What planning needs from outside. Its methods raise `ProvisionError`."""

    def sources(self) -> Sequence[Source]:
        """Read the files of the catalogue."""

    def lookup(self, target: Target) -> Lookup:
        """The values of variables for a target."""

    def credentials(self, target: Target, ids: Sequence[str]) -> Sequence[Credentials]:
        """What each credential source of a target knows of some account types."""

    def unknown_variables(self, target: Target, ids: Sequence[str]) -> Sequence[str]:
        """What is strange about environment variables for credentials; `ids` are those of all account types."""

    def exposed(self, target: Target) -> Sequence[str]:
        """What is wrong with how the credential sources of a target are kept."""

    def store(self, target: Target) -> Store:
        """The database of a target."""

    def place(self, target: Target) -> Place:
        """Where the documents of a target are."""
