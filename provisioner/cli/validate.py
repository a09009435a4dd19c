"""``provision validate``."""

import sys
from typing import Annotated

import typer

from provisioner.cli import catalogue, options, output
from provisioner.cli.exit_code import ExitCode


def validate(
    paths: options.Paths = None,
    sets: options.Sets = None,
    format: Annotated[
        options.ProblemFormat, typer.Option(help="github: workflow annotations.")
    ] = options.ProblemFormat.TEXT,
    no_color: options.NoColor = False,
) -> None:
    """Check definitions, without a network.

    All problems of all files are reported in one run, each at its line. A variable without a value is no problem.
    """
    from provisioner.render import problems

    validation = catalogue.load(paths, sets, need_values=False)
    match format:
        case options.ProblemFormat.TEXT:
            output.result(problems.as_text(validation, output.paint(sys.stdout, no_color)))
        case options.ProblemFormat.JSON:
            output.result(problems.as_json(validation))
        case options.ProblemFormat.GITHUB:
            output.result(problems.as_annotations(validation))
    raise typer.Exit(ExitCode.PROBLEMS if validation.errors else ExitCode.DONE)
