"""``provision check``."""

import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import typer
from msgspec import Struct
from msgspec.structs import replace

from provisioner.adapters.files import shipped
from provisioner.adapters.files.credential_sources import CommandOutputs
from provisioner.adapters.files.shipped import DOMAINS
from provisioner.adapters.oauth.providers import RealProviders
from provisioner.cli import options, output
from provisioner.cli.boundary import ExitCode, by_target, good
from provisioner.cli.options import grouped
from provisioner.cli.report import Reporter
from provisioner.cli.wiring import Wiring
from provisioner.commands import check as command
from provisioner.commands.proving import testable
from provisioner.core.definitions.definition import Selection, Source, providers
from provisioner.core.definitions.domains import related_domains
from provisioner.core.errors import ProvisionError, StoreError, UsageError
from provisioner.core.oauth.requests import Client
from provisioner.core.plan.health import CheckResult, Verdict
from provisioner.core.plan.live_document import LIFETIME_NOTE
from provisioner.core.targets.target import Target
from provisioner.render import checks as render
from provisioner.render.layout import Formats

AT_A_TIME = 8
"""How many account types are checked at the same time."""


class ProbeOptions(Struct, frozen=True):
    """What to check at the providers."""

    endpoints: Annotated[
        bool, typer.Option("--endpoints", help="Check that the provider's endpoints accept the client.")
    ] = False
    scope: Annotated[
        str | None,
        typer.Option(
            metavar="SCOPE",
            help="The scope to request at the authorization endpoint. Default: x-scopes of the shipped definition.",
        ),
    ] = None
    credentials: Annotated[
        bool, typer.Option("--credentials", help="Verify each client_id and client_secret with a dummy code.")
    ] = False
    try_token_modes: Annotated[
        bool,
        typer.Option("--try-token-modes", help="If the credentials are rejected, also try token_mode form and basic."),
    ] = False
    yes: Annotated[bool, typer.Option("--yes", help="Send the credentials without asking.")] = False


def _formats(*, brief: bool = False) -> Formats[Sequence[CheckResult]]:
    return Formats(partial(render.as_text, brief=brief), render.values, github=render.as_annotations)


@grouped
def check(
    chosen: options.Chosen,
    probing: ProbeOptions,
    databases: options.Databases,
    format: Annotated[str, options.one_of(_formats(), "github: workflow annotations.")] = "text",
    strict: options.Strict = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show only problems and the summary.")] = False,
) -> None:
    """Check everything that is live: databases, documents, providers.

    --endpoints and --credentials also contact the providers. Several targets are shown as a table, with the problems
    of each below it.
    """
    if probing.try_token_modes and not probing.credentials:
        raise UsageError("--try-token-modes requires --credentials", "add --credentials")
    wiring = Wiring(databases)
    selection, outputs = chosen.selection, CommandOutputs()
    wiring.limit_to_kinds_of(selection.ids)
    targets = wiring.each_target()
    definitions: Sequence[Source] = []
    with suppress(ProvisionError):  # a check needs none
        definitions = wiring.read_catalogue()
    look = partial(_look, wiring, selection, definitions, outputs)
    found = by_target(look, [*good(targets).values()])
    reached = [each for name, each in good(targets).items() if name in good(found) and good(found)[name].inspected]
    others, of_others = wiring.beside(look, found, reached, lambda each: each.ids, selection.ids)
    targets |= {each.key: each for each in others}
    found |= of_others
    if selection.ids:  # an id that one database of a target has is not missing in the others of it
        there: defaultdict[str | None, set[str]] = defaultdict(set)
        for name, each in good(found).items():
            there[good(targets)[name].name] |= each.ids
        found |= {name: each.beside(there[good(targets)[name].name]) for name, each in good(found).items()}
    report = Reporter(wiring.places(targets), wiring.configuration.owner, format)
    report.begin()
    if probing.credentials:
        _agree(testable([client for each in good(found).values() for client in each.clients]), probing)
    scopes = {each.id: each.note("scopes") for each in providers(definitions)}
    results: dict[str, Sequence[CheckResult] | ProvisionError] = {}
    for name, target in targets.items():
        here = target if isinstance(target, ProvisionError) else found[name]
        if isinstance(here, ProvisionError):
            results[name] = here
        else:
            results[name] = [*here.results, *_answers(here.clients, probing, scopes)]
    if format == "text" and not report.alone:
        protected = {name for name, target in good(targets).items() if target.protected}
        rows = {report.places[name]: good(results).get(name) for name in results}
        output.result(f"{render.targets_table(rows, protected, report.paint)}\n")
    code = report.print(results, _formats(brief=quiet or not report.alone))
    bad = {Verdict.FAILED, Verdict.WARNING} if strict else {Verdict.FAILED}
    failed = any(result.verdict in bad for each in good(results).values() for result in each)
    raise typer.Exit(max(code, ExitCode.PROBLEMS if failed else ExitCode.DONE))


def _look(
    wiring: Wiring, selection: Selection, definitions: Sequence[Source], outputs: CommandOutputs, target: Target
) -> command.Provisioned:
    """What a target's database holds, and what is wrong with it. Raises `ProvisionError`."""
    with suppress(ProvisionError):  # a server may repeat them from the first answer on; errors are reported below
        wiring.credentials(target, wiring.asked(target.kind), outputs)
    try:
        with wiring.store(target) as store, wiring.anonymous(target) as anybody:
            inspection, documents = store.inspect(anybody), store.read_all().documents
    except StoreError as error:
        return command.unreachable(error)
    found = command.provisioned(inspection, documents, selection)
    stated = related_domains(source.fields for source in definitions)
    domains = replace(DOMAINS, related=lambda: [*stated, *DOMAINS.related()])
    rules = command.rule_findings(found, documents, shipped.check(), domains, wiring.rules(target))
    lifetimes = {each.id: each.note(LIFETIME_NOTE) for each in providers(definitions)}
    read = partial(wiring.credentials, target, outputs=outputs)
    expiring = command.expiring(found.documents, read, lifetimes, datetime.now(UTC).date())
    return replace(found, results=(*found.results, *rules, *expiring))


def _agree(clients: Sequence[Client], probing: ProbeOptions) -> None:
    """Say what will be sent and where, and ask for confirmation. Raises `SafetyLimit` if it is not given."""
    for client in clients:
        output.message(f"sends client_id and client_secret of {client.id} to {client.token_place}")
    if not clients or probing.yes:
        return
    output.message("sends each of them again with a scrambled secret, to see whether the provider checks the secret")
    if probing.try_token_modes:
        output.message("if they are rejected, sends them again with token_mode form and basic")
    output.ask_for_yes("Send them?", "sending credentials needs a confirmation", "nothing was sent")


def _answers(clients: Sequence[Client], probing: ProbeOptions, scopes: Mapping[str, str]) -> list[CheckResult]:
    """What the providers answer; `scopes` by account type, where none is given."""
    if not clients or not (probing.endpoints or probing.credentials):
        return []
    real = RealProviders()

    def ask(client: Client) -> list[CheckResult]:
        scope = scopes.get(client.id, "") if probing.scope is None else probing.scope
        found = [*command.ask_endpoints(client, scope, real)] if probing.endpoints else []
        if probing.credentials:
            modes = probing.try_token_modes
            found += command.ask_for_credentials(client, real, secrets.choice, try_modes=modes)
        return found

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return [result for results in pool.map(ask, clients) for result in results]
