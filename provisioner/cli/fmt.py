"""``provision fmt``."""

from typing import Annotated

import typer

from provisioner.adapters.files import text_edits
from provisioner.adapters.files.definitions import STDIN, Catalogue
from provisioner.cli import options, output
from provisioner.cli.exit_code import ExitCode
from provisioner.cli.grouping import grouped
from provisioner.cli.wiring import Wiring
from provisioner.commands.edit import fix_files, format_files
from provisioner.core.errors import UsageError
from provisioner.core.text import counted
from provisioner.render import problems


@grouped
def fmt(
    paths: options.Paths = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 if a file is not formatted.")
    ] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Also correct keys with one near miss, and quote numbers that are text.")
    ] = False,
) -> None:
    """Format definitions: keys in order, quotes where needed.

    Comments stay with the key below them. A file is changed only if it still means the same; JSON is left as it is.
    """
    if paths and STDIN in paths:
        raise UsageError("fmt cannot format stdin", "name a file")
    if check and fix:
        raise UsageError("--check writes nothing, and --fix corrects files", "give one of them")
    catalogue = Wiring(options.Databases()).catalogue(paths, None, None)
    if fix:
        _correct(catalogue)
    sources = catalogue.read()
    broken = [problem for source in sources if source.node is None for problem in source.problems]
    for problem in broken:
        output.message(problems.line(problem))
    done = format_files(sources, text_edits, write=not check)
    word = "not formatted" if check else "formatted"
    if done.changed:
        output.result("\n".join(f"{word} {path}" for path in done.changed))
    output.message(f"{counted(done.files, 'file')}, {len(done.changed)} {word}")
    raise typer.Exit(ExitCode.PROBLEMS if broken or (check and done.changed) else ExitCode.DONE)


def _correct(catalogue: Catalogue) -> None:
    """Correct what is certain in the files of a catalogue, and say what."""
    for path, edit in fix_files(catalogue.read(), text_edits):
        output.message(f"fixed {path}:{edit.mark.line}: {edit.what}")
