"""A value is stored as it is written, or refused: in definitions, in files of credentials, in ``vars`` and ``--set``."""

import json
from pathlib import Path

import pytest

from tests.conftest import Run, write
from tests.live_server import Live

CODE = "grant_mode: authorization_code\nauth_endpoint: https://a.example/\ntoken_endpoint: https://a.example/t\n"
SECRET = "grant_mode: secret\nslug: a\n"
MISREAD = ["0123", "12:30", "1_000", "0x1F", "0o17", "on", "No", "y", "True", "+5", ".5", "2026-01-31", "1:" * 99 + "1"]
CHANGED = ["1.10", "1.0", "1e3", "-0", "9007199254740992", "9007199254740993", "1e22"]


def problems(run: Run, folder: Path, text: str) -> list[str]:
    write(folder / "account_types/a.yaml", text)
    return [line for line in run("validate").out.splitlines()[:-1] if "error" in line]


@pytest.mark.parametrize("value", MISREAD)
@pytest.mark.parametrize("place", ["client_id: {}", "extras: {{x: {}}}", "extras:\n  x: {}"])
def test_what_others_read_otherwise_must_be_quoted(folder: Path, run: Run, place: str, value: str) -> None:
    found = problems(run, folder, CODE + place.format(value) + "\n")
    assert [line.rpartition(" [")[2] for line in found] == ["ambiguous-value]"]
    assert "quote it" in found[0]
    assert problems(run, folder, CODE + place.format(f'"{value}"') + "\n") == []


@pytest.mark.parametrize("value", [*MISREAD, *CHANGED, "~"])
@pytest.mark.parametrize("place", ["secret: {}", "secret: {{deep: [1, {}]}}", "secret:\n  deep:\n    - {}"])
def test_the_value_of_a_secret_is_not_shown(folder: Path, run: Run, place: str, value: str) -> None:
    found = problems(run, folder, SECRET + place.format(value) + "\n")
    assert found
    assert all(
        line.endswith(("[ambiguous-value]", "[number-loses-digits]", "[placeholder-credential]")) for line in found
    )
    if len(value) > 3:
        assert not any(value in line for line in found)
        assert not any(number in line for line in found for number in (" 83", "750", "1000", "31", "1.1:"))


def test_what_it_would_become_is_named(folder: Path, run: Run) -> None:
    found = problems(run, folder, CODE + "slug: no\nextras:\n  a: 0123\n  b: 12:30\n  api_key: 0123\n")
    assert [line.partition("error: ")[2].partition(" [")[0] for line in found] == [
        "slug: YAML can read no as the boolean false: quote it",
        "extras.a: YAML can read 0123 as the number 83: quote it",
        "extras.b: YAML can read 12:30 as the number 750: quote it",
        "extras.api_key: YAML can read this as a number: quote it",
    ]


@pytest.mark.parametrize(("value", "write_it"), [("yes", "true"), ("on", "true"), ("True", "true"), ("off", "false")])
def test_a_closed_place_says_what_to_write(folder: Path, run: Run, value: str, write_it: str) -> None:
    found = problems(run, folder, CODE + f"skip_state_on_token: {value}\n")
    assert [line.partition("error: ")[2] for line in found] == [
        f"skip_state_on_token must be true or false: write {write_it} [wrong-type]"
    ]


def test_json_of_a_file_and_of_yaml_is_the_same(folder: Path, run: Run) -> None:
    content = {"grant_mode": "secret", "slug": "a", "secret": {"a": [True, False, None, 1, -2.5, "0123", "on"]}}
    write(folder / "account_types/a.json", json.dumps(content))
    assert run("validate").code == 0
    write(folder / "account_types/a.json", json.dumps(content).replace("-2.5", "1.10"))
    done = run("validate")
    assert done.code == 1
    assert "[ambiguous-value]" in done.out


def test_notes_are_for_people(folder: Path, run: Run) -> None:
    assert problems(run, folder, SECRET + "x-checked: 2026-01-31\nx-notes: [0123, on, 1.10, ~]\n") == []
    assert problems(run, folder, SECRET.replace("slug: a", "slug: 2026-01-31")) == []


