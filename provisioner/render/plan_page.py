"""Plans as one HTML page, for people who review without a terminal."""

from collections.abc import Iterator, Mapping
from html import escape

from provisioner.core.plan.description import ChangeRow, FieldRow, PlanRows
from provisioner.core.text import listed, printable
from provisioner.render.html import document
from provisioner.render.plan import prune_option, remarks_on, sides, summary

_STYLE = """
table { border-collapse: collapse; margin: .6rem 0 0; width: 100%; }
th, td { text-align: left; vertical-align: top; border-top: 1px solid var(--line); padding: .25rem .6rem .25rem 0; }
td { overflow-wrap: anywhere; }
ul { margin: .6rem 0 0; padding-left: 1.2rem; }
@media (max-width: 40rem) { td, th { display: block; border: 0; padding: 0; }
  tr { border-top: 1px solid var(--line); } }
"""
_CLASSES = {"create": "good", "change": "odd", "take over": "odd", "remove": "bad", "unchanged": ""}


def as_page(plans: Mapping[str, PlanRows]) -> str:
    """The whole page; `plans` by the line that says where each is to be applied."""
    body = "\n".join(_plan(place, plan) for place, plan in plans.items())
    return document("Plan", f"<h1>Plan</h1>\n{body}", _STYLE)


def _plan(place: str, plan: PlanRows) -> str:
    parts = [f"<p>{escape(printable(place))}</p>", f"<p><strong>{escape(summary(plan))}</strong></p>"]
    parts += _list("Belongs to another owner", [f"{id} ({owner})" for id, owner in (plan.foreign or {}).items()])
    parts += _list("Owner cannot be read", plan.unreadable_owner)
    parts += _list("Skipped, because credentials are missing", plan.skipped)
    parts += _list("Not managed", plan.unmanaged)
    parts += [article for change in plan.changes if (article := _change(change))]
    return "<section>\n" + "\n".join(parts) + "\n</section>"


def _list(title: str, ids: list[str] | tuple[str, ...]) -> Iterator[str]:
    if ids:
        yield f"<p>{title}: {' '.join(f'<code>{escape(printable(id))}</code>' for id in ids)}</p>"


def _change(change: ChangeRow) -> str:
    """One account type; nothing if there is nothing to say."""
    remarks = [*remarks_on(change)]
    if change.action == "unchanged" and not remarks:
        return ""
    name = escape(printable(change.id))
    former = f"<code>{escape(printable(change.renamed_from))}</code> → " if change.renamed_from else ""
    word = "rename" if change.renamed_from else change.action
    if change.action == "remove":
        word = f"would be removed with {prune_option(change)}"
    notes = [*remarks, *([f"kept: {listed(change.kept)}"] if change.kept else [])]
    items = "".join(f"<li>{escape(printable(note))}</li>" for note in notes)
    parts = [
        f'<header>{former}<h2>{name}</h2> <span class="state {_CLASSES[change.action]}">{word}</span></header>',
        _table(change.fields),
        f"<ul>{items}</ul>" if items else "",
    ]
    return f'<article aria-label="{name}">\n' + "\n".join(filter(None, parts)) + "\n</article>"


def _table(fields: tuple[FieldRow, ...]) -> str:
    if not fields:
        return ""
    rows = "\n".join(
        f'<tr><th scope="row"><code>{escape(printable(field.name))}</code></th>{_cells(field)}</tr>' for field in fields
    )
    head = '<tr><th scope="col">Field</th><th scope="col">Old</th><th scope="col">New</th></tr>'
    return f"<table>\n<thead>{head}</thead>\n<tbody>\n{rows}\n</tbody>\n</table>"


def _cells(field: FieldRow) -> str:
    return "".join(f"<td>{escape(side)}</td>" for side in sides(field))
