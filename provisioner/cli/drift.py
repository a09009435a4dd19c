"""``provision drift``."""

import math
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from difflib import unified_diff
from typing import Annotated

import typer

from provisioner.adapters.files.text_edits import read_text, replace_text, text_of
from provisioner.cli import options, output
from provisioner.cli.boundary import ExitCode, by_target, good, side_by_side, worst
from provisioner.cli.following import Following, FollowOptions
from provisioner.cli.options import grouped
from provisioner.cli.planning import check_selection, planning_of
from provisioner.cli.report import Reporter
from provisioner.cli.wiring import Wiring
from provisioner.commands.edit import FileEdit, edit_of
from provisioner.commands.follow import CannotReportError, Follower, follow, look_at
from provisioner.commands.planning import Planning
from provisioner.core.definitions.definition import Selection
from provisioner.core.errors import ProvisionError, SafetyLimit, UsageError
from provisioner.core.plan.drift import Expected, Look
from provisioner.core.plan.planning import PlanOptions
from provisioner.core.targets.target import Target
from provisioner.core.text import counted, listed
from provisioner.render import drift as render
from provisioner.render.formats import Formats

FORMATS = Formats(render.as_text, render.values, markdown=render.as_markdown)

GRACE = 5.0
"""Seconds that a report has to end when the program is stopped."""


@dataclass(frozen=True, slots=True)
class EndOptions:
    """What becomes of what others changed."""

    accept: Annotated[
        bool, typer.Option("--accept", help="Write the live changes of these account types into the definitions.")
    ] = False
    yes: Annotated[bool, typer.Option("--yes", help="With --accept: write the files without asking.")] = False
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 3 if someone else changed something.")] = (
        False
    )


@grouped
def drift(
    chosen: options.Chosen,
    catalogue: options.CatalogueOptions,
    following: FollowOptions,
    databases: options.Databases,
    ends: EndOptions,
    format: Annotated[
        str, options.one_of(FORMATS, "json: one object; with --follow or --state, one per line.")
    ] = "text",
) -> None:
    """Report what someone else changed since your last apply.

    Definitions that you have not applied yet do not count. With --follow, drift keeps running and reports each event.
    With --state, a timer can run it instead. Events are also posted to the webhook in provision.yaml. The ids and
    fields that may change are listed in provision.yaml, under ignore.
    """
    wiring = Wiring(databases)
    looking = _Looking(wiring, catalogue, chosen.selection)
    if ends.accept:
        if not chosen.selection or following.reports_events:
            what = "--accept needs ids, and excludes --follow and --state"
            raise UsageError(what, "list the ids, or select them with --only and --exclude")
        look = looking.look(wiring.target())
        raise typer.Exit(_accept(looking, look, yes=ends.yes))
    if following.reports_events:
        raise typer.Exit(_follow(looking, following, databases.timeout, format, exit_code=ends.exit_code))
    found = by_target(looking.look, wiring.targets())
    reporter = Reporter.of(wiring, looking.owner)
    reporter.begin(format)
    reporter.print(found, format, FORMATS)
    raise typer.Exit(_code(found.values(), good(found).values(), exit_code=ends.exit_code))


@dataclass(frozen=True, slots=True)
class _Looking:
    """How a database is looked at: with which catalogue, for which owner, and at which account types."""

    wiring: Wiring
    catalogue: options.CatalogueOptions
    selection: Selection

    def planning(self, stack: ExitStack) -> Planning:
        """The use case that reads the catalogue, as it is now; databases are closed with the stack."""
        wanted = PlanOptions(self.catalogue.owner)
        return planning_of(self.wiring, stack, self.catalogue.definitions, wanted, self.selection)[0]

    @property
    def owner(self) -> str:
        """Whose drift it is. Raises `UsageError` if nobody is named."""
        with ExitStack() as stack:
            return self.planning(stack).named_owner

    def expected(self, target: Target) -> Expected:
        """What should be live, by the catalogue as it is now. Raises `ProvisionError`."""
        with ExitStack() as stack:
            expected = self.planning(stack).expected(target, self.wiring.configuration.ignore)

        def takes(id: str) -> bool:
            return target.takes(id) and self.selection.means(id)

        return replace(expected, takes=takes)

    def look(self, target: Target) -> Look:
        """Look once. Raises `ProvisionError`, also if no account type is meant that is defined or live."""
        expected = self.expected(target)
        with self.wiring.store(target) as store:
            found = look_at(expected, store)
        if not found.gone:
            files = self.wiring.catalogue(self.catalogue.folders)
            check_selection(self.selection, {*expected.defined, *(found.documents or {})}, files)
        return found


