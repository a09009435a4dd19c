"""Which targets the user chose: by a URL, by their names in ``provision.yaml``, or by the stack's own file."""

from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from provisioner.core.definitions.node import to_json
from provisioner.core.definitions.variables import Expansion, Lookup
from provisioner.core.errors import InvalidFile, UsageError
from provisioner.core.targets.target import ADVICE, Config, Target, check_database_name, empty_values, target_of
from provisioner.core.text import did_you_mean, listed

_FOR_DEFINITIONS = ("vars", "contexts", "rules")
"""The keys of a target that say how definitions become its documents."""


class Choice(Struct, frozen=True):
    """What the user gave: a URL, names of targets or all of them, or (`stack`) a reader of a cozy-stack's file.

    `database` takes the place of the database of each.
    """

    couch: str | None = None
    names: Sequence[str] = ()
    all_targets: bool = False
    stack: Callable[[], Target] | None = None
    database: str | None = None


def chosen_targets(choice: Choice, config: Config, lookup: Lookup) -> list[Target]:
    """The targets that are meant; none named: the default server. Raises `UsageError` or `InvalidFile`."""
    ways = (choice.couch is not None, bool(choice.names) or choice.all_targets, choice.stack is not None)
    if sum(ways) > 1:
        raise UsageError("--couch, --target and --cozy-config each select a server", "pass only one of them")
    if choice.stack is not None:
        found = [choice.stack()]
    elif choice.names or choice.all_targets:
        found = [named_target(name, config, lookup) for name in names_of(choice, config)]
    else:
        found = [Target(couch=choice.couch)]
    return found


def named_target(name: str, config: Config, lookup: Lookup) -> Target:
    """A target of the configuration. Raises `InvalidFile` if a variable in it has no value; `UsageError`."""
    target, faults = target_of(name, config, lookup)
    faults = faults or [*empty_values(config.targets[name], lookup)]
    if faults:
        raise InvalidFile(tuple(fault.in_file(config.path or "") for fault in faults), target=name)
    for database in (target.database, *target.databases.values()):
        check_database_name(database)
    return target


def target_to_check(name: str, config: Config, lookup: Lookup) -> Target:
    """A target as far as the check of definitions needs it, which asks for no variable of its server or its sources.

    Raises `UsageError` for an unknown name, and `InvalidFile` if a variable has no value.
    """
    (known,) = names_of(Choice(names=[name]), config)
    node = config.targets[known]
    kept = tuple(entry for entry in node.entries if entry.key in _FOR_DEFINITIONS)
    return named_target(known, replace(config, targets={known: replace(node, entries=kept)}), lookup)


def webhook_of(config: Config, lookup: Lookup) -> str | None:
    """The address to which changes are posted. Raises `InvalidFile` if a variable in it has no value."""
    if config.webhook is None:
        return None
    expansion = Expansion(lookup, ADVICE)
    value = to_json(expansion.node(config.webhook))
    if expansion.faults:
        raise InvalidFile(tuple(fault.in_file(config.path or "") for fault in expansion.faults))
    return str(value)


def names_of(choice: Choice, config: Config) -> list[str]:
    """The names of the targets that are meant. Raises `UsageError` if one is unknown."""
    if not config.targets:
        raise UsageError("there is no provision.yaml with targets here", "write one, or pass it with --config")
    for name in choice.names:
        if name not in config.targets:
            hint = did_you_mean(name, config.targets) or f" ({config.path} has: {listed(config.targets)})"
            raise UsageError(f"unknown target {name}{hint}", "choose one with --target")
    return [*config.targets] if choice.all_targets else [*dict.fromkeys(choice.names)]
