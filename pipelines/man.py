"""The man pages: ``python pipelines/man.py FOLDER`` writes provision.1 and one page a command.

The wheel carries those in man/, which a test compares with the program.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from provisioner import __version__
from provisioner.cli.app import COMMANDS, app, summary

EXIT_CODES = {
    0: "done, or nothing to do",
    1: "problems found, or something failed",
    2: "wrong usage",
    3: "diff and drift with --exit-code: something differs",
    130: "interrupted",
    143: "terminated",
}


def pages() -> dict[str, str]:
    """The text of each page by its file name."""
    group: Any = get_command(app)
    commands = {name: group.get_command(None, name) for name in COMMANDS}
    listed = "\n".join(f".TP\n.BR provision-{name} (1)\n{summary(each)}." for name, each in commands.items())
    start = _page("provision", "put Cozy's account types into CouchDB", "[COMMAND] [OPTIONS]", _text(group.help))
    whole = {"provision.1": f"{start}.SH COMMANDS\n{listed}\n{_exit_codes()}"}
    for name, command in commands.items():
        usage = " ".join(["[OPTIONS]", *(f"[{_metavar(each)}]" for each in _arguments(command))])
        begin = _page(f"provision-{name}", summary(command), usage, _text(command.help))
        example = f".SH EXAMPLE\n.nf\n{_escaped(COMMANDS[name][1])}\n.fi\n"
        whole[f"provision-{name}.1"] = f"{begin}{_options(command)}{example}{_exit_codes()}"
    return whole


def _page(name: str, what: str, usage: str, text: str) -> str:
    return (
        f'.TH "{name.upper()}" "1" "" "provision {__version__}" ""\n.SH NAME\n{name} \\- {_escaped(what)}\n'
        f".SH SYNOPSIS\n.B {name.replace('-', ' ', 1)}\n{_escaped(usage)}\n.SH DESCRIPTION\n{text}\n"
    )


def _options(command: Any) -> str:
    rows = [f".TP\n.B {_escaped(_metavar(each))}\n{_escaped(each.help or '')}" for each in _arguments(command)]
    for each in command.params:
        if each.param_type_name == "option" and not each.hidden:
            names = ", ".join([*each.opts, *each.secondary_opts])
            value = "" if each.is_flag else f" {_metavar(each)}"
            rows.append(f".TP\n.B {_escaped(names + value)}\n{_escaped(each.help or '')}")
    listed = "\n".join(rows)
    return f".SH OPTIONS\n{listed}\n" if rows else ""


def _arguments(command: Any) -> Iterator[Any]:
    return (each for each in command.params if each.param_type_name == "argument")


def _metavar(parameter: Any) -> str:
    choices = getattr(parameter.type, "choices", None)
    return str(parameter.metavar or ("|".join(map(str, choices)) if choices else parameter.name.upper())).strip("<>")


def _text(help: str) -> str:
    paragraphs = re.split(r"\n\s*\n", help.strip())
    return "\n.PP\n".join(_escaped(" ".join(paragraph.split())) for paragraph in paragraphs)


def _exit_codes() -> str:
    rows = "\n".join(f".TP\n.B {code}\n{_escaped(meaning)}" for code, meaning in EXIT_CODES.items())
    return f".SH EXIT STATUS\n{rows}\n"


def _escaped(text: str) -> str:
    """A line in which roff sees no command."""
    return re.sub(r"^([.'])", r"\\&\1", text.replace("\\", r"\e").replace("-", r"\-"))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")
