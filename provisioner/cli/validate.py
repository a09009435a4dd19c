"""``provision validate``."""

import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from provisioner.cli import options, output
from provisioner.cli.exit_code import ExitCode
from provisioner.cli.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from provisioner.core.definitions.schema_check import Check
    from provisioner.core.definitions.source import Source
    from provisioner.core.definitions.validation import Validation


def validate(
    paths: options.Paths = None,
    sets: options.Sets = None,
    couch: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Check the documents of this CouchDB; files only where named."),
    ] = None,
    target: options.OneTarget = None,
    format: Annotated[
        options.ProblemFormat, typer.Option(help="github: workflow annotations.")
    ] = options.ProblemFormat.TEXT,
    strict: options.Strict = False,
    config: options.ConfigFile = None,
    database: options.Database = None,
    timeout: options.Timeout = options.DEFAULT_TIMEOUT,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,
) -> None:
    """Check definitions, without a network; or what is live, with --couch.

    All problems of all files are reported in one run, each at its line. A variable without a value is no problem.
    """
    from provisioner.adapters.files import shipped
    from provisioner.core.definitions.schema_check import schema_check

    reach = Reach(couch, database, target, False, config, None, timeout, verbose, no_color)
    check = schema_check(shipped.schema())
    if not reach.live:
        validation, _ = _files(reach, paths, sets, check)
    elif paths:
        validation, sources = _files(reach, paths, sets, check)
        validation = validation.beside(_live(reach, check, sources))
    else:
        validation = _live(reach, check, ())
    _report(validation.strict() if strict else validation, format, no_color)


def _files(
    reach: Reach, paths: "Sequence[Path] | None", sets: "Sequence[str] | None", check: "Check"
) -> "tuple[Validation, Sequence[Source]]":
    from provisioner.adapters.files.definitions import catalogue_of, read_sources
    from provisioner.adapters.files.public_suffix import DOMAINS
    from provisioner.commands import validate as command
    from provisioner.core.definitions.variables import variable_lookup

    config = reach.configuration()
    given = options.set_values(sets)
    lookup = variable_lookup(os.environ, config.environment, {}, given)
    catalogue = catalogue_of(config, paths)
    sources = read_sources(catalogue.folders)
    whole = catalogue.complete
    return command.run(sources, check, lookup, need_values=False, domains=DOMAINS, given=given, whole=whole), sources


def _live(reach: Reach, check: "Check", sources: "Iterable[Source]") -> "Validation":
    """Check what is live; domains that the shipped catalogue or the files state as one provider's are known."""
    from dataclasses import replace

    from provisioner.adapters.files import shipped
    from provisioner.adapters.files.definitions import read_sources
    from provisioner.adapters.files.public_suffix import DOMAINS
    from provisioner.commands import validate_live
    from provisioner.core.definitions.domains import related_domains

    known = [*sources, *read_sources([shipped.folder("account_types")])]
    domains = replace(DOMAINS, related=related_domains(source.node for source in known if source.node))
    with ExitStack() as stack:
        return validate_live.run(stack.enter_context(reach.store(reach.target())), check, domains)


def _report(validation: "Validation", format: options.ProblemFormat, no_color: bool) -> None:
    from provisioner.render import problems

    match format:
        case options.ProblemFormat.TEXT:
            output.result(problems.as_text(validation, output.paint(sys.stdout, no_color)))
        case options.ProblemFormat.JSON:
            output.result(problems.as_json(validation))
        case options.ProblemFormat.GITHUB:
            output.result(problems.as_annotations(validation))
    raise typer.Exit(ExitCode.PROBLEMS if validation.errors else ExitCode.DONE)
