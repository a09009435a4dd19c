"""What a shell offers for an argument: targets, ids, rules. Nothing is offered if the files cannot be read."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from provisioner.core.errors import ProvisionError


def _offer(known: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """A callback of Typer's: the known words that begin as the one that is being typed."""

    def offer(incomplete: str) -> list[str]:
        with suppress(ProvisionError, OSError):
            return sorted(word for word in known() if word.startswith(incomplete))
        return []

    return offer


def _targets() -> Iterable[str]:
    return [*_wiring().configuration.targets]


def _ids() -> Iterable[str]:
    from provisioner.adapters.files.definitions import id_of  # imported only while somebody completes

    return (id_of(source) for source in _wiring().read_catalogue())


def _rules() -> Iterable[str]:
    from provisioner.core.rules import BY_ID  # imported only while somebody completes

    return BY_ID


def _shipped() -> Iterable[str]:
    from provisioner.adapters.files import shipped  # imported only while somebody completes

    return (path.stem for path in shipped.folder("account_types").glob("*.yaml"))


def _wiring() -> Any:
    from provisioner.cli.options import Databases, Speech  # they import this module
    from provisioner.cli.wiring import Wiring

    return Wiring(Databases(), Speech())


targets = _offer(_targets)
ids = _offer(_ids)
rules = _offer(_rules)
shipped_ids = _offer(_shipped)
