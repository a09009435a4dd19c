"""The changes that an apply would make, what became of them, and the backups that it keeps."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from provisioner.core.definitions.kinds import FieldChange
from provisioner.core.plan.changes import Action, Change, Outcome, OutcomeKind, Plan, plan_json
from provisioner.core.secret import Secret
from provisioner.core.text import counted, listed, printable, shown
from provisioner.render.layout import Colour, Paint, code, lines, plain, row, table

if TYPE_CHECKING:  # few targets keep backups
    from provisioner.core.plan.backup import Backup


class Extent(Enum):
    """Only problems; what changes; or everything, also what is unchanged. The summary is always shown."""

    PROBLEMS = auto()
    CHANGES = auto()
    ALL = auto()


MARKDOWN_LIMIT = 60_000
"""Characters of all plans in one comment: GitHub takes 65,536."""

_SECRET = str(Secret(None))

MAX_EACH = 5
"""How many account types that only get an owner are shown one by one: more are one line."""

_COLOURS = {
    Action.CREATE: Colour.GREEN,
    Action.CHANGE: Colour.YELLOW,
    Action.ADOPT: Colour.YELLOW,
    Action.UNCHANGED: Colour.DIM,
    Action.REMOVE: Colour.RED,
}


def as_text(plan: Plan, paint: Paint = plain, extent: Extent = Extent.CHANGES, *, prune: bool = False) -> str:
    """One line per account type, with one line per changed field, then the summary.

    `prune`: account types that no definition mentions are going to be removed.
    """
    joined = adopted_at_once(plan, extent)
    each_alone = (change for change in plan.changes if change.id not in joined)
    texts = [line for change in each_alone for line in _change_lines(change, paint, extent, prune=prune)]
    if joined:
        who = f"{paint(Colour.YELLOW, 'adopt')} {len(joined)} {plan.kind.noun}s without an owner"
        texts.append(f"{who}, and change nothing else: {listed(joined)}")
    refused = paint(Colour.RED, f"{'refused':<9}")
    texts += [f"{refused} {id}: belongs to the owner {owner}" for id, owner in plan.foreign.items()]
    texts += [f"{refused} {id}: this version cannot read its owner" for id in plan.unreadable_owner]
    texts += [f"{refused} {id}: {why}" for id, why in plan.refused.items()]
    texts += skipped_lines(plan.skipped)
    if extent is Extent.ALL:
        texts += [paint(Colour.DIM, f"{'unmanaged':<9} {id}") for id in plan.unmanaged]
    return lines([*texts, summary(plan, prune=prune)])


def adopted_at_once(plan: Plan, extent: Extent) -> tuple[str, ...]:
    """The account types that one line shows: they only get an owner, and are so many that each alone says little."""
    adopted = () if extent is Extent.ALL else plan.of(Action.ADOPT)
    ids = tuple(each.id for each in adopted if each.adopted_from == "" and len([*remarks_on(each)]) == 1)
    return ids if len(ids) > MAX_EACH else ()


def skipped_lines(skipped: Mapping[str, str]) -> list[str]:
    """The account types that are left out, in one line, which says what to do about the first."""
    if not skipped:
        return []
    advice = next(iter(skipped.values()))
    advice = f": {advice}{' and so on' if len(skipped) > 1 else ''}" if advice else ""
    anyway = f"--incomplete warn writes {'them' if len(skipped) > 1 else 'it'} anyway"
    return [f"{'skipped':<9} {listed(skipped)}: credentials are missing{advice} ({anyway})"]


def summary(plan: Plan, *, prune: bool = False) -> str:
    """How many changes there are of each kind; the rarer kinds only if there are any."""
    figures = _figures(plan)
    obstructed = sum(bool(change.obstacles) for change in plan.changes)
    rows = (
        (figures["create"], "to create", True),
        (figures["change"], "to change", True),
        (figures["adopt"], "to adopt", False),
        (figures["unchanged"], "unchanged", True),
        (figures["remove"] - obstructed, "to remove" if prune else "would be removed with apply --prune", False),
        (obstructed, "would be removed with apply --prune --allow changed", False),
        (figures["skipped"], "skipped", False),
        (figures["unmanaged"], "unmanaged", False),
        (figures["refused"], "refused", False),
    )
    return listed(f"{number} {words}" for number, words, always in rows if number or always)


def _figures(plan: Plan) -> dict[str, int]:
    numbers = {action.value: len(plan.of(action)) for action in _COLOURS}
    others = {"skipped": len(plan.skipped), "unmanaged": len(plan.unmanaged), "refused": len(plan.refused)}
    return {**numbers, **others}


def _change_lines(change: Change, paint: Paint, extent: Extent, *, prune: bool) -> Iterator[str]:
    """What is shown of a change: its action, its fields, and what a reader should know besides."""
    remarks = [*remarks_on(change)]
    if extent is not Extent.ALL and not remarks and (change.action is Action.UNCHANGED or extent is Extent.PROBLEMS):
        return
    word, about = change.action.value, change.id
    if change.action is Action.REMOVE and not prune:
        word, about = "skipped", f"{change.id}: would be removed with {prune_option(change)}"
    elif change.renamed_from:
        word, about = "rename", f"{change.renamed_from} → {change.id}"
    yield f"{paint(_COLOURS[change.action], f'{word:<9}')} {about}"
    yield from _detail_lines(change, remarks, paint, brief=extent is Extent.PROBLEMS)


def prune_option(change: Change) -> str:
    """The option that removes an account type."""
    return "apply --prune --allow changed" if change.obstacles else "apply --prune"


def remarks_on(change: Change) -> Iterator[str]:  # one branch a remark
    """What a reader should know about a change besides its fields."""
    if change.deleted_since:
        yield f"deleted by someone else: this owner last wrote it at {change.deleted_since}"
    redirect = next((field.new for field in change.fields if field.name == "redirect_uri"), None)
    if change.renamed_from and redirect:
        yield f"register the new redirect URI with the provider: {shown(redirect)}"
    if change.adopted_from == "":
        yield "has no owner: apply will adopt it"
    elif change.adopted_from:
        yield f"adopted from the owner {change.adopted_from}"
    if change.action is Action.CHANGE and not change.fields:
        yield "only the key of its owner changes"
    edited = [name for name in change.edited if name not in change.held]
    if edited and change.action is not Action.REMOVE:
        yield f"edited by someone else: {listed(edited)}"
    if change.held:
        yield f"replaced by someone else, and kept: {listed(change.held)} (the source still has the old value)"
    yield from change.meaning
    if change.released:
        yield _released(change)
    if change.action is Action.REMOVE:
        yield change.kind.removal
        if change.only_copy:
            yield f"this is the only copy of {listed(change.only_copy)}: no credential source has it"
        yield from (f"apply --prune leaves it: {obstacle}" for obstacle in change.obstacles)
    yield from (f"conflict: {losing}" for losing in change.conflicts)


def _released(change: Change) -> str:
    return f"kept, because someone else changed it: {listed(change.released)}"


def done_lines(change: Change, paint: Paint) -> Iterator[str]:
    """What stands below a change that was made: its fields, and what a reader should know besides."""
    remarks = [f"adopted from the owner {change.adopted_from}"] if change.adopted_from else []
    remarks += [f"edited by someone else before: {listed(change.edited)}"] if change.edited else []
    remarks += [_released(change)] if change.released else []
    return _detail_lines(change, remarks, paint)


_SIGNS = {"add": ("+", Colour.GREEN), "remove": ("-", Colour.RED), "change": ("~", Colour.YELLOW)}


def _detail_lines(change: Change, remarks: Iterable[str], paint: Paint, *, brief: bool = False) -> Iterator[str]:
    for field in () if brief else change.fields:
        (sign, colour), (old, new) = _SIGNS[field.action], sides(field)
        both = field.action == "change" and not field.secret
        yield "    " + paint(colour, f"{sign} {field.name}: {f'{old} → {new}' if both else new or old}")
    yield from (paint(Colour.YELLOW, f"    {remark}") for remark in remarks)
    if change.kept and not brief:
        yield paint(Colour.DIM, f"    kept: {listed(change.kept)}")


def values(plan: Plan) -> dict[str, object]:
    """The values of the plan, with a ``summary``."""
    return {**plan_json(plan), "summary": _figures(plan)}


def as_markdown(plan: Plan, limit: int = MARKDOWN_LIMIT) -> str:
    """A summary, and one collapsed section per account type that changes; `limit` is in characters."""
    parts = [f"**{plan.kind.noun.capitalize()}s:** {summary(plan)}"]
    parts += [f"- owned by {code(owner)}: {code(id)}" for id, owner in plan.foreign.items()]
    parts += [f"- its owner cannot be read: {code(id)}" for id in plan.unreadable_owner]
    parts += [f"- skipped because credentials are missing: {code(id)}" for id in plan.skipped]
    parts += [f"- refused: {code(id)}: {code(why)}" for id, why in plan.refused.items()]
    sections = [_section(change, notes) for change, notes in noted_changes(plan)]
    room = limit - len("\n\n".join(parts)) - 200
    for number, section in enumerate(sections):
        room -= len(section) + 2
        if room < 0:
            more = len(sections) - number
            parts.append(f"*{more} more are not shown here: run `provision diff` to see all of them.*")
            break
        parts.append(section)
    return "\n\n".join(parts)


def noted_changes(plan: Plan) -> Iterator[tuple[Change, list[str]]]:
    """The changes that a page shows, each with the notes on it: all but those that change nothing and have none."""
    for change in plan.changes:
        remarks = [*remarks_on(change)]
        if change.action is not Action.UNCHANGED or remarks:
            yield change, [*remarks, *([f"kept: {listed(change.kept)}"] if change.kept else [])]


def _section(change: Change, notes: Iterable[str]) -> str:
    """One account type, collapsed: its changed fields as a table, and the remarks on it."""
    from html import escape  # 3 ms, and only for Markdown

    word = change.action.value
    if change.action is Action.REMOVE:
        word = f"would be removed with <code>{prune_option(change)}</code>"
    if change.renamed_from:
        word = f"rename <code>{escape(printable(change.renamed_from))}</code> →"
    mark = " ⚠️" if any(remarks_on(change)) else ""
    body = [f"<details><summary>{word} <code>{escape(printable(change.id))}</code>{mark}</summary>"]
    if change.fields:
        cells = ([field.name, *sides(field)] for field in change.fields)
        rows = [f"| {' | '.join(code(cell) if cell else '' for cell in each)} |" for each in cells]
        body.append("\n".join(["| field | old | new |", "|---|---|---|", *rows]))
    if listed_notes := [f"- {code(note)}" for note in notes]:
        body.append("\n".join(listed_notes))
    return "\n\n".join([*body, "</details>"])


def sides(field: FieldChange) -> tuple[str, str]:
    """The old and the new value of a field in words; an empty text if there is none."""
    if field.secret:
        new = {"add": _SECRET, "change": f"{_SECRET} changed"}.get(field.action, "")
        return "" if field.action == "add" else _SECRET, new
    before, after = ("" if value is None else shown(value) for value in field.public)
    return before, after


_WORDS = ("created", "changed", "adopted", "unchanged", "removed", "resolved", "skipped", "failed", "unknown")
_ALWAYS = frozenset({"created", "changed", "unchanged"})
_OUTCOME_COLOURS = {"unchanged": Colour.DIM, "skipped": Colour.YELLOW, "failed": Colour.RED, "unknown": Colour.RED}
_GOOD = (OutcomeKind.PREPARED, OutcomeKind.WRITTEN, OutcomeKind.SETTLED, OutcomeKind.RESOLVED)

QUORUM = "written to fewer nodes than the cluster requires; CouchDB copies it to the remaining nodes later"


def outcomes_text(
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
    start = f"{paint(_OUTCOME_COLOURS.get(outcome.word, Colour.GREEN), f'{outcome.word:<9}')} {outcome.id}"
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
    figures = _outcome_figures(plan, outcomes).items()
    summary = listed(f"{number} {word}" for word, number in figures if number or word in _ALWAYS)
    return lines([*texts, *skipped_lines(plan.skipped), summary])


def _outcome_figures(plan: Plan, outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How many outcomes there are of each kind."""
    numbers = Counter(outcome.word for outcome in outcomes)
    numbers.update(unchanged=len(plan.of(Action.UNCHANGED)), skipped=len(plan.skipped))
    return {word: numbers[word] for word in _WORDS}


def _reason(outcome: Outcome) -> str | None:
    return outcome.reason or (None if outcome.quorum else QUORUM)


def outcomes_values(plan: Plan, outcomes: Sequence[Outcome]) -> dict[str, object]:
    """The values of the plan with ``outcomes`` (id, outcome, rev, reason) and the ``summary`` of these.

    ``database_created`` says whether the database did not exist before.
    """
    changes = [each for each in outcomes if each.kind is not OutcomeKind.PREPARED]
    return {
        **values(plan),
        "database_created": len(changes) < len(outcomes),
        "outcomes": [
            {**row(each, "id", "outcome=word", "rev"), "reason": _reason(each)}
            for each in sorted(changes, key=attrgetter("id"))
        ],
        "summary": _outcome_figures(plan, outcomes),
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
