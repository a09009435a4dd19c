"""The terminal picture of the README, from a real run of the demo: ``python -m tests.docs.picture > docs/demo.svg``."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[2]
WIDTH = 100
FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, monospace; font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def picture() -> str:
    """The picture; what differs from run to run has its usual value, and outcomes are in order."""
    environment = {**os.environ, "FORCE_COLOR": "1"}
    demo = [sys.executable, "-m", "tests.demo"]
    said = subprocess.run(demo, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    said = re.sub(r"127\.0\.0\.1:\d+", "localhost:5984", said)
    said = re.sub(r"demo-[0-9a-f]+/", "secrets/", said)
    said = re.sub(
        r"(?:^\S*created\S* .*\n)+", lambda match: "".join(sorted(match[0].splitlines(True))), said, flags=re.MULTILINE
    )
    said = re.sub(r"(skipped +(?:\S+ ){3}).*?: credentials", r"\1…: credentials", said)
    begin = said.index("$ provision apply")
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(re.sub(r"\n{3,}", "\n\n", said[begin:]).strip()))
    return console.export_svg(title="make demo", code_format=FORMAT, unique_id="demo")


if __name__ == "__main__":
    print(picture(), end="")
