"""Scripts that somebody wrote to take long: a text of twice the length takes about twice the steps."""

import cProfile
import pstats
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.importing.documents import Unreadable, documents_in
from provisioner.core.importing.script import Script
from provisioner.core.importing.shell import commands_of

REPEATED = [
    *("a ", "a", "'", '"\\"', "$(", "(", "`", "${", "$((", "<<A\n", "cat <<A <<B\n", "if ", "'\n", '"$(\n', "> ", "\t"),
    *("a'b\n", "X=$X$X\n", "A=$B$B$B;B=$A$A$A\n", "curl -X PUT h/d/x -d '{", "curl -d a ", "```\n", "[1]\n", "cat|"),
    *(
        "A=(",
        "f(){\na $1\n}\nf b\n",
        "for i in 1 2 3;do a $i;done\n",
        "sh -c 'a b'\n",
        "`a`",
        "PUT /a\n{",
        "A=(b c)\n",
    ),
    *("cat <<A\n$(\nA\n", "http PUT h/d/x\na=1\n", "<(", "cat <<-A\n\t", "\ufdd00\ufdd1", "-d", "$'\\"),
]


def steps(text: str) -> int:
    """How many calls it takes to read a text."""
    profile = cProfile.Profile()
    profile.enable()
    with suppress(Unreadable):
        documents_in(text, "x.sh", lambda name: "")
    profile.disable()
    return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]  # it is there, and typeshed lacks it


@pytest.mark.parametrize("repeated", REPEATED)
def test_no_script_costs_more_than_linear_time(repeated: str) -> None:
    steps("curl -X PUT h/d/x -d '{}'")  # what is loaded once
    short = steps((repeated * 2000)[:2000])
    assert steps((repeated * 8000)[:8000]) <= 6 * short + 2000


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("a 'b c' \"d $E\" f\\ g", [["a", "b c", "d ⟨E⟩", "f g"]]),
        ("a '$B' \"\\$C\" $'d\\ne\\x41'", [["a", "$B", "$C", "d\neA"]]),
        ("a; b && c | d || e & f", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]]),
        ("a > b 2>&1 < /dev/null c", [["a", "c"]]),
        ("A=1; B=$A/2\nc ${B} ${D:-e}", [["A=1"], ["B=1/2"], ["c", "1/2", "⟨D:-e⟩"]]),
        ("a # b 'c\nd#e", [["a"], ["d#e"]]),
        ("for i in 1 2; do a $i; done", [["for", "i", "in", "1", "2"], ["a", "⟨i⟩"]]),
        ("a \\\n b\r\nc", [["a", "b"], ["c"]]),
        ("a\u00a0b\x0bc\x0cd", [["a\u00a0b\x0bc\x0cd"]]),
        (
            "a $(b 'c)' \")\" d) e `f` $1",
            [["b", "c)", ")", "d"], ["f"], ["a", "⟨$(…), which is not run⟩", "e", "⟨`…`, which is not run⟩", "⟨$1⟩"]],
        ),
        ("A=(b 'c d')\ne \"${A[@]}\" $A", [["A=b\ufdd2c d"], ["e", "b", "c d", "b", "c d"]]),
        ("A='b -c'; B='-d e'\n$A f $B $A", [["A=b -c"], ["B=-d e"], ["b", "-c", "f", "-d", "e", "b -c"]]),
        ("printf '%s-%s\\n' a b > c\nd \"$(<c)\"", [["printf", "%s-%s\\n", "a", "b"], ["d", "a-b"]]),
        ("a $(echo b) $(printf %s 'c d')", [["a", "b", "c d"]]),
        ("Don't stop\na 'b\nc'", [["Don't", "stop"], ["a", "b\nc"]]),
        ("a 'b\nc d\n", [None, ["c", "d"]]),
    ],
)
def test_the_words_of_commands(script: str, words: list[list[str] | None]) -> None:
    known = Script(lambda name: "")
    found = [
        None
        if command.broken
        else [
            known.replaced(word.text, lambda mark: f"⟨{mark.variable or mark.why}⟩").replace("\ufffd", "")
            for word in command.words
        ]
        for command in commands_of(script, known)
    ]
    assert found == words


WORDS = st.sampled_from([
    "curl ", "http ", "wget ", "-X PUT ", "-sXPUT ", "PUT ", "h/db/x ", "$DB/x ", "h/db/_bulk_docs ", "h/secrets/io-cozy-account_types/x ",
    "-d ", "@- ", "@a ", "-T ", "--json ", "--body-data ", "--next ", "'", '"', "\\", "$", "${A", ":-b}", "$(", ")", "`", "<<A", "\nA\n", "<<-", "<<<",
    "<", ">", "|", "&&", ";", "\n", "#", "a=b ", "a[b]:=1 ", ":=@c ", "A=", "$A ", "cat ", "A=(", "${A[@]} ", "sh -c ", "ssh h ", "f(){\n", "}\n", "$1 ", "PUT /x\n", "> a ", "echo ", "jq . ", "read A ", "for i in ", "do ", "```\n",
    '{"grant_mode": "secret"}', '{"_id": "x", "grant_mode": "a"}', '{"docs": [', "{}", "[]", "]}", "[1]\n", "\ud800", "\x00", "\ufdd0", "\ufdd00\ufdd1",
])  # fmt: skip


@given(st.lists(WORDS | st.text(max_size=3), max_size=25).map("".join), st.sampled_from(["x.sh", "x.md", "x.json"]))
def test_no_text_ends_in_another_exception(text: str, name: str) -> None:
    with suppress(Unreadable):
        found = documents_in(text, name, lambda file: text)
        assert not any("\ufdd0" in f"{live.id}{dict(live.document)}" for live in found.documents.values())
