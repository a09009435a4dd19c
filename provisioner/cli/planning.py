"""From a catalogue and a target to a plan: what ``diff`` shows and ``apply`` makes."""

import os
import secrets
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.adapters.couchdb.address import read_address
from provisioner.adapters.files import shipped
from provisioner.adapters.files.credentials import exposed, read_credentials
from provisioner.adapters.files.definitions import DEFAULT_FOLDER, read_sources
from provisioner.adapters.files.public_suffix import DOMAINS
from provisioner.cli.options import set_values
from provisioner.cli.reach import side_by_side
from provisioner.commands import diff, neighbours, validate
from provisioner.commands import ownership as owning
from provisioner.core.definitions.schema_check import schema_check
from provisioner.core.errors import InvalidCatalogue, NotFound, ProvisionError
from provisioner.core.plan.overview import overview
from provisioner.core.plan.store import Snapshot
from provisioner.core.targets.credentials import fill
from provisioner.core.targets.target import Incomplete, Target
from provisioner.core.text import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provisioner.cli.reach import Reach
    from provisioner.core.definitions.definition import Definition
    from provisioner.core.definitions.problem import Problem
    from provisioner.core.definitions.source import Source
    from provisioner.core.definitions.validation import Validation
    from provisioner.core.plan.changes import Plan
    from provisioner.core.plan.overview import Entry
    from provisioner.core.plan.ownership import Ownership
    from provisioner.core.plan.store import Store
    from provisioner.core.targets.target import Config


@dataclass(frozen=True, slots=True)
class Planned:
    """A target with everything that applying to it needs. `place` names its server and database."""

    target: Target
    place: str
    store: "Store"
    definitions: "tuple[Definition, ...]"
    ownership: "Ownership"
    plan: "Plan"
    whole: bool
    warnings: tuple[str, ...]
    problems: "tuple[Problem, ...]"


@dataclass
class Planning:
    """Makes the plans of several targets from one reading of the catalogue."""

    reach: "Reach"
    config: "Config"
    paths: "Sequence[Path]"
    given: "Mapping[str, str]"
    stack: ExitStack
    strict: bool = False
    incomplete: Incomplete | None = None
    neighbours: bool = False

    @cached_property
    def _sources(self) -> "list[Source]":
        return read_sources(self.paths or [Path(folder) for folder in self.config.catalogue])

    @cached_property
    def _whole(self) -> bool:
        """Whether the paths are the whole catalogue, so that what they lack is gone from it."""
        catalogue = [Path(folder) for folder in self.config.catalogue] or [DEFAULT_FOLDER]
        return not self.paths or {path.resolve() for path in self.paths} == {path.resolve() for path in catalogue}

    @property
    def _any(self) -> bool:
        """Whether a catalogue is named, or lies in the default folder."""
        return bool(self.paths or self.config.catalogue) or DEFAULT_FOLDER.exists()

    def plan(self, target: Target) -> Planned:
        """Check the definitions for a target, read its live documents, and plan. Raises `ProvisionError`."""
        validation = self._validate(target, need_values=True)
        warnings = self._exposed(target)
        definitions = self._filled(target, validation.definitions)
        store = self.stack.enter_context(self.reach.store(target))
        ownership = owning.read(store, self.config.owner, secrets.token_hex(32))
        plan = diff.run(definitions, store, ownership, whole=self._whole)
        policy = self.incomplete or target.incomplete
        if plan.incomplete and policy is Incomplete.ERROR:
            raise ProvisionError(_lacking(plan), "give them credentials, or choose --incomplete warn or skip")
        if plan.incomplete and policy is Incomplete.SKIP:
            plan = plan.without(plan.incomplete)
        elif plan.incomplete:
            warnings.append(_lacking(plan))
        place = f"{read_address(target.couch, os.environ).url} {target.database}"
        problems = validation.problems
        if self.neighbours:
            problems += self._neighbours(plan, definitions, store)
        return Planned(target, place, store, definitions, ownership, plan, self._whole, tuple(warnings), problems)

    def _neighbours(self, plan: "Plan", definitions: "Sequence[Definition]", store: "Store") -> "tuple[Problem, ...]":
        """What is wrong between the definitions and what is only live."""
        problems = neighbours.run(plan, definitions, self._sources, store, DOMAINS)
        if problems and self.strict:
            lines = "\n".join(f"{problem.path}: {problem.message} [{problem.rule}]" for problem in problems)
            raise ProvisionError(lines, "mend it, or leave --strict away")
        return problems

    def overview(self, target: Target) -> "list[Entry]":
        """The catalogue and the live documents of a target side by side; variables need no values."""
        definitions = self._filled(target, self._validate(target, need_values=False).definitions) if self._any else ()
        store = self.stack.enter_context(self.reach.store(target))
        ownership = owning.read(store, self.config.owner, secrets.token_hex(32))
        try:
            snapshot = store.read_all()
        except NotFound:
            snapshot = Snapshot({}, ready=False)
        return overview(definitions, snapshot, ownership)

    def _validate(self, target: Target, *, need_values: bool) -> "Validation":
        values = {**os.environ, **target.variables, **self.given}
        check = schema_check(shipped.schema())
        taken = [source for source in self._sources if target.takes(source.id)]
        validation = validate.run(
            taken,
            check,
            values.get,
            need_values=need_values,
            domains=DOMAINS,
            given=self.given,
            whole=self._whole and target.contexts is None,
        )
        if self.strict:
            validation = validation.strict()
        if validation.errors:
            raise InvalidCatalogue(validation)
        return validation

    def _filled(self, target: Target, definitions: "Sequence[Definition]") -> "tuple[Definition, ...]":
        ids = [definition.id for definition in definitions]
        check = schema_check(shipped.schema("credentials"))
        contents = [read_credentials(source, ids, os.environ, check) for source in target.credentials]
        return tuple(fill(definition, contents) for definition in definitions)

    def _exposed(self, target: Target) -> list[str]:
        warnings = [warning for source in target.credentials for warning in exposed(source)]
        if warnings and self.strict:
            raise ProvisionError("\n".join(warnings), "mend it, or leave --strict away")
        return warnings


def _lacking(plan: "Plan") -> str:
    """The new account types that cannot work yet, by what they lack."""
    by_field: dict[str, list[str]] = {}
    for id, names in plan.incomplete.items():
        for name in names:
            by_field.setdefault(name, []).append(id)
    return "; ".join(f"no {name} yet: {listed(ids)}" for name, ids in by_field.items())


def make_plans(
    reach: "Reach",
    stack: ExitStack,
    paths: "Sequence[Path] | None",
    sets: "Sequence[str] | None",
    *,
    strict: bool,
    incomplete: str | None,
    neighbours: bool = False,
) -> "dict[str, Planned | ProvisionError]":
    """The plan of each target that the options name, or what stopped it, by the target's name.

    `neighbours`: look also at what is live beside the definitions, for one more request.
    """
    config = reach.configuration()
    targets = reach.targets(config)
    policy = None if incomplete is None else Incomplete(incomplete)
    planning = Planning(reach, config, paths or (), set_values(sets), stack, strict, policy, neighbours)
    return dict(zip((target.name or "" for target in targets), side_by_side(planning.plan, targets), strict=True))
