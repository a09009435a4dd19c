"""Every command that the documents show prints what they say; every command and option is documented."""

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from provisioner.cli.app import COMMANDS, app
from provisioner.cli.boundary import ExitCode
from tests.conftest import Run, write
from tests.couchdb import server
from tests.docs import output_page, picture, reference_page, rules_page, schema_page
from tests.docs.session import BLOCK, ROOT, SERVER, Shell, fits, host_of, shell, steps
from tests.docs.site import BESIDE
from tests.oauth import servers

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {path: path.read_text(encoding="utf-8") for path in DOCUMENTS}
SESSIONS = [path for path, text in TEXTS.items() if BLOCK.search(text)]


@pytest.mark.parametrize("document", SESSIONS, ids=lambda path: path.name)
def test_a_session_prints_what_the_document_shows(document: Path) -> None:
    with shell(document) as session:
        for block in BLOCK.findall(TEXTS[document]):
            for step in steps(block):
                got = session.run(step.command)
                assert fits(step.output, got), f"$ {step.command}\n" + "\n".join(got)


def test_the_readme_has_the_two_commands_that_ci_runs_on_a_clone() -> None:
    shown = re.findall(r"^make \w+", TEXTS[ROOT / "README.md"], re.MULTILINE)
    assert shown == ["make demo", "make test"]
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert {"make demo", "make test", "make lint"} <= set(ci)


def test_the_readme_lists_every_command_and_every_guide() -> None:
    readme = TEXTS[ROOT / "README.md"]
    assert [name for name in COMMANDS if f"`{name}`" not in readme] == []
    assert f"[{len([*(ROOT / 'account_types').glob('*.yaml')])} definitions](account_types)" in readme
    of_developers = {"architecture", "dependencies", "performance", "stack-truth"}
    linked = set(re.findall(r"\(docs/([\w-]+)\.md", readme))
    assert {path.stem for path in DOCUMENTS} - {"README"} - of_developers - linked == set()


def test_the_pages_are_short() -> None:
    lines = {path.name: text.count("\n") for path, text in TEXTS.items()}
    assert lines["README.md"] <= 110
    assert sum(lines.values()) <= 2900


def test_the_example_of_every_help_works(folder: Path, run: Run) -> None:
    shutil.copytree(ROOT / "account_types", folder / "account_types")
    for name in ("cozy", "okta", "shopify", "zendesk"):  # their hosts are the tenant's
        (folder / f"account_types/{name}.yaml").unlink()
    write(folder / "konnectors/google/manifest.konnector", '{"slug": "google", "oauth": {"scope": "openid"}}')
    with server.running(digits=4) as url, servers.running("mock.mjs") as provider:
        couch = f"http://{host_of(url)}"
        write(folder / "provision.yaml", f"targets: {{production: {{couch: '{couch}', backup: {{folder: kept}}}}}}\n")
        google = folder / "account_types/google.yaml"
        google.write_text(
            re.sub(r"https://.*(/token|auth)$", rf"{provider}/token", google.read_text(), flags=re.MULTILINE)
        )
        google.write_text(re.sub(r"auth_endpoint: .*", f"auth_endpoint: {provider}/authorize", google.read_text()))
        variables = {
            "COUCHDB_USER": server.USER,
            "COUCHDB_PASSWORD": server.PASSWORD,
            "ACCOUNT_TYPE_GOOGLE_CLIENT_ID": "x",
            "ACCOUNT_TYPE_GOOGLE_CLIENT_SECRET": "y",
        }
        applied = "provision apply --target production --set domain=example.org"  # there is something to undo
        examples = [row[1] for row in COMMANDS.values()]
        for example in (applied, *examples[:-1]):
            _, *words = shlex.split(example.replace(SERVER, host_of(url)))
            done = run(*words, env=variables)
            assert done.code == 0, (example, done)
        # it opens a browser, in a process of its own; curl stands for a person: this provider asks nothing
        session = Shell(folder, {}, **variables, BROWSER="curl -sLo /dev/null %s")
        *said, code = session.run(f"{examples[-1]}; echo $?")
        assert (examples[-1], code) == ("provision token google", "0"), said


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_command_that_a_document_mentions_has_these_options(document: Path) -> None:
    program: Any = get_command(app)
    text = BLOCK.sub("", TEXTS[document])  # what stands in sessions is run
    for words in re.findall(r"^provision ([a-z][^#\n]*)|`provision\s([a-z][^`]*)`", text, re.MULTILINE):
        name, *rest = " ".join(words).split()
        assert name in COMMANDS, words
        known = {
            option for each in program.get_command(None, name).params for option in (*each.opts, *each.secondary_opts)
        }
        assert {each.partition("=")[0] for each in rest if re.match(r"--?[a-z]", each)} <= known | {"--help"}, words


