"""Checks the documents that are in the database now, by the stack's decoder, the schema, and the rules of files."""

from collections.abc import Mapping

from provisioner.core.definitions.definition import Validation
from provisioner.core.definitions.domains import Domains
from provisioner.core.definitions.problem import Problem
from provisioner.core.definitions.schema_check import Check
from provisioner.core.plan.live_document import live_definition, live_faults
from provisioner.core.plan.store import Live
from provisioner.core.rules.checking import judge, judge_together
from provisioner.core.rules.rule import Subject


def run(live: Mapping[str, Live], check: Check, domains: Domains) -> Validation:
    """Check every document of a database, by its id."""
    documents = [live[id] for id in sorted(live)]
    definitions = tuple(map(live_definition, documents))
    problems = [
        Problem.of(definition.path, fault)
        for definition, live in zip(definitions, documents, strict=True)
        for fault in live_faults(live, check)
    ]
    subjects = [Subject.of(each, domains, live=True) for each in definitions]
    problems += [*judge(subjects), *judge_together(subjects, whole=True)]
    return Validation(0, definitions, tuple(sorted(problems)), documents=len(definitions))
