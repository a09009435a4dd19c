"""Which other databases a name may have been meant for."""

from collections.abc import Iterable
from difflib import SequenceMatcher

_SAME = 0.93
"""How alike two names are of which one is a typing mistake: one letter too many in 29 gives 0.98."""


def similar_databases(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """The names that are almost the same as a name, the most similar first.

    One that only lacks a slash is the name itself, as pouchdb-server lists it.
    """
    others = [each for each in names if each.replace("/", "") != name.replace("/", "")]
    ratios = {each: SequenceMatcher(None, name, each).ratio() for each in others}
    return tuple(sorted((each for each, ratio in ratios.items() if ratio >= _SAME), key=lambda each: -ratios[each]))