def test_every_exit_code_and_every_variable_is_documented() -> None:
    page = TEXTS[ROOT / "docs/reference.md"]
    assert page == reference_page.page()
    assert [code for code in ExitCode if f"| `{code.value}` |" not in page] == []
    assert [name for name in reference_page.asked() if f"`{name}`" not in page] == []


@pytest.mark.parametrize("document", [*DOCUMENTS, *(ROOT / name for name in BESIDE)], ids=lambda path: path.name)
def test_every_link_between_documents_leads_somewhere(document: Path) -> None:
    for link, _, anchor in re.findall(r"\]\(([^)#:]*)(#([^)]*))?\)", document.read_text(encoding="utf-8")):
        target = document.parent / link if link else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), f"{link}#{anchor}"


def anchors(document: Path) -> set[str]:
    """What a link can point at in a document: its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_an_output_may_leave_lines_out() -> None:
    assert fits(("a", "…", "z"), ["a", "b", "c", "z"])
    assert fits(("a", "…"), ["a"])
    assert not fits(("a", "…", "z"), ["a", "b"])
    assert not fits((), ["a"])


def test_the_lines_of_an_output_may_change_places() -> None:
    assert fits(("a", "b", "c"), ["b", "a", "c"])
    assert not fits(("a", "a"), ["a", "b"])


def test_the_page_of_rules_is_the_one_that_their_texts_give() -> None:
    assert (ROOT / "docs/rules.md").read_text(encoding="utf-8") == rules_page.page()


@pytest.mark.parametrize("name", schema_page.PAGES)
def test_a_page_about_a_kind_of_file_is_that_of_its_schema(name: str) -> None:
    page = schema_page.PAGES[name]()
    assert (ROOT / f"docs/{name}.md").read_text(encoding="utf-8") == page
    for example in re.findall(r"\| `(\w+: .*)` \|$", page, re.MULTILINE):
        assert isinstance(yaml.safe_load(example), dict)


def test_the_page_about_the_output_is_that_of_its_schemas() -> None:
    assert output_page.page() == (ROOT / "docs/output.md").read_text(encoding="utf-8")


def test_every_command_with_json_has_a_schema(run: Run) -> None:
    with_json = {command for command in COMMANDS if re.search(r"--format <[^>]*\bjson\b", run(command, "--help").out)}
    of_lists = {"undo-list": "undo", "drift-event": "drift"}
    assert with_json == {of_lists.get(name, name) for name in output_page.COMMANDS}
    for name in output_page.COMMANDS:
        assert f"provision {of_lists.get(name, name)}" in json.loads(run("schema", f"output/{name}").out)["title"]


def test_the_way_from_a_clone_to_google_is_short_and_each_of_its_commands_is_run() -> None:
    guide = (ROOT / "docs/get-started.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```sh\n(git clone.*?)```", guide, re.DOTALL)
    commands = [line for line in block.splitlines() if not line.startswith("#")]
    assert len(commands) <= 8
    run = "\n".join(step.command for block in BLOCK.findall(guide) for step in steps(block))
    shown = [line for line in commands if line.startswith("provision ")]
    assert [line for line in shown if line not in run and line.split()[1] != "check"] == []


def test_the_picture_is_that_of_the_demo() -> None:
    assert picture.picture() == (ROOT / "docs/demo.svg").read_text(encoding="utf-8")


ARCHITECTURE = TEXTS[ROOT / "docs/architecture.md"]
ROOMS = ("", "provisioner", "provisioner/adapters/files", "tests")


@pytest.mark.parametrize("name", sorted(set(re.findall(r"[\w/.]+\.(?:py|md|json)\b", ARCHITECTURE))))
def test_a_file_that_the_architecture_names_exists(name: str) -> None:
    assert any((ROOT / room / name).is_file() for room in ROOMS), name


def test_every_room_is_on_the_page_of_the_architecture() -> None:
    folders = {path.parent.name for path in (ROOT / "provisioner").rglob("__init__.py")} - {"provisioner"}
    assert not [name for name in folders if f"{name}/" not in ARCHITECTURE]


def test_each_promise_of_security_names_tests_that_exist() -> None:
    promised = (ROOT / "SECURITY.md").read_text(encoding="utf-8").partition("## Promises")[2].partition("## Limits")[0]
    promises = re.split(r"^- ", promised, flags=re.MULTILINE)[1:]
    assert promises
    for promise in promises:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", promise)
        assert named, f"no test shows: {promise}"
        for path, name in named:
            source = (ROOT / path).read_text(encoding="utf-8")
            assert re.search(rf"^\s*def {name}\(|^{name} = ", source, re.MULTILINE), f"{path} has no {name}"
