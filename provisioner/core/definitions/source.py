"""A file of the catalogue as it was read, whether or not it could be."""

from dataclasses import dataclass

from provisioner.core.definitions.ignores import Ignore
from provisioner.core.definitions.node import MappingNode
from provisioner.core.definitions.problem import Problem


@dataclass(frozen=True, slots=True)
class Source:
    """One file: its path as the user named it, the id that the path gives, its nodes, problems and ignores."""

    path: str
    id: str
    node: MappingNode | None
    problems: tuple[Problem, ...] = ()
    ignores: tuple[Ignore, ...] = ()
