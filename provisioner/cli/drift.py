"""``provision drift``: shows what others changed, reports it as events, or brings it into the files."""

import ipaddress
import math
import os
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from datetime import time as day_time
from difflib import unified_diff
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer
from msgspec import Struct
from msgspec.structs import replace

from provisioner.adapters.couchdb.connection import Connection, LongPoll
from provisioner.adapters.couchdb.store import CouchStore
from provisioner.adapters.files.definition_writer import replace_text
from provisioner.adapters.files.private_file import why_not_writable
from provisioner.adapters.files.saved_files import keep_look, looks_in
from provisioner.adapters.files.text_files import text_of
from provisioner.adapters.files.yaml_text import read_yaml
from provisioner.adapters.monitoring import Metrics, Webhook
from provisioner.cli import options, output
from provisioner.cli.boundary import ExitCode, by_target, good, side_by_side, worst
from provisioner.cli.options import grouped
from provisioner.cli.planning import check_selection, now, planning_of
from provisioner.cli.report import Reporter
from provisioner.cli.wiring import Wiring
from provisioner.commands.check import provisioned
from provisioner.commands.drift import CannotReportError, Follower, edits_of, follow
from provisioner.commands.planning import Planning
from provisioner.core.definitions.definition import ALL, Selection
from provisioner.core.errors import InvalidCatalogue, ProvisionError, StoreError, UsageError
from provisioner.core.plan.health import DATABASE, Verdict, failed
from provisioner.core.plan.live import UNSEEN, Event, Expected, Look
from provisioner.core.plan.live_document import ends_of
from provisioner.core.plan.planning import PlanOptions
from provisioner.core.plan.store import Snapshot
from provisioner.core.targets.target import Target, webhook_of
from provisioner.core.text import counted, listed
from provisioner.render import live as render
from provisioner.render import problems
from provisioner.render.layout import Formats

GRACE = 5.0
"""Seconds that a report has to end when the program is stopped."""

CHECK_EVERY = 600.0
"""Seconds between two looks at what the metrics say beside drift: expiring secrets, and the checks of a database."""


class Looking(Struct, frozen=True):
    """How a database is looked at: with which catalogue, for which owner, and at which account types."""

    wiring: Wiring
    catalogue: options.CatalogueOptions
    selection: Selection

    def planning(self, stack: ExitStack | None = None) -> Planning:
        """The use case that reads the catalogue, as it is now; databases are closed with the stack."""
        wanted = PlanOptions(self.catalogue.owner)
        return planning_of(self.wiring, stack or ExitStack(), self.catalogue.definitions, wanted, self.selection)[0]

    def expected(self, target: Target) -> Expected:
        """What should be live, by the catalogue as it is now. Raises `ProvisionError`."""
        expected = self.planning().expected(target, self.wiring.configuration.ignore)
        return replace(expected, takes=lambda each: target.takes(each) and self.selection.means(each))

    def look(self, target: Target) -> Look:
        """Look once. Raises `ProvisionError`, also if no account type is meant that is defined or live."""
        expected = self.expected(target)
        with self.wiring.store(target) as store:
            found = expected.look(store.read_all(), store.deleted)
        if not found.gone:
            files = self.wiring.catalogue(self.catalogue.folders)
            check_selection(self.selection, {*expected.defined, *(found.documents or {})}, files)
        return found

    def left(self, reached: Iterable[Target]) -> list[tuple[Target, Look]]:
        """Targets that were reached, for the documents of this owner of whose kind no folder is left."""
        others = [] if self.selection else self.wiring.also_live(reached)
        looks = good(by_target(self.look, others))
        return [(each, looks[each.key]) for each in others if each.key in looks and looks[each.key].has_own]


class EventOptions(Struct, frozen=True):
    """How often is looked, and where events are reported."""

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

    @property
    def wanted(self) -> bool:
        """Whether events are reported, and not all drift. Raises `UsageError` for options that have no use then."""
        if self.metrics is not None and not self.follow:
            raise UsageError("--metrics requires --follow", "add --follow, or use --textfile")
        if self.textfile is not None and not (self.follow or self.state):
            raise UsageError("--textfile requires --follow or --state", "add one of them")
        return self.follow or self.state is not None


