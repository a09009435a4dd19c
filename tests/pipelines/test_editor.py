"""What an editor with yaml-language-server shows for a definition and for provision.yaml."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import write
from tests.pipelines.language_server import Client, running

ROOT = Path(__file__).parents[2]


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Client]:
    with running(tmp_path) as client:
        yield client


def schema_line(name: str) -> str:
    return f"# yaml-language-server: $schema={(ROOT / f'schemas/{name}.schema.json').as_uri()}\n"


def at(path: Path, line: int, character: int) -> dict[str, object]:
    return {"textDocument": {"uri": path.as_uri()}, "position": {"line": line, "character": character}}


def test_it_completes_keys_and_values_and_explains_them(editor: Client, tmp_path: Path) -> None:
    path = write(tmp_path / "a.yaml", f"{schema_line('account_type')}grant_mode: authorization_code\ntoken_mode: \n\n")
    editor.open(path)
    keys = {item["label"]: item for item in editor.ask("textDocument/completion", at(path, 3, 0))["items"]}
    assert {"auth_endpoint", "client_id", "redirect_uri", "extras"} <= keys.keys()
    assert "grant_mode" not in keys
    values = editor.ask("textDocument/completion", at(path, 2, 12))["items"]
    assert {"form", "basic", "get"} <= {item["label"] for item in values}
    hover = editor.ask("textDocument/hover", at(path, 2, 3))["contents"]
    assert "token endpoint" in (hover["value"] if isinstance(hover, dict) else str(hover))


def test_it_marks_a_wrong_key_and_a_wrong_value(editor: Client, tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.yaml",
        f"{schema_line('account_type')}grant_mode: authorization_code\nredirect_url: https://a.example\n",
    )
    (found,) = [each for each in editor.open(path) if "redirect_url" in each["message"]]
    assert found["range"]["start"]["line"] == 2
    path = write(tmp_path / "b.yaml", f"{schema_line('account_type')}grant_mode: sekret\n")
    assert [each["range"]["start"]["line"] for each in editor.open(path)] == [1]


@pytest.mark.parametrize("name", ["google", "spotify", "github"])
def test_it_finds_nothing_wrong_in_the_catalogue(editor: Client, tmp_path: Path, name: str) -> None:
    text = (ROOT / f"account_types/{name}.yaml").read_text("utf-8").partition("\n")[2]
    assert editor.open(write(tmp_path / f"{name}.yaml", schema_line("account_type") + text)) == []


def test_it_knows_the_configuration(editor: Client, tmp_path: Path) -> None:
    path = write(
        tmp_path / "provision.yaml", f"{schema_line('provision')}targets:\n  a:\n    couch: http://localhost\n    \n"
    )
    assert editor.open(path) == []
    keys = {item["label"] for item in editor.ask("textDocument/completion", at(path, 4, 4))["items"]}
    assert {"database", "vars", "credentials", "contexts", "protected"} <= keys
