"""On a terminal a problem shows its line, with a caret, and no value that may be secret."""

from pathlib import Path

import pytest

from tests.cli.terminal import on_a_terminal
from tests.conftest import Run, write

PLAIN = {"TERM": "dumb", "NO_COLOR": "1"}


def shown(folder: Path, text: str, name: str = "a.yaml", *command: str) -> list[str]:
    write(folder / f"account_types/{name}", text)
    said, _ = on_a_terminal([*(command or ("validate",))], folder, "", PLAIN)
    return [line.rstrip("\r") for line in said.split("\n") if line.startswith("  ")]


def test_a_key_is_pointed_at(folder: Path) -> None:
    assert shown(folder, "grant_mode: secret\nslug: a\nslugg: a\n") == ["  3 | slugg: …", "    | ^"]


def test_a_value_is_pointed_at_in_yaml_and_json(folder: Path) -> None:
    assert shown(folder, "grant_mode: sekret # why\nslug: a\n") == ["  1 | grant_mode: sekret", "    |             ^"]
    text = '{\n  "grant_mode": "sekret",\n  "slug": "a"\n}\n'
    (folder / "account_types/a.yaml").unlink()
    assert shown(folder, text, "a.json") == ['  2 |   "grant_mode": "sekret"', "    |                 ^"]


def test_diff_shows_it_too(folder: Path) -> None:
    found = shown(folder, "grant_mode: secret\nslug: a\nslugg: a\n", "a.yaml", "diff", "--couch", "http://localhost:1")
    assert found == ["  3 | slugg: …", "    | ^"]


@pytest.mark.parametrize(
    "text",
    [
        "grant_mode: secret\nslug: a\nsecret: hush-marker\n",
        "grant_mode: secret\nslug: a\nsecret: |\n  hush-marker\n  \x01\n",
        "grant_mode: secret\nslug: a\nclientSecret: hush-marker\n",
        "grant_mode: secret\nslug: a\nclient_secret: hush$marker\n",
        '{"grant_mode": "sekret", "slug": "a", "secret": "hush-marker"}\n',
        "{grant_mode: sekret, slug: a, secret: hush-marker}\n",
        "grant_mode: authorization_code\nauth_endpoint: http://user:hush-marker@a.example/\n",
        "grant_mode: authorization_code\nextras: {api_key: hush-marker, x: 1}\n",
        "grant_mode: authorization_code\nextras:\n  api_key: [hush-marker]\n",
        "grant_mode: sekret # hush-marker\n",
        "- hush-marker\n",
    ],
)
def test_no_secret_is_shown(folder: Path, text: str) -> None:
    assert "hush" not in "".join(shown(folder, text))


def test_elsewhere_there_is_one_line_a_problem(folder: Path, run: Run) -> None:
    write(folder / "account_types/a.yaml", "grant_mode: secret\nslug: a\nslugg: a\n")
    assert len(run("validate").out.splitlines()) == 2
