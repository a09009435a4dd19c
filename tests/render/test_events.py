"""Messages about what happened between two looks."""

from provisioner.core.plan.drift import DriftKind, Event
from provisioner.core.targets.target import Target
from provisioner.render.drift import MAX_LINES, chat_message


def test_a_long_message_counts_what_it_leaves_out() -> None:
    said = chat_message(
        "here", Target(), [Event(f"id{number}", DriftKind.NEW) for number in range(MAX_LINES + 5)], "now"
    )
    assert isinstance(said["text"], str)
    assert isinstance(said["events"], list)
    lines = said["text"].splitlines()
    assert (len(lines), lines[-1], len(said["events"])) == (MAX_LINES + 1, "here: 5 more", MAX_LINES + 5)
