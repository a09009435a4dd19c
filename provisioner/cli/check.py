"""``provision check``."""

import secrets
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, TypeAlias, assert_never

import typer

from provisioner.adapters.files import shipped
from provisioner.adapters.oauth.pacing import Pace
from provisioner.adapters.oauth.probes import RealProviders
from provisioner.cli import completion, options, output
from provisioner.cli.exit_code import ExitCode, worst
from provisioner.cli.expiring import read_expiries
from provisioner.cli.grouping import grouped
from provisioner.cli.report import Reporter, good
from provisioner.cli.wiring import Wiring
from provisioner.commands import check as command
from provisioner.commands.side_by_side import by_target
from provisioner.core.definitions.catalogue import providers
from provisioner.core.definitions.schema_check import schema_check
from provisioner.core.errors import ProvisionError, SafetyLimit, UsageError
from provisioner.core.oauth.health import DATABASE, CheckResult, Inspection, Verdict
from provisioner.core.oauth.requests import Client
from provisioner.core.plan.store import Live
from provisioner.core.targets.expiry import NOTE
from provisioner.core.targets.target import Target
from provisioner.render import health as render

AT_A_TIME = 8
"""How many account types are checked at the same time."""

Results: TypeAlias = Mapping[str, list[CheckResult] | ProvisionError]


@dataclass(frozen=True, slots=True)
class Asking:
    """What to check at the providers."""

    endpoints: Annotated[
        bool, typer.Option("--endpoints", help="Check that the provider's endpoints accept the client.")
    ] = False
    scope: Annotated[
        str | None,
        typer.Option(
            metavar="SCOPE",
            help="The scope to request at the authorization endpoint. Default: the one noted in the catalogue.",
        ),
    ] = None
    credentials: Annotated[
        bool, typer.Option("--credentials", help="Check each client_id and client_secret with a made-up code.")
    ] = False
    try_token_modes: Annotated[
        bool,
        typer.Option("--try-token-modes", help="If the credentials are rejected, also try token_mode form and basic."),
    ] = False
    yes: Annotated[bool, typer.Option("--yes", help="Send the credentials without asking.")] = False


@grouped
def check(
    asking: Asking,
    databases: options.Databases,
    ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ID...", autocompletion=completion.ids, help="The account types to check. Default: all."
        ),
    ] = None,
    format: Annotated[
        options.ProblemFormat, typer.Option(help="github: workflow annotations.")
    ] = options.ProblemFormat.TEXT,
    strict: options.Strict = False,
) -> None:
    """Check that provisioned account types work: in the database and, on request, at the providers."""
    if asking.try_token_modes and not asking.credentials:
        raise UsageError("--try-token-modes requires --credentials", "add --credentials")
    wiring = Wiring(databases)
    known = schema_check(shipped.schema())
    databases_of = _Databases(wiring)
    report = Reporter.of(wiring, wiring.configuration.owner)
    if format is options.ProblemFormat.TEXT:
        report.begin()
    found = by_target(lambda target: command.look(databases_of, target, ids or [], known), wiring.targets())
    good = [each for each in found.values() if not isinstance(each, ProvisionError)]
    clients = [client for each in good for client in each.clients]
    if asking.credentials:
        _agree(command.with_credentials(clients), asking)
    probes = command.Probes(
        endpoints=asking.endpoints,
        credentials=asking.credentials,
        try_modes=asking.try_token_modes,
        scope=asking.scope,
        scopes=_noted(wiring, "scopes") if asking.endpoints and asking.scope is None else {},
    )
    targets = {target.name or "": target for target in wiring.targets()}
    lifetimes = _noted(wiring, NOTE)
    results: Results = {
        name: each
        if isinstance(each, ProvisionError)
        else [*each.results, *_expiring(targets[name], each, lifetimes), *_answers(each.clients, probes)]
        for name, each in found.items()
    }
    _tell(report, results, format)
    checked = [result for each in results.values() if not isinstance(each, ProvisionError) for result in each]
    problems = ExitCode.PROBLEMS if command.failed(checked, strict=strict) else ExitCode.DONE
    raise typer.Exit(max(worst(results.values()), problems))


@dataclass(frozen=True, slots=True)
class _Databases:
    """The `Databases` of a check."""

    wiring: Wiring

    def look(self, target: Target) -> tuple[Inspection, Mapping[str, Live]]:
        """What a server says of a target's database, and the documents in it. Raises `StoreError`."""
        with self.wiring.store(target) as store, self.wiring.anonymous(target) as anybody:
            return store.inspect(anybody), store.read_all().documents


def _expiring(target: Target, found: command.Provisioned, lifetimes: Mapping[str, str]) -> list[CheckResult]:
    """The client secrets that expire soon; credential sources that cannot be read are a result."""
    ids = [client.id for client in found.clients]
    try:
        return [*command.expiring(read_expiries(target, ids, found.documents, lifetimes))]
    except ProvisionError as error:
        return [CheckResult(DATABASE, "expiry", Verdict.WARNING, str(error), "fix the credential source")]


def _noted(wiring: Wiring, note: str) -> Mapping[str, str]:
    """A note of each definition in the catalogue; empty if there is no catalogue, since a check does not need one."""
    try:
        return {each.id: each.note(note) for each in providers(wiring.read_catalogue())}
    except ProvisionError:
        return {}


def _agree(clients: Sequence[Client], asking: Asking) -> None:
    """Say what will be sent and where, and ask for confirmation. Raises `SafetyLimit` if it is not given."""
    for client in clients:
        output.message(f"sends client_id and client_secret of {client.id} to {client.token_place}")
    if not clients or asking.yes:
        return
    output.message("sends each of them again with a scrambled secret, to see whether the provider checks the secret")
    if asking.try_token_modes:
        output.message("if they are rejected, sends them again with token_mode form and basic")
    if not sys.stdin.isatty():
        raise SafetyLimit(
            "sending credentials needs a confirmation, and there is no terminal to ask on", "add --yes to confirm"
        )
    if not output.confirm("Send them?"):
        raise SafetyLimit("not confirmed: nothing was sent", "run the command again, and confirm or add --yes")


def _answers(clients: Sequence[Client], probes: command.Probes) -> list[CheckResult]:
    """Yield the results of the checks at the providers."""
    if not clients or not (probes.endpoints or probes.credentials):
        return []
    real = RealProviders(Pace())
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        found = pool.map(lambda client: command.ask(client, probes, real, secrets.choice), clients)
        return [result for results in found for result in results]


def _tell(report: Reporter, results: Results, format: options.ProblemFormat) -> None:
    match format:
        case options.ProblemFormat.TEXT:
            texts = {name: render.as_text(each, report.paint) for name, each in good(results).items()}
            output.result(report.sections(texts))
        case options.ProblemFormat.JSON:
            output.result(report.json(results, render.values))
        case options.ProblemFormat.GITHUB:
            output.result("\n".join(map(render.as_annotations, good(results).values())))
        case _:
            assert_never(format)
    report.errors(results)
