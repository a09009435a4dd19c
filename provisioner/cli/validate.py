"""``provision validate`` and ``provision fmt``: definitions in files."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from provisioner.adapters.files.definitions import STDIN, catalogue_of
from provisioner.adapters.files.shipped import DOMAINS, rule_texts
from provisioner.cli import options, output
from provisioner.cli.boundary import ExitCode
from provisioner.cli.options import grouped
from provisioner.cli.repository import Repository
from provisioner.commands import validate as command
from provisioner.core.definitions.definition import Validation, joined
from provisioner.core.definitions.kinds import Kind
from provisioner.core.errors import UsageError
from provisioner.core.rules import RULES
from provisioner.core.rules.checking import with_policy
from provisioner.core.targets.target import FOR_DEFINITIONS, named_target, names_of
from provisioner.core.text import counted
from provisioner.render import problems
from provisioner.render.layout import Formats, Paint


def _text(validation: Validation, paint: Paint) -> str:
    return problems.as_text(validation, paint, output.source_lines(sys.stdout))


def _sarif(validation: Validation) -> str:
    from provisioner.adapters.files.text_files import ends  # only for this format

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
    from provisioner.adapters.files.definition_writer import replace_text  # only where files are edited
    from provisioner.adapters.files.text_files import text_of
    from provisioner.adapters.files.yaml_text import read_yaml
    from provisioner.core.definitions.editing import certain_edits, edited, formatted

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
    for source in catalogue.read() if fix else ():
        if source.content is None:
            continue
        text = text_of(source.path)
        if edits := certain_edits(text, source.content, source.kind.keys):
            replace_text(source.path, edited(text, edits))
            for edit in edits:
                output.message(f"fixed {source.path}:{edit.mark.line}: {edit.what}")
    sources = catalogue.read()
    broken = [problem for source in sources if source.content is None for problem in source.problems]
    for problem in broken:
        output.message(problems.line(problem))
    files = [each.path for each in sources if each.content and each.path.lower().endswith((".yaml", ".yml"))]
    changed = []
    for path in files:
        before = text_of(path)
        if (after := formatted(before, read_yaml)) != before:
            changed.append(path)
            if not check:
                replace_text(path, after)
    word = "not formatted" if check else "formatted"
    if changed:
        output.paths(f"{word} {path}" for path in changed)
    output.message(f"{counted(len(files), 'file')}, {len(changed)} {word}")
    raise typer.Exit(ExitCode.PROBLEMS if broken or (check and changed) else ExitCode.DONE)
