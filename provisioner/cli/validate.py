"""``provision validate``."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from provisioner.adapters.files.shipped import DOMAINS, rule_texts
from provisioner.cli import options, output
from provisioner.cli.boundary import ExitCode
from provisioner.cli.options import grouped
from provisioner.cli.repository import Repository
from provisioner.commands import validate as command
from provisioner.core.definitions.definition import Validation, joined
from provisioner.core.definitions.kind import Kind
from provisioner.core.errors import UsageError
from provisioner.core.rules import RULES
from provisioner.core.rules.checking import with_policy
from provisioner.core.targets.target import FOR_DEFINITIONS, named_target, names_of
from provisioner.render import problems
from provisioner.render.formats import Formats
from provisioner.render.layout import Paint


def _text(validation: Validation, paint: Paint) -> str:
    return problems.as_text(validation, paint, output.source_lines(sys.stdout))


def _sarif(validation: Validation) -> str:
    from provisioner.adapters.files.text_edits import ends  # only for this format

    return problems.as_sarif(validation, RULES, rule_texts(), str(Path.cwd()), ends)


FORMATS = Formats(_text, problems.values, github=problems.as_annotations, gitlab=problems.as_code_quality, sarif=_sarif)


@grouped
def validate(
    definitions: options.Definitions,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            metavar="NAME",
            autocompletion=options.offer_targets,
            help="Check for this target: with its variables, contexts and rules.",
        ),
    ] = None,
    config: options.ConfigFile = None,
    kind: options.KindName = None,
    format: Annotated[
        str,
        options.one_of(FORMATS, "github: workflow annotations. gitlab: Code Quality. sarif: for code scanning."),
    ] = "text",
) -> None:
    """Check definitions in files, without a network.

    One run reports all problems of all files, each with its line. A variable without a value is a problem only with
    --target. To apply the same rules to live documents, run provision check.
    """
    if len(target or ()) > 1:
        raise UsageError("validate checks for one target at a time", "pass one --target")
    repository = Repository(options.Databases(config=config, target=target, kind=kind))
    configuration = repository.configuration
    names = names_of(configuration, target) if target else []
    targets = [named_target(name, configuration, os.environ.get, FOR_DEFINITIONS) for name in names]
    meant = targets[0] if targets else None
    given = options.set_values(definitions.sets)
    catalogue = repository.catalogue(definitions.paths, definitions.only, definitions.exclude)
    lookup = repository.lookup(given, meant)
    sources = catalogue.read()

    def of_kind(kind: Kind) -> Validation:
        of_target = meant.of_kind(kind, alone=True) if meant else None
        own = [source for source in sources if source.kind is kind]
        return command.run(
            [source for source in own if of_target is None or of_target.takes(command.id_of(source, lookup))],
            repository.definition_check(kind),
            lookup,
            need_values=meant is not None,
            domains=DOMAINS,
            given=given if kind.states_fields else (),
            whole=catalogue.complete and (meant is None or meant.contexts is None),
        )

    validation = with_policy(joined([of_kind(kind) for kind in repository.kinds]), repository.rules(*targets))
    validation = validation.strict() if definitions.strict else validation
    output.result(FORMATS.render(format, validation, output.paint(sys.stdout)))
    raise typer.Exit(ExitCode.PROBLEMS if validation.errors else ExitCode.DONE)
