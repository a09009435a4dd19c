"""Each rule finds what it is for, at its place, and nothing that is right."""

from pathlib import Path

import pytest

from provisioner.core.rules import BY_ID
from tests.conftest import Run, write
from tests.program import Done
from tests.rules.examples import CHECKED, CODE, SECRET, SIDES, TOGETHER, Files, ids_in_the_code

BAD = [(rule, files, place) for rule, sides in SIDES.items() for files, place in sides.bad]
GOOD = [(rule, files) for rule, sides in SIDES.items() for files in sides.good]
LIVE_ONLY = {"slug-undecodable"}


def validate(run: Run, folder: Path, files: Files, *options: str) -> Done:
    for name, text in files.items():
        write(folder / "account_types" / name, text)
    return run("validate", "account_types", *options)


def test_every_rule_that_looks_at_account_types_has_both_sides() -> None:
    looking = {id for id in CHECKED if not id.startswith("remote-")} - LIVE_ONLY
    assert len(looking) > 40
    assert looking <= SIDES.keys() <= BY_ID.keys()
    assert all(sides.bad and sides.good for sides in SIDES.values())


@pytest.mark.parametrize(("rule", "files", "place"), BAD)
def test_a_rule_is_found_at_its_place(rule: str, files: Files, place: str, folder: Path, run: Run) -> None:
    done = validate(run, folder, files)
    found = [line for line in done.out.splitlines() if line.endswith(f"[{rule}]")]
    assert [line.partition(": ")[0] for line in found] == [f"account_types/{place}"]
    assert "marker" not in done.out + done.err


@pytest.mark.parametrize(("rule", "files"), GOOD)
def test_a_rule_is_not_found_where_all_is_right(rule: str, files: Files, folder: Path, run: Run) -> None:
    done = validate(run, folder, files)
    assert f"[{rule}]" not in done.out
    assert "files" in done.out or "1 file" in done.out


@pytest.mark.parametrize("rule", SIDES)
def test_the_severity_is_that_of_the_rule(rule: str, folder: Path, run: Run) -> None:
    out = validate(run, folder, SIDES[rule].bad[0][0]).out
    (line,) = [line for line in out.splitlines() if line.endswith(f"[{rule}]")]
    assert f": {BY_ID[rule].severity}: " in line


@pytest.mark.parametrize(
    ("files", "rule"),
    [
        ({"a.yaml": f"{CODE}extras: {{scope: x}}\n"}, "reserved-parameter"),
        ({"a.yaml": f"{CODE}slug: s\n", "b.yaml": f"{CODE}slug: s\n"}, "slug-not-unique"),
        ({"a@b.yaml": CODE}, "id-not-a-segment"),
        ({"a.yaml": f'_id: "a\\tb"\n{CODE}'}, "id-not-a-segment"),
    ],
)
def test_what_may_be_meant_is_a_warning(files: Files, rule: str, folder: Path, run: Run) -> None:
    done = validate(run, folder, files)
    assert done.code == 0
    assert ": warning: " in done.out
    assert f"[{rule}]" in done.out


def test_an_id_that_is_no_segment_at_all_is_an_error(folder: Path, run: Run) -> None:
    assert "a.yaml:1:6: error: the id .. " in validate(run, folder, {"a.yaml": f"_id: '..'\n{CODE}"}).out


def test_a_missing_global_one_is_only_missed_in_a_whole_catalogue(folder: Path, run: Run) -> None:
    files = TOGETHER["override-without-global"].bad[0][0]
    assert "[override-without-global]" in validate(run, folder, files).out
    for path in ("account_types/ctx", "account_types/ctx/a.yaml"):
        assert run("validate", path).out == "1 file, 0 errors, 0 warnings\n"


def test_a_global_one_in_a_file_that_cannot_be_read_is_not_missed(folder: Path, run: Run) -> None:
    files = {"a.yaml": "{", "ctx/a.yaml": SECRET.format(slug="s")}
    assert "[override-without-global]" not in validate(run, folder, files).out


def test_strict_makes_errors_of_warnings(folder: Path, run: Run) -> None:
    files = {"a.yaml": f"{CODE}token_mode: get\n"}
    assert validate(run, folder, files).code == 0
    done = validate(run, folder, files, "--strict")
    assert done.code == 1
    assert "a.yaml:4:13: error: token_mode get" in done.out


def test_a_variable_with_a_value_is_judged(folder: Path, run: Run) -> None:
    files = {"a.yaml": CODE.replace("https://provider.example/token", "https://${host}/token")}
    assert "[foreign-endpoint]" not in validate(run, folder, files).out
    assert "[foreign-endpoint]" in validate(run, folder, files, "--set", "host=elsewhere.example").out


class TestUnusedVariables:
    def test_a_variable_that_nobody_uses_is_named(self, folder: Path, run: Run) -> None:
        files = {"a.yaml": f"{CODE}client_id: ${{client}}\n"}
        out = validate(run, folder, files, "--set", "clint=1", "--set", "client=2").out
        assert out.splitlines() == [
            "--set:1:1: warning: no definition uses the variable clint: did you mean client? [unused-variable]",
            "1 file, 0 errors, 1 warning",
        ]

    def test_nothing_is_unused_where_a_file_cannot_be_read(self, folder: Path, run: Run) -> None:
        assert "[unused-variable]" not in validate(run, folder, {"a.yaml": "{", "b.yaml": CODE}, "--set", "x=1").out

    def test_a_variable_of_a_default_is_used(self, folder: Path, run: Run) -> None:
        files = {"a.yaml": f"{CODE}client_id: ${{client:-${{other}}}}\n"}
        assert "[unused-variable]" not in validate(run, folder, files, "--set", "other=1").out


def test_a_set_of_slugs_is_told_once_a_context(folder: Path, run: Run) -> None:
    text = SECRET.format(slug="s")
    out = validate(run, folder, {"a.yaml": text, "b.yaml": text, "ctx/a.yaml": text}).out
    assert [line.partition(": ")[0] for line in out.splitlines()[:-1]] == [
        "account_types/b.yaml:2:7",
        "account_types/ctx/a.yaml:2:7",
    ]
    assert "the slug s: a, b; the konnector gets no secret" in out
    assert "the slug s in the context ctx: b, ctx/a; the konnector gets no secret" in out


def test_every_rule_id_in_the_code_is_explained() -> None:
    assert {*ids_in_the_code("Problem", "_StoppedError"), *CHECKED} - BY_ID.keys() == set()
