"""The tables and the plot of docs/performance.md: ``python -m tests.bench.report bench.json``.

It prints the tables in Markdown, and writes docs/performance.svg.
"""

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PLOT = Path(__file__).parents[2] / "docs/performance.svg"
CASES = ("first", "unchanged", "one changed", "all changed", "diff", "validate")
OURS = "provision"
COLOURS = {OURS: "#0b57d0", "couchdb-bootstrap": "#b3261e", "curl": "#7a4b00", "couchdb-push": "#6a1b9a"}
WIDTH, HEIGHT, EDGE = 720, 420, 60


def tables(rows: Sequence[dict[str, Any]]) -> str:
    """One table for each size: the seconds of each tool, and how many times ours each takes."""
    parts = []
    for size in sorted({row["size"] for row in rows if row["size"]}):
        found = {(row["case"], row["tool"]): row for row in rows if row["size"] == size}
        names = list(dict.fromkeys(row["tool"] for row in rows if row["size"] == size))
        cases = [case for case in CASES if any((case, name) in found for name in names)]
        head = (
            f"### {size:,} account types\n\n| tool | {' | '.join(cases)} | memory |\n|---|{'---|' * (len(cases) + 1)}"
        )
        lines = [_line(name, cases, found) for name in names]
        parts.append("\n".join([head, *lines]))
    return "\n\n".join(parts)


def _line(name: str, cases: Sequence[str], found: dict[tuple[str, str], dict[str, Any]]) -> str:
    cells, memory = [], 0.0
    for case in cases:
        row, ours = found.get((case, name)), found.get((case, OURS))
        if row is None:
            cells.append("")
            continue
        memory = max(memory, row["peak_mb"])
        ratio = f" ({row['seconds'] / ours['seconds']:.1f}x)" if ours and name != OURS else ""
        cells.append(f"{row['seconds']:.2f} s{ratio}")
    return f"| {name} | {' | '.join(cells)} | {memory:.0f} MB |"


def plot(rows: Sequence[dict[str, Any]], case: str = "unchanged") -> str:
    """The time of a case against the number of account types, for every tool, both axes logarithmic."""
    of_case = [row for row in rows if row["case"] == case]
    sizes, seconds = sorted({row["size"] for row in of_case}), [row["seconds"] for row in of_case]
    low, high = math.floor(math.log10(min(seconds))), math.ceil(math.log10(max(seconds)))

    def x(size: float) -> float:
        return EDGE + (math.log10(size / sizes[0]) / math.log10(sizes[-1] / sizes[0])) * (WIDTH - 3 * EDGE)

    def y(second: float) -> float:
        return HEIGHT - EDGE - (math.log10(second) - low) / (high - low) * (HEIGHT - 2 * EDGE)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">',
        "<title>Seconds of an unchanged apply against the number of account types</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
    ]
    for power in range(low, high + 1):
        at = y(10.0**power)
        parts.append(f'<path d="M{EDGE} {at:.0f}H{WIDTH - 2 * EDGE}" stroke="#ddd"/>')
        parts.append(f'<text x="{EDGE - 8}" y="{at + 4:.0f}" text-anchor="end">{10.0**power:g} s</text>')
    below = HEIGHT - EDGE + 20
    parts += [f'<text x="{x(size):.0f}" y="{below}" text-anchor="middle">{size:,}</text>' for size in sizes]
    for tool in dict.fromkeys(row["tool"] for row in of_case):
        points = [(x(row["size"]), y(row["seconds"])) for row in of_case if row["tool"] == tool]
        colour = COLOURS.get(tool, "#555")
        line = "L".join(f"{left:.0f} {top:.0f}" for left, top in points)
        parts.append(f'<path d="M{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{left:.0f}" cy="{top:.0f}" r="3" fill="{colour}"/>' for left, top in points]
        left, top = points[-1]
        parts.append(f'<text x="{left + 8:.0f}" y="{top + 4:.0f}" fill="{colour}">{tool}</text>')
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    """Print the tables, write the plot."""
    rows = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["rows"]
    print(tables(rows))
    PLOT.write_text(plot(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
