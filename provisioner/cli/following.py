"""Follows databases, or looks once for a timer: what happened is printed, posted to a webhook, and measured."""

import ipaddress
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from datetime import time as day_time
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from provisioner.adapters.couchdb.changes import LongPoll
from provisioner.adapters.couchdb.connection import Connection
from provisioner.adapters.couchdb.store import CouchStore
from provisioner.adapters.files import shipped
from provisioner.adapters.files.private_file import why_not_writable
from provisioner.adapters.files.saved_files import DriftState
from provisioner.adapters.webhook import Webhook
from provisioner.cli import output
from provisioner.cli.planning import now
from provisioner.cli.wiring import Wiring, read_expiries
from provisioner.commands import check
from provisioner.commands.follow import CannotReportError, Follower, LookState, Receiver, look_through
from provisioner.core.definitions.definition import ALL
from provisioner.core.errors import InvalidCatalogue, ProvisionError, StoreError, UsageError
from provisioner.core.plan.drift import Event, Expected, Look
from provisioner.core.plan.health import DATABASE, CheckResult, Verdict, failed
from provisioner.core.plan.store import Snapshot
from provisioner.core.targets.choice import webhook_of
from provisioner.core.targets.target import Target
from provisioner.render import drift as render
from provisioner.render import problems

if TYPE_CHECKING:  # prometheus_client takes 60 ms to import, and only metrics need it
    from provisioner.adapters.metrics import Metrics

CHECK_EVERY = 600.0
"""Seconds between two looks at what the metrics say beside drift: expiring secrets, and the checks of a database."""


@dataclass(frozen=True, slots=True)
class FollowOptions:
    """How drift is followed, and where it is reported."""

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
    def reports_events(self) -> bool:
        """Whether events are reported, and not all drift. Raises `UsageError` for options that have no use then."""
        if self.metrics is not None and not self.follow:
            raise UsageError("--metrics requires --follow", "add --follow, or use --textfile")
        if self.textfile is not None and not (self.follow or self.state):
            raise UsageError("--textfile requires --follow or --state", "add one of them")
        return self.follow or self.state is not None

    @property
    def address(self) -> tuple[str, int] | None:
        """The host and the port of ``--metrics``. Raises `UsageError` for one that others can reach."""
        return None if self.metrics is None else _loopback(self.metrics)


class Lines:
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
                render.event_json(event, target, at) if self._json else render.event_text(event, target, at, paint)
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


def _measuring(metrics: "Metrics", textfile: Path | None) -> Receiver:
    def measure(follower: Follower, _: Sequence[Event], look: Look) -> None:
        ids = [each.id or "" for each in look.drift]
        metrics.looked(follower.label, up=not look.trouble, drift=ids, last_apply=look.last_apply)
        if textfile is not None:
            metrics.write(textfile)

    return measure


@dataclass
class Following:
    """What the databases that are followed have in common; `expected` reads the catalogue anew for each look."""

    wiring: Wiring
    options: FollowOptions
    expected: Callable[[Target], Expected]
    owner: str
    timeout: float
    as_json: bool
    metrics: "Metrics | None" = None
    state: LookState | None = None
    receivers: Sequence[Receiver] = ()

    def __post_init__(self) -> None:
        """Read the state, and look at the addresses and files that are named. Raises `ProvisionError`."""
        if self.options.state is not None:
            self.state = DriftState(self.options.state)
        self.receivers = [Lines(as_json=self.as_json, follows=self.options.follow)]
        if (url := webhook_of(self.wiring.configuration, os.environ.get)) is not None:
            self.receivers = [*self.receivers, _posting(Webhook(url, self.timeout))]
        if self.options.metrics is not None or self.options.textfile is not None:
            from provisioner.adapters.metrics import Metrics  # as above

            file = self.options.textfile
            if file is not None and (why := why_not_writable(file) or ("" if file.parent.is_dir() else "no folder")):
                raise UsageError(f"{file} cannot be written: {why}", "choose another file with --textfile")
            self.metrics = Metrics()
            self.receivers = [_measuring(self.metrics, file), *self.receivers]

    def follower(self, target: Target) -> Follower:
        """A target that is followed. Raises `ProvisionError`."""
        place = self.wiring.place(target)
        label = target.name or str(place)
        with self.wiring.connection(target):
            pass  # a wrong address, password or certificate ends the run: it does not pass
        checks = None if self.metrics is None else _Checks(target, label, self.metrics)

        def look(before: Look) -> Look:
            expected = self.expected(target)
            with self.wiring.connection(target) as connection, self.wiring.anonymous(target) as anybody:
                for each in (connection, anybody):
                    each.end_within(self.timeout)
                store = CouchStore(connection, target.database)
                snapshot = store.read_all()
                found = look_through(expected, store, snapshot, before)
                if checks is not None:
                    checks.run(store, anybody, snapshot, expected)
            return found

        key = f"{target.name or '-'} {place} {self.owner}"
        return Follower(target.name, label, key, look, self.receivers, self.state)

    def changes(self, target: Target) -> LongPoll:
        """What notices changes of a target's database."""

        def connect(seconds: float) -> AbstractContextManager[Connection]:
            return self.wiring.connection(target, seconds)

        return LongPoll(connect, target.database, self.timeout)

    @staticmethod
    def warn(follower: Follower, error: ProvisionError) -> None:
        """Say what failed, and is tried again."""
        if isinstance(error, InvalidCatalogue):
            output.message(problems.as_text(error.validation))
        output.warn(f"{follower.label}: {error.what}; retrying")


@dataclass
class _Checks:
    """What the metrics of one target say beside drift."""

    target: Target
    label: str
    metrics: "Metrics"
    next: float = 0.0

    def run(self, store: CouchStore, anybody: Connection, snapshot: Snapshot, expected: Expected) -> None:
        """Check again if it is time to; what cannot be checked is a failed check."""
        if monotonic() < self.next:
            return
        results: list[CheckResult] = []
        documents = snapshot.documents
        try:
            known = shipped.check()
            results += check.provisioned(store.inspect(anybody), documents, ALL, known).results
        except StoreError as error:
            results.append(failed(str(error), "").of(DATABASE, "reachable"))
        ends: dict[str, float] = {}
        try:
            found = read_expiries(self.target, sorted(documents), documents.values(), expected.defined)
            ends = {each.id: datetime.combine(each.end, day_time(), UTC).timestamp() for each in found}
        except ProvisionError as error:
            results.append(failed(str(error), "").of(DATABASE, "expiry"))
        numbers = Counter(result.check for result in results if result.verdict is Verdict.FAILED)
        self.metrics.checked(self.label, ends, {result.check: float(numbers[result.check]) for result in results})
        self.next = monotonic() + CHECK_EVERY


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
