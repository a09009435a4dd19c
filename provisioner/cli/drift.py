"""``provision drift``: shows what others changed; follows it, or looks once for a timer; brings it into the files."""

import ipaddress
import math
import os
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from datetime import time as day_time
from difflib import unified_diff
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer
from msgspec import Struct
from msgspec.structs import replace

from provisioner.adapters.couchdb.changes import LongPoll
from provisioner.adapters.couchdb.connection import Connection
from provisioner.adapters.couchdb.store import CouchStore
from provisioner.adapters.files.private_file import why_not_writable
from provisioner.adapters.files.saved_files import DriftState
from provisioner.adapters.files.text_edits import read_text, replace_text, text_of
from provisioner.adapters.monitoring import Metrics, Webhook
from provisioner.cli import options, output
from provisioner.cli.boundary import ExitCode, by_target, good, side_by_side, worst
from provisioner.cli.options import grouped
from provisioner.cli.planning import check_selection, now, planning_of
from provisioner.cli.report import Reporter
from provisioner.cli.wiring import Wiring
from provisioner.commands import check
from provisioner.commands.edit import edits_of
from provisioner.commands.follow import CannotReportError, Follower, LookState, Receiver, follow, look_at, look_through
from provisioner.commands.planning import Planning
from provisioner.core.definitions.definition import ALL, Selection
from provisioner.core.errors import InvalidCatalogue, ProvisionError, SafetyLimit, StoreError, UsageError
from provisioner.core.plan.drift import Event, Expected, Look
from provisioner.core.plan.expiry import ends_of
from provisioner.core.plan.health import DATABASE, CheckResult, Verdict, failed
from provisioner.core.plan.planning import PlanOptions
from provisioner.core.plan.store import Snapshot
from provisioner.core.targets.target import Target, webhook_of
from provisioner.core.text import counted, listed
from provisioner.render import drift as render
from provisioner.render import problems
from provisioner.render.formats import Formats

FORMATS = Formats(render.as_text, render.values, markdown=render.as_markdown)

GRACE = 5.0
"""Seconds that a report has to end when the program is stopped."""

CHECK_EVERY = 600.0
"""Seconds between two looks at what the metrics say beside drift: expiring secrets, and the checks of a database."""


class DriftOptions(Struct, frozen=True):
    """How often drift is looked for, where it is reported, and what becomes of it."""

    follow: Annotated[bool, typer.Option("--follow", help="Keep checking, and report each change as it happens.")] = (
        False
    )
    interval: Annotated[
        float, typer.Option(metavar="SECONDS", min=2.0, help="With --follow: check at least this often.")
    ] = 60.0
    state: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep the last state seen in FILE, and report only later changes."),
    ] = None
    metrics: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Serve /metrics for Prometheus on an address of this machine."),
    ] = None
    textfile: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the metrics to FILE, for the node exporter.")
    ] = None
    accept: Annotated[
        bool, typer.Option("--accept", help="Write the live changes of these account types into the definitions.")
    ] = False
    yes: Annotated[bool, typer.Option("--yes", help="With --accept: write the files without asking.")] = False
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 3 if someone else changed something.")] = (
        False
    )

    @property
    def reports_events(self) -> bool:
        """Whether events are reported, and not all drift. Raises `UsageError` for options that have no use then."""
        if self.metrics is not None and not self.follow:
            raise UsageError("--metrics requires --follow", "add --follow, or use --textfile")
        if self.textfile is not None and not (self.follow or self.state):
            raise UsageError("--textfile requires --follow or --state", "add one of them")
        return self.follow or self.state is not None