class Events:
    """Reports what happens in databases: where is reported, and what is kept."""

    def __init__(self, looking: Looking, given: EventOptions, timeout: float, *, as_json: bool) -> None:
        """Read the state, and look at the addresses and files that are named. Raises `ProvisionError`."""
        if not math.isfinite(given.interval):
            raise UsageError(f"--interval {given.interval} is not a number of seconds", "write it as in --interval 60")
        self._looking, self._given, self._timeout, self._json = looking, given, timeout, as_json
        self._address = None if given.metrics is None else _loopback(given.metrics)
        self._owner = looking.planning().named_owner
        file = given.textfile
        if file is not None and (why := why_not_writable(file) or ("" if file.parent.is_dir() else "no folder")):
            raise UsageError(f"{file} cannot be written: {why}", "choose another file with --textfile")
        self._metrics = Metrics() if self._address or file else None
        self._looks = {} if given.state is None else looks_in(given.state)
        url = webhook_of(looking.wiring.configuration, os.environ.get)
        self._webhook = None if url is None else Webhook(url, timeout)
        self._receivers = [self._measure, self._print, self._post]
        self._printing = threading.Lock()
        self._announced: set[str] = set()

    def report(self, *, exit_code: bool) -> ExitCode:
        """Report events: once for a timer, or until something stops it."""
        wiring = self._looking.wiring
        targets = wiring.targets()
        followers = [self._follower(target) for target in targets]
        try:
            if not self._given.follow:
                return self._report_once(targets, followers, exit_code=exit_code)
            if self._address and self._metrics:
                output.message(f"metrics: http://{self._address[0]}:{self._metrics.serve(*self._address)}/metrics")
            polls = [LongPoll(partial(wiring.connection, each), each.database, self._timeout) for each in targets]
            followed = [*zip(followers, (poll.wait for poll in polls), strict=True)]
            follow(followed, self._given.interval, GRACE, _warn)
        except CannotReportError as error:
            raise (error.__cause__ or error) from None
        except KeyboardInterrupt:
            if not self._given.follow:
                raise
            output.message("stopped")
        return ExitCode.DONE

    def _report_once(self, targets: list[Target], followers: list[Follower], *, exit_code: bool) -> ExitCode:
        """Report what happened since the look that is kept; what failed is an error of this run."""
        reporter = Reporter(self._looking.wiring.places(), self._owner)
        errors: list[ProvisionError] = []

        def sound(targets: list[Target], followers: list[Follower]) -> list[Target]:
            """The targets where nothing failed, after a look at each."""
            found = [each if isinstance(each, list) else [each] for each in side_by_side(Follower.run, followers)]
            for target, failures in zip(targets, found, strict=True):
                errors.extend(failures)
                for error in failures:
                    output.report(error, reporter.prefix(target.key))
            return [target for target, failures in zip(targets, found, strict=True) if not failures]

        left = [target for target, _ in self._looking.left(sound(targets, followers))]
        others = [self._follower(target) for target in left]
        sound(left, others)
        return code_of(errors, [each.known for each in (*followers, *others)], exit_code=exit_code)

    def _follower(self, target: Target) -> Follower:
        """A target that is followed. Raises `ProvisionError`."""
        wiring = self._looking.wiring
        place = wiring.place(target)
        label = target.key or str(place)
        next_check = 0.0
        with wiring.connection(target):
            pass  # a wrong address, password or certificate ends the run: it does not pass

        def look(before: Look) -> Look:
            nonlocal next_check
            wiring.read_again()
            expected = self._looking.expected(target)
            with wiring.connection(target) as connection, wiring.anonymous(target) as anybody:
                for each in (connection, anybody):
                    each.end_within(self._timeout)
                store = CouchStore(connection, target.database, target.kind)
                snapshot = store.read_all()
                found = expected.look(snapshot, store.deleted, before)
                if self._metrics is not None and monotonic() >= next_check:
                    self._metrics.checked(label, *self._checked(target, store, anybody, snapshot, expected))
                    next_check = monotonic() + CHECK_EVERY
            return found

        key = f"{target.name or '-'} {place} {self._owner}"
        keep = partial(keep_look, self._given.state, key) if self._given.state else None
        return Follower(target, label, look, self._receivers, self._looks.get(key, UNSEEN), keep)

    def _checked(
        self, target: Target, store: CouchStore, anybody: Connection, snapshot: Snapshot, expected: Expected
    ) -> tuple[dict[str, float], dict[str, float]]:
        """When client secrets expire, and how often each check failed; one that cannot be made has failed."""
        documents = snapshot.documents
        try:
            results = [*provisioned(store.inspect(anybody), documents, ALL).results]
        except StoreError as error:
            results = [failed(str(error), "").of(DATABASE, "reachable")]
        ends: dict[str, float] = {}
        try:
            ids = sorted(documents)
            contents = self._looking.wiring.credentials(target, dict.fromkeys(ids, ()))
            found = ends_of(ids, contents, documents.values(), expected.defined, datetime.now(UTC).date())
            ends = {each.id: datetime.combine(each.end, day_time(), UTC).timestamp() for each in found}
        except ProvisionError as error:
            results.append(failed(str(error), "").of(DATABASE, "expiry"))
        numbers = Counter(result.check for result in results if result.verdict is Verdict.FAILED)
        return ends, {result.check: float(numbers[result.check]) for result in results}

    def _measure(self, follower: Follower, _: Sequence[Event], look: Look) -> None:
        """Set the metrics, and write them if a file is named."""
        if self._metrics is not None:
            ids = [each.id or "" for each in look.drift]
            self._metrics.looked(follower.label, up=not look.trouble, drift=ids, last_apply=look.last_apply)
            if self._given.textfile is not None:
                self._metrics.write(self._given.textfile)

    def _print(self, follower: Follower, happened: Sequence[Event], look: Look) -> None:
        """Print events to stdout, all or none of a report, and on stderr that a database is followed."""
        at, target = now(), follower.target
        with self._printing:
            paint = output.paint(sys.stdout)
            lines = [
                render.event_json(event, target, at) if self._json else render.event_text(event, target.key, at, paint)
                for event in happened
            ]
            try:
                output.result("\n".join(lines))
            except (output.CannotPrint, OSError) as error:
                raise CannotReportError from error
            if self._given.follow and not look.trouble and follower.label not in self._announced:
                self._announced.add(follower.label)
                output.message(f"following {follower.label}: {render.drift_summary(look)}")

    def _post(self, follower: Follower, happened: Sequence[Event], _: Look) -> None:
        """Post events to the webhook, if there is one."""
        if self._webhook is not None and happened:
            self._webhook.post(render.chat_message(follower.label, follower.target, happened, now()))


