"""``provision check``."""

import secrets
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, assert_never

import typer

from provisioner.cli import options, output
from provisioner.cli.exit_code import ExitCode, worst
from provisioner.cli.reach import Reach, side_by_side
from provisioner.core.errors import ProvisionError, SafetyLimit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provisioner.commands.check import Provisioned
    from provisioner.core.oauth.health import Finding
    from provisioner.core.oauth.requests import Client, Request
    from provisioner.core.targets.target import Target

AT_A_TIME = 8
"""Account types whose providers are asked at a time."""


def check(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID...", help="The account types to check. Default: all.")
    ] = None,
    couch: options.Couch = None,
    target: options.Targets = None,
    all_targets: options.AllTargets = False,
    endpoints: Annotated[
        bool, typer.Option("--endpoints", help="Ask each provider's endpoints for an answer.")
    ] = False,
    credentials: Annotated[
        bool, typer.Option("--credentials", help="Send each client_id and client_secret with a made-up code.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Send the credentials without asking.")] = False,
    format: Annotated[
        options.ProblemFormat, typer.Option(help="github: workflow annotations.")
    ] = options.ProblemFormat.TEXT,
    strict: options.Strict = False,
    config: options.ConfigFile = None,
    cozy_config: options.CozyConfig = None,
    database: options.Database = None,
    timeout: options.Timeout = options.DEFAULT_TIMEOUT,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,
) -> None:
    """Check whether provisioned account types work: the database, and on demand the providers."""
    reach = Reach(couch, database, target, all_targets, config, cozy_config, timeout, verbose, no_color)
    targets = reach.targets(reach.configuration())
    names = [target.name or "" for target in targets]
    checking = Checking(reach, ids or [])
    found = dict(zip(names, side_by_side(checking.database, targets), strict=True))
    good = {name: each for name, each in found.items() if not isinstance(each, ProvisionError)}
    if credentials:
        _agreed([client for each in good.values() for client in each.clients], yes=yes)
    results: dict[str, Sequence[Finding] | ProvisionError] = {}
    for name, each in found.items():
        if isinstance(each, ProvisionError):
            results[name] = each
        else:
            results[name] = [*each.findings, *_asked(each.clients, endpoints=endpoints, credentials=credentials)]
    _report(results, format, no_color)
    raise typer.Exit(max(worst(results.values()), _exit_code(results, strict=strict)))


@dataclass(frozen=True, slots=True)
class Checking:
    """Looks into databases for some account types, or for all."""

    reach: Reach
    ids: "Sequence[str]"

    def database(self, target: "Target") -> "Provisioned":
        """What a target's database holds; where it cannot be looked into, that is what was found."""
        from provisioner.adapters.files import shipped
        from provisioner.commands import check as command
        from provisioner.core.definitions.schema_check import schema_check
        from provisioner.core.errors import StoreError
        from provisioner.core.oauth.health import DATABASE, Finding, State

        try:
            with self.reach.store(target) as store, self.reach.anybody(target) as anybody:
                inspection = store.inspect(anybody)
                documents = store.read_all().documents
        except StoreError as error:
            return command.Provisioned((Finding(DATABASE, "reachable", State.FAILED, error.what, error.next),), ())
        return command.database(inspection, documents, self.ids, schema_check(shipped.schema()))


def _agreed(clients: "Sequence[Client]", *, yes: bool) -> None:
    """Say what will be sent to whom, and ask. Raises `SafetyLimit` where nobody agrees."""
    from provisioner.commands.check import credentials

    tried = credentials(clients)
    for client in tried:
        output.message(f"sends client_id and client_secret of {client.id} to {client.token_place}")
    if not tried or yes:
        return
    output.message("where they are refused, also by the other values of token_mode; get puts them into the URL")
    if not sys.stdin.isatty():
        raise SafetyLimit("credentials would be sent, and nobody can be asked here", "add --yes where that is meant")
    if not typer.confirm("Send them?", err=True):
        raise SafetyLimit("not confirmed", "nothing was sent")


def _asked(clients: "Sequence[Client]", *, endpoints: bool, credentials: bool) -> "list[Finding]":
    """What the providers answer."""
    if not clients or not (endpoints or credentials):
        return []
    from concurrent.futures import ThreadPoolExecutor

    from provisioner.adapters.oauth.pacing import Pace
    from provisioner.adapters.oauth.probes import EndpointProbe
    from provisioner.adapters.oauth.token_endpoint import send
    from provisioner.commands import check as command

    pace = Pace()
    tried = command.credentials(clients) if credentials else []

    def ask(client: "Client") -> "list[Finding]":
        found = [*command.endpoints(client, probe.probe, probe.discover)] if endpoints else []
        if client in tried:
            found.append(command.credentials_finding(client, secrets.token_urlsafe(16), paced))
        return found

    def paced(request: "Request") -> tuple[int, bytes]:
        with pace.turn(request.place):
            return send(request)

    with ExitStack() as stack:
        probe = EndpointProbe(pace)
        stack.callback(probe.close)
        pool = stack.enter_context(ThreadPoolExecutor(AT_A_TIME))
        return [finding for found in pool.map(ask, clients) for finding in found]


def _report(
    results: "Mapping[str, Sequence[Finding] | ProvisionError]", format: options.ProblemFormat, no_color: bool
) -> None:
    from provisioner.cli import report
    from provisioner.render import health as render

    paint = output.paint(sys.stdout, no_color)
    good = {name: each for name, each in results.items() if not isinstance(each, ProvisionError)}
    match format:
        case options.ProblemFormat.TEXT:
            texts = {name: render.as_text(each, paint) for name, each in good.items()}
            output.result(report.sections(texts, results, paint))
        case options.ProblemFormat.JSON:
            output.result(report.as_json({name: render.values(each) for name, each in good.items()}, results))
        case options.ProblemFormat.GITHUB:
            output.result("\n".join(map(render.as_annotations, good.values())))
        case _:
            assert_never(format)
    report.errors(results, no_color)


def _exit_code(results: "Mapping[str, Sequence[Finding] | ProvisionError]", *, strict: bool) -> ExitCode:
    from provisioner.core.oauth.health import State

    bad = {State.FAILED, State.WARNING} if strict else {State.FAILED}
    found = (finding for each in results.values() if not isinstance(each, ProvisionError) for finding in each)
    return ExitCode.PROBLEMS if any(finding.state in bad for finding in found) else ExitCode.DONE
