"""Gathers the pages of the site in a folder: the documents, and a page for each rule, command and provider.

``python -m pipelines.site FOLDER``; ``mkdocs build`` makes the site of it, as mkdocs.yml says.
"""

import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from typer.main import get_command

from provisioner.adapters.files.definitions import read_sources
from provisioner.adapters.files.shipped import rule_texts
from provisioner.cli.app import GROUPS, app, summary
from provisioner.core.definitions.definition import providers as known
from provisioner.core.rules import BY_ID
from provisioner.render.pages import Facts, catalogue_page
from provisioner.render.problems import first_sentence, rule_markdown
from tests.docs.rules_page import grouped
from tests.docs.session import BLOCK, steps
from tests.rules.examples import SIDES, Files

ROOT = Path(__file__).parents[1]
BESIDE = ("SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "CODE_OF_CONDUCT.md")
GENERATED = {"rules.md"}
TABS = {
    "Start": ("install", "get-started", "concepts"),
    "Konnectors": ("konnector-token",),
    "Operate": ("import", "review", "credentials", "remote-secrets", "monitor", "audit", "ci"),
    "Help": ("troubleshooting", "glossary", "compatibility"),
    "Reference": ("reference", "definitions", "configuration", "output"),
    "Project": ("architecture", "dependencies", "performance", "stack-truth"),
}
"""The tabs of the site with their documents; a document of none of them is a guide of those who operate a stack."""

NOTES = {"homepage": "Home page", "console": "Register at", "docs": "Documentation"}


def main(folder: Path) -> None:
    """Write all pages, and beside the folder mkdocs.yml with the tree of pages."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in sorted((ROOT / "docs").glob("*.md")):
        if path.name not in GENERATED:
            write(folder / path.name, relinked(path.read_text("utf-8"), ""))
    for path in (ROOT / "docs").glob("*.svg"):
        shutil.copy(path, folder / path.name)
    for name in BESIDE:
        write(folder / name.lower(), relinked((ROOT / name).read_text("utf-8"), ""))
    write(folder / "index.md", relinked((ROOT / "README.md").read_text("utf-8"), ""))
    shutil.copytree(ROOT / "schemas", folder / "schemas")
    shipped = known(read_sources([ROOT / "account_types"]))
    write(folder / "catalogue.html", catalogue_page(shipped, Facts(None, None, {})))
    sections = {"commands": commands(), "rules": rules(), "providers": providers()}
    for name, pages in sections.items():
        for stem, text in pages.items():
            write(folder / name / f"{stem}.md", text)
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    settings |= {"docs_dir": folder.name, "site_dir": "site", "nav": [*navigation()]}
    write(folder.parent / "mkdocs.yml", yaml.safe_dump(settings, sort_keys=False))


def navigation() -> Iterator[dict[str, object]]:
    """The tabs, each with a short list of pages: a page of a section is found from the list of all, or by a search."""
    yield {"Home": "index.md"}
    rest = sorted(
        {path.stem for path in (ROOT / "docs").glob("*.md")} - {name for names in TABS.values() for name in names}
    )
    more: dict[str, list[object]] = {
        "Operate": [f"{name}.md" for name in rest if f"{name}.md" not in GENERATED],
        "Reference": [
            {"Commands": "commands/index.md"},
            {"Rules": "rules/index.md"},
            {"Providers": "providers/index.md"},
        ],
        "Project": [name.lower() for name in BESIDE],
    }
    for title, names in TABS.items():
        yield {title: [*(f"{name}.md" for name in names), *more.get(title, [])]}


def rules() -> dict[str, str]:
    """A page for each rule, and one that lists them with a line each."""
    texts = rule_texts()
    rows = []
    for title, ids in grouped().items():
        rows += [f"## {title}\n", "| rule | severity | finds |", "|---|---|---|"]
        rows += [f"| [{id}]({id}.md) | {BY_ID[id].severity} | {cell(first_sentence(texts[id]))} |" for id in ids] + [""]
    document = (ROOT / "docs/rules.md").read_text("utf-8")
    listed = "\n".join(rows)
    pages = {id: rule_markdown(rule, texts[id]).partition("\n")[2] for id, rule in BY_ID.items()}
    return {
        "index": f"{relinked(document.partition('## Files')[0], '../')}\n{listed}",
        **{id: f"# {id}\n\n[All rules](index.md)\n{text}\n{examples(id)}" for id, text in pages.items()},
    }


def examples(rule: str) -> str:
    """The first bad and the first good example of a rule, as whole files."""
    if rule not in SIDES or len(SIDES[rule].bad[0][0]) > 2:
        return ""
    return f"\n## Bad\n{_files(SIDES[rule].bad[0][0])}\n## Good\n{_files(SIDES[rule].good[0])}"


def _files(files: Files) -> str:
    return "".join(
        f'\n```{{ .{name.rpartition(".")[2]} title="{name}" .no-copy }}\n{text.rstrip()}\n```\n'
        for name, text in files.items()
    )


def commands() -> dict[str, str]:
    """A page for each command with its help, and one that lists them."""
    program: Any = get_command(app)
    pages, rows = {}, ["# Commands", "", "`provision COMMAND --help` prints the same on a terminal."]
    for group, listed in GROUPS.items():
        rows += ["", f"## {group}", "", "| command | what it does |", "|---|---|"]
        for name, (_, example) in listed.items():
            command = program.get_command(None, name)
            rows += [f"| [{name}]({name}.md) | {cell(summary(command))} |"]
            pages[name] = (
                f"# provision {name}\n\n[All commands](index.md)\n\n```sh\n{example}\n```\n\n{help_of(command, name)}"
            )
    return {"index": "\n".join([*rows, ""]), **pages}


def help_of(command: Any, name: str) -> str:
    """What ``--help`` prints."""
    context = command.context_class(command, info_name=f"provision {name}", terminal_width=100, max_content_width=100)
    return f"```{{ .text .no-copy }}\n{command.get_help(context)}\n```\n"


def providers() -> dict[str, str]:
    """A page for each definition of the catalogue, and one that lists them by name."""
    files = {path.stem: path.read_text("utf-8") for path in sorted((ROOT / "account_types").glob("*.yaml"))}
    fields = {id: yaml.safe_load(text) for id, text in files.items()}
    names = {id: str(each.get("x-name", id)) for id, each in fields.items()}
    places = {id: f"<{each['x-console']}>" if "x-console" in each else "" for id, each in fields.items()}
    by_name = sorted(names.items(), key=lambda each: each[1].lower())
    rows = "\n".join(f"| [{cell(name)}]({id}.md) | `{id}` | {places[id]} |" for id, name in by_name)
    head = (
        "# Providers\n\nThe definitions that come with provision, also as [one page](../catalogue.html) that helps to"
    )
    index = f"{head}\nregister clients.\n\n| provider | account type | register at |\n|---|---|---|\n{rows}\n"
    return {"index": index, **{id: provider(id, text, fields[id]) for id, text in files.items()}}


def provider(id: str, text: str, fields: Mapping[str, Any]) -> str:
    """The page of one definition: what to know for registering a client, then the file."""
    facts = [f"- {title}: <{fields[f'x-{name}']}>" for name, title in NOTES.items() if f"x-{name}" in fields]
    facts += [f"- Refresh token: {fields['x-refresh']}"] if "x-refresh" in fields else []
    facts += [f"- Redirect URI: `{fields['redirect_uri']}`"] if "redirect_uri" in fields else []
    notes = f"{fields['x-notes']}\n\n" if "x-notes" in fields else ""
    listed = "\n".join(facts)
    return (
        f"# {fields.get('x-name', id)}\n\n[All providers](index.md)\n\n{listed}\n\n{notes}"
        f"```sh\nprovision new {id}\n```\n\n```yaml\n{text}```\n"
    )


def cell(text: str) -> str:
    """A text in a table."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def relinked(text: str, up: str) -> str:
    """Markdown for the site: its links lead to pages of it, and what is copied from a session is what one types."""

    def link(match: re.Match[str]) -> str:
        target, _, anchor = match[2].partition("#")
        if "://" in target or not target:
            return match[0]
        name = target.removeprefix("../").removeprefix("docs/").rstrip("/")
        page = {"README.md": "index.md", "rules.md": "rules/index.md", "account_types": "providers/index.md"}
        if name == "rules.md" and anchor in BY_ID:
            return f"[{match[1]}]({up}rules/{anchor}.md)"
        name = name.lower() if name in BESIDE else page.get(name, name)
        if name not in _pages():  # a file that the site does not have
            return match[1]
        return f"[{match[1]}]({up}{name}{f'#{anchor}' if anchor else ''})"

    return BLOCK.sub(typed, re.sub(r"\[([^\[\]]*)\]\(([^)\s]+)\)", link, text))


def typed(session: re.Match[str]) -> str:
    """A session of a document: commands to copy, each with its output below."""
    blocks = []
    for step in steps(session[1]):
        blocks += [f"```sh\n{step.command}\n```"]
        blocks += ["```{ .text .no-copy }\n" + "\n".join(step.output) + "\n```"] if step.output else []
    return "\n\n".join(blocks)


def _pages() -> set[str]:
    """What links may lead to."""
    documents = {path.name for path in (ROOT / "docs").iterdir()} - GENERATED
    sections = {f"{name}/index.md" for name in ("rules", "commands", "providers")}
    schemas = {path.relative_to(ROOT).as_posix() for path in (ROOT / "schemas").rglob("*.json")}
    return {"index.md", *documents, *sections, *schemas, *map(str.lower, BESIDE)}


def write(path: Path, text: str) -> None:
    """Write a page, and the folder that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
