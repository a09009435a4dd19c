"""Which configuration and which catalogue a command takes, and which variables reach a definition."""

import os
from pathlib import Path

import pytest

from provisioner.adapters.files.config import find_config
from provisioner.adapters.files.definitions import catalogue_of
from provisioner.core.definitions.account_type import conceal
from provisioner.core.definitions.variables import variable_lookup
from provisioner.core.errors import UsageError
from provisioner.core.targets.target import Config
from provisioner.core.text import shown
from tests.conftest import Run, write

DEFINITION = "grant_mode: secret\nslug: ${name}\n"


def test_the_catalogue_stands_beside_the_configuration(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder / "provision.yaml", "targets: {}\n")
    write(folder / "account_types/right.yaml", "grant_mode: wrong\n")
    write(folder / "sub/account_types/other.yaml", "grant_mode: secret\nslug: a\n")
    monkeypatch.chdir(folder / "sub")
    done = run("validate")
    assert done.code == 1
    assert "right.yaml" in done.out
    assert "other.yaml" not in done.out


def test_without_a_configuration_the_catalogue_is_in_the_current_folder(folder: Path) -> None:
    catalogue = catalogue_of(Config(), None)
    assert catalogue.folders == (Path("account_types"),)
    assert catalogue.whole
    assert catalogue.absent


def test_only_the_same_folders_are_the_whole_catalogue(folder: Path) -> None:
    config = Config("conf/provision.yaml")
    write(folder / "conf/account_types/a.yaml", "")
    write(folder / "account_types/a.yaml", "")
    assert catalogue_of(config, [Path("conf/account_types")]).whole
    assert catalogue_of(config, [folder / "conf/../conf/account_types"]).whole
    other = catalogue_of(config, [Path("account_types")])
    assert not other.whole
    assert other.complete
    assert not catalogue_of(config, [Path("conf/account_types/a.yaml")]).complete


def test_the_search_ends_at_the_root_of_the_repository(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder / "provision.yaml", "targets: {}\n")
    inner = folder / "repository/sub"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert find_config(None) == folder / "provision.yaml"
    (folder / "repository/.git").mkdir()
    assert find_config(None) is None
    write(folder / "repository/provision.yaml", "targets: {}\n")
    assert find_config(None) == folder / "repository/provision.yaml"


def test_the_search_ends_at_the_home_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder / "provision.yaml", "targets: {}\n")
    (folder / "home/sub").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder / "home"))
    monkeypatch.chdir(folder / "home/sub")
    assert find_config(None) is None


def test_a_configuration_that_everybody_can_write_is_refused_unless_it_is_named(folder: Path) -> None:
    path = write(folder / "provision.yaml", "targets: {}\n")
    path.chmod(0o666)
    with pytest.raises(UsageError, match="written by someone other than you"):
        find_config(None)
    assert find_config(path) == path


def test_a_strange_configuration_above_stops_nobody_who_names_the_server(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(folder / "provision.yaml", "targets: {}\n")
    (folder / "sub").mkdir()
    monkeypatch.chdir(folder / "sub")
    folder.chmod(0o1777)
    assert find_config(None) is None
    folder.chmod(0o755)
    path.chmod(0o666)
    warnings: list[str] = []
    assert find_config(None, warn=warnings.append) is None
    assert "written by someone other than you, and is not used" in warnings[0]
    with pytest.raises(UsageError, match="written by someone other than you"):
        find_config(None)


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        ("- hosts: all\n  tasks: [\n", True),
        ("{% if a %}\nname: {{ x }}\n{% endif %}\n", True),
        ("hosts: web\npre_tasks:\n  - owner: me\n", True),
        ("require: [\n", False),
        ("requires:\n  - {}\n", False),
        (" owner: me\n catalogue: [x\n", False),
        ('{"hosts": 1, "Require": []', False),
        ("", False),
        ("# nothing\n", False),
    ],
)
def test_a_configuration_of_another_program_above_is_not_used(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch, text: str, foreign: bool
) -> None:
    write(folder / "provision.yaml", text)
    path = write(folder / "sub/account_types/a.yaml", "grant_mode: secret\nslug: a\n")
    monkeypatch.chdir(folder / "sub")
    done = run("validate", "account_types/a.yaml")
    assert (done.code == 0, "is another program's: it has no key of ours, and is not used" in done.err) == (
        foreign,
    ) * 2
    for options in (["--target", "x"], ["--config", "../provision.yaml"]):
        assert "is another program's" not in run("validate", str(path), *options).err


