"""The map in a real browser: names and dots find each other, the address is the state, everything fits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from leaderboard.boards.results import PUBLISHED, load
from tests.browser.conftest import reopen
from tools.live import RunningApp

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

ROWS = load(PUBLISHED).results
CHOSEN = next(r for r in ROWS if r.model == "o3-mini-2025-01-31")


def open_map(page: Page, served: RunningApp, query: str = "") -> None:
    page.goto(f"{served.url}/map{query}", wait_until="load")
    page.locator(".vp-map-svg").first.wait_for()


def test_a_name_in_the_list_shows_its_dot_and_back(page: Page, served: RunningApp) -> None:
    open_map(page, served)
    line = page.locator(f'.vp-map-list li[data-row="{CHOSEN.id}"]')
    dot = page.locator(f'.vp-map-wide .vp-map-dot[data-row="{CHOSEN.id}"]')
    line.hover()
    assert "vp-pointed" in (dot.get_attribute("class") or "")
    assert page.locator(".vp-map-wide .vp-map-tip").text_content() == CHOSEN.model
    page.mouse.move(5, 5)
    assert page.locator(".vp-map-tip").count() == 0
    dot.focus()  # the keyboard reaches dots too
    assert "vp-pointed" in (line.get_attribute("class") or "")
    assert CHOSEN.model in (dot.locator("title").text_content() or "")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/model?id={CHOSEN.id}")


def test_choosing_names_and_the_view_stay_in_the_address(page: Page, served: RunningApp) -> None:
    open_map(page, served)
    for r in (CHOSEN, ROWS[0]):
        page.get_by_label(f"Mark {r.model}", exact=True).check()
    page.get_by_role("button", name="Mark selected").click()
    page.wait_for_url("**highlight=**")
    assert page.locator(".vp-map-wide .vp-map-dot.vp-chosen").count() == 2
    assert page.locator(".vp-map-wide .vp-map-arc").count() == 2
    page.get_by_role("link", name="Plane, with people").click()
    page.wait_for_url("**view=plane**")
    assert page.locator(".vp-map-wide ellipse").count() == 2 + 11  # people have theirs always
    assert page.locator(".vp-map-list input:checked").count() == 2
    again = page.url
    page.goto(again)
    assert page.locator(".vp-map-wide .vp-map-dot.vp-chosen").count() == 2
    page.get_by_label("Developer").select_option("Anthropic")
    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_url("**developer=Anthropic**")
    marked = {r.id for r in ROWS if r.developer == "Anthropic"} | {CHOSEN.id, ROWS[0].id}
    assert page.locator(".vp-map-wide .vp-map-dot.vp-chosen").count() == len(marked)
    page.get_by_role("link", name="Clear marks").click()
    page.wait_for_url(re.compile(r"/map\?view=plane(&table=[^&]*)?$"))
    assert page.locator(".vp-map-wide .vp-chosen").count() == 0


def test_people_are_on_the_plane_with_their_names(page: Page, served: RunningApp) -> None:
    open_map(page, served, "?view=plane")
    titles = page.locator(".vp-map-wide .vp-map-people title").all_text_contents()
    assert len(titles) == 11
    assert any(t.startswith("Europe: women: ") for t in titles)
    page.get_by_text("The same in numbers").click()
    row = page.locator(".vp-map-table tr", has_text="Europe: aged 80 or older")
    assert re.search(r"−0\.\d\d \(−0\.\d\d to −0\.\d\d\)", row.inner_text())


def test_hostile_names_are_text(page: Page, served: RunningApp) -> None:
    # a row of that name stands on the published models' board, without a place
    open_map(page, served, '?developer=<img src=x onerror="window.__executed=1">&highlight=hostile')
    assert "<img src=x" in page.locator(".vp-map-words").inner_text()
    assert page.evaluate("window.__executed ?? null") is None


@pytest.mark.parametrize("query", ["", "?view=plane&developer=OpenAI", "?family=gpt-4o", "?table=practice"])
def test_nothing_is_clipped_and_no_text_is_small(page: Page, served: RunningApp, query: str) -> None:
    page.goto(f"{served.url}/map{query}")
    for width in (390, 560, 820, 1440):
        reopen(page, width)
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, width
        if page.locator(".vp-map-svg").count() == 0:
            continue
        drawn = page.locator(".vp-map-svg:visible").first
        clipped = drawn.evaluate(
            """svg => { const box = svg.getBoundingClientRect(); const page = document.documentElement.clientWidth;
              return [...svg.querySelectorAll("text")].filter(t => { const b = t.getBoundingClientRect();
                return b.left < Math.min(0, box.left) - 1 || b.right > page + 1 || b.top < box.top - 2; })
                .map(t => t.textContent); }"""
        )
        assert clipped == [], width
        size = drawn.evaluate("svg => 13 * svg.getScreenCTM().a")
        assert size >= 11.9, (width, size)


def test_a_practice_row_is_marked_as_meaning_nothing(page: Page, served: RunningApp) -> None:
    page.goto(f"{served.url}/map?table=practice")
    assert "mean nothing" in page.locator(".vp-notice").inner_text()
