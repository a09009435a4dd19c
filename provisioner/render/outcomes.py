"""The outcomes of applying a plan, and the backups that runs made."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from provisioner.core.plan.changes import Action, Outcome, OutcomeKind, Plan
from provisioner.core.text import counted, listed
from provisioner.render.formats import row
from provisioner.render.layout import Colour, Paint, lines, plain, table
from provisioner.render.plan import Extent, adopted_at_once, done_lines, skipped_lines
from provisioner.render.plan import values as plan_values

if TYPE_CHECKING:  # few targets keep backups
    from provisioner.core.plan.backup import Backup

_WORDS = ("created", "changed", "adopted", "unchanged", "removed", "resolved", "skipped", "failed", "unknown")
_ALWAYS = frozenset({"created", "changed", "unchanged"})
_COLOURS = {"unchanged": Colour.DIM, "skipped": Colour.YELLOW, "failed": Colour.RED, "unknown": Colour.RED}
_GOOD = (OutcomeKind.PREPARED, OutcomeKind.WRITTEN, OutcomeKind.SETTLED, OutcomeKind.RESOLVED)

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
    joined = adopted_at_once(plan, extent)
    ordered = sorted(outcomes, key=attrgetter("id"))
    texts = [outcome_text(each, paint, extent, joined, fields=fields) for each in ordered]
    return "\n".join([*filter(None, texts), closing_text(plan, outcomes, paint, extent)])


def outcome_text(outcome: Outcome, paint: Paint, extent: Extent, joined: Collection[str], *, fields: bool) -> str:
    """The line of one outcome, with the changed `fields` below it; empty if the extent leaves it out.

    `joined`: the account types that one line in the end shows, if nothing but what was to happened to them.
    """
    if _is_joined(outcome, joined) or (extent is Extent.PROBLEMS and outcome.kind in _GOOD and outcome.quorum):
        return ""
    if outcome.kind is OutcomeKind.PREPARED:
        return paint(Colour.GREEN, outcome.word)
    start = f"{paint(_COLOURS.get(outcome.word, Colour.GREEN), f'{outcome.word:<9}')} {outcome.id}"
    texts = [": ".join(filter(None, [start, _reason(outcome)]))]
    if fields and outcome.change and outcome.change.action not in (Action.CREATE, Action.REMOVE):
        texts += done_lines(outcome.change, paint)
    return lines(texts)


def _is_joined(outcome: Outcome, joined: Collection[str]) -> bool:
    return outcome.id in joined and outcome.word == "adopted" and not _reason(outcome)


def closing_text(plan: Plan, outcomes: Sequence[Outcome], paint: Paint, extent: Extent) -> str:
    """What stands below the outcomes: those that are one line, what was not to change if all is shown, the summary."""
    unchanged = [each.id for each in plan.of(Action.UNCHANGED)] if extent is Extent.ALL else []
    texts = [f"{paint(Colour.DIM, 'unchanged')} {id}" for id in unchanged]
    joined = adopted_at_once(plan, extent)
    ids = sorted(outcome.id for outcome in outcomes if _is_joined(outcome, joined))
    if ids and extent is not Extent.PROBLEMS:
        who = f"{paint(Colour.GREEN, 'adopted')} {counted(len(ids), plan.kind.noun)} without an owner"
        texts.append(f"{who}, and nothing else changed: {listed(ids)}")
    figures = _figures(plan, outcomes).items()
    summary = listed(f"{number} {word}" for word, number in figures if number or word in _ALWAYS)
    return lines([*texts, *skipped_lines(plan.skipped), summary])


def _figures(plan: Plan, outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How many outcomes there are of each kind."""
    numbers = Counter(outcome.word for outcome in outcomes)
    numbers.update(unchanged=plan.number(Action.UNCHANGED), skipped=len(plan.skipped))
    return {word: numbers[word] for word in _WORDS}


def _reason(outcome: Outcome) -> str | None:
    return outcome.reason or (None if outcome.quorum else QUORUM)


def values(plan: Plan, outcomes: Sequence[Outcome]) -> dict[str, object]:
    """The values of the plan with ``outcomes`` (id, outcome, rev, reason) and the ``summary`` of these.

    ``database_created`` says whether the database did not exist before.
    """
    changes = [each for each in outcomes if each.kind is not OutcomeKind.PREPARED]
    return {
        **plan_values(plan),
        "database_created": len(changes) < len(outcomes),
        "outcomes": [
            {**row(each, "id", "outcome=word", "rev"), "reason": _reason(each)}
            for each in sorted(changes, key=attrgetter("id"))
        ],
        "summary": _figures(plan, outcomes),
    }


class Backups(NamedTuple):
    """The backups of a target: its folder, and each file with what it holds, or why that cannot be read.

    `held`: the files whose run is still going on, or that an undo takes back.
    """

    folder: str
    files: "Mapping[str, Backup | str]"
    held: Collection[str] = ()


_COMMIT = 12
"""Digits of a commit that are shown."""


def backups_text(backups: Backups, paint: Paint = plain) -> str:
    """One line a file; one that cannot be read has the reason in place of its backup."""
    if not backups.files:
        return f"no backups in {backups.folder}"
    rows = []
    for file, read in backups.files.items():
        if isinstance(read, str):
            rows.append((file, *["-"] * 5, read))
            continue
        run, figures = read.run, [f"{number} {word}" for word, number in read.figures.items() if number]
        end = "" if read.complete else ", in progress" if file in backups.held else ", not finished"
        commit, done = (run.source or "-")[:_COMMIT], f"{listed(figures) or 'nothing recorded'}{end}"
        rows.append((file, run.command, run.at, run.owner or "-", commit, run.kind, done))
    return table(("BACKUP", "COMMAND", "TIME", "OWNER", "COMMIT", "KIND", "DOCUMENTS"), rows, paint)


def backups_values(backups: Backups) -> dict[str, object]:
    """The folder and the runs as JSON; what a run is about is ``null`` if its file cannot be read."""
    of_run = ("command", "undoes", "kind", "at", "owner", "source")
    of_backup = ("documents", "summary", "complete", "running")
    rows: list[dict[str, object]] = []
    for file, read in backups.files.items():
        if isinstance(read, str):
            rows.append({"file": file, **dict.fromkeys((*of_run, *of_backup)), "error": read})
            continue
        done = (sorted(read.written), dict(read.figures), read.complete, file in backups.held and not read.complete)
        rows.append({"file": file, **row(read.run, *of_run), **dict(zip(of_backup, done, strict=True)), "error": None})
    return {"folder": backups.folder, "backups": rows}