def test_what_fmt_says_of_a_configuration_names_no_option_that_it_lacks(folder: Path, run: Run) -> None:
    write(folder / "provision.yaml", "targets: {}\n").chmod(0o666)
    assert "next: make it a file that you can read and others cannot write\n" in run("fmt").err


@pytest.mark.parametrize(
    ("owner", "mode", "us", "refused"),
    [
        (1001, 0o644, 0, False),
        (5000, 0o644, 10001, True),
        (5000, 0o644, 0, False),
        (1001, 0o644, 1001, False),
        (1001, 0o644, 10001, False),
        (1001, 0o666, 0, True),
        (1001, 0o646, 10001, True),
        (1001, 0o664, 1001, True),
        (0, 0o644, 10001, False),
    ],
)
def test_whose_configuration_is_taken(
    folder: Path, monkeypatch: pytest.MonkeyPatch, owner: int, mode: int, us: int, refused: bool
) -> None:
    path = write(folder / "provision.yaml", "targets: {}\n")
    path.chmod(mode)
    real = Path.stat

    def stat(self: Path, **options: bool) -> os.stat_result:
        values = list(real(self, **options))
        values[4:6] = [owner if self == path else 1001 if self == folder else 0, 99999]
        return os.stat_result(values)

    monkeypatch.setattr(Path, "stat", stat)
    monkeypatch.setattr(os, "getuid", lambda: us)
    if refused:
        with pytest.raises(UsageError, match="written by someone other than you"):
            find_config(None)
    else:
        assert find_config(None) == Path("provision.yaml")


def test_a_readable_configuration_with_a_password_is_named(folder: Path, run: Run) -> None:
    write(folder / "account_types/a.yaml", "grant_mode: secret\nslug: a\n")
    path = write(folder / "provision.yaml", "targets: {one: {couch: 'https://admin:hush@couch.example'}}\n")
    path.chmod(0o644)
    done = run("validate")
    assert "other users can read the password in provision.yaml" in done.err
    assert "hush" not in done.out + done.err
    path.chmod(0o600)
    assert run("validate").err == ""
    path.chmod(0o644)
    write(path, "targets: {one: {couch: 'https://admin:${password}@couch.example'}}\n")
    assert run("validate").err == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("targets: {one: {backup: {}}}", "1:25: targets.one.backup needs folder"),
        ("targets: {one: {database: ' '}}", "1:27: targets.one.database must not be empty"),
        ("targets: {'': {couch: x}}", "targets has a name without a letter"),
        ("targets: {one: {credentials: [{env: 5}]}}", "must be a string or a list"),
        ("require: [{propertes: {}}]", "1:12: unknown keyword propertes in a custom rule: did you mean properties?"),
        ("require: [{items: {allOf: [{nto: {}}]}}]", "1:29: unknown keyword nto in a custom rule: did you mean not?"),
        ("require: [{$ref: 'https://a.example/b.json'}]", "1:18: a custom rule can only refer to a part of itself"),
        ("require: [{properties: {a: {$ref: 'file:///etc/passwd'}}}]", "can only refer to a part of itself"),
        ("require: [{$ref: '#/definitions/a'}]", "1:18: nothing in this custom rule is at #/definitions/a"),
        ("require: [{pattern: '('}]", "1:21: RE2 does not support this pattern"),
        (
            "require: [{patternProperties: {'(?!a)': {}}}]",
            "RE2 does not support this pattern: instead of a look-around",
        ),
        (
            "require: [{properties: {const: {$ref: '#/definitions/a'}}}]",
            "1:39: nothing in this custom rule is at #/def",
        ),
        ("require: [{allOf: [{$ref: '#/allOf/x'}]}]", "1:27: nothing in this custom rule is at #/allOf/x"),
        ("require: [{allOf: [{$ref: '#'}]}]", "1:27: # leads back to itself without end"),
        ("require: [{$ref: '#/definitions/a', definitions: {a: {not: {$ref: '#/definitions/a'}}}}]", "back to itself"),
        ("require: [{$schema: 'https://json-schema.org/draft/2020-12/schema'}]", "1:21: a custom rule is of draft-07"),
        *((f"require: [{{${word}: '#a'}}]", f"unknown keyword ${word}") for word in ("dynamicRef", "id", "anchor")),
        ("require: [{type: strin}]", "1:18: this custom rule is not a JSON schema (draft-07)"),
    ],
)
def test_what_is_wrong_with_a_configuration_is_told_at_its_place(folder: Path, run: Run, text: str, said: str) -> None:
    write(folder / "account_types/a.yaml", "grant_mode: secret\nslug: a\n")
    write(folder / "provision.yaml", text + "\n")
    done = run("validate")
    assert done.code == 1
    assert said in done.err


