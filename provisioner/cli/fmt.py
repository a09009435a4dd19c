"""``provision fmt``."""

from typing import Annotated

import typer

from provisioner.adapters.files.definitions import STDIN, Catalogue, catalogue_of
from provisioner.adapters.files.text_edits import read_text, replace_text, text_of
from provisioner.cli import options, output
from provisioner.cli.boundary import ExitCode
from provisioner.cli.options import grouped
from provisioner.cli.repository import Repository
from provisioner.core.definitions.editing import certain_edits, edited, formatted
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

    Comments stay with the key below them. A file is changed only if it still means the same. JSON files are not
    changed.
    """
    if paths and STDIN in paths:
        raise UsageError("fmt cannot format stdin", "pass a file")
    if check and fix:
        raise UsageError("--check writes nothing, and --fix corrects files", "pass only one of them")
    repository = Repository(options.Databases())
    try:
        configuration = repository.configuration
    except UsageError as error:  # another file cannot be named here
        raise UsageError(error.what, "make it a file that you can read and others cannot write") from None
    catalogue = catalogue_of(configuration, paths)
    if fix:
        _correct(catalogue)
    sources = catalogue.read()
    broken = [problem for source in sources if source.content is None for problem in source.problems]
    for problem in broken:
        output.message(problems.line(problem))
    files = [each.path for each in sources if each.content and each.path.lower().endswith((".yaml", ".yml"))]
    changed = []
    for path in files:
        before = text_of(path)
        if (after := formatted(before, read_text)) != before:
            changed.append(path)
            if not check:
                replace_text(path, after)
    word = "not formatted" if check else "formatted"
    if changed:
        output.paths(f"{word} {path}" for path in changed)
    output.message(f"{counted(len(files), 'file')}, {len(changed)} {word}")
    raise typer.Exit(ExitCode.PROBLEMS if broken or (check and changed) else ExitCode.DONE)


def _correct(catalogue: Catalogue) -> None:
    """Correct what is certain in the files of a catalogue, and say what."""
    for source in catalogue.read():
        if source.content is None or source.path == str(STDIN):
            continue
        text = text_of(source.path)
        if edits := certain_edits(text, source.content, source.kind.keys):
            replace_text(source.path, edited(text, edits))
            for edit in edits:
                output.message(f"fixed {source.path}:{edit.mark.line}: {edit.what}")