def target(folder: Path, extra: str, couch: str = "http://localhost:1") -> None:
    write(folder / "account_types/a.yaml", CODE)
    write(folder / "provision.yaml", f"targets:\n  t:\n    couch: {couch}\n{extra}")


@pytest.mark.parametrize("value", ["0123", "12:30", "on", "1_000", "2026-01-31"])
def test_variables_of_a_target_are_text(folder: Path, run: Run, value: str) -> None:
    target(folder, f"    vars: {{domain: {value}, api_key: {value}}}\n")
    done = run("diff", "--target", "t")
    assert done.code != 0
    assert f"targets.t.vars.domain: YAML can read {value} as " in done.err
    assert "targets.t.vars.api_key: YAML can read this as a" in done.err


def test_a_rule_can_be_off_as_the_documents_write_it(folder: Path, run: Run) -> None:
    write(folder / "account_types/a.yaml", CODE + "redirect_uri: https://b.example/other\n")
    assert "[redirect-path]" in run("validate").out
    write(folder / "provision.yaml", "rules: {redirect-path: off}\n")
    done = run("validate")
    assert (done.code, "redirect-path" in done.out) == (0, False)
    write(folder / "provision.yaml", "rules: {redirect-path: on}\n")
    assert "rules.redirect-path must be one of off, warning, error" in run("validate").err


@pytest.mark.parametrize("value", ["0123", "12:30", "on", "1_000", "2026-01-31"])
def test_credentials_are_text(folder: Path, live: Live, run: Run, value: str) -> None:
    write(folder / "c.yaml", f"a: {{client_id: x, client_secret: {value}}}\n").chmod(0o600)
    target(folder, "    credentials: [{file: c.yaml}]\n", live.url)
    done = run("diff", "--target", "t")
    assert done.code == 1
    assert "c.yaml:1:34: a.client_secret: YAML can read this as a" in done.out
    assert f"as {value}" not in done.out


def test_a_day_is_written_as_a_day(folder: Path, run: Run) -> None:
    write(folder / "c.yaml", "a: {client_id: x, client_secret: hush, client_secret_expires_at: 2027-01-31}\n").chmod(
        0o600
    )
    target(folder, "    credentials: [{file: c.yaml}]\n")
    assert "c.yaml" not in run("diff", "--target", "t").err


def test_fmt_quotes_what_is_certain(folder: Path, run: Run) -> None:
    path = write(
        folder / "account_types/a.yaml",
        "slug: no\ngrant_mode: authorization_code+secret\nclient_id: 0123 # of the console\n"
        "extras: {a: 12:30, b: on, c: 2026-01-31, d: 1.10}\nsecret:\n  - 0x1F\n  - on\n  - 1.10\n  - {a: 1_000}\n",
    )
    run("fmt")
    assert path.read_text() == (
        'slug: "no"\ngrant_mode: authorization_code+secret\nclient_id: "0123" # of the console\n'
        'extras: {a: "12:30", b: "on", c: "2026-01-31", d: "1.10"}\nsecret:\n  - "0x1F"\n  - on\n  - 1.10\n'
        '  - {a: "1_000"}\n'
    )


@pytest.mark.parametrize(
    ("line", "warned"),
    [
        ("client_secret: abc #def", True),
        ("client_id: abc\t# def", True),
        ("extras: {api_key: abc #\n  }", True),
        ("client_secret: 'abc' #def", False),
        ("client_secret: abc#def", False),
        ("client_secret: ${X} # from the console", False),
        ("slug: abc # a note", False),
        ("client_secret: abc  # provision: ignore[secret-in-source]", False),
    ],
)
def test_a_comment_may_be_a_piece_of_a_credential(folder: Path, run: Run, line: str, warned: bool) -> None:
    write(folder / "account_types/a.yaml", CODE + line + "\n")
    assert ("[commented-credential]" in run("validate").out) is warned


@pytest.mark.parametrize(
    ("lines", "warned"),
    [
        ("client_secret: abc\n  def", True),
        ('client_secret: "abc\n  def"', True),
        ("client_secret: >-\n  abc\n  def", True),
        ("extras: {api_key: abc\n  def}", True),
        ('client_secret: "abc\\\n  def"', False),
        ("client_secret: >-\n  abc", False),
        ("client_secret:\n  abc", False),
        ("slug: abc\n  def", False),
    ],
)
def test_a_credential_on_several_lines_gets_spaces(folder: Path, run: Run, lines: str, warned: bool) -> None:
    write(folder / "account_types/a.yaml", CODE + lines + "\n")
    assert ("[folded-credential]" in run("validate").out) is warned


