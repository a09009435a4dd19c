"""``check`` says of every recorded document what the stack's decoder does."""

import json
from typing import Any

import pytest

from provisioner.adapters.files import shipped
from provisioner.adapters.files.shipped import DOMAINS
from provisioner.commands.check import run_live
from provisioner.core.definitions.account_type import conceal
from provisioner.core.definitions.problem import Problem
from provisioner.core.definitions.schema_check import schema_check
from provisioner.core.plan.health import document_findings
from provisioner.core.plan.store import Live
from provisioner.core.secret import Json
from tests.golden.records import records

CHECK = schema_check(shipped.schema())


def live(id: str, document: dict[str, Json]) -> Live:
    return Live(id, "1-x", conceal(document))


def problems(*documents: Live) -> tuple[Problem, ...]:
    return run_live({each.id: each for each in documents}, CHECK, DOMAINS).problems


@pytest.mark.parametrize("record", records("decode"), ids=lambda record: record["id"])
def test_the_verdict_on_a_live_document_is_the_stacks(record: dict[str, Any]) -> None:
    document = live(record["id"], record.get("document") or json.loads(record["document_text"]))
    undecodable = [problem for problem in problems(document) if problem.rule == "undecodable"]
    assert len(undecodable) == (0 if record["decodes"] else 1)
    said = {finding.message for finding in document_findings(document)}
    assert ("the stack can decode it" in said) == record["decodes"]
