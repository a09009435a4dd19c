"""``provision watch``."""

import ipaddress
import os
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated

import typer

from provisioner.adapters.files import shipped
from provisioner.adapters.files.watch_state import WatchState, usual_path
from provisioner.adapters.metrics import Metrics
from provisioner.adapters.webhook import Webhook
from provisioner.cli import options, output
from provisioner.cli.exit_code import ExitCode
from provisioner.cli.expiring import read_expiries
from provisioner.cli.grouping import grouped
from provisioner.cli.surroundings import planning_of
from provisioner.cli.wiring import Wiring
from provisioner.commands import check
from provisioner.commands.followed import Followed, Looked
from provisioner.commands.planning import Planning
from provisioner.commands.watch import Watch
from provisioner.commands.watching import Watching
from provisioner.core.definitions.schema_check import schema_check
from provisioner.core.errors import InvalidCatalogue, ProvisionError, UsageError
from provisioner.core.oauth.health import DATABASE, CheckResult, Verdict
from provisioner.core.plan.event import Event
from provisioner.core.targets.choice import webhook_of
from provisioner.core.targets.target import Target
from provisioner.core.text import counted
from provisioner.render import events as render
from provisioner.render import problems

GRACE = 5.0
"""Seconds that messages which wait for the webhook have at the end."""


@dataclass(frozen=True, slots=True)
class Reporting:
    """Where a watch keeps and publishes what it knows."""

    metrics: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Serve /metrics for Prometheus on an address of this machine."),
    ] = None
    textfile: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the metrics to FILE, for the node exporter.")
    ] = None
    state: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to keep what was seen last. Default: a file of yours."),
    ] = None


@grouped
def watch(
    databases: options.Databases,
    reporting: Reporting,
    catalogue: options.CatalogueFolder = None,
    owner: options.Owner = None,
    once: Annotated[
        bool, typer.Option("--once", help="Tell what changed since the last time, and exit; for a timer.")
    ] = False,
    format: Annotated[
        options.OutcomeFormat, typer.Option(help="json: one object a line.")
    ] = options.OutcomeFormat.TEXT,
) -> None:
    """Report each change of the database as it happens.

    It goes on after a broken connection, and after a restart from where it was. webhook in provision.yaml is told too.
    Ctrl-C and SIGTERM end it.
    """
    wiring = Wiring(databases)
    address = None if reporting.metrics is None else _loopback(reporting.metrics)
    if address and once:
        raise UsageError("--once ends before anybody could ask for --metrics", "write them with --textfile")
    url = webhook_of(wiring.configuration, os.environ.get)
    metrics = Metrics()
    with ExitStack() as stack:
        webhook = None
        if url is not None:
            webhook = Webhook(url, output.warn)
            stack.callback(webhook.close, GRACE)
        state = WatchState(reporting.state or usual_path())
        told = _Told(format, webhook, metrics, reporting.textfile, once=once)
        planning, _ = planning_of(wiring, stack, options.Definitions(paths=catalogue), owner=owner)
        followed = {target.name or "": _followed(wiring, planning, target, state) for target in wiring.targets()}
        watching = Watching(followed, state, metrics, told)
        if once:
            good = watching.once()
            if webhook is not None:
                webhook.finish()
            raise typer.Exit(ExitCode.DONE if good else ExitCode.PROBLEMS)
        if address is not None:
            output.message(f"metrics: http://{address[0]}:{metrics.serve(*address)}/metrics")
        try:
            watching.forever()
        except KeyboardInterrupt:
            output.message("stopped")
    raise typer.Exit(ExitCode.DONE)


def _followed(wiring: Wiring, planning: Planning, target: Target, state: WatchState) -> Followed:
    place = " ".join(filter(None, (target.name, str(wiring.place(target)))))
    ignore = wiring.configuration.ignore
    watch = Watch(target.name, planning.expected(target, ignore))
    known = schema_check(shipped.schema())

    def look() -> Looked:
        """Read the catalogue anew, which somebody may have pulled meanwhile."""
        watch.expected = replace(planning).expected(target, ignore)
        with wiring.store(target) as store, wiring.anonymous(target) as anybody:
            inspection, snapshot = store.inspect(anybody), store.read_all()
        documents = snapshot.documents
        results = [*check.provisioned(inspection, documents, (), known).results]
        ends: dict[str, float] = {}
        try:
            found = read_expiries(target, sorted(documents), documents.values(), watch.expected.defined)
            ends = {each.id: _midnight(each.end) for each in found}
        except ProvisionError as error:
            results.append(CheckResult(DATABASE, "expiry", Verdict.FAILED, str(error)))
        failed = Counter(result.check for result in results if result.verdict is Verdict.FAILED)
        return Looked(snapshot, ends, {result.check: float(failed[result.check]) for result in results})

    feed = wiring.feed(target, state.get(place))
    return Followed(target.name or place, place, watch, feed, lambda: wiring.store(target), look)


def _midnight(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()


@dataclass(frozen=True, slots=True)
class _Told:
    """The `Telling` of a watch: lines on stdout, messages to the webhook, metrics in a file."""

    format: options.OutcomeFormat
    webhook: Webhook | None
    metrics: Metrics
    textfile: Path | None
    once: bool

    def events(self, followed: Followed, events: Sequence[Event]) -> None:
        """Something happened."""
        paint = output.paint(sys.stdout)
        text = self.format is options.OutcomeFormat.TEXT
        for event in events:
            output.result(render.as_text(event, paint) if text else render.as_json_line(event))
        if self.webhook is not None:
            self.webhook.send(render.message(followed.label, events))

    def begun(self, followed: Followed) -> None:
        """From now on each change is told."""
        number = counted(len(followed.watch.drift), "account type")
        output.message(f"watching {followed.label}: {number} changed by others")

    def trouble(self, followed: Followed, error: ProvisionError) -> None:
        """A database cannot be followed; it is tried again."""
        if isinstance(error, InvalidCatalogue):
            output.message(problems.as_text(error.validation))
        again = "" if self.once else "; it is tried again"
        output.warn(f"{followed.label}: {error.what}{again}")

    def again(self, followed: Followed) -> None:
        """A database can be followed again."""
        output.message(f"{followed.label}: connected again")

    def measured(self) -> None:
        """Write the figures."""
        if self.textfile is None:
            return
        try:
            self.metrics.write(self.textfile)
        except ProvisionError as error:
            if self.once:
                raise
            output.warn(f"{error.what}; it is tried again")


def _loopback(text: str) -> tuple[str, int]:
    """The host and the port of ``--metrics``. Raises `UsageError` for one that others can reach."""
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
        raise UsageError(f"--metrics {text} is not an address of this machine alone", advice)
    return host, int(port)
