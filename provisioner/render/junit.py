"""The problems of a catalogue as JUnit XML."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from provisioner.core.definitions.problem import Problem, Severity
from provisioner.core.definitions.validation import Validation
from provisioner.core.rules.rule import Rule
from provisioner.render.problems import line


def as_junit(validation: Validation, rules: Sequence[Rule]) -> str:
    """One test suite per file or live document, with a test case per rule.

    An error fails its case. JUnit does not know warnings, so a warning is the output of a case that passes.
    """
    by_path: dict[str, dict[str, list[Problem]]] = {each.path: {} for each in validation.definitions}
    for problem in validation.placed:
        by_path.setdefault(problem.path, {}).setdefault(problem.rule, []).append(problem)
    suites = [_suite(path, by_path[path], rules) for path in sorted(by_path)]
    root = ElementTree.Element("testsuites", {"name": "provision validate", **_sums(suites)})
    root.extend(suites)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False)


def _suite(path: str, found: Mapping[str, Sequence[Problem]], rules: Sequence[Rule]) -> ElementTree.Element:
    cases = [_case(path, rule.id, found.get(rule.id, ())) for rule in rules]
    failed = sum(case.find("failure") is not None for case in cases)
    figures = {"tests": str(len(cases)), "failures": str(failed), "errors": "0", "skipped": "0"}
    suite = ElementTree.Element("testsuite", {"name": path, **figures})
    suite.extend(cases)
    return suite


def _case(path: str, id: str, problems: Sequence[Problem]) -> ElementTree.Element:
    case = ElementTree.Element("testcase", {"classname": path, "name": id, "file": path})
    by_severity: dict[Severity, list[Problem]] = defaultdict(list)
    for problem in problems:
        by_severity[problem.severity].append(problem)
    if errors := by_severity[Severity.ERROR]:
        failure = ElementTree.SubElement(case, "failure", {"type": id, "message": errors[0].message})
        failure.text = "\n".join(map(line, errors))
    if warnings := by_severity[Severity.WARNING]:
        ElementTree.SubElement(case, "system-out").text = "\n".join(map(line, warnings))
    return case


def _sums(suites: Sequence[ElementTree.Element]) -> dict[str, str]:
    return {name: str(sum(int(suite.attrib[name]) for suite in suites)) for name in ("tests", "failures", "errors")}
