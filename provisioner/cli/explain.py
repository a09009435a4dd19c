"""``provision explain``."""

import sys
from typing import Annotated

import typer

from provisioner.adapters.files.shipped import rule_texts
from provisioner.cli import completion, output
from provisioner.core.errors import UsageError
from provisioner.core.rules import BY_ID, RULES
from provisioner.core.text import nearest
from provisioner.render import rules as render


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
        raise UsageError(f"there is no rule {rule}{nearest(rule, BY_ID)}", "see provision explain")
    paint = output.paint(sys.stdout)
    texts = rule_texts()
    output.result(render.as_text(BY_ID[rule], texts[rule], paint) if rule else render.list_as_text(RULES, texts, paint))