def _code(errors: Iterable[object], looks: Iterable[Look], *, exit_code: bool) -> ExitCode:
    code = worst(errors)
    changed = exit_code and any(look.drift for look in looks)
    return ExitCode.DIFFERENCES if changed and code is ExitCode.DONE else code


def _follow(looking: _Looking, given: FollowOptions, timeout: float, format: str, *, exit_code: bool) -> ExitCode:
    """Report events: once for a timer, or until something stops it."""
    if format == "markdown":
        raise UsageError("--format markdown is for all drift, not for events", "leave out --follow and --state")
    if not math.isfinite(given.interval):
        raise UsageError(f"--interval {given.interval} is not a number of seconds", "write it as in --interval 60")
    wiring, address = looking.wiring, given.address
    following = Following(
        wiring=wiring,
        options=given,
        expected=looking.expected,
        owner=looking.owner,
        timeout=timeout,
        as_json=format == "json",
    )
    followers = {target.name or "": following.follower(target) for target in wiring.targets()}
    try:
        if not given.follow:
            return _look_once(followers, Reporter.of(wiring, following.owner), exit_code=exit_code)
        if address is not None and following.metrics is not None:
            output.message(f"metrics: http://{address[0]}:{following.metrics.serve(*address)}/metrics")
        pairs = [(followers[target.name or ""], following.changes(target)) for target in wiring.targets()]
        follow(pairs, given.interval, GRACE, following.warn)
    except CannotReportError as error:
        raise error.reason from None
    except KeyboardInterrupt:
        if not given.follow:
            raise
        output.message("stopped")
    return ExitCode.DONE


def _look_once(followers: Mapping[str, Follower], reporter: Reporter, *, exit_code: bool) -> ExitCode:
    """Report what happened since the look that is kept; what failed is an error of this run."""
    failed = side_by_side(lambda follower: follower.run(), [*followers.values()])
    errors = {name: each if isinstance(each, list) else [each] for name, each in zip(followers, failed, strict=True)}
    for name, each in errors.items():
        for error in each:
            reporter.errors({name: error})
    looks = [follower.known for follower in followers.values()]
    return _code([error for each in errors.values() for error in each], looks, exit_code=exit_code)


def _accept(looking: _Looking, look: Look, *, yes: bool) -> ExitCode:
    """Write what a look found into the files, one after the other; one that cannot be is an error of its own."""
    edits, failed = _edits(looking, look)
    for edit in edits:
        lines = edit.before.splitlines(), edit.after.splitlines()  # not those around a change, which may hold anything
        output.result("\n".join(unified_diff(*lines, edit.path, edit.path, n=0, lineterm="")))
        if edit.left:
            output.warn(f"{edit.path}: {listed(edit.left)} is not accepted: credentials are never written into a file")
    for error in failed:
        output.report(error)
    if edits:
        _confirm(len(edits), yes=yes)
    for edit in edits:
        replace_text(edit.path, edit.after)
    if edits:
        them = "it" if len(edits) == 1 else "them"
        output.message(f"{counted(len(edits), 'file')} changed: commit {them}, then run provision apply")
    elif not failed:
        output.message("nothing to accept")
    return ExitCode.PROBLEMS if failed else ExitCode.DONE


def _edits(looking: _Looking, look: Look) -> tuple[list[FileEdit], list[ProvisionError]]:
    target = looking.wiring.target()
    edits: list[FileEdit] = []
    failed: list[ProvisionError] = []
    with ExitStack() as stack:
        inputs = looking.planning(stack).inputs
        sources = {source.account_type: source for source in inputs.sources()}
        lookup = inputs.lookup(target)
        live = inputs.store(target).read([each.id for each in look.drift if each.id is not None]).documents
        for each in look.drift:
            try:
                id = each.id or ""
                edits.append(edit_of(each, sources.get(id), live.get(id), lookup, text_of, read_text))
            except ProvisionError as error:
                failed.append(error)
    return [edit for edit in edits if edit.before != edit.after or edit.left], failed


def _confirm(files: int, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise SafetyLimit("the files are not changed, and there is no terminal to ask on", "add --yes to confirm")
    if not output.confirm(f"Write {counted(files, 'file')}?"):
        raise SafetyLimit("nothing was written", "run it again to accept")