@grouped
def drift(
    chosen: options.Chosen,
    catalogue: options.CatalogueOptions,
    given: DriftOptions,
    databases: options.Databases,
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
    looking = _Looking(wiring, catalogue, chosen.selection)
    if given.accept:
        if not chosen.selection or given.reports_events:
            what = "--accept needs ids, and excludes --follow and --state"
            raise UsageError(what, "list the ids, or select them with --only and --exclude")
        raise typer.Exit(_accept(looking, wiring.target(), yes=given.yes))
    if given.reports_events:
        if format == "markdown":
            raise UsageError("--format markdown is for all drift, not for events", "leave out --follow and --state")
        raise typer.Exit(_follow(looking, given, databases.timeout, as_json=format == "json"))
    wiring.about(chosen.selection.ids)
    targets = wiring.targets()
    found = by_target(looking.look, targets)
    left = looking.left([each for each in targets if each.key in good(found)])
    found |= by_target(looking.look, left)
    reporter = Reporter(wiring.places({each.key: each for each in (*targets, *left)}), looking.owner)
    reporter.begin(format)
    reporter.print(found, format, FORMATS)
    raise typer.Exit(_code(found.values(), good(found).values(), exit_code=given.exit_code))


class _Looking(Struct, frozen=True):
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

    def left(self, reached: Iterable[Target]) -> list[Target]:
        """Targets that were reached, for the documents of this owner of whose kind no folder is left."""
        others = [] if self.selection else self.wiring.also_live(reached)
        looks = good(by_target(self.look, others))
        return [each for each in others if each.key in looks and looks[each.key].has_own]


def _code(errors: Iterable[object], looks: Iterable[Look], *, exit_code: bool) -> ExitCode:
    code = worst(errors)
    changed = exit_code and any(look.drift for look in looks)
    return ExitCode.DIFFERENCES if changed and code is ExitCode.DONE else code


def _accept(looking: _Looking, target: Target, *, yes: bool) -> ExitCode:
    """Write what a look found into the files, one after the other; one that cannot be is an error of its own."""
    look = looking.look(target)
    looking.wiring.read_again()  # somebody may have edited a file since the look began
    with ExitStack() as stack:
        edits, failed = edits_of(look, looking.planning(stack).inputs, target, text_of, read_text)
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


def _follow(looking: _Looking, given: DriftOptions, timeout: float, *, as_json: bool) -> ExitCode:
    """Report events: once for a timer, or until something stops it."""
    if not math.isfinite(given.interval):
        raise UsageError(f"--interval {given.interval} is not a number of seconds", "write it as in --interval 60")
    address = None if given.metrics is None else _loopback(given.metrics)
    following = _Following(looking, given, timeout, as_json=as_json)
    targets = looking.wiring.targets()
    followed = [(following.follower(target), following.changes(target)) for target in targets]
    try:
        if not given.follow:
            return _look_once(following, looking, targets, exit_code=given.exit_code)
        if address is not None and following.metrics is not None:
            output.message(f"metrics: http://{address[0]}:{following.metrics.serve(*address)}/metrics")
        follow(followed, given.interval, GRACE, _warn)
    except CannotReportError as error:
        raise error.reason from None
    except KeyboardInterrupt:
        if not given.follow:
            raise
        output.message("stopped")
    return ExitCode.DONE


def _look_once(following: "_Following", looking: _Looking, targets: Sequence[Target], *, exit_code: bool) -> ExitCode:
    """Report what happened since the look that is kept; what failed is an error of this run."""
    reporter = Reporter.of(looking.wiring, following.owner)
    errors: list[ProvisionError] = []
    looks: list[Look] = []

    def reached(some: Sequence[Target]) -> list[Target]:
        followers = [following.follower(each) for each in some]
        found = side_by_side(lambda follower: follower.run(), followers)
        failed = [each if isinstance(each, list) else [each] for each in found]
        for target, each in zip(some, failed, strict=True):
            for error in each:
                reporter.errors({target.key: error})
            errors.extend(each)
        looks.extend(follower.known for follower in followers)
        return [target for target, each in zip(some, failed, strict=True) if not each]

    reached(looking.left(reached(targets)))
    return _code(errors, looks, exit_code=exit_code)


def _warn(follower: Follower, error: ProvisionError) -> None:
    """Say what failed, and is tried again."""
    if isinstance(error, InvalidCatalogue):
        output.message(problems.as_text(error.validation))
    output.warn(f"{follower.label}: {error.what}; retrying")


class _Following:
    """What the databases that are followed have in common: where is reported, and what is kept."""

    def __init__(self, looking: _Looking, given: DriftOptions, timeout: float, *, as_json: bool) -> None:
        """Read the state, and look at the addresses and files that are named. Raises `ProvisionError`."""
        self.owner = looking.owner
        self.metrics = _metrics(given)
        self._looking, self._timeout = looking, timeout
        self._state: LookState | None = None if given.state is None else DriftState(given.state)
        self._receivers: list[Receiver] = [_Lines(as_json=as_json, follows=given.follow)]
        if (url := webhook_of(looking.wiring.configuration, os.environ.get)) is not None:
            self._receivers.append(_posting(Webhook(url, timeout)))
        if self.metrics is not None:
            self._receivers.insert(0, _measuring(self.metrics, given.textfile))

    def follower(self, target: Target) -> Follower:
        """A target that is followed. Raises `ProvisionError`."""
        wiring = self._looking.wiring
        place = wiring.place(target)
        label = target.key or str(place)
        with wiring.connection(target):
            pass  # a wrong address, password or certificate ends the run: it does not pass
        checks = None if self.metrics is None else _Checks(wiring, target, label, self.metrics)

        def look(before: Look) -> Look:
            wiring.read_again()
            expected = self._looking.expected(target)
            with wiring.connection(target) as connection, wiring.anonymous(target) as anybody:
                for each in (connection, anybody):
                    each.end_within(self._timeout)
                store = CouchStore(connection, target.database, target.kind)
                snapshot = store.read_all()
                found = look_through(expected, store, snapshot, before)
                if checks is not None:
                    checks.run(store, anybody, snapshot, expected)
            return found

        key = f"{target.name or '-'} {place} {self.owner}"
        return Follower(target, label, key, look, self._receivers, self._state)

    def changes(self, target: Target) -> LongPoll:
        """What notices changes of a target's database."""

        def connect(seconds: float) -> AbstractContextManager[Connection]:
            return self._looking.wiring.connection(target, seconds)

        return LongPoll(connect, target.database, self._timeout)


def _metrics(given: DriftOptions) -> Metrics | None:
    file = given.textfile
    if given.metrics is None and file is None:
        return None
    if file is not None and (why := why_not_writable(file) or ("" if file.parent.is_dir() else "no folder")):
        raise UsageError(f"{file} cannot be written: {why}", "choose another file with --textfile")
    return Metrics()


class _Lines:
    """Prints events to stdout, and on stderr that a database is followed."""

    def __init__(self, *, as_json: bool, follows: bool) -> None:
        self._json = as_json
        self._announced: set[str] = set()
        self._follows = follows
        self._lock = threading.Lock()

    def __call__(self, follower: Follower, happened: Sequence[Event], look: Look) -> None:
        """Print some events, all or nothing."""
        at, target = now(), follower.target
        with self._lock:
            paint = output.paint(sys.stdout)
            lines = [
                render.event_json(event, target, at) if self._json else render.event_text(event, target.key, at, paint)
                for event in happened
            ]
            try:
                output.result("\n".join(lines))
            except (output.CannotPrint, OSError) as error:
                raise CannotReportError(error) from error
            if self._follows and not look.trouble and follower.place not in self._announced:
                self._announced.add(follower.place)
                output.message(f"following {follower.label}: {render.summary(look)}")


def _posting(webhook: Webhook) -> Receiver:
    def post(follower: Follower, happened: Sequence[Event], _: Look) -> None:
        if happened:
            webhook.post(render.chat_message(follower.label, follower.target, happened, now()))

    return post


def _measuring(metrics: Metrics, textfile: Path | None) -> Receiver:
    def measure(follower: Follower, _: Sequence[Event], look: Look) -> None:
        ids = [each.id or "" for each in look.drift]
        metrics.looked(follower.label, up=not look.trouble, drift=ids, last_apply=look.last_apply)
        if textfile is not None:
            metrics.write(textfile)

    return measure


class _Checks:
    """What the metrics of one target say beside drift."""

    def __init__(self, wiring: Wiring, target: Target, label: str, metrics: Metrics) -> None:
        self._wiring, self._target, self._label, self._metrics = wiring, target, label, metrics
        self._next = 0.0

    def run(self, store: CouchStore, anybody: Connection, snapshot: Snapshot, expected: Expected) -> None:
        """Check again if it is time to; what cannot be checked is a failed check."""
        if monotonic() < self._next:
            return
        results: list[CheckResult] = []
        documents = snapshot.documents
        try:
            results += check.provisioned(store.inspect(anybody), documents, ALL).results
        except StoreError as error:
            results.append(failed(str(error), "").of(DATABASE, "reachable"))
        ends: dict[str, float] = {}
        try:
            ids, today = sorted(documents), datetime.now(UTC).date()
            found = ends_of(
                ids,
                self._wiring.credentials(self._target, dict.fromkeys(ids, ())),
                documents.values(),
                expected.defined,
                today,
            )
            ends = {each.id: datetime.combine(each.end, day_time(), UTC).timestamp() for each in found}
        except ProvisionError as error:
            results.append(failed(str(error), "").of(DATABASE, "expiry"))
        numbers = Counter(result.check for result in results if result.verdict is Verdict.FAILED)
        self._metrics.checked(self._label, ends, {result.check: float(numbers[result.check]) for result in results})
        self._next = monotonic() + CHECK_EVERY


def _loopback(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    advice = "write it as in --metrics 127.0.0.1:9187"
    if not port.isdecimal() or int(port) > 65_535:
        raise UsageError(f"--metrics {text} has no port", advice)
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise UsageError(f"--metrics {text} is not a loopback address", advice)
    return host, int(port)
