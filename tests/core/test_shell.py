"""Scripts that somebody wrote to take long: a text of twice the length takes about twice the steps."""

import cProfile
import pstats

import pytest

from provisioner.core.importing.documents import documents_in
from provisioner.core.importing.dumps import Unreadable
from provisioner.core.importing.shell import Broken, Script, commands_of

REPEATED = [
    *("a ", "a", "'", '"\\"', "$(", "(", "`", "${", "$((", "<<A\n", "cat <<A <<B\n", "if ", "'\n", '"$(\n', "> ", "\t"),
    *("a'b\n", "X=$X$X\n", "A=$B$B$B;B=$A$A$A\n", "curl -X PUT h/d/x -d '{", "curl -d a ", "```\n", "[1]\n", "cat|"),
    *("cat <<A\n$(\nA\n", "http PUT h/d/x\na=1\n", "<(", "cat <<-A\n\t", "\ufdd00\ufdd1", "-d", "$'\\"),
]


def steps(text: str) -> int:
    """How many calls it takes to read a text."""
    profile = cProfile.Profile()
    profile.enable()
    try:
        documents_in(text, "x.sh", lambda name: "")
    except Unreadable:
        pass
    finally:
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
        ("a $(b 'c)' \")\" d) e `f` $1", [["a", "⟨$(…), which is not run⟩", "e", "⟨`…`, which is not run⟩", "⟨$1⟩"]]),
        ("a $(echo b) $(printf %s 'c d')", [["a", "b", "c d"]]),
        ("Don't stop\na 'b\nc'", [["Don't", "stop"], ["a", "b\nc"]]),
        ("a 'b\nc d\n", [None, ["c", "d"]]),
    ],
)
def test_the_words_of_commands(script: str, words: list[list[str] | None]) -> None:
    known = Script(lambda name: "")
    found = [
        None
        if isinstance(command, Broken)
        else [
            known.replaced(word.text, lambda mark: f"⟨{mark.variable or mark.why}⟩").replace("\ufffd", "")
            for word in command.words
        ]
        for command in commands_of(script, known)
    ]
    assert found == words
