"""No rendering of anything shows a secret."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.definitions.account_type import Document, conceal
from provisioner.core.definitions.definition import Definition
from provisioner.core.plan.changes import Outcome, OutcomeKind, SavedPlan
from provisioner.core.plan.live import overview
from provisioner.core.plan.ownership import Ownership, Signature, ownership_json
from provisioner.core.plan.planning import PlanOptions, make_plan
from provisioner.core.plan.store import Live, Losing, Snapshot
from provisioner.core.secret import Json, Secret
from provisioner.core.targets.target import Place
from provisioner.render import live as render_live
from provisioner.render import plan as render
from provisioner.render.layout import Paint, as_json
from tests.core.strategies import MARK, catalogues, databases, definition

COLOURED = Paint(colours=True)

SIGNATURE = Signature("me", "2026-11-24T17:00:00Z", None, lambda: "00ff00ff00ff00ff")


def owned(id: str, document: Document) -> Ownership:
    return SIGNATURE.sign(id, document, document, document, None)


def shown(definitions: list[Definition], database: dict[str, Document]) -> list[str]:
    """Everything that is shown, saved or written of a catalogue and a database."""
    losing = Losing("1-b", {"client_secret": Secret(MARK)})
    lives = {id: Live(id, "1-a", document, owned(id, document), (losing,)) for id, document in database.items()}
    snapshot = Snapshot(lives)
    plan = make_plan(definitions, snapshot, PlanOptions("me", whole=True))
    done = [Outcome(OutcomeKind.WRITTEN, each.id, "2-b", change=each) for each in plan.writes[::2]] + [
        Outcome(OutcomeKind.FAILED, each.id, reason="no") for each in plan.writes[1::2]
    ]
    entries = overview(definitions, snapshot, "me")
    return [
        render.as_text(plan),
        render.as_text(plan, COLOURED),
        as_json(render.values(plan)),
        render.as_markdown(plan),
        render.outcomes_text(plan, [*done, Outcome(OutcomeKind.SETTLED, "x", "1-c")]),
        as_json(render.outcomes_values(plan, done)),
        render_live.brief(entries),
        json.dumps(render_live.rows_values(entries, full=False)),
        render_live.in_full(entries),
        json.dumps(render_live.rows_values(entries, full=True)),
        json.dumps(SavedPlan(plan, Place(None, "url", "database"), "me").content),
        *(json.dumps(ownership_json(owned(id, document))) for id, document in database.items()),
    ]


@given(catalogues, databases)
def test_no_rendering_shows_a_secret(definitions: list[Definition], database: dict[str, Document]) -> None:
    plan = make_plan(definitions, Snapshot({id: Live(id, "1-a", each) for id, each in database.items()}), PlanOptions())
    texts = [*shown(definitions, database), repr(plan), repr(definitions)]
    assert not any(MARK in text for text in texts)


KEYS = st.sampled_from(["api_key", "clientSecret", "X-Tokens-2", "secret"])
EXTRAS = st.dictionaries(KEYS, st.sampled_from([MARK, f"other {MARK}"]), max_size=2)


@given(EXTRAS, EXTRAS)
def test_no_rendering_shows_a_secret_of_extras(before: dict[str, Json], after: dict[str, Json]) -> None:
    live = conceal({"extras": {**before, "prompt": "consent"}})
    texts = shown([definition("a", conceal({"extras": after}))], {"a": live, "b": live})
    assert not any(MARK in text for text in texts)


@given(catalogues, databases)
def test_json_is_json_and_stays_the_same(definitions: list[Definition], database: dict[str, Document]) -> None:
    snapshot = Snapshot({id: Live(id, "1-a", document) for id, document in database.items()})
    plan = make_plan(definitions, snapshot, PlanOptions())
    report = json.loads(as_json(render.values(plan)))
    assert [row["id"] for row in report["changes"]] == [change.id for change in plan.changes]
    assert as_json(render.values(plan)) == as_json(render.values(make_plan(definitions, snapshot, PlanOptions())))


@given(catalogues, databases)
def test_a_line_of_markdown_is_a_whole_row(definitions: list[Definition], database: dict[str, Document]) -> None:
    snapshot = Snapshot({id: Live(id, "1-a", document) for id, document in database.items()})
    text = render.as_markdown(make_plan(definitions, snapshot, PlanOptions()))
    rows = [line for line in text.split("\n") if line.startswith("|")]
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 4 for line in rows)
    assert "\r" not in text