@pytest.mark.parametrize(
    ("command", "text", "told"),
    [
        ("validate", "\ufeff\ufeffgrant_mode: secret\nslug: a\n", "1:1: error: it begins with two byte order marks"),
        ("fmt", "\ufeff\ufeffgrant_mode: secret\nslug: a\n", "1:1: error: it begins with two byte order marks"),
        ("validate", f"{CODE}skip_state_on_token: .inf\n", "JSON has no such number"),
        ("validate", f"{CODE}extras: {{x: .nan}}\n", "JSON has no such number"),
    ],
)
def test_what_no_file_can_hold_is_told_once(folder: Path, run: Run, command: str, text: str, told: str) -> None:
    write(folder / "account_types/a.yaml", text)
    done = run(command, "account_types/a.yaml")
    assert done.code == 1
    assert [told in line for line in (done.out + done.err).splitlines() if " error: " in line] == [True]


def sealed(folder: Path, text: str) -> None:
    """A text in an age file, and its key."""
    import pyrage

    key = pyrage.x25519.Identity.generate()
    write(folder / "key", f"{key}\n").chmod(0o600)
    (folder / "c.age").write_bytes(pyrage.encrypt(text.encode(), [key.to_public()]))


SOURCES = ["file: c.yaml", "command: [cat, c.yaml]", "age: c.age, identity: key"]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: {secret: 0123}\n", ":1:13: a.secret: YAML can read this as a number: quote it [ambiguous-value]"),
        ("a: {secret: {x: 1.10}}\n", ":1:17: a.secret: CouchDB or the stack would change this number"),
        ("a: {client_id: x\u200by}\n", ":1:16: a.client_id has a zero width space (U+200B) at character 2"),
        ("a\u00a0: {client_id: x}\n", ":1:1: the key a\\u00a0 has a no-break space (U+00A0) at character 2"),
        ("a: {secret: {x\u00ad: y}}\n", ":1:14: a key in a.secret has a soft hyphen (U+00AD) at character 2"),
        ('a: {secret: "x\\ay"}\n', ":1:13: a.secret has a control character (U+0007) at character 2"),
        ("a: {client_id: x, client_id: y}\n", ":1:19: duplicate key, first on line 1"),
        ("b: &b {client_id: x}\na: {<<: *b}\n", ":2:5: merge keys (<<) are not supported"),
    ],
)
def test_each_source_is_stored_as_it_is_written(
    folder: Path, live: Live, run: Run, source: str, text: str, said: str
) -> None:
    target(folder, f"    credentials: [{{{source}}}]\n", live.url)
    write(folder / "c.yaml", text).chmod(0o600)
    sealed(folder, text)
    done = run("diff", "--target", "t")
    assert (done.code, said in done.err + done.out) == (1, True), done


def test_a_json_file_is_json(folder: Path, run: Run) -> None:
    target(folder, "    credentials: [{file: c.json}]\n")
    for text in ('{"a": {"secret": NaN}}', '{"a": {"secret": 0123}}', "{'a': {}}", '{"a": {},}'):
        write(folder / "c.json", text).chmod(0o600)
        assert "[syntax]" in (err := run("diff", "--target", "t").err) or "JSON has no such number" in err


@pytest.mark.parametrize(
    ("value", "said"), [("a\nb", "a line break"), ("a\tb", "a tab"), ("a\x7fb", "a control character")]
)
def test_what_breaks_a_credential_is_named(folder: Path, live: Live, run: Run, value: str, said: str) -> None:
    write(folder / "account_types/a.yaml", CODE)
    done = run("diff", "--couch", live.url, env={"ACCOUNT_TYPE_A_CLIENT_SECRET": value})
    assert f"refused   a: client_secret has {said}" in done.out
    assert "at character 2 (from a credential source)" in done.out


