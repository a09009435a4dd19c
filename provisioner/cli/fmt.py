"""``provision fmt``."""

from typing import Annotated

import typer

from provisioner.adapters.files.definitions import STDIN
from provisioner.adapters.files.text_edits import read_text, replace_text, text_of
from provisioner.cli import options, output
from provisioner.cli.exit_code import ExitCode
from provisioner.cli.grouping import grouped
from provisioner.cli.wiring import Wiring
from provisioner.core.definitions.formatting import formatted
from provisioner.core.errors import UsageError
from provisioner.core.text import counted
from provisioner.render import problems

SUFFIXES = (".yaml", ".yml")


@grouped
def fmt(
    speech: options.Speech,
    paths: options.Paths = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 if a file is not formatted.")
    ] = False,
) -> None:
    """Format definitions: keys in the usual order, quotes where YAML needs them, no stray white space.

    Comments stay with the key below them. A file is changed only if it still means the same; JSON is left as it is.
    """
    if paths and STDIN in paths:
        raise UsageError("fmt cannot format stdin", "name a file")
    sources = Wiring(options.Databases(), speech).catalogue(paths, None, None).read()
    broken = [problem for source in sources if source.node is None for problem in source.problems]
    for problem in broken:
        output.message(problems.line(problem))
    files = [source.path for source in sources if source.node is not None and source.path.endswith(SUFFIXES)]
    changed = 0
    for path in files:
        before = text_of(path)
        after = formatted(before, read_text)
        if after != before:
            changed += 1
            if not check:
                replace_text(path, after)
            output.result(f"{'not formatted' if check else 'formatted'} {path}")
    output.message(f"{counted(len(files), 'file')}, {changed} {'not formatted' if check else 'formatted'}")
    raise typer.Exit(ExitCode.PROBLEMS if broken or (check and changed) else ExitCode.DONE)
