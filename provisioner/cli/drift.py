"""``provision drift``: shows what others changed, reports it as events, or brings it into the files."""

import sys
from contextlib import ExitStack
from difflib import unified_diff
from typing import Annotated

import typer

from provisioner.adapters.files.definition_writer import replace_text
from provisioner.adapters.files.text_files import text_of
from provisioner.adapters.files.yaml_text import read_yaml
from provisioner.cli import options, output
from provisioner.cli.boundary import ExitCode, by_target, good
from provisioner.cli.looking import EventOptions, Events, Looking, code_of
from provisioner.cli.options import grouped
from provisioner.cli.report import Reporter
from provisioner.cli.wiring import Wiring
from provisioner.commands.edit import edits_of
from provisioner.core.errors import SafetyLimit, UsageError
from provisioner.core.targets.target import Target
from provisioner.core.text import counted, listed
from provisioner.render import drift as render
from provisioner.render.formats import Formats

FORMATS = Formats(render.as_text, render.values, markdown=render.as_markdown)


@grouped
def drift(
    chosen: options.Chosen,
    catalogue: options.CatalogueOptions,
    events: EventOptions,
    databases: options.Databases,
    accept: Annotated[
        bool, typer.Option("--accept", help="Write the live changes of these account types into the definitions.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --accept: write the files without asking.")] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 3 if someone else changed something.")
    ] = False,
    format: Annotated[
        str, options.one_of(FORMATS, "json: one object; with --follow or --state, one per line.")
    ] = "text",
) -> None:
    """Report changes by someone else since your last apply.

    Definitions that you have not applied yet do not count. With --follow, drift keeps running and reports each event.
    With --state, a timer can run it instead. Events are also posted to the webhook in provision.yaml. The ids and
    fields that may change are listed in provision.yaml, under ignore.
    """
    wiring = Wiring(databases)
    looking = Looking(wiring, catalogue, chosen.selection)
    if accept:
        if not chosen.selection or events.wanted:
            what = "--accept needs ids, and excludes --follow and --state"
            raise UsageError(what, "list the ids, or select them with --only and --exclude")
        raise typer.Exit(_accept(looking, wiring.target(), yes=yes))
    if events.wanted:
        if format == "markdown":
            raise UsageError("--format markdown is for all drift, not for events", "leave out --follow and --state")
        reported = Events(looking, events, databases.timeout, as_json=format == "json")
        raise typer.Exit(reported.report(exit_code=exit_code))
    wiring.about(chosen.selection.ids)
    targets = wiring.targets()
    found = by_target(looking.look, targets)
    left = looking.left([each for each in targets if each.key in good(found)])
    found |= by_target(looking.look, left)
    reporter = Reporter(wiring.places({each.key: each for each in (*targets, *left)}), looking.planning().named_owner)
    reporter.begin(format)
    reporter.print(found, format, FORMATS)
    raise typer.Exit(code_of(found.values(), good(found).values(), exit_code=exit_code))


def _accept(looking: Looking, target: Target, *, yes: bool) -> ExitCode:
    """Write what a look found into the files, one after the other; one that cannot be is an error of its own."""
    look = looking.look(target)
    looking.wiring.read_again()  # somebody may have edited a file since the look began
    with ExitStack() as stack:
        edits, failed = edits_of(look, looking.planning(stack).inputs, target, text_of, read_yaml)
    for edit in edits:
        lines = edit.before.splitlines(), edit.after.splitlines()  # not those around a change, which may hold anything
        output.result("\n".join(unified_diff(*lines, edit.path, edit.path, n=0, lineterm="")))
        if edit.left:
            output.warn(f"{edit.path}: {listed(edit.left)} is not accepted: credentials are never written into a file")
    for error in failed:
        output.report(error)
    if edits:
        if not yes and not sys.stdin.isatty():
            raise SafetyLimit("the files are not changed, and there is no terminal to ask on", "add --yes to confirm")
        if not yes and not output.confirm(f"Write {counted(len(edits), 'file')}?"):
            raise SafetyLimit("nothing was written", "run it again to accept")
        for edit in edits:
            replace_text(edit.path, edit.after)
        them = "it" if len(edits) == 1 else "them"
        output.message(f"{counted(len(edits), 'file')} changed: commit {them}, then run provision apply")
    elif not failed:
        output.message("nothing to accept")
    return ExitCode.PROBLEMS if failed else ExitCode.DONE
