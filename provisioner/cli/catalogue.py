"""``provision catalogue``, ``explain`` and ``schema``: what comes with the program."""

import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from provisioner.adapters.files import shipped
from provisioner.adapters.files.definitions import read_sources
from provisioner.adapters.files.private_file import STDOUT, write_result
from provisioner.cli import options, output
from provisioner.cli.options import grouped
from provisioner.cli.wiring import Wiring
from provisioner.core.definitions.account_type import missing_credentials
from provisioner.core.definitions.definition import Source, providers
from provisioner.core.definitions.url import domain_advice
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.plan.live_document import LIFETIME_NOTE, ends_of
from provisioner.core.plan.store import Live
from provisioner.core.rules import BY_ID, RULES
from provisioner.core.targets.filling import variable_name
from provisioner.core.targets.target import EnvironmentSource, Target
from provisioner.core.text import did_you_mean, listed
from provisioner.render import live as render
from provisioner.render import problems
from provisioner.render.layout import Formats
from provisioner.render.pages import Facts, catalogue_page, is_page

FORMATS = Formats(render.shipped, render.shipped_values)


@grouped
def catalogue(
    live: options.OneDatabase,
    word: Annotated[
        str,
        typer.Argument(
            metavar="WORD",
            autocompletion=options.offer_shipped_ids,
            help="List only the definitions that mention WORD.",
            show_default=False,
        ),
    ] = "",
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the catalogue as an HTML page; - prints it.")
    ] = None,
    force: options.Force = False,
    domain: Annotated[
        str | None, typer.Option(metavar="DOMAIN", help="Your domain, used in the redirect URIs of the page.")
    ] = None,
    folders: Annotated[
        list[Path] | None,
        typer.Option("--catalogue", metavar="DIR", help="Folders of definitions. Default: the shipped ones."),
    ] = None,
    format: Annotated[str, options.one_of(FORMATS)] = "text",
) -> None:
    """Search the shipped definitions, or write them as an HTML page.

    With --couch or --target, the page also shows which credentials are live.
    """
    known = providers(read_sources(folders or [shipped.folder("account_types")]))
    found = [provider for provider in known if provider.mentions(word)]
    if not found:
        hint = did_you_mean(word, [provider.id for provider in known])
        raise ProvisionError(f"no definition mentions {word}{hint}", "run provision catalogue to list all of them")
    if html is None:
        output.result(FORMATS.render(format, found, output.paint(sys.stdout)))
        return
    left_out = {each.id for each in known} - {each.id for each in found}
    text = catalogue_page(found, _facts(found, left_out, domain, Wiring(live)))
    if html == STDOUT:
        output.result(text)
        return
    write_result(html, text.encode(errors="replace").decode(), is_page, force=force)
    output.paths([html.as_posix()])


def _facts(found: Sequence[Source], left_out: Collection[str], domain: str | None, wiring: Wiring) -> Facts:
    """What the page says beside the catalogue; nothing of what the word leaves out."""
    if domain is not None and (advice := domain_advice(domain)):
        raise UsageError(f"--domain {domain} is not a domain", advice)
    target, live = Target(), None
    if wiring.names_database:
        target = wiring.target()
        with wiring.store(target) as store:
            live = {id: each for id, each in store.read_all().documents.items() if id not in left_out}
    prefixes = [source.prefix for source in target.credentials if isinstance(source, EnvironmentSource)]
    needed = {each.id: missing_credentials({"grant_mode": each.text("grant_mode")}) for each in found}
    return Facts(
        domain=target.variables.get("domain") if domain is None else domain,
        missing=None if live is None else {id: missing_credentials(each.document) for id, each in live.items()},
        variables={
            id: tuple(variable_name(prefix, id, name) for prefix in prefixes for name in names)
            for id, names in needed.items()
        },
        expiring=_expiring(found, live, target, wiring) if live else {},
    )


def _expiring(found: Sequence[Source], live: Mapping[str, Live], target: Target, wiring: Wiring) -> dict[str, str]:
    """The notes on client secrets that expire soon, if the credential sources can be read."""
    ids = [each.id for each in found if each.id in live]
    try:
        notes, today = {each.id: each.note(LIFETIME_NOTE) for each in found}, datetime.now(UTC).date()
        ends = ends_of(ids, wiring.credentials(target, dict.fromkeys(ids, ())), live.values(), notes, today)
        return {each.id: str(each) for each in ends if each.near}
    except ProvisionError as error:
        output.warn(f"the page does not show expiry dates: {error.what}")
        return {}


def explain(
    rule: Annotated[
        str | None,
        typer.Argument(
            metavar="RULE",
            autocompletion=options.offer_rules,
            help="The word in brackets after a problem. Default: list all rules.",
        ),
    ] = None,
) -> None:
    """Explain a rule: the mistake, why it fails, and how to fix it."""
    if rule is not None and rule not in BY_ID:
        raise UsageError(f"there is no rule {rule}{did_you_mean(rule, BY_ID)}", "see provision explain")
    paint, texts = output.paint(sys.stdout), shipped.rule_texts()
    text = problems.rule_text(BY_ID[rule], texts[rule], paint) if rule else problems.rules_text(RULES, texts, paint)
    output.result(text)


def schema(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            autocompletion=options.offer_schemas,
            help="account_type, provision, credentials, plan, or output/COMMAND for what COMMAND prints as JSON.",
        ),
    ] = "account_type",
) -> None:
    """Print the JSON schema of a kind of file, or of an output."""
    kinds = shipped.schemas()
    if kind not in kinds:
        raise UsageError(f"there is no schema {kind}{did_you_mean(kind, kinds)}", f"choose one of {listed(kinds)}")
    output.result(shipped.schema_text(kind).rstrip())
