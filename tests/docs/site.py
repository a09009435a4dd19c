"""Gathers the pages of the site in a folder: the documents, and a page for each rule, command and provider.

``python -m tests.docs.site FOLDER``; ``mkdocs build`` makes the site of it, as mkdocs.yml says.
"""

import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from typer.main import get_command

from provisioner.adapters.files.definitions import read_sources
from provisioner.adapters.files.shipped import rule_texts
from provisioner.cli.app import GROUPS, app, summary
from provisioner.core.definitions.definition import Source
from provisioner.core.definitions.definition import providers as known
from provisioner.core.rules import BY_ID
from provisioner.render.pages import Facts, catalogue_page
from provisioner.render.problems import first_sentence, rule_markdown
from tests.docs.rules_page import grouped
from tests.docs.session import BLOCK, ROOT, steps
from tests.rules.examples import SIDES

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
    shutil.copytree(ROOT / "schemas", folder / "schemas")
    documents = [path for path in sorted((ROOT / "docs").glob("*.md")) if path.name not in GENERATED]
    pages = {path.name: relinked(path.read_text("utf-8"), "") for path in documents}
    beside = {name.lower(): name for name in BESIDE} | {"index.md": "README.md"}
    pages |= {page: relinked((ROOT / name).read_text("utf-8"), "") for page, name in beside.items()}
    for path in (ROOT / "docs").glob("*.svg"):
        shutil.copy(path, folder / path.name)
    shipped = known(read_sources([ROOT / "account_types"]))
    pages["catalogue.html"] = catalogue_page(shipped, Facts(None, None, {}))
    for name, section in (("commands", commands()), ("rules", rules()), ("providers", providers(shipped))):
        (folder / name).mkdir()
        pages |= {f"{name}/{stem}.md": text for stem, text in section.items()}
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    settings |= {"docs_dir": folder.name, "site_dir": "site", "nav": [*navigation()]}
    (folder.parent / "mkdocs.yml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")


def navigation() -> Iterator[dict[str, object]]:
    """The tabs, each with a short list of pages: a page of a section is found from the list of all, or by a search."""
    yield {"Home": "index.md"}
    listed = {f"{name}.md" for names in TABS.values() for name in names} | GENERATED
    more: dict[str, list[object]] = {
        "Operate": [*sorted({path.name for path in (ROOT / "docs").glob("*.md")} - listed)],
        "Reference": [{section.capitalize(): f"{section}/index.md"} for section in ("commands", "rules", "providers")],
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
    texts = []
    for title, files in (("Bad", SIDES[rule].bad[0][0]), ("Good", SIDES[rule].good[0])):
        blocks = (
            f'```{{ .{name.rpartition(".")[2]} title="{name}" .no-copy }}\n{text.rstrip()}\n```\n'
            for name, text in files.items()
        )
        texts.append("\n".join([f"\n## {title}\n", *blocks]))
    return "".join(texts)


def commands() -> dict[str, str]:
    """A page for each command with its help as ``--help`` prints it, and one that lists them."""
    program: Any = get_command(app)
    pages, rows = {}, ["# Commands", "", "`provision COMMAND --help` prints the same on a terminal."]
    for group, listed in GROUPS.items():
        rows += ["", f"## {group}", "", "| command | what it does |", "|---|---|"]
        for name, (_, example) in listed.items():
            command = program.get_command(None, name)
            context = command.context_class(
                command, info_name=f"provision {name}", terminal_width=100, max_content_width=100
            )
            rows += [f"| [{name}]({name}.md) | {cell(summary(command))} |"]
            pages[name] = (
                f"# provision {name}\n\n[All commands](index.md)\n\n```sh\n{example}\n```\n\n"
                f"```{{ .text .no-copy }}\n{command.get_help(context)}\n```\n"
            )
    return {"index": "\n".join([*rows, ""]), **pages}


PROVIDERS = """\
# Providers

The definitions that come with provision, also as [one page](../catalogue.html) that helps to
register clients.

| provider | account type | register at |
|---|---|---|
"""


def providers(shipped: Sequence[Source]) -> dict[str, str]:
    """A page for each definition of the catalogue, and one that lists them by name."""
    by_name = sorted(shipped, key=lambda each: each.name.lower())
    places = {each.id: f"<{each.note('console')}>" if each.note("console") else "" for each in shipped}
    rows = (f"| [{cell(each.name)}]({each.id}.md) | `{each.id}` | {places[each.id]} |\n" for each in by_name)
    return {"index": PROVIDERS + "".join(rows), **{each.id: provider(each) for each in shipped}}


def provider(source: Source) -> str:
    """The page of one definition: what to know for registering a client, then the file."""
    facts = [f"- {title}: <{source.note(name)}>" for name, title in NOTES.items() if source.note(name)]
    facts += [f"- Refresh token: {source.note('refresh')}"] if source.note("refresh") else []
    facts += [f"- Redirect URI: `{source.text('redirect_uri')}`"] if source.text("redirect_uri") else []
    text = (ROOT / f"account_types/{source.id}.yaml").read_text("utf-8")
    parts = [f"# {source.name}", "[All providers](index.md)", "\n".join(facts), source.note("notes")]
    parts += [f"```sh\nprovision new {source.id}\n```", f"```yaml\n{text}```\n"]
    return "\n\n".join(filter(None, parts))


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


if __name__ == "__main__":
    main(Path(sys.argv[1]))