HALVED = ", ".join(
    f"a{n}: {{allOf: [{{$ref: '#/definitions/a{n + 1}'}}, {{$ref: '#/definitions/a{n + 1}'}}]}}" for n in range(40)
)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("properties: {slug: {pattern: '^(a+)+$'}}", "slug: pattern of the custom rule is not met"),
        ("propertyNames: {pattern: '^(([a-z_])+.)+[A-Z]([a-z])+$'}", "pattern of the custom rule is not met"),
        ("patternProperties: {'^(([a-z])+.)+[A-Z]$': {}}, additionalProperties: false", "additionalProperties of the"),
        (f"$ref: '#/definitions/a0', definitions: {{{HALVED}, a40: {{}}}}", "refers to its own parts too many times"),
        ("properties: {secret: {uniqueItems: true}}", "secret: uniqueItems of the custom rule is not met"),
    ],
    ids=["a pattern", "names", "patterns of names", "references that double", "items"],
)
def test_no_custom_rule_costs_more_than_linear_time(folder: Path, run: Run, rule: str, said: str) -> None:
    items = ", ".join(f"{{a: {n % 2_999}}}" for n in range(3_000))
    name = "a" * 60
    write(folder / "account_types/a.yaml", f"grant_mode: secret\nslug: {name}!\nx-{name}!: 1\nsecret: [{items}]\n")
    write(folder / "provision.yaml", f"require: [{{{rule}}}]\n")
    done = run("validate")
    assert done.code == 1
    assert said in done.out


@pytest.mark.parametrize(
    ("given", "target_vars", "environment", "expected"),
    [
        ({"x": "set"}, {"x": "target"}, {"PROVISION_VAR_x": "prefix", "x": "plain"}, "set"),
        ({}, {"x": "target"}, {"PROVISION_VAR_x": "prefix", "x": "plain"}, "target"),
        ({}, {}, {"PROVISION_VAR_x": "prefix", "x": "plain"}, "prefix"),
        ({}, {}, {"PROVISION_VAR_x": ""}, ""),
        ({}, {}, {"x": "plain"}, None),
    ],
)
def test_where_the_value_of_a_variable_comes_from(
    given: dict[str, str], target_vars: dict[str, str], environment: dict[str, str], expected: str | None
) -> None:
    assert variable_lookup(environment, (), target_vars, given)("x") == expected
    if expected is None:
        assert variable_lookup(environment, ["x"], target_vars, given)("x") == "plain"


