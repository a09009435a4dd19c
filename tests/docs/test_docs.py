"""Every command that the documents show prints what they say; every command and option is documented."""

import re
import shutil
from pathlib import Path

import pytest

from provisioner.cli.app import COMMANDS
from provisioner.cli.exit_code import ExitCode
from tests.couchdb.server import running
from tests.docs.session import BLOCK, ROOT, Shell, fits, shell, steps

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_session_prints_what_the_document_shows(document: Path) -> None:
    with shell(document) as session:
        for block in BLOCK.findall(document.read_text(encoding="utf-8")):
            for step in steps(block):
                got = session.run(step.command)
                assert fits(step.output, got), f"$ {step.command}\n" + "\n".join(got)


def test_the_readme_starts_with_the_two_commands_that_ci_runs() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first = re.search(r"^```sh\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    assert first is not None
    commands = [line.partition("#")[0].strip() for line in first[1].splitlines()]
    assert commands[-2:] == ["make demo", "make test"]
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert {"make demo", "make test", "make lint"} <= set(ci)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_is_in_the_documents(command: str) -> None:
    assert f"$ provision {command} --help\n" in (ROOT / "docs/commands.md").read_text(encoding="utf-8")


def test_the_example_of_every_help_works(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "account_types", tmp_path / "account_types")
    for name in ("cozy", "okta", "shopify", "zendesk"):  # their hosts are the tenant's
        (tmp_path / f"account_types/{name}.yaml").unlink()
    manifest = tmp_path / "konnectors/google/manifest.konnector"
    manifest.parent.mkdir(parents=True)
    manifest.write_text('{"slug": "google", "oauth": {"scope": "openid"}}', encoding="utf-8")
    with running(digits=4) as url:
        (tmp_path / "provision.yaml").write_text(f"targets: {{local: {{couch: '{url}'}}}}\n", encoding="utf-8")
        session = Shell(tmp_path, url)
        for name, (_, example) in COMMANDS.items():
            option = " --force" if name == "export" else ""  # the folder is not empty here
            assert session.run(f"{example}{option}; echo $?")[-1] == "0", example


def test_the_readme_documents_every_exit_code() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"| {code.value} |" in readme for code in ExitCode)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_between_documents_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
        assert (document.parent / link).exists(), link


def test_an_output_may_leave_lines_out() -> None:
    assert fits(("a", "…", "z"), ["a", "b", "c", "z"])
    assert fits(("a", "…"), ["a"])
    assert not fits(("a", "…", "z"), ["a", "b"])
    assert not fits((), ["a"])
