"""Checks the documents that are in the database now, by the schema and the same rules as files."""

from provisioner.core.definitions.domains import Domains
from provisioner.core.definitions.problem import Problem
from provisioner.core.definitions.schema_check import Check
from provisioner.core.definitions.validation import Validation
from provisioner.core.plan.live_document import live_definition, live_faults
from provisioner.core.plan.store import Store
from provisioner.core.rules.judge import judge, judge_together
from provisioner.core.rules.subject import Subject


def run(store: Store, check: Check, domains: Domains) -> Validation:
    """Read every document and check it. Raises `StoreError`."""
    documents = store.read_all().existing().documents
    definitions = tuple(live_definition(documents[id]) for id in sorted(documents))
    problems = [Problem.of(each.path, fault) for each in definitions for fault in live_faults(each, check)]
    subjects = [Subject.of(each, domains, live=True) for each in definitions]
    problems += [*judge(subjects), *judge_together(subjects, whole=True)]
    return Validation(0, definitions, tuple(sorted(problems)), documents=len(definitions))
