"""Gathers the pages of the site in a folder: the documents, and a page for each rule, command and provider.

``python pipelines/site.py FOLDER``; ``mkdocs build`` makes the site of it, as mkdocs.yml says.
"""

import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from provisioner.adapters.files.definitions import read_sources
from provisioner.adapters.files.shipped import rule_texts
from provisioner.cli.app import COMMANDS
from provisioner.core.definitions.definition import providers as known
from provisioner.core.rules import RULES
from provisioner.render.pages import Facts, catalogue_page
from provisioner.render.problems import rule_markdown

ROOT = Path(__file__).parents[1]
BESIDE = ("SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "CODE_OF_CONDUCT.md")
GUIDES = ("story", "self-hosters", "konnector-authors", "operators", "credentials", "drift", "auditors", "pipelines")
REFERENCE = ("configuration", "output", "architecture", "performance", "dependencies", "stack-truth")
NOTES = {"homepage": "Home page", "console": "Register at", "docs": "Documentation"}


def main(folder: Path) -> None:
    """Write all pages, and beside the folder mkdocs.yml with the tree of pages."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in sorted((ROOT / "docs").glob("*.md")):
        if path.stem not in ("rules", "commands"):
            write(folder / path.name, relinked(path.read_text("utf-8"), ""))
    for path in (ROOT / "docs").glob("*.svg"):
        shutil.copy(path, folder / path.name)
    for name in BESIDE:
        write(folder / name.lower(), relinked((ROOT / name).read_text("utf-8"), ""))
    write(folder / "index.md", relinked((ROOT / "README.md").read_text("utf-8"), ""))
    shutil.copytree(ROOT / "schemas", folder / "schemas")
    write(
        folder / "catalogue.html", catalogue_page(known(read_sources([ROOT / "account_types"])), Facts(None, None, {}))
    )
    sections = {"rules": rules(), "commands": commands(), "providers": providers()}
    for name, pages in sections.items():
        for stem, text in pages.items():
            write(folder / name / f"{stem}.md", text)
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    settings |= {"docs_dir": folder.name, "site_dir": "site", "nav": [*navigation(sections)]}
    write(folder.parent / "mkdocs.yml", yaml.safe_dump(settings, sort_keys=False))


def navigation(sections: Mapping[str, Mapping[str, str]]) -> Iterator[dict[str, object]]:
    """The tree of pages."""
    yield {"provision": "index.md"}
    yield {"Guides": [f"{name}.md" for name in GUIDES]}
    for name, pages in sections.items():
        yield {name.capitalize(): [f"{name}/index.md", *(f"{name}/{stem}.md" for stem in pages if stem != "index")]}
    yield {"Reference": [f"{name}.md" for name in REFERENCE if (ROOT / f"docs/{name}.md").exists()]}
    yield {"Project": [name.lower() for name in BESIDE]}


def rules() -> dict[str, str]:
    """A page for each rule, and one that lists them."""
    texts = rule_texts()
    rows = "\n".join(f"| [{rule.id}]({rule.id}.md) | {rule.severity} |" for rule in RULES)
    head = "# Rules\n\nThe name of the rule is in brackets after each problem."
    index = f"{head}\n\n| rule | severity |\n|---|---|\n{rows}\n"
    return {
        "index": index,
        **{rule.id: f"# {rule.id}\n{rule_markdown(rule, texts[rule.id]).partition(chr(10))[2]}\n" for rule in RULES},
    }


def commands() -> dict[str, str]:
    """A page for each command with its help, and one that lists them."""
    text = (ROOT / "docs/commands.md").read_text("utf-8")
    start, *parts = re.split(r"^## (\S+)$", text, flags=re.MULTILINE)
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    rows = "\n".join(f"- [provision {name}]({name}.md)" for name in COMMANDS)
    pages = {name: f"# provision {name}\n{relinked(sections[name], '../')}" for name in COMMANDS}
    return {"index": f"{relinked(start, '../')}\n{rows}\n", **pages}


def providers() -> dict[str, str]:
    """A page for each definition of the catalogue, and one that lists them."""
    files = sorted((ROOT / "account_types").glob("*.yaml"))
    pages = {path.stem: provider(path) for path in files}
    rows = "\n".join(f"- [{path.stem}]({path.stem}.md)" for path in files)
    head = "# Providers\n\nThe definitions that come with provision. `provision catalogue --html` writes them as"
    index = f"{head}\n[one page](../catalogue.html) that helps to register clients.\n\n{rows}\n"
    return {"index": index, **pages}


def provider(path: Path) -> str:
    """The page of one definition: what to know for registering a client, then the file."""
    text = path.read_text("utf-8")
    fields = yaml.safe_load(text)
    facts = [f"- {title}: <{fields[f'x-{name}']}>" for name, title in NOTES.items() if f"x-{name}" in fields]
    facts += [f"- Refresh token: {fields['x-refresh']}"] if "x-refresh" in fields else []
    facts += [f"- Redirect URI: `{fields['redirect_uri']}`"] if "redirect_uri" in fields else []
    notes = f"{fields['x-notes']}\n\n" if "x-notes" in fields else ""
    listed = "\n".join(facts)
    return (
        f"# {fields.get('x-name', path.stem)}\n\n{listed}\n\n{notes}"
        f"```sh\nprovision new {path.stem}\n```\n\n```yaml\n{text}```\n"
    )


def relinked(text: str, up: str) -> str:
    """Markdown whose links lead to the pages of the site."""

    def link(match: re.Match[str]) -> str:
        target, _, anchor = match[1].partition("#")
        if "://" in target or not target:
            return match[0]
        name = target.removeprefix("../").removeprefix("docs/").rstrip("/")
        page = {"rules.md": "rules/index.md", "commands.md": "commands/index.md", "account_types": "providers/index.md"}
        if name == "README.md":
            name = "index.md"
        elif name in BESIDE:
            name = name.lower()
        elif name == "rules.md" and anchor:
            return f"]({up}rules/{anchor}.md)"
        name = page.get(name, name)
        if name not in _pages():  # a file that the site does not have
            return "]"
        return f"]({up}{name}{f'#{anchor}' if anchor else ''})"

    return re.sub(r"\]\(([^)\s]+)\)", link, text)


def _pages() -> set[str]:
    """What links may lead to."""
    documents = {path.name for path in (ROOT / "docs").iterdir()} - {"rules.md", "commands.md"}
    sections = {f"{name}/index.md" for name in ("rules", "commands", "providers")}
    schemas = {path.relative_to(ROOT).as_posix() for path in (ROOT / "schemas").rglob("*.json")}
    return {"index.md", *documents, *sections, *schemas, *map(str.lower, BESIDE)}


def write(path: Path, text: str) -> None:
    """Write a page, and the folder that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
