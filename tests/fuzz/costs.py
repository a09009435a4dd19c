"""What text from outside costs: ``python -m tests.fuzz.costs --named``, or ``SEED ROUNDS``.

Each input is large, with ``FAULTS=full`` as large as a file may be, and goes all the way: read, checked, formatted,
corrected, and rendered in every form. It runs in a process of its own, whose processor time and memory have a limit
that only more than linear code comes near to. An exception is as bad. What fails is printed, and the exit code is 1.
"""

import io
import os
import random
import resource
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from provisioner.adapters.files import shipped, text_files
from provisioner.adapters.files.definitions import read_sources
from provisioner.adapters.files.shipped import DOMAINS, rule_texts
from provisioner.adapters.files.text_files import ends, line_of
from provisioner.adapters.files.yaml_text import read_yaml
from provisioner.commands import validate
from provisioner.core.definitions.editing import certain_edits, edited, formatted
from provisioner.core.definitions.go_url import UrlError, parse, read_query
from provisioner.core.definitions.schema_check import schema_check
from provisioner.core.importing.documents import Unreadable, documents_in
from provisioner.core.rules import RULES
from provisioner.core.text import printable
from provisioner.render import problems
from provisioner.render.layout import as_json, code, plain_markdown, printed
from provisioner.render.problems import as_code_quality, as_sarif

FULL = os.environ.get("FAULTS") == "full"
SIZE = 250_000 if FULL else 60_000
"""The characters of an input: a quarter of the largest file that is read, or less."""

SECONDS, MEMORY = 20 if FULL else 5, 2 * 1024**3

START = "grant_mode: authorization_code\nauth_endpoint: https://a.example/\n"
REPEATED = {
    "sixties": (START + "client_id: ", "1:", "1"),
    "sixties with a fraction": (START + "client_id: 1:", "59:", "1.5"),
    "digits": (START + "secret: ", "1", ""),
    "underscores": (START + "client_id: 1", "_1", ""),
    "hexadecimal": (START + "client_id: 0x", "f", ""),
    "opened lists": ("a: ", "[", ""),
    "opened mappings": ("a: ", "{a: ", ""),
    "dashes": ("", "- ", ""),
    "question marks": ("", "? ", ""),
    "keys in a line": ("{", "a: b, ", "}"),
    "spaces before a problem": ("grant_mode: x", " ", "#"),
    "spaces and hashes": ("grant_mode: x", " #", ""),
    "spaces in a line": (START + "slug: a", " ", "b"),
    "backslashes": (START + "slug: a", "\\", "|"),
    "quotes": (START + "slug: ", "'", ""),
    "double quotes": ('{"a": "', '\\"', ""),
    "pairs of a query": (START[:-1] + "?", "a=b&", "\n"),
    "other pairs of a query": (START[:-1] + "?", "a&%&;", "\n"),
    "dots of a host": (START[:-2], ".a", "/\n"),
    "percents": (START[:-1], "%", "\n"),
    "slashes": (START[:-1], "/..", "\n"),
    "dollars": (START + "slug: ", "$", ""),
    "variables": (START + "slug: ", "${a}", ""),
    "nested variables": (START + "slug: ", "${a:-", ""),
    "comments for us": (START, "# provision: ignore[a]\n", ""),
    "comments for us in a line": (START[:-1], " # provision: ignore[no-token-endpoint]", "\n"),
    "blank lines": (START, "\n", ""),
    "blank ends": (START, "# a \n", ""),
    "carriage returns": (START, "# a\r", ""),
    "next lines": (START, "# a\x85", ""),
    "lines with blanks in a block": (START + "x-a: |\n", "  a \n", ""),
    "anchors": (START, "x: &a\n", ""),
    "tags": ("", "%TAG !a! tag:a\n", "--- a"),
    "colons": (START + "slug: ", ":\u00a0", ""),
    "backticks": (START + "slug: ", "`", ""),
    "brackets": (START + "slug: ", "a](", ""),
    "unseen characters": (START + "client_id: ", "\u200b", ""),
    "duplicate keys": (START, "slug: a\n", ""),
    "braces": (START + "client_id: '", "{{", "'"),
    "angles": (START + "client_id: '", "<", "'"),
    "an escape": (START + 'client_id: "', "\\u0041", '"'),
}
NUMBERED = {
    "unknown keys": (START, "slug{}: a\n", ""),
    "wrong extras": (START + "extras:\n", "  a{}: 1\n", ""),
    "keys to quote": (START + "extras:\n", "  a{}: 0123\n", ""),
    "names of variables": (START + "slug: ", "${{a{}}}", ""),
    "names of a query": (START[:-1] + "?", "a{}=1&", "\n"),
    "tags of names": ("", "%TAG !a{}! tag:a\n", "--- a"),
    "anchors of names": ("a:\n", "- &a{} b\n", ""),
}
IMPORTED = ("x.sh", "x.md", "x.json")

