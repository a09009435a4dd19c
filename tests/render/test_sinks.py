"""Whatever stands in ids, fields, values and reasons, the output is text: nothing in it is obeyed."""

import json
import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import provisioner.cli.wiring  # noqa: F401  # it prints what adapters warn of
from provisioner.adapters.files.shipped import rule_texts
from provisioner.cli import output
from provisioner.cli.output import as_written
from provisioner.core.definitions.account_type import conceal
from provisioner.core.definitions.definition import Validation
from provisioner.core.definitions.problem import Mark, Problem
from provisioner.core.errors import ProvisionError
from provisioner.core.plan.backup import Backup, BackupEntry, Run
from provisioner.core.plan.changes import Outcome, OutcomeKind
from provisioner.core.plan.health import CheckResult, Verdict
from provisioner.core.plan.live import DOWN, Drift, DriftKind, Event, Look, overview
from provisioner.core.plan.ownership import Ownership
from provisioner.core.plan.planning import PlanOptions, make_plan
from provisioner.core.plan.store import Live, Losing, Snapshot, Write
from provisioner.core.rules import RULES
from provisioner.core.targets.target import Place, Target
from provisioner.render import checks, problems
from provisioner.render import live as render_live
from provisioner.render import plan as render
from provisioner.render.layout import Paint, as_json
from provisioner.render.problems import as_code_quality, as_sarif
from tests.core.strategies import definition

COLOURED = Paint(colours=True)

NASTY = st.sampled_from(
    [
        "\x1b[2J\x1b[1;1H",
        "\x1b]0;title\x07",
        "\x1b[31mforged\x1b[0m",
        "##[error]forged",
        "##vso[task.setvariable variable=a]b",
        "##teamcity[buildStop]",
        "a\nchanged   google",
        "a\r\nerror: forged",
        "\u202egnp.exe",
        "\u2028next",
        "\x9b31m",
        "![x](https://evil.example/x.png)",
        "[x](https://evil.example/)",
        "https://evil.example/",
        "www.evil.example",
        "<img src=x onerror=alert(1)>",
        "` | `` ![x](https://evil.example/x.png)",
        "::error::forged",
        "| a | b |",
        "@everyone",
        " ",
        "\x00\x7f",
        "\ud800",
    ]
)
SECTION = re.compile(
    r"<details><summary>[a-z -]*(<code>--prune(-changed)?</code>)? <code>[^<>]*</code>( ⚠️)?</summary>\n|</details>\n?"
)
"""The only HTML in Markdown: a section that is collapsed."""

SGR = re.compile(r"\x1b\[(0|1|2|31|32|33)m")


def harmless(text: str) -> bool:
    """Whether a text has nothing that a terminal obeys but line ends and our colours."""
    return all(char.isprintable() or char == "\n" for char in SGR.sub("", text))


@given(NASTY, NASTY, NASTY, NASTY)
def test_nothing_from_outside_is_obeyed(id: str, name: str, value: str, owner: str) -> None:
    other = f"z{id}"
    key = Ownership(owner, "00", {name: "00", "slug": "00"}, value, {}, value)
    documents = {
        id: Live(id, f"1-{value}", conceal({name: value, "slug": value}), key, (Losing(value, conceal({name: "x"})),)),
        other: Live(other, "1-a", conceal({name: value}), key),
    }
    wanted = [definition(id, conceal({"slug": f"{value}!", name: f"{value}?"})), definition(f"new{id}", {name: value})]
    plan = make_plan(wanted, Snapshot(documents), PlanOptions(owner, whole=True))
    done = [Outcome(kind, id, value, value) for kind in OutcomeKind]
    done.append(Outcome(OutcomeKind.WRITTEN, other, value, change=plan.writes[0]))
    rows = overview(wanted, Snapshot(documents), owner)
    validation = Validation(1, (), (Problem(Mark(1, 1), f"{name}: {value}", "unknown-key", path=id),))
    error = ProvisionError(f"{id} {value}", name, [value])
    event, down = Event(id, DriftKind.EDITED, (name, value), value), Event(None, DOWN, reason=value)
    found_drift = Look({id: Drift(id, DriftKind.EDITED, (name,)), other: Drift(other, DriftKind.DELETED, at=value)})
    entry = BackupEntry(None, Write(id, None, {}), written=True, rev=value)
    backup = Backup(Run("apply", value, value, owner, value), {id: entry})
    backups: dict[str, Backup | str] = {name: backup, f"{id}2": value}
    texts = {
        "plan": render.as_text(plan, COLOURED),
        "outcomes": render.outcomes_text(plan, done, COLOURED),
        "list": render_live.brief(rows, COLOURED),
        "list in full": render_live.in_full(rows, COLOURED),
        "problems": problems.as_text(validation, COLOURED),
        "annotations": problems.as_annotations(validation),
        "targets": checks.targets_table(
            {Place(owner, value, name): [CheckResult(Verdict.FAILED, value, "", id, name)]}, {id}, COLOURED
        ),
        "event": render_live.event_text(event, owner, "2026-11-26T10:00:00Z", COLOURED),
        "down": render_live.event_text(down, owner, "2026-11-26T10:00:00Z", COLOURED),
        "drift": render_live.drift_text(found_drift, COLOURED),
        "backups": render.backups_text(render.Backups(value, backups), COLOURED),
        "error": f"error: {error.what}\nnext: {error.next}",
    }
    for what, text in texts.items():
        assert harmless(as_written(text)), what
        assert "\x1b[31mforged" not in as_written(text), what
        assert not re.search(r"##\w*\[", as_written(text)), what
        forged = [
            line for line in SGR.sub("", text).split("\n") if line.startswith(("changed   google", "error: forged"))
        ]
        assert not forged, what
        assert what == "annotations" or not any(
            line.lstrip().startswith("::") for line in SGR.sub("", text).split("\n")
        ), what
    listed = render.backups_values(render.Backups(value, backups))
    for values in (render.values(plan), render.outcomes_values(plan, done), problems.values(validation), listed):
        text = as_json(values)
        assert harmless(as_written(text))
        assert json.loads(as_written(text)) == json.loads(text)


