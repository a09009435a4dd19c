"""``provision diff --format html``: a plan for people who review without a terminal."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.conftest import Run, write
from tests.live_server import Live

NASTY = "<img src=x onerror=document.title='evil'>"


def test_a_plan_is_one_page(folder: Path, live: Live, page: Page, run: Run) -> None:
    where = ["--couch", live.url, "--database", live.database, "--owner", "team"]
    write(folder / "account_types/gone.yaml", "grant_mode: secret\nslug: gone\nsecret: ${S}\n")
    write(folder / "account_types/a.yaml", "grant_mode: secret\nslug: old\nsecret: ${S}\n")
    assert run("apply", *where, "--set", "S=hush-marker").code == 0
    (folder / "account_types/gone.yaml").unlink()
    live.put("a", {**live.get("a"), "slug": NASTY})
    write(folder / "account_types/b.yaml", "grant_mode: secret\nslug: b\nsecret: ${S}\n")
    write(folder / "account_types/c.yaml", "grant_mode: secret\nslug: c\n")
    done = run("diff", "--format", "html", *where, "--set", "S=hush-other")
    assert done.code == 0, done.err
    assert "hush" not in done.out
    write(folder / "plan.html", done.out)
    page.goto((folder / "plan.html").as_uri())
    assert page.title() == "Plan"
    expect(page.get_by_text(f"database {live.database}, owner team")).to_be_visible()
    expect(
        page.get_by_text("1 to create, 1 to change, 0 unchanged, 1 would be removed with apply --prune")
    ).to_be_visible()
    changed = page.get_by_role("article", name="a", exact=True)
    expect(changed.get_by_role("row", name="slug")).to_contain_text(NASTY)
    expect(changed.get_by_role("row", name="secret")).to_contain_text("(secret) changed")
    expect(page.get_by_role("article", name="gone")).to_contain_text("would be removed with apply --prune")
    expect(page.get_by_text("credentials are missing")).to_contain_text("c")


def test_a_saved_plan_and_a_narrow_window(folder: Path, live: Live, page: Page, run: Run) -> None:
    write(folder / "account_types/a.yaml", f"grant_mode: secret\nslug: {'x' * 200}\nsecret: s\n")
    assert run("diff", "--couch", live.url, "--database", live.database, "--out", "plan.json").code == 0
    write(folder / "plan.html", run("diff", "--from", "plan.json", "--format", "html").out)
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto((folder / "plan.html").as_uri())
    expect(page.get_by_role("article", name="a")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    label = "getComputedStyle(document.querySelector('td:nth-child(3)'), '::before').content"
    assert page.evaluate(label) == '"new: "'