def test_a_definition_reaches_no_other_variable_of_the_environment(folder: Path, run: Run) -> None:
    write(folder / "account_types/a.yaml", DEFINITION)
    done = run("diff", "--couch", "localhost:1", env={"name": "hush"})
    assert done.code == 1
    assert "variable name has no value (set it with --set name=…, in vars of the target, or as PROVISION_VAR_name)" in (
        done.out + done.err
    )


def test_a_message_of_a_missing_variable_shows_no_value(folder: Path, run: Run) -> None:
    write(folder / "account_types/a.yaml", "grant_mode: secret\nslug: ${x:?see ${PASSWORD}}\n")
    write(folder / "provision.yaml", "env: [PASSWORD]\n")
    done = run("diff", "--couch", "localhost:1", env={"PASSWORD": "hush"})
    assert "see ${PASSWORD}" in done.out + done.err
    assert "hush" not in done.out + done.err


@pytest.mark.parametrize("name", ["clientSecret", "android_api_key", "Client_Secret", "SECRET", "client_secret", "x"])
def test_what_is_no_known_public_field_is_concealed(name: str) -> None:
    assert "hush" not in str(conceal({name: "hush"}))


def test_an_object_in_a_public_field_is_concealed() -> None:
    assert "hush" not in str(conceal({"slug": {"password": "hush"}}))
    assert conceal({"slug": "a"}) == {"slug": "a"}


@pytest.mark.parametrize("key", ["client_assertion", "api_key", "apiKey", "token", "PASSWORD"])
def test_an_extra_that_sounds_like_a_secret_is_not_shown(key: str) -> None:
    assert shown({key: "hush", "prompt": "consent"}) == f'{{"{key}": "(secret)", "prompt": "consent"}}'


@pytest.mark.parametrize("key", ["prompt", "token_access_type", "access_type", "scope"])
def test_other_extras_are_shown(key: str) -> None:
    assert shown({key: "open"}) == f'{{"{key}": "open"}}'


def test_a_stack_file_has_a_limit(folder: Path, run: Run) -> None:
    path = write(folder / "cozy.yml", "# " + "x" * 1024 * 1024)
    done = run("diff", "--cozy-config", path)
    assert done.code == 1
    assert "larger than 1 MiB" in done.err


@pytest.mark.parametrize("name", ["loop", "x" * 300, "a/" * 3000])
def test_a_path_that_cannot_be_read_is_an_error(folder: Path, run: Run, name: str) -> None:
    if name == "loop":
        os.symlink("loop", folder / "loop.yaml")
    assert run("validate", f"{name}.yaml").code in (1, 2)
    assert run("diff", "--config", f"{name}.yaml").code in (1, 2)
    assert run("diff", "--cozy-config", f"{name}.yaml").code in (1, 2)
    assert run("apply", "--plan", f"{name}.yaml").code in (1, 2)
    assert run("manifest", f"{name}.yaml").code in (1, 2)


@pytest.mark.parametrize(
    "text",
    [
        'catalogue: ["a\\0b"]\n',
        f"catalogue: [{'x' * 300}]\n",
        "catalogue: [loop]\n",
        "catalogue: [~nobody-of-that-name/x]\n",
        "env: [a b]\n",
        "- a\n",
        "targets: [a]\n",
        "owner: ${x}\n",
    ],
)
def test_a_configuration_that_leads_nowhere_is_an_error(folder: Path, run: Run, text: str) -> None:
    os.symlink("loop", folder / "loop")
    write(folder / "provision.yaml", text)
    assert run("validate").code == 1
    assert run("apply", "--couch", "localhost:1").code in (1, 2)


def test_a_list_in_place_of_a_mapping_is_told(folder: Path, run: Run) -> None:
    write(folder / "provision.yaml", "- a\n")
    assert "expected a mapping of keys to values" in run("check", "--all-targets").err
