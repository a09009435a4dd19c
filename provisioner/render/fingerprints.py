"""What tells the problems of a catalogue apart from one run to the next."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256

from provisioner.core.definitions.problem import Problem

_LINE = re.compile(r"\bline \d+")


def fingerprinted(problems: Sequence[Problem]) -> Iterator[tuple[Problem, str]]:
    """Each problem with a digest that stays the same if its line moves, and that no other problem has.

    Numbers of lines in messages do not count. Equal problems of one file are counted from the top, so only their
    number tells them apart.
    """
    seen: Counter[tuple[str, str, str]] = Counter()
    for problem in problems:
        what = (problem.path, problem.rule, _LINE.sub("", problem.message))
        seen[what] += 1
        yield problem, sha256(json.dumps([*what, seen[what]]).encode()).hexdigest()[:32]
