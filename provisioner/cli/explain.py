"""``provision explain`` and ``provision schema``: what comes with the program to be read."""

import sys
from typing import Annotated

import typer

from provisioner.adapters.files import shipped
from provisioner.adapters.files.shipped import rule_texts
from provisioner.cli import completion, output
from provisioner.core.errors import UsageError
from provisioner.core.rules import BY_ID, RULES
from provisioner.core.text import did_you_mean, listed
from provisioner.render import problems as render


def explain(
    rule: Annotated[
        str | None,
        typer.Argument(
            metavar="RULE",
            autocompletion=completion.rules,
            help="The word in brackets after a problem. Default: list all rules.",
        ),
    ] = None,
) -> None:
    """Explain a rule: what it finds, why that fails, and how to fix it."""
    if rule is not None and rule not in BY_ID:
        raise UsageError(f"there is no rule {rule}{did_you_mean(rule, BY_ID)}", "see provision explain")
    paint = output.paint(sys.stdout)
    texts = rule_texts()
    output.result(render.rule_text(BY_ID[rule], texts[rule], paint) if rule else render.rules_text(RULES, texts, paint))


def schema(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            autocompletion=completion.schemas,
            help="account_type, provision, credentials, plan, or output/COMMAND for what COMMAND prints as JSON.",
        ),
    ] = "account_type",
) -> None:
    """Print the JSON schema of a kind of file, or of an output."""
    kinds = shipped.schemas()
    if kind not in kinds:
        raise UsageError(f"there is no schema {kind}{did_you_mean(kind, kinds)}", f"choose one of {listed(kinds)}")
    output.result(shipped.schema_text(kind).rstrip())