PIECES = [
    *(
        "$(",
        "<<A\n",
        "A\n",
        "curl -X PUT h/d/x -d '",
        "for i in 1 2;do ",
        "done\n",
        "X=$X$X\n",
        "A=(",
        ")",
        ";",
        "f(){\n",
    ),
    *("[", "]", "{", "}", ":", ": ", "- ", "? ", ",", "\n", "\n  ", "\r", "\x85", " ", "\t", "#", " #", "'", '"', "\\"),
    *(
        "|",
        ">",
        "&a ",
        "*a",
        "!",
        "%",
        "${",
        "$",
        "}",
        "1",
        "0",
        "1:",
        "_",
        ".",
        "-",
        "e",
        "~",
        "a",
        "=",
        "&",
        ";",
        "/",
    ),
    *(
        "a: ",
        '"a": ',
        "`",
        "<",
        "\u00a0",
        "\u200b",
        "é",
        "(",
        "](",
        "@",
        "xn--",
        "%41",
        "?",
        "..",
        "provision: ignore[",
    ),
]
OPENINGS = [
    START,
    "",
    "{",
    '{"a": ',
    START + "slug: ",
    START[:-1] + "?",
    START + "client_id: ",
    START + "extras:\n  a: ",
]


def inputs() -> Iterator[tuple[str, str]]:
    """The inputs that are named, each with its text."""
    for name, (before, unit, after) in REPEATED.items():
        yield name, before + unit * (SIZE // len(unit)) + after
    for name, (before, unit, after) in NUMBERED.items():
        yield name, before + "".join(unit.format(number) for number in range(SIZE // 51)) + after


def found(seed: int, rounds: int) -> Iterator[tuple[str, str]]:
    """Inputs that are made by chance: some pieces, again and again."""
    chance = random.Random(seed)
    for _ in range(rounds):
        unit = "".join(chance.choices(PIECES, k=chance.randint(1, 4)))
        before, after = chance.choice(OPENINGS), chance.choice(["", *PIECES])
        yield repr((before, unit, after)), before + unit * (SIZE // len(unit)) + after


def all_the_way(text: str, name: str) -> None:
    """A text as the file of a definition: read, checked, rendered in every form, formatted and corrected."""
    check = schema_check(shipped.schema())
    with TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(text.encode(errors="surrogatepass"))
        sources = read_sources([path])
        result = validate.run(sources, check, {"a": "1"}.get, need_values=True, domains=DOMAINS)
        written = [
            problems.as_text(result, line_of=line_of),
            problems.as_annotations(result),
            as_json(problems.values(result)),
            as_code_quality(result),
            as_sarif(result, RULES, rule_texts(), folder, ends),
        ]
        for each in written:
            "\n".join(map(printed, each.split("\n"))).encode()
        for source in sources:
            if source.content is not None:
                before = text_files.text_of(source.path)
                formatted(before, read_yaml)
                edited(before, certain_edits(before, source.content))


def pieces(text: str) -> None:
    """A text where a short one is usual: in a cell of a table, as a URL, as its query."""
    for read in (code, plain_markdown, printable, printed, read_query):
        read(text)
    with suppress(UrlError):
        parse(text)


def imported(text: str, name: str) -> None:
    """A text as a file that `import` reads."""
    with suppress(Unreadable):
        documents_in(text, name, lambda _: "")


def survives(do: Callable[[], None]) -> str:
    """Run something in a process with limits; what went wrong, or nothing."""
    if sys.platform == "win32":
        raise NotImplementedError
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        try:
            with redirect_stdout(io.StringIO()):
                do()
        except BaseException:  # noqa: BLE001  # whatever it is, it is told
            sys.stderr.write(traceback.format_exc()[-1500:])
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return f"more than {SECONDS} seconds of processor time (signal {os.WTERMSIG(status)})"
    return "an exception" if os.WEXITSTATUS(status) else ""


def main(arguments: list[str]) -> int:
    """Try the inputs that are named, or as many others as are asked for."""
    chosen = inputs() if arguments == ["--named"] else found(*map(int, arguments))
    failed = 0
    for name, text in chosen:
        ways: dict[str, Callable[[], None]] = {
            "yaml": partial(all_the_way, text, "a.yaml"),
            "json": partial(all_the_way, text, "a.json"),
            "piece": partial(pieces, text),
        }
        if arguments != ["--named"]:
            ways |= {f"import of {each}": partial(imported, text, each) for each in IMPORTED}
        for way, do in ways.items():
            if wrong := survives(do):
                failed += 1
                sys.stdout.write(f"{name} as {way}: {wrong}\n")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
