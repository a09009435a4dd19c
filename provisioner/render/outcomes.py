"""The outcomes of applying a plan, and the backups that runs made."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from provisioner.core.plan.changes import Action, Outcome, OutcomeKind, Plan
from provisioner.core.text import counted, listed
from provisioner.render.formats import row
from provisioner.render.layout import Colour, Paint, lines, plain, table
from provisioner.render.plan import Extent, adopted_at_once, done_lines, skipped_lines
from provisioner.render.plan import values as plan_values

if TYPE_CHECKING:  # few targets keep backups
    from provisioner.core.plan.backup import Backup

_ALWAYS = frozenset({"created", "changed", "unchanged"})

QUORUM = "written to fewer nodes than the cluster requires; CouchDB copies it to the remaining nodes later"


def as_text(
    plan: Plan,
    outcomes: Sequence[Outcome],
    paint: Paint = plain,
    extent: Extent = Extent.CHANGES,
    *,
    fields: bool = True,
) -> str:
    """The lines of all outcomes, then what is unchanged if all is to be shown, then the summary."""
    joined = joined_in_the_end(plan, extent)
    shown = [outcome for outcome in _sorted(outcomes) if not is_joined(outcome, joined)]
    texts = [text for outcome in shown if (text := outcome_text(outcome, paint, extent, fields=fields))]
    return "\n".join([*texts, closing_text(plan, outcomes, paint, extent)])


def outcome_text(outcome: Outcome, paint: Paint, extent: Extent, *, fields: bool) -> str:
    """The line of one outcome, with the changed `fields` below it; empty if the extent leaves it out."""
    if extent is Extent.PROBLEMS and outcome.kind in _GOOD and outcome.quorum:
        return ""
    texts = [_line(outcome, paint)]
    if fields and outcome.change and outcome.change.action not in (Action.CREATE, Action.REMOVE):
        texts += done_lines(outcome.change, paint)
    return lines(texts)


def joined_in_the_end(plan: Plan, extent: Extent) -> frozenset[str]:
    """The account types that only get an owner, if they are so many that one line in the end shows them."""
    return frozenset() if extent is Extent.ALL else frozenset(adopted_at_once(plan))


def is_joined(outcome: Outcome, joined: Collection[str]) -> bool:
    """Whether the line in the end shows an outcome: an account type got an owner, as it was to."""
    return outcome.id in joined and outcome.word == "adopted" and not _reason(outcome)


def closing_text(plan: Plan, outcomes: Sequence[Outcome], paint: Paint, extent: Extent) -> str:
    """What stands below the outcomes: those that are one line, what was not to change if all is shown, the summary."""
    unchanged = [each.id for each in plan.of(Action.UNCHANGED)] if extent is Extent.ALL else []
    texts = [f"{paint(Colour.DIM, 'unchanged')} {id}" for id in unchanged]
    joined = joined_in_the_end(plan, extent)
    ids = [outcome.id for outcome in _sorted(outcomes) if is_joined(outcome, joined)]
    if ids and extent is not Extent.PROBLEMS:
        who = f"{paint(Colour.GREEN, 'adopted')} {counted(len(ids), plan.kind.noun)} without an owner"
        texts.append(f"{who}, and nothing else changed: {listed(ids)}")
    return lines([*texts, *skipped_lines(plan.skipped), summary(plan, outcomes)])


def summary(plan: Plan, outcomes: Sequence[Outcome]) -> str:
    """How many outcomes there are of each kind; the rarer kinds only if there are any."""
    figures = _figures(plan, outcomes)
    return ", ".join(f"{number} {word}" for word, number in figures.items() if number or word in _ALWAYS)


def _sorted(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return sorted(outcomes, key=lambda outcome: outcome.id)


def _figures(plan: Plan, outcomes: Sequence[Outcome]) -> dict[str, int]:
    words = [outcome.word for outcome in outcomes]
    return {
        "created": words.count("created"),
        "changed": words.count("changed"),
        "adopted": words.count("adopted"),
        "unchanged": plan.number(Action.UNCHANGED) + words.count("unchanged"),
        "removed": words.count("removed"),
        "resolved": words.count("resolved"),
        "skipped": len(plan.skipped) + words.count("skipped"),
        "failed": words.count("failed"),
        "unknown": words.count("unknown"),
    }


_GOOD = (OutcomeKind.PREPARED, OutcomeKind.WRITTEN, OutcomeKind.SETTLED, OutcomeKind.RESOLVED)

_COLOURS = {"unchanged": Colour.DIM, "skipped": Colour.YELLOW, "failed": Colour.RED, "unknown": Colour.RED}


def _line(outcome: Outcome, paint: Paint) -> str:
    word = outcome.word
    if outcome.kind is OutcomeKind.PREPARED:
        return paint(Colour.GREEN, word)
    start = f"{paint(_COLOURS.get(word, Colour.GREEN), f'{word:<9}')} {outcome.id}"
    return f"{start}: {said}" if (said := _reason(outcome)) else start


def _reason(outcome: Outcome) -> str | None:
    return outcome.reason or (None if outcome.quorum else QUORUM)


def values(plan: Plan, outcomes: Sequence[Outcome]) -> dict[str, object]:
    """The values of the plan with ``outcomes`` (id, outcome, rev, reason) and the ``summary`` of these.

    ``database_created`` says whether the database did not exist before.
    """
    rows = [
        {**row(each, "id", "outcome=word", "rev"), "reason": _reason(each)}
        for each in _sorted(outcomes)
        if each.kind is not OutcomeKind.PREPARED
    ]
    created = any(outcome.kind is OutcomeKind.PREPARED for outcome in outcomes)
    plan_content = plan_values(plan)
    return {**plan_content, "database_created": created, "outcomes": rows, "summary": _figures(plan, outcomes)}


_HEAD = ("BACKUP", "COMMAND", "TIME", "OWNER", "COMMIT", "KIND", "DOCUMENTS")
_KEYS = (
    "file",
    "command",
    "undoes",
    "kind",
    "at",
    "owner",
    "source",
    "documents",
    "summary",
    "complete",
    "running",
    "error",
)
_COMMIT = 12
"""Digits of a commit that are shown."""


class Backups(NamedTuple):
    """The backups of a target: its folder, and each file with what it holds, or why that cannot be read.

    `held`: the files whose run is still going on, or that an undo takes back.
    """

    folder: str
    files: "Mapping[str, Backup | str]"
    held: Collection[str] = ()


def backups_text(backups: Backups, paint: Paint = plain) -> str:
    """One line a file; one that cannot be read has the reason in place of its backup."""
    if not backups.files:
        return f"no backups in {backups.folder}"
    return table(
        _HEAD, [_backup_cells(file, backup, held=file in backups.held) for file, backup in backups.files.items()], paint
    )


def _backup_cells(file: str, backup: "Backup | str", *, held: bool) -> tuple[str, ...]:
    if isinstance(backup, str):
        return file, *("-" for _ in _HEAD[2:]), backup
    run = backup.run
    figures = listed(f"{number} {word}" for word, number in backup.figures.items() if number) or "nothing recorded"
    end = "" if backup.complete else ", in progress" if held else ", not finished"
    commit = (run.source or "-")[:_COMMIT]
    return file, run.command.value, run.at, run.owner or "-", commit, run.kind, f"{figures}{end}"


def backups_values(backups: Backups) -> dict[str, object]:
    """The folder and the runs as JSON; what a run is about is ``null`` if its file cannot be read."""
    rows = [_backup_values(file, each, held=file in backups.held) for file, each in backups.files.items()]
    return {"folder": backups.folder, "backups": rows}


def _backup_values(file: str, read: "Backup | str", *, held: bool) -> dict[str, object]:
    if isinstance(read, str):
        return {**dict.fromkeys(_KEYS), "file": file, "error": read}
    run = row(read.run, "command", "undoes", "kind", "at", "owner", "source")
    done = {"documents": sorted(read.written), "summary": dict(read.figures), "complete": read.complete}
    done["running"] = held and not read.complete
    return {"file": file, **run, **done, "error": None}
