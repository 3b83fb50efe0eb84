"""Terms that open in place, the sentence for a first visit, and names of values that lead on, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from data.values import VALUES
from leaderboard.vocabulary.glossary import named
from tests.browser.conftest import Watched, new_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tools.live import RunningApp

pytestmark = pytest.mark.browser

NOTE = ".vp-note-of-term:popover-open"
INSIDE = """note => {
  const { left, top, right, bottom } = note.getBoundingClientRect();
  return left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
}"""


def explains(page: Page, name: str) -> bool:
    """Whether the open note holds what a term of the glossary means."""
    return named(name).meaning in " ".join(page.locator(NOTE).inner_text().split())


def gap(page: Page, words: str) -> float:
    """How far, in pixels, the open note is above or below the words that opened it."""
    found: float = page.locator(words).first.evaluate(
        """(words, note) => {
          const [a, b] = [words, document.querySelector(note)].map((node) => node.getBoundingClientRect());
          return Math.max(b.top - a.bottom, a.top - b.bottom);
        }""",
        NOTE,
    )
    return found


def test_a_term_opens_where_it_stands_by_pointer_and_by_keyboard(page: Page, served: RunningApp) -> None:
    page.goto(f"{served.url}/benchmark")
    words = page.locator(".vp-term", has_text="questionnaire").first
    words.click()
    note = page.locator(NOTE)
    assert explains(page, "PVQ-21")
    assert note.evaluate(INSIDE)
    assert 0 <= gap(page, ".vp-term:has-text('questionnaire')") < 20
    page.keyboard.press("Escape")
    assert note.count() == 0
    assert page.evaluate("document.activeElement.textContent") == "questionnaire"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Glossary"
    page.keyboard.press("Enter")
    page.wait_for_url("**/glossary#pvq-21")
    assert page.locator("#pvq-21 dt").inner_text() == "PVQ-21"


def test_without_a_script_and_with_a_finger(browser: Browser, served: RunningApp) -> None:
    view = new_page(browser, viewport={"width": 390, "height": 800}, has_touch=True, java_script_enabled=False)
    try:
        view.goto(f"{served.url}/about")
        view.locator(".vp-term").first.tap()
        view.locator(NOTE).wait_for()
        box = view.locator(NOTE).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        view.locator("h1").tap()
        assert view.locator(NOTE).count() == 0
    finally:
        view.close()


def test_gradios_pages_open_them_alike(page: Page, served: RunningApp) -> None:
    page.goto(served.url)
    page.locator(".vp-row").first.wait_for()
    page.locator('.vp-heads th[data-column="reliability"] .vp-term').click()
    assert explains(page, "Reliability")
    assert page.locator(NOTE).evaluate(INSIDE)
    assert "sort=" not in page.url  # what a column is, and its order, are two things
    page.keyboard.press("Escape")
    page.locator(".vp-legend .vp-term", has_text="95 % interval").click()
    assert explains(page, "95 % interval")
    page.goto(f"{served.url}/submit")
    page.locator("#own .vp-term", has_text="self-reported").click()
    assert explains(page, "Self-reported")


def test_the_first_visit_is_told_what_a_row_says_until_it_is_closed(browser: Browser, served: RunningApp) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        view = context.new_page()
        watched = Watched(served.url)
        watched.follow(view)
        view.goto(served.url)
        view.locator(".vp-row").first.wait_for()
        line = view.locator(".vp-first-visit")
        said = line.inner_text()
        model = said.removeprefix("How to read a row: ").partition(" rates ")[0]
        assert model in view.locator(".vp-row .vp-model").all_inner_texts()[:5]
        assert "95 % interval" in said
        # the numbers are those of the row
        told = view.locator(f'.vp-row:has-text("{model}") td[aria-label]').evaluate_all(
            "cells => cells.map(cell => cell.getAttribute('aria-label'))"
        )
        value = next(d.name for d in VALUES if d.name in said)
        cell = next(words for words in told if words.startswith(f"{value}:"))
        for number in cell.replace(",", " ").split():
            assert not number.startswith(("+", "−")) or number in said
        view.get_by_role("button", name="all items").click()
        assert "match" in line.inner_text()
        line.get_by_role("button", name="Close this example for good").click()
        assert not line.is_visible()
        view.goto(f"{served.url}/")
        view.locator(".vp-row").first.wait_for()
        assert not line.is_visible()
        assert watched.errors == []
    finally:
        context.close()


def test_every_spoke_and_heading_leads_to_its_value(page: Page, served: RunningApp) -> None:
    """Names in the drawings and tables of each page; the board's side panel has a portrait with them, too."""
    pair = "compare?id=claude-3-opus-20240229&id=gpt-4o-2024-05-13"
    expected = {f"value?name={d.name}" for d in VALUES}
    for address, names in (
        ("", ".vp-panel svg a"),
        ("", ".vp-heads .vp-about[href]"),
        (pair, "#circle svg a"),
        (pair, ".vp-side th a"),
        (pair, ".vp-gaps th a"),
        ("m/gpt-4o-2024-11-20", "#portrait svg a"),
        ("m/gpt-4o-2024-11-20", "#readings svg a"),
        ("m/gpt-4o-2024-11-20", ".vp-above-people th a"),
        ("groups", ".vp-circle a"),
        ("map", ".vp-map-picture svg a"),
        ("benchmark", "#spread > .vp-hills figcaption a:first-child"),
        ("benchmark", "#readings th a"),
        ("value?name=Power", ".vp-value-side svg a"),
        ("about", "figure svg a"),
    ):
        if not page.url.endswith(f"/{address}"):
            page.goto(f"{served.url}/{address}")
            page.locator("main h1, .vp-row").first.wait_for()
        found = page.locator(names).evaluate_all("links => links.map(a => a.getAttribute('href').replace('./', ''))")
        assert expected <= set(found), (address, names)