def code_of(errors: Iterable[object], looks: Iterable[Look], *, exit_code: bool) -> ExitCode:
    """The exit code of some looks; `exit_code`: drift has one of its own."""
    code = worst(errors)
    return ExitCode.DIFFERENCES if code is ExitCode.DONE and exit_code and any(look.drift for look in looks) else code


def _warn(follower: Follower, error: ProvisionError) -> None:
    """Say what failed, and is tried again."""
    if isinstance(error, InvalidCatalogue):
        output.message(problems.as_text(error.validation))
    output.warn(f"{follower.label}: {error.what}; retrying")


def _loopback(text: str) -> tuple[str, int]:
    """The host and the port of ``--metrics``. Raises `UsageError` for another machine's."""
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


FORMATS = Formats(render.drift_text, render.drift_values, markdown=render.drift_markdown)


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
    wiring.limit_to_kinds_of(chosen.selection.ids)
    targets = wiring.targets()
    found = by_target(looking.look, targets)
    left = looking.left([each for each in targets if each.key in good(found)])
    found |= {each.key: look for each, look in left}
    places = wiring.places({each.key: each for each in (*targets, *(each for each, _ in left))})
    reporter = Reporter(places, looking.planning().named_owner, format)
    reporter.begin()
    reporter.print(found, FORMATS)
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
        files = counted(len(edits), "file")
        if not yes:
            output.ask_for_yes(f"Write {files}?", "the files are not changed", "nothing was written")
        for edit in edits:
            replace_text(edit.path, edit.after)
        them = "it" if len(edits) == 1 else "them"
        output.message(f"{files} changed: commit {them}, then run provision apply")
    elif not failed:
        output.message("nothing to accept")
    return ExitCode.PROBLEMS if failed else ExitCode.DONE