@pytest.mark.parametrize("source", SOURCES)
def test_a_comment_in_a_source_of_credentials_is_told(folder: Path, run: Run, source: str) -> None:
    write(folder / "account_types/a.yaml", SECRET)
    text = "a:\n  client_id: x\n  secret: abc #def\n"
    write(folder / "c.yaml", text).chmod(0o600)
    sealed(folder, text)
    write(
        folder / "provision.yaml",
        f"targets:\n  one:\n    couch: http://localhost:1\n    vars:\n      a: x #y\n    credentials: [{{{source}}}]\n",
    )
    err = run("diff", "--target", "one").err
    assert ":3:11: a.secret ends where its comment begins: put it in quotes" in err
    assert "provision.yaml:5:10: targets.one.vars.a ends where its comment begins: put it in quotes" in err


@pytest.mark.parametrize(
    "value", ['{"a": 1.10}', "[9007199254740992]", '{"a": NaN}', "[" * 200 + "]" * 200, r'["\ud800"]']
)
def test_json_in_the_environment_is_stored_as_it_is_written(folder: Path, live: Live, run: Run, value: str) -> None:
    write(folder / "account_types/a.yaml", SECRET)
    done = run("diff", "--couch", live.url, env={"ACCOUNT_TYPE_A_SECRET": value})
    assert "refused   a: secret is refused: ACCOUNT_TYPE_A_SECRET cannot be stored as it is: " in done.out


@pytest.mark.parametrize(
    ("char", "name"),
    [
        ("\u00a0", "a no-break space (U+00A0)"),
        ("\u200b", "a zero width space (U+200B)"),
        ("\u00ad", "a soft hyphen (U+00AD)"),
        ("\u202e", "a right-to-left override (U+202E)"),
        ("\u2066", "a left-to-right isolate (U+2066)"),
        ("\ufeff", "a zero width no-break space (U+FEFF)"),
        ("\u3000", "an ideographic space (U+3000)"),
        ("\ufe0f", "a variation selector-16 (U+FE0F)"),
        ("\u180b", "a mongolian free variation selector one (U+180B)"),
        ("\u3164", "a hangul filler (U+3164)"),
    ],
)
@pytest.mark.parametrize(
    ("text", "place", "number"),
    [
        (CODE.replace("example/t\n", "ex@ample/t\n"), "3:17: error: token_endpoint ", 13),
        (CODE + "extras: {a: x@y}\n", "4:13: error: extras.a ", 2),
        (CODE + "extras: {a@b: x}\n", "4:15: error: extras.a", 2),
        (CODE + "client_id: ab@cd\n", "4:12: error: client_id ", 3),
        (CODE + "client_secret: ab@cd\n", "4:16: error: client_secret ", 3),
        (SECRET + "secret: {a: [x, y@]}\n", "3:9: error: secret ", 2),
        (CODE + "slug@: b\n", "4:8: error: the key slug", 5),
    ],
)
def test_a_character_that_nobody_sees_is_named(
    folder: Path, run: Run, text: str, place: str, number: int, char: str, name: str
) -> None:
    found = problems(run, folder, text.replace("@", char))
    expected = f"has {name} at character {number} [unseen-character]"
    assert any(line.startswith(f"account_types/a.yaml:{place}") and line.endswith(expected) for line in found), found


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("slug:\u00a0a\n", "1:6"),
        ("grant_mode: secret\nslug:\u00a0a\n", "2:6"),
        ("grant_mode: secret\nslug:\u00a0a\nx-a: b\n", "2:6"),
        ("extras:\n  a:\u202fb\n  c: d\n", "2:5"),
    ],
)
def test_a_no_break_space_after_a_colon_is_named(folder: Path, run: Run, text: str, place: str) -> None:
    found = problems(run, folder, text)
    assert any(line.startswith(f"account_types/a.yaml:{place}: error: ") for line in found), found
    assert any("no-break space (U+" in line and "follows the colon" in line for line in found), found


def test_a_character_that_nobody_sees_is_named_in_the_configuration(folder: Path, run: Run) -> None:
    target(folder, "    vars: {domain: a\u00adb}\n")
    done = run("diff", "--target", "t")
    assert "provision.yaml:4:20: targets.t.vars.domain has a soft hyphen (U+00AD) at character 2" in done.err
