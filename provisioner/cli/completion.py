"""What a shell offers for an argument: targets, ids, rules. Nothing is offered if the files cannot be read."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from provisioner.core.errors import ProvisionError
from provisioner.core.targets.target import Config


def _offer(known: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """A callback of Typer's: the known words that begin as the one that is being typed."""

    def offer(incomplete: str) -> list[str]:
        with suppress(ProvisionError, OSError):
            return sorted(word for word in known() if word.startswith(incomplete))
        return []

    return offer


def _ids() -> Iterable[str]:
    from provisioner.adapters.files.definitions import catalogue_of  # imported only while somebody completes

    return (source.account_type for source in catalogue_of(_configuration(), None).read())


def _rules() -> Iterable[str]:
    from provisioner.core.rules import BY_ID  # as above

    return BY_ID


def _shipped(names: Callable[[Any], Iterable[str]]) -> Iterable[str]:
    from provisioner.adapters.files import shipped  # as above

    return names(shipped)


def _configuration() -> Config:
    from provisioner.adapters.files import shipped  # imported only while somebody completes
    from provisioner.adapters.files.config import find_config, read_config

    path = find_config(None)
    return Config() if path is None else read_config(path, shipped.check("provision"))


targets = _offer(lambda: _configuration().targets)
ids = _offer(_ids)
rules = _offer(_rules)
shipped_ids = _offer(
    lambda: _shipped(lambda files: (path.stem for path in files.folder("account_types").glob("*.yaml")))
)
schemas = _offer(lambda: _shipped(lambda files: files.schemas()))
