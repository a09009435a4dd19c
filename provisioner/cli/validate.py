"""``provision validate``."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, assert_never

import typer

from provisioner.adapters.files.extents import ends, line_of
from provisioner.adapters.files.public_suffix import DOMAINS
from provisioner.cli import options, output
from provisioner.cli.exit_code import ExitCode
from provisioner.cli.grouping import grouped
from provisioner.cli.wiring import Wiring
from provisioner.commands import validate as command
from provisioner.core.definitions.domains import related_domains
from provisioner.core.definitions.schema_check import Check
from provisioner.core.definitions.source import Source
from provisioner.core.definitions.validation import Validation
from provisioner.core.rules import RULES
from provisioner.core.rules.policy import with_policy
from provisioner.render import problems
from provisioner.render.json_output import as_json


@dataclass(frozen=True, slots=True)
class Files:
    """The definitions to check."""

    paths: options.Paths = None
    only: options.Only = None
    exclude: options.Exclude = None
    sets: options.Sets = None
    strict: options.Strict = False
    fix: Annotated[
        bool, typer.Option("--fix", help="Correct keys with one near miss, and quote numbers that are text.")
    ] = False


@grouped
def validate(
    files: Files,
    live: options.OneDatabase,
    format: Annotated[
        options.ReportFormat,
        typer.Option(help="github: workflow annotations. gitlab: Code Quality. sarif: for code scanning."),
    ] = options.ReportFormat.TEXT,
) -> None:
    """Check definitions, without a network; or the live documents, with --couch or --target.

    One run reports all problems of all files, each with its line. A variable without a value is not a problem. With
    --couch or --target, files are checked only if you name them.
    """
    wiring = Wiring(live.alone)
    check = wiring.definition_check()
    if not wiring.live:
        validation, _ = _files(wiring, files, check)
    elif files.paths:
        validation, sources = _files(wiring, files, check)
        validation = validation.beside(_live(wiring, check, sources))
    else:
        validation = _live(wiring, check, ())
    validation = with_policy(validation, wiring.rules(*([wiring.target()] if wiring.live else [])))
    _report(validation.strict() if files.strict else validation, format)


def _files(wiring: Wiring, files: Files, check: Check) -> tuple[Validation, Sequence[Source]]:
    given = options.set_values(files.sets)
    catalogue = wiring.catalogue(files.paths, files.only, files.exclude)
    sources = catalogue.read()
    if files.fix and _fixed(sources):
        sources = catalogue.read()
    validation = command.run(
        sources,
        check,
        wiring.lookup(given),
        need_values=False,
        domains=DOMAINS,
        given=given,
        whole=catalogue.complete,
    )
    return validation, sources


def _fixed(sources: Sequence[Source]) -> bool:
    """Correct what is certain in files, say so, and return whether anything was."""
    from provisioner.adapters.files import text_edits  # 5 ms, and only with --fix
    from provisioner.commands.edit import fix_files

    fixes = [*fix_files(sources, text_edits)]
    if fixes:
        output.message("\n".join(f"fixed {path}:{edit.mark.line}: {edit.what}" for path, edit in fixes))
    return bool(fixes)


def _live(wiring: Wiring, check: Check, sources: Sequence[Source]) -> Validation:
    """Check the live documents, with the domains of providers that the shipped catalogue and the files state."""
    from provisioner.commands import validate_live  # 15 ms, and only for a database

    stated = related_domains(source.node for source in sources if source.node)
    domains = replace(DOMAINS, related=lambda: [*stated, *DOMAINS.related()])
    with wiring.store(wiring.target()) as store:
        return validate_live.run(store, check, domains)


def _report(validation: Validation, format: options.ReportFormat) -> None:
    match format:
        case options.ReportFormat.TEXT:
            paint, shown = output.paint(sys.stdout), line_of if sys.stdout.isatty() else None
            output.result(problems.as_text(validation, paint, shown))
        case options.ReportFormat.JSON:
            output.result(as_json(problems.values(validation)))
        case options.ReportFormat.GITHUB:
            output.result(problems.as_annotations(validation))
        case options.ReportFormat.GITLAB:
            from provisioner.render.gitlab import as_code_quality  # each is for one format alone

            output.result(as_code_quality(validation))
        case options.ReportFormat.SARIF:
            from provisioner.adapters.files.shipped import rule_texts
            from provisioner.render.sarif import as_sarif

            output.result(as_sarif(validation, RULES, rule_texts(), str(Path.cwd()), ends))
        case _:
            assert_never(format)
    raise typer.Exit(ExitCode.PROBLEMS if validation.errors else ExitCode.DONE)
