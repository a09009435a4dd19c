"""What the program says if a command line cannot be meant, and how it ends."""

import json
import re
from pathlib import Path

import pytest
import typer
import yaml
from typer.core import TyperGroup

from provisioner.cli.app import COMMANDS, GROUPS, app
from provisioner.cli.boundary import REPLACED
from tests.cli.terminal import on_a_terminal
from tests.conftest import Run, write
from tests.live_server import Live


@pytest.mark.parametrize(
    ("arguments", "what", "next"),
    [
        (["aply"], "provision does not have a command aply: did you mean apply?", "see provision --help"),
        (["xyzzy"], "provision does not have a command xyzzy", "see provision --help"),
        (["diff", "--taget", "a"], "no such option --taget: did you mean --target?", "see provision diff --help"),
        (["diff", "--xyzzy"], "no such option --xyzzy", "see provision diff --help"),
        (["rehearse", "--quirk", "x"], "invalid value for '--quirk'", "see provision rehearse --help"),
        (["diff", "--timeout", "x"], "invalid value for '--timeout'", "see provision diff --help"),
    ],
)
def test_a_wrong_command_line_is_an_error_with_the_next_step(
    run: Run, arguments: list[str], what: str, next: str
) -> None:
    done = run(*arguments)
    assert done.code == 2
    assert done.out == ""
    first, second = done.err.splitlines()
    assert first.startswith(f"error: {what}")
    assert second == f"next: {next}"


@pytest.mark.parametrize("columns", ["60", "80", "200"])
def test_the_help_shows_each_command_on_one_line(run: Run, columns: str) -> None:
    shown = run("--help", env={"COLUMNS": columns}).out
    for group, names in GROUPS.items():
        assert f"\n{group}:\n" in shown
        for name in names:
            (line,) = [line for line in shown.splitlines() if line.startswith(f"  {name} ")]
            assert len(line) <= 80
            assert not line.endswith(("...", "…", "."))


@pytest.mark.parametrize(
    ("arguments", "next"),
    yaml.safe_load(REPLACED.read_text())["commands"].items(),
)
def test_a_command_of_old_names_the_new_one(run: Run, arguments: str, next: str) -> None:
    done = run(arguments)
    assert done.code == 2
    assert done.err == f"error: provision does not have a command {arguments}\nnext: {next}\n"
    assert next.split()[2] in COMMANDS


def test_an_option_of_old_names_the_new_way_which_exists(run: Run) -> None:
    for old, advice in yaml.safe_load(REPLACED.read_text())["options"].items():
        command, _, option = old.rpartition(" ")
        done = run(command or "list", option)
        assert done.code == 2
        assert done.err == f"error: no such option {option}\nnext: {advice}\n"
        there = re.search(r"provision (\w+)", advice)
        shown = "".join(run(there[1] if there else command or "list", "--help").out.split())
        assert all(new in shown for new in re.findall(r"--[a-z-]+", advice))
        assert all(word in shown for word in re.findall(r"--(?:allow|print) ([a-z-]+)", advice))


WORDS = ["--couch", "--database", "--target", "--owner", "--config", "--only", "--exclude", "--set", "--out"]


@pytest.mark.parametrize("words", [*([word, ""] for word in WORDS), ["--couch="], ["--owner", "  "], [""]])
def test_an_empty_value_is_wrong_usage(folder: Path, live: Live, run: Run, words: list[str]) -> None:
    write(folder / "account_types/a.yaml", "grant_mode: secret\nslug: a\n")
    where = [] if "--couch" in words[0] else ["--couch", live.url]
    for command in ("diff", "apply"):
        if words[0] != "--out" or command == "diff":
            done = run(command, *words, *where)
            assert done.code == 2
            assert "is empty\nnext: set a value, or leave it out" in done.err
    assert not live.exists


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_takes_an_empty_argument(folder: Path, run: Run, command: str) -> None:
    done = run(command, "")
    assert done.code == 2
    assert "error: an argument is empty" in done.err
    assert run(command, env={"PROVISION_COUCH": ""}).err.startswith(
        "error: the environment variable PROVISION_COUCH is"
    )