@given(NASTY, NASTY)
def test_nothing_from_outside_is_a_link_in_a_report(id: str, value: str) -> None:
    validation = Validation(1, (), (Problem(Mark(1, 1), f"{id}: {value}", "unknown-key", path="a.yaml"),))
    message = json.loads(as_sarif(validation, RULES, rule_texts(), "/", lambda _: {}))["runs"][0]["results"][0][
        "message"
    ]["text"]
    assert not re.search(r"(?<!\\)\]\(|https?://|www\.", message)
    description = json.loads(as_code_quality(validation))[0]["description"]
    parser = MarkdownIt("commonmark", {"html": True})
    for token in parser.parse(description):
        for inline in token.children or ():
            assert inline.type in ("text", "text_special", "code_inline", "softbreak"), inline
    assert not re.search(r"(?<!\\)@", description)


@given(NASTY, NASTY)
def test_nothing_from_outside_lives_in_a_chat(id: str, name: str) -> None:
    text = render_live.chat_message(
        "one", Target("one"), [Event(id, DriftKind.EDITED, (name,), "1-a")], "2026-11-26T10:00:00Z"
    )["text"]
    assert isinstance(text, str)
    assert harmless(as_written(text))
    outside = re.sub("`[^`]*`", "", text)
    assert outside == "one: someone else edited : "
    assert not set("<>") & set(text)


@given(NASTY, NASTY, NASTY, NASTY)
def test_nothing_from_outside_lives_in_markdown(id: str, name: str, value: str, owner: str) -> None:
    key = Ownership(owner, "00", {name: "00"}, value, {}, value)
    live = Live(id, f"1-{value}", conceal({name: value, "kept": value}), key, (Losing(value, conceal({name: "x"})),))
    wanted = [definition(id, {name: f"{value}?"}), definition(f"new{id}", {name: value})]
    plan = make_plan(wanted, Snapshot({id: live}), PlanOptions("me", whole=True))
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    for token in parser.parse(render.as_markdown(plan)):
        for inline in token.children or ():
            assert inline.type in ("text", "code_inline", "strong_open", "strong_close", "softbreak"), inline
            assert inline.type == "code_inline" or "evil" not in inline.content
            assert inline.type == "code_inline" or "@everyone" not in inline.content
        assert token.type != "html_block" or SECTION.fullmatch(token.content), token


def test_no_line_of_a_message_is_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    forged = "a\n::error::x\n  ::add-mask::y\n##[group]z\n##vso[task.complete]\x1b[2J"
    output.paths([f"formatted {forged}", forged])
    assert capsys.readouterr().out.count("\n") == 2
    output.message(forged)
    output.warn(forged)
    logging.getLogger("provisioner.warnings").warning("%s", f"dir/{forged}")
    said = capsys.readouterr().err
    assert harmless(said)
    assert not re.search(r"^\s*::|##\w*\[", said, re.MULTILINE)
    assert said.count("\n") == 5 + 5 + 1
