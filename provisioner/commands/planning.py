"""From a catalogue, or from a backup, and a target to a plan: what ``diff`` shows, and ``apply`` and ``undo`` make."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from provisioner.commands import validate
from provisioner.core.definitions.definition import Definition, Source, Validation
from provisioner.core.definitions.domains import Domains
from provisioner.core.definitions.kinds import Kind
from provisioner.core.definitions.problem import Problem, Severity
from provisioner.core.definitions.schema_check import Check
from provisioner.core.definitions.variables import Lookup
from provisioner.core.errors import InvalidCatalogue, ProvisionError, SafetyLimit, UsageError
from provisioner.core.plan.changes import Action, Change, Plan
from provisioner.core.plan.live_document import LIFETIME_NOTE, ends_of, live_definition
from provisioner.core.plan.planning import PlanOptions, kept_credentials, plan_apply, with_only_copies
from provisioner.core.plan.store import Snapshot, Store
from provisioner.core.rules import OF_VALUES, DefinitionView
from provisioner.core.rules.checking import check_together, not_ignored, with_policy
from provisioner.core.targets.filling import (
    Asked,
    Credentials,
    credential_warnings,
    fill,
    unknown_variables,
    where_to_put,
)
from provisioner.core.targets.target import (
    CredentialSource,
    DirectorySource,
    EnvironmentSource,
    Incomplete,
    Place,
    Target,
    source_name,
)
from provisioner.core.text import counted, listed

if TYPE_CHECKING:  # each is for another command
    from provisioner.core.plan.backup import FormerState
    from provisioner.core.plan.live import Expected, OverviewRow

Refused: TypeAlias = Mapping[str, str]
"""The account types that fail because something gives them what is no credential, by id, with the reason."""


class Inputs(NamedTuple):
    """What planning reads from outside; each of its functions raises `ProvisionError`.

    `sources` are the files of the catalogue, `credentials` what each source of a target knows of some account types,
    `exposed` what is wrong with how such a source is kept. `environment` are the names of environment variables,
    `others` what the definitions of other kinds ask for.
    """

    sources: Callable[[], Sequence[Source]]
    lookup: Callable[[Target], Lookup]
    credentials: Callable[[Target, Asked], Sequence[Credentials]]
    exposed: Callable[[CredentialSource], Iterable[str]]
    store: Callable[[Target], Store]
    place: Callable[[Target], Place]
    environment: Collection[str]
    others: Callable[[Kind], Asked]


class Planned(NamedTuple):
    """A target with everything that applying to it needs."""

    target: Target
    place: Place
    owner: str | None
    store: Store
    snapshot: Snapshot
    plan: Plan
    definitions: Sequence[Definition] = ()
    whole: bool = False
    warnings: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


class Planning(Struct, frozen=True):
    """Makes the plans of several targets from one catalogue. `today`: from where the expiry of secrets is counted."""

    inputs: Inputs
    options: PlanOptions
    check: Callable[[Kind], Check]
    domains: Domains
    today: date

    def planner(self, target: Target) -> Callable[[], Planned]:
        """What reads the live documents of a target, and plans. Raises `ProvisionError`.

        The definitions are checked and its credentials are read at once, before any request.
        """
        validation, refused = self._validate(target, need_values=True)
        warnings = [text for source in target.credentials for text in self.inputs.exposed(source)]
        if warnings and self.options.strict:
            raise ProvisionError(warnings[0], "fix it, or run without --strict", warnings[1:])
        contents = self.inputs.credentials(target, _asked(validation.definitions))
        warnings += self._doubts(target, validation.definitions, contents)
        stated = frozenset(validation.problems)
        filled = self._ruled(validate.filled(validation, contents, self.inputs.sources(), self.domains), target)
        validation, refused = _refusing(filled, lambda each: each not in stated, refused)
        if validation.errors:
            raise InvalidCatalogue(validation)
        definitions, problems = validation.definitions, validation.problems

        def known(removes: Sequence[Change]) -> Sequence[Credentials]:  # also to sources that are asked for single ids
            by_id = tuple(each for each in target.credentials if isinstance(each, DirectorySource | EnvironmentSource))
            return [*contents, *self.inputs.credentials(replace(target, credentials=by_id), asked_of_live(removes))]

        def read_and_plan() -> Planned:
            options, store = self.options, self.inputs.store(target)
            snapshot = store.survey(None if options.whole else [definition.id for definition in definitions])
            plan, defined = plan_apply(definitions, snapshot, options, target, refused, store.half_deleted, known)
            plan, remarks = self._completed(plan, target)
            remarks += self._ending(defined, contents, plan, snapshot)
            remarks += kept_credentials(plan)
            staying = plan.of(Action.CHANGE, Action.UNCHANGED)
            if unusable := [each.id for each in staying if each.missing or each.kind.unusable(each.after)]:
                number = counted(len(unusable), f"live {target.kind.noun}")
                remarks.append(f"{number} cannot work, because they lack credentials: {listed(unusable)}")
            if plan.removes and target.instances:
                what = f"couchdb.clusters also has instances on {listed(target.instances)}"
                remarks.append(f"{what}: list --accounts counts there how many accounts a removal reaches")
            if options.neighbours:
                plan = _with_deletions(plan, store, options.owner)
            beside = self._neighbours(plan, defined, store, snapshot) if options.neighbours else ()
            place, said = self.inputs.place(target), (*warnings, *remarks)
            return Planned(
                target, place, options.owner, store, snapshot, plan, defined, options.whole, said, problems + beside
            )

        return read_and_plan

    @property
    def named_owner(self) -> str:
        """Whose drift it is. Raises `UsageError` if nobody is named."""
        if self.options.owner is None:
            what = "drift needs an owner, to tell your changes from other people's"
            raise UsageError(what, "set owner: in provision.yaml, or pass --owner NAME")
        return self.options.owner

    def expected(self, target: Target, ignore: Sequence[str]) -> "Expected":
        """What the owner expects of the live documents; neither variables nor credentials need values.

        Raises `ProvisionError` without an owner, or for definitions with errors.
        """
        from provisioner.core.plan.live import Expected

        owner = self.named_owner
        definitions = self._validate(target, need_values=False)[0].definitions
        lifetimes = {definition.id: definition.note(LIFETIME_NOTE) for definition in definitions}
        return Expected(owner, lifetimes, target.takes, ignore, target.kind.noun)

    def overview(self, target: Target) -> "list[OverviewRow]":
        """The catalogue and the live documents of a target side by side; variables need no values."""
        from provisioner.core.plan.live import overview

        stated = self._validate(target, need_values=False)[0].definitions
        contents = self.inputs.credentials(target, _asked(stated))
        definitions = tuple(fill(definition, contents) for definition in stated)
        snapshot = self.inputs.store(target).read_all()
        rows = overview(definitions, snapshot, self.options.owner)
        notes = {each.id: each.note(LIFETIME_NOTE) for each in definitions}
        ends = ends_of([row.id for row in rows], contents, snapshot.documents.values(), notes, self.today)
        by_id = {end.id: end for end in ends}
        return [replace(row, expiry=by_id.get(row.id)) for row in rows]

    def _completed(self, plan: Plan, target: Target) -> tuple[Plan, list[str]]:
        """The plan after the policy on new account types without credentials, and a warning about them."""
        incomplete = plan.incomplete
        if not incomplete:
            return plan, []
        advice = {id: where_to_put(id, names, target.credentials) for id, names in incomplete.items()}
        new = {each.id: each.asked for each in plan.of(Action.CREATE) if each.id in advice}
        strange = [] if self.options.whole else [*self._unknown_variables(target, new)]
        by_field: dict[str, list[str]] = {}
        for id, names in incomplete.items():
            for name in names:
                by_field.setdefault(name, []).append(id)
        lacking = "; ".join(f"no {name} yet: {listed(ids)}" for name, ids in by_field.items())
        match self.options.incomplete or target.incomplete:
            case Incomplete.ERROR:
                first = next(iter(advice.values()))
                raise ProvisionError(lacking, f"set their credentials ({first}), or choose --incomplete warn or skip")
            case Incomplete.SKIP:
                changes = tuple(change for change in plan.changes if change.id not in advice)
                return replace(plan, changes=changes, skipped=dict(sorted(advice.items()))), strange
            case Incomplete.WARN:
                return plan, [lacking, *strange]

    def _neighbours(
        self, plan: Plan, definitions: Iterable[Definition], store: Store, snapshot: Snapshot
    ) -> tuple[Problem, ...]:
        """Warnings of what only both together break, such as a definition and an unmanaged document for one slug.

        All live documents are read if they were not, and a slug is given. Raises `ProvisionError`.
        """
        after = {change.id: change.after for change in plan.changes if change.action is not Action.REMOVE}
        if not plan.ready or not any("slug" in document for document in after.values()):
            return ()
        defined = [replace(each, document=after[each.id]) for each in definitions if each.id in after]
        every = snapshot if self.options.whole else store.read_all()
        others = [live_definition(live) for live in every.documents.values() if live.id not in after]
        planned = [DefinitionView.of(each, self.domains) for each in defined]
        beside = [DefinitionView.of(each, self.domains, live=True) for each in others]
        if not beside:
            return ()
        known = {*check_together(planned, whole=True), *check_together(beside, whole=True)}
        found = [problem for problem in check_together([*beside, *planned], whole=True) if problem not in known]
        shown = not_ignored(found, self.inputs.sources())
        problems = tuple(sorted(replace(problem, severity=Severity.WARNING) for problem in shown))
        if problems and self.options.strict:
            first, *more = (f"{problem.path}: {problem.message} [{problem.rule}]" for problem in problems)
            raise ProvisionError(first, "fix it, or run without --strict", more)
        return problems

    def _validate(self, target: Target, *, need_values: bool) -> tuple[Validation, Refused]:
        """The definitions without errors, and those of them for which a variable gives what is no credential."""
        lookup, sources = self.inputs.lookup(target), self.inputs.sources()
        own = [source for source in sources if source.kind is target.kind]
        validation = validate.run(
            [source for source in own if target.takes(validate.id_of(source, lookup))],
            self.check(target.kind),
            lookup,
            need_values=need_values,
            domains=self.domains,
            given=self.options.given if target.kind.states_fields else (),
            whole=self.options.whole and target.contexts is None,
        )
        validation = self._ruled(validation, target)
        of_values = {each.path for each in validation.problems if each.rule in OF_VALUES}
        given = {(each.path, mark) for each in sources if each.path in of_values for mark in validate.marks_of(each)}
        validation, refused = _refusing(
            validation, lambda each: each.rule in OF_VALUES and (each.path, each.mark) in given, {}
        )
        if validation.errors:
            raise InvalidCatalogue(validation, target.name)
        return validation, {id: f"{why} (from a variable)" for id, why in refused.items()}

    def _ruled(self, validation: Validation, target: Target) -> Validation:
        """A validation with the severities that the user wants."""
        validation = with_policy(validation, {**self.options.rules, **target.rules})
        return validation.strict() if self.options.strict else validation

    def _doubts(
        self, target: Target, definitions: Sequence[Definition], contents: Sequence[Credentials]
    ) -> Iterator[str]:
        """What is strange about the credentials; the ids in them are only compared with a whole catalogue."""
        sources = self.inputs.sources()
        known = {*(definition.id for definition in definitions), *(source.document_id for source in sources)}
        ids = known if self.options.whole else known.union(*contents)
        asked = {each.id: {*each.asked, *each.kind.facts} for each in definitions}
        if any(each.keys() - ids or any(each.get(id, {}).keys() - asked[id] for id in asked) for each in contents):
            others = self.inputs.others(target.kind)
            ids = ids | others.keys()
            foreign = {id: {*others.get(id, ())} - own for id, own in asked.items()}
            contents = [
                {id: {name: row[name] for name in row if name not in foreign.get(id, ())} for id, row in each.items()}
                for each in contents
            ]
        found = [*zip(map(source_name, target.credentials), contents, strict=True)]
        yield from credential_warnings(definitions, found, ids, target.kind.noun)
        if self.options.whole:
            own = {each.document_id: each.kind.asked(each.fields) for each in sources if each.kind is target.kind}
            yield from self._unknown_variables(target, {**own, **_asked(definitions)})

    def _unknown_variables(self, target: Target, asked: Asked) -> Iterator[str]:
        """What is strange about environment variables for credentials of some account types."""
        for source in target.credentials:
            if isinstance(source, EnvironmentSource):
                names, whole = self.inputs.environment, self.options.whole
                yield from unknown_variables(source.prefix, asked, names, target.kind, whole=whole)

    def _ending(
        self, definitions: Sequence[Definition], contents: Sequence[Credentials], plan: Plan, snapshot: Snapshot
    ) -> Iterator[str]:
        """The client secrets that expire soon; one that the plan replaces is as old as the plan."""
        replaced = {each.id for each in plan.writes if any(field.name == "client_secret" for field in each.fields)}
        notes = {each.id: each.note(LIFETIME_NOTE) for each in definitions if each.id not in replaced}
        ids = [definition.id for definition in definitions]
        ends = ends_of(ids, contents, snapshot.documents.values(), notes, self.today)
        yield from (f"{expiry.id}: {expiry}" for expiry in ends if expiry.near)


def _refusing(
    validation: Validation, is_of_value: Callable[[Problem], bool], refused: Refused
) -> tuple[Validation, Refused]:
    """A validation without errors of values that no file holds: each refuses its account type, and stops no other."""
    found = [each for each in validation.problems if each.severity is Severity.ERROR and is_of_value(each)]
    ids = {definition.path: definition.id for definition in validation.definitions}
    refused = {**refused}
    for each in found:
        id = ids[each.path]
        refused[id] = f"{refused[id]}; {each.message}" if id in refused else each.message
    return replace(validation, problems=tuple(each for each in validation.problems if each not in found)), refused


def _with_deletions(plan: Plan, store: Store, owner: str | None) -> Plan:
    """The plan; it says of a new account type if someone deleted it since this owner's last write."""
    new = [change.id for change in plan.of(Action.CREATE)]
    if owner is None or not new or not plan.ready:
        return plan
    found = {id: each.before for id, each in store.deleted(new).items() if not each.is_signed_by(owner)}
    since = {id: own.at for id, own in found.items() if own is not None and own.owner == owner}
    changes = (replace(each, deleted_since=since[each.id]) if each.id in since else each for each in plan.changes)
    return replace(plan, changes=tuple(changes))


