"""Checks the files of a catalogue.

Commands that need single definitions get them here, too: checked, with their credentials.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from msgspec.structs import replace

from provisioner.core.definitions.account_type import SECRET_FIELDS
from provisioner.core.definitions.content import Content, at, walk
from provisioner.core.definitions.definition import Definition, Source, Validation, stated_id
from provisioner.core.definitions.domains import Domains
from provisioner.core.definitions.problem import START, Mark, Problem, Severity
from provisioner.core.definitions.schema_check import Check
from provisioner.core.definitions.variables import PREFIX, Expansion, Lookup
from provisioner.core.errors import InvalidFile, ProvisionError
from provisioner.core.rules.checking import check_filled, checked, not_ignored
from provisioner.core.secret import Json, is_secret
from provisioner.core.targets.filling import Asked, Credentials, fill
from provisioner.core.text import did_you_mean, listed


def run(
    sources: Collection[Source],
    check: Check,
    lookup: Lookup,
    *,
    need_values: bool,
    domains: Domains,
    given: Collection[str] = (),
    whole: bool = False,
) -> Validation:
    """Check all sources. A variable without a value is a problem only where values are needed.

    `given` are the variables that the user gave, and wants to be used. `whole`: the sources are all there are.
    """
    definitions: list[Definition] = []
    problems: list[Problem] = []
    first: dict[str, str] = {}
    used: set[str] = set()
    for source in sources:
        problems += source.problems
        if source.content is None:
            continue
        expansion = Expansion(lookup)
        content = expansion.definition(source.content)
        used |= expansion.used
        faults = [content.problem(*fault) for fault in (expansion.faults if need_values else expansion.malformed)]
        faults += [*check(content), *_secrets_in_source(source.content)]
        if source.id.startswith("_") and "_id" not in content.values:
            what = f"the id {source.id} starts with _, which CouchDB keeps for itself"
            faults.append(content.problem((), what, "bad-id"))
        id = stated_id(content, source.id)
        if id in first:
            faults.append(content.problem(("_id",), f"the id {id} is already defined in {first[id]}", "same-id"))
        first.setdefault(id, source.path)
        problems += (fault.in_file(source.path) for fault in faults)
        definitions.append(Definition.of(id, source.path, content, source.kind))
    readable = len(definitions) == len(sources)
    for name in given if readable else ():
        if name not in used:
            message = f"no definition uses the variable {name}{did_you_mean(name, used)}"
            problems.append(Problem(START, message, "unused-variable", Severity.WARNING, path="--set"))
    problems, ignored = checked(problems, definitions, sources, domains, whole=whole and readable)
    ordered = sorted(definitions, key=lambda definition: definition.id)
    return Validation(len(sources), tuple(ordered), tuple(sorted(problems)), ignored=tuple(sorted(ignored)))


def filled(
    validation: Validation, contents: Sequence[Credentials], sources: Iterable[Source], domains: Domains
) -> Validation:
    """A validation whose definitions have their credentials, with what is wrong with these."""
    definitions = tuple(fill(each, contents) for each in validation.definitions)
    new = (after for before, after in zip(validation.definitions, definitions, strict=True) if after is not before)
    found = not_ignored(check_filled(new, domains), sources)
    return replace(validation, definitions=definitions, problems=tuple(sorted((*validation.problems, *found))))


def id_of(source: Source, lookup: Lookup) -> str:
    """The id of the account type that a file defines, with the values of its variables."""
    if source.content is None or "_id" not in source.fields:
        return source.id
    return stated_id(Expansion(lookup).definition(source.content), source.id)


def _secrets_in_source(content: Content) -> Iterator[Problem]:
    """A secret that stands in a definition itself, and not in a variable: it ends in git."""
    extras = content.values.get("extras")
    inside = extras if isinstance(extras, dict) else {}
    paths = [(name,) for name in content.values if name in SECRET_FIELDS]
    for path in (*paths, *(("extras", name) for name, value in inside.items() if is_secret(name, value))):
        value = at(content.values, path)
        if value and not _has_variable(value):
            instead = "use a variable" if len(path) > 1 else "use a variable, or a credential source"
            message = f"{'.'.join(path)} is written in the definition: {instead}"
            yield content.problem(path, message, "secret-in-source", Severity.WARNING, key=True)


def marks_of(source: Source) -> Iterator[Mark]:
    """Where in a file values stand that a variable has a part in."""
    if source.content:
        for path, value in walk(source.fields):
            if _has_variable(value):
                yield source.content.place(path).mark


def _has_variable(value: Json) -> bool:
    """Whether a variable stands in a value, however deep."""
    return any(isinstance(each, str) and "${" in each for _, each in walk(value))


ReadCredentials = Callable[[Asked], Sequence[Credentials]]
"""What each credential source knows of some documents."""


def with_credentials(
    sources: Sequence[Source], check: Check, domains: Domains, lookup: Lookup, credentials: ReadCredentials
) -> tuple[Definition, ...]:
    """The definitions in some files, with their credentials. Raises `InvalidFile` if one has errors."""
    validation = run(sources, check, lookup, need_values=False, domains=domains)
    _stop_at_errors(validation)
    contents = credentials({definition.id: definition.asked for definition in validation.definitions})
    validation = filled(validation, contents, sources, domains)
    _stop_at_errors(validation)
    return validation.definitions


def of_id(id: str, sources: Sequence[Source]) -> list[Source]:
    """The files that define an account type. Raises `ProvisionError` if there is none."""
    found = [source for source in sources if source.document_id == id]
    if not found:
        what = f"no definition for {id}{did_you_mean(id, [source.document_id for source in sources])}"
        raise ProvisionError(what, "see provision catalogue, or read it from a database with --couch")
    return found


def with_values(definition: Definition) -> Definition:
    """The same definition. Raises `ProvisionError` if a variable has no value where a login needs one."""
    if unknown := [name for name in definition.unknown if name != "redirect_uri"]:
        what = f"{definition.path} has variables without a value: in {listed(unknown)}"
        raise ProvisionError(what, f"set them with --set name=value, or as {PREFIX}name in the environment")
    return definition


def _stop_at_errors(validation: Validation) -> None:
    errors = tuple(problem for problem in validation.problems if problem.severity is Severity.ERROR)
    if errors:
        raise InvalidFile(errors)
