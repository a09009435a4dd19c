"""Definitions with their credentials, for commands that work on account types that need not be live."""

from collections.abc import Callable, Sequence

from provisioner.commands import validate
from provisioner.core.definitions.definition import Definition, Source, Validation
from provisioner.core.definitions.domains import Domains
from provisioner.core.definitions.problem import Severity
from provisioner.core.definitions.schema_check import Check
from provisioner.core.definitions.variables import PREFIX, Lookup
from provisioner.core.errors import InvalidFile, ProvisionError
from provisioner.core.targets.credentials import Credentials, fill
from provisioner.core.text import listed, nearest

ReadCredentials = Callable[[Sequence[str]], Sequence[Credentials]]
"""What each credential source knows of some account types."""


def filled(
    sources: Sequence[Source], check: Check, domains: Domains, lookup: Lookup, credentials: ReadCredentials
) -> tuple[Definition, ...]:
    """The definitions in some files, with their credentials. Raises `InvalidFile` if one has errors."""
    validation = validate.run(sources, check, lookup, need_values=False, domains=domains)
    _stop_at_errors(validation)
    contents = credentials([definition.id for definition in validation.definitions])
    definitions = tuple(fill(definition, contents) for definition in validation.definitions)
    _stop_at_errors(validate.filled(validation, definitions, sources, domains))
    return definitions


def of_id(id: str, sources: Sequence[Source]) -> list[Source]:
    """The files that define an account type. Raises `ProvisionError` if there is none."""
    found = [source for source in sources if source.id == id]
    if not found:
        what = f"the catalogue has no definition of {id}{nearest(id, [source.id for source in sources])}"
        raise ProvisionError(what, "see provision catalogue; or take it from a database, with --couch")
    return found


def with_values(definition: Definition) -> Definition:
    """The same definition. Raises `ProvisionError` if a variable has no value where a login needs one."""
    if unknown := [name for name in definition.unknown if name != "redirect_uri"]:
        what = f"{definition.path} has variables without a value: in {listed(unknown)}"
        raise ProvisionError(what, f"give them with --set name=value, or as {PREFIX}name in the environment")
    return definition


def _stop_at_errors(validation: Validation) -> None:
    errors = tuple(problem for problem in validation.problems if problem.severity is Severity.ERROR)
    if errors:
        raise InvalidFile(errors)