def _asked(definitions: Iterable[Definition]) -> Asked:
    return {definition.id: definition.asked for definition in definitions}


def asked_of_live(changes: Iterable[Change]) -> Asked:
    """The credentials that live documents have, to be asked for."""
    return {change.id: change.credentials for change in changes}


def plan_undo(
    former: "FormerState", target: Target, place: Place, store: Store, credentials: validate.ReadCredentials
) -> Planned:
    """Read what is live, and plan the way back. Raises `ProvisionError`."""
    run = former.backup.run
    if run.place != str(place):
        what = f"this is a backup of {run.place}, and not of {place}"
        raise SafetyLimit(what, "pass the target that it belongs to")
    snapshot = store.survey([*former.backup.entries])
    documents = snapshot.existing().documents
    found = [*former.changes(documents, store.deleted([id for id in former.backup.entries if id not in documents]))]
    warnings = [note for _, note in found if note]
    plan = Plan(tuple(change for change, _ in found if change), ready=snapshot.ready, kind=target.kind)
    if plan.removes and not (target.backup and target.backup.recipients):
        plan = with_only_copies(plan, credentials(asked_of_live(plan.removes)))
        why = "the backup of this undo is made without recipients, and keeps no secrets"
        losing = {each.id: listed(each.only_copy) for each in plan.removes if each.only_copy}
        warnings += [f"{id} is skipped: it has the only copy of {names}, and {why}" for id, names in losing.items()]
        plan = replace(plan, changes=tuple(each for each in plan.changes if each.id not in losing))
    return Planned(target, place, run.owner, store, snapshot, plan, warnings=tuple(warnings))
