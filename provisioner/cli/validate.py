"""``provision validate``."""

import os
import sys
from typing import Annotated

import typer

from provisioner.cli import options, output
from provisioner.cli.exit_code import ExitCode
from provisioner.cli.reach import Reach


def validate(
    paths: options.Paths = None,
    sets: options.Sets = None,
    format: Annotated[
        options.ProblemFormat, typer.Option(help="github: workflow annotations.")
    ] = options.ProblemFormat.TEXT,
    strict: options.Strict = False,
    config: options.ConfigFile = None,
    no_color: options.NoColor = False,
) -> None:
    """Check definitions, without a network.

    All problems of all files are reported in one run, each at its line. A variable without a value is no problem.
    """
    from provisioner.adapters import shipped
    from provisioner.adapters.definition_files import is_whole, read_sources
    from provisioner.adapters.public_suffix import DOMAINS
    from provisioner.commands import validate as command
    from provisioner.core.schema_check import schema_check
    from provisioner.render import problems

    given = options.set_values(sets)
    check = schema_check(shipped.schema())
    places = paths or Reach(config=config).catalogue()
    values = {**os.environ, **given}
    validation = command.run(
        read_sources(places),
        check,
        values.get,
        need_values=False,
        domains=DOMAINS,
        given=given,
        whole=is_whole(places),
    )
    if strict:
        validation = validation.strict()
    match format:
        case options.ProblemFormat.TEXT:
            output.result(problems.as_text(validation, output.paint(sys.stdout, no_color)))
        case options.ProblemFormat.JSON:
            output.result(problems.as_json(validation))
        case options.ProblemFormat.GITHUB:
            output.result(problems.as_annotations(validation))
    raise typer.Exit(ExitCode.PROBLEMS if validation.errors else ExitCode.DONE)