@pytest.mark.parametrize(("key", "name"), [("couch", "couch"), ("database", "database"), ("backup: {folder", "folder")])
def test_an_empty_variable_in_a_target_is_an_error(folder: Path, live: Live, run: Run, key: str, name: str) -> None:
    write(folder / "account_types/a.yaml", "grant_mode: secret\nslug: a\n")
    couch = "" if key == "couch" else f"couch: '{live.url}', "
    end = "}" if "{" in key else ""
    write(folder / "provision.yaml", f"targets: {{one: {{{couch}{key}: '${{UNSET}}'{end}}}}}\n")
    done = run("apply", "--target", "one", env={"UNSET": ""})
    assert done.code == 1
    assert f"{name} is empty: a variable in it has an empty value" in done.err


def test_without_arguments_it_shows_its_help(run: Run) -> None:
    done = run()
    assert done.code == 2
    assert "Usage: provision" in done.out + done.err


@pytest.mark.parametrize("command", [["diff", "--target", "nowhere"], ["list", "x", "--ouch"], ["import"], ["dif"]])
@pytest.mark.parametrize("form", [["--format", "json"], ["--format=json"]])
def test_an_error_is_json_too_if_json_was_asked_for(
    folder: Path, run: Run, command: list[str], form: list[str]
) -> None:
    done = run(*command, *form)
    said = json.loads(done.out)
    assert said["version"] == 1
    (error,) = said["errors"]
    assert done.err.splitlines()[0] == f"error: {error['what']}"
    assert done.code == 2


def test_an_answer_that_never_comes_is_an_interruption(folder: Path) -> None:
    write(folder / "account_types/a.yaml", "grant_mode: secret\nslug: a\n")
    said, code = on_a_terminal(["apply"], folder, "\x04")
    assert "Which CouchDB should be written to?" in said
    assert code == 130
    assert "Traceback" not in said


def test_colours_can_be_forced_and_forbidden(folder: Path, run: Run) -> None:
    write(folder / "account_types/a.yaml", "grant_mode: sekret\n")
    assert "\x1b[31merror\x1b[0m" in run("validate", env={"FORCE_COLOR": "1"}).out
    assert "\x1b" not in run("validate", env={"FORCE_COLOR": "1", "NO_COLOR": "1"}).out
    assert "\x1b" not in run("validate").out


INVISIBLE = ("", " ", "\u200b\ufeff", "\u00a0\t", "\u3164")


@pytest.mark.parametrize("name", COMMANDS)
def test_no_option_of_any_command_takes_an_empty_value(folder: Path, run: Run, name: str) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    command = group.get_command(typer.Context(group), name)
    assert command is not None
    options = [each for each in command.params if each.param_type_name == "option" and not getattr(each, "is_flag", 0)]
    for option in options:
        for word in option.opts:
            for value in INVISIBLE:
                if (word, value) == ("--scope", ""):  # it says that no scope is sent
                    continue
                for words in ([word, value], [f"{word}={value}"]):
                    done = run(name, *words)
                    assert (done.code, f"error: {word} is empty" in done.err) == (2, True), (words, done)


@pytest.mark.parametrize(
    "words",
    [
        *(
            ["diff", "--from", "plan.json", *more]
            for more in (["a"], ["--out", "x"], ["--owner", "x"], ["--set", "a=b"])
        ),
        *(["undo", "--list", more] for more in ("one.jsonl", "--yes", "--dry-run")),
    ],
    ids=" ".join,
)
def test_what_would_have_no_effect_is_wrong_usage(folder: Path, run: Run, words: list[str]) -> None:
    done = run(*words)
    assert (done.code, "next: leave" in done.err) == (2, True), done
