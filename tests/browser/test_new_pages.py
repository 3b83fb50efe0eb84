"""Values, dates, alike and news in a real browser: they can be reached, read and used, and fit every width."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import HOSTILE, reopen
from tools.live import RunningApp

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

ADDRESSES = ("value", "value?name=Benevolence", "value?name=Openness", "dates", "dates?along=size", "alike", "news")


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_moves_sideways_and_nothing_of_a_name_runs(page: Page, served: RunningApp, address: str) -> None:
    page.goto(f"{served.url}/{address}")
    for width in (1440, 390):
        reopen(page, width, 900)
        assert page.locator("h1").first.is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("window.__executed") is None


def test_a_value_is_reached_from_the_board_a_portrait_and_the_benchmark(page: Page, served: RunningApp) -> None:
    page.goto(served.url)
    page.locator("th[data-column=Power] .vp-about").click()
    page.wait_for_url("**/value?name=Power")
    assert page.title() == "Power · Value Portrait"
    page.goto(f"{served.url}/m/gpt-4o-2024-11-20")
    assert page.title() == "gpt-4o-2024-11-20 · Value Portrait"
    page.locator("#portrait svg a", has_text="Tradition").click()
    page.wait_for_url("**/value?name=Tradition")
    page.goto(f"{served.url}/benchmark")
    page.locator("#chance").get_by_role("link", name="Security", exact=True).click()
    page.wait_for_url("**/value?name=Security")


def test_a_values_models_are_ordered_by_what_the_visitor_chooses(page: Page, served: RunningApp) -> None:
    page.goto(f"{served.url}/value?name=Power")
    page.get_by_role("link", name="By release").click()
    page.wait_for_url("**sort=date**")
    days = page.locator(".vp-value-rows tbody tr td:last-child").all_inner_texts()
    known = [d for d in days if d != "not known"]
    assert known == sorted(known) != []
    assert days[len(known) :] == ["not known"] * (len(days) - len(known))
    page.get_by_role("navigation", name="All values and traits").get_by_role("link", name="Neuroticism").click()
    page.wait_for_url("**Neuroticism**")
    assert "sort=date" in page.url  # the order stays


def test_axis_and_family_of_dates_are_in_the_address(page: Page, served: RunningApp) -> None:
    page.goto(f"{served.url}/dates")
    page.get_by_role("link", name="Parameters").click()
    page.wait_for_url("**along=size**")
    page.get_by_label("Family").select_option("llama-3.1")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**family=llama-3.1**")
    assert page.locator(".vp-dates-panel").first.locator("circle").count() == 3


def test_the_last_row_leads_to_the_news(page: Page, served: RunningApp) -> None:
    page.goto(served.url)
    page.get_by_role("link", name="last row").click()
    page.wait_for_url("**/news")
    assert page.locator(".vp-news-item", has_text=HOSTILE).count() == 1


def test_the_board_sorts_and_filters_by_release(page: Page, served: RunningApp) -> None:
    page.goto(f"{served.url}/?show=released&sort=released&released_since=2025-01-01")
    page.locator(".vp-row").first.wait_for()
    days = [cell for row in page.locator(".vp-row").all() for cell in row.locator("td").all_inner_texts()[-2:-1]]
    assert days == sorted(days)
    assert min(days) >= "2025-01-01"
    assert page.locator(".vp-chip", has_text="2025-01-01").is_visible()


def test_unknown_addresses_have_a_page(page: Page, served: RunningApp) -> None:
    answer = page.request.get(f"{served.url}/no/such/page", headers={"accept": "text/html"})
    assert answer.status == 404
    page.set_content(answer.text())
    assert page.locator("h1").inner_text()
    assert "no/such/page" in page.get_by_role("status").inner_text()
    sheets = page.locator("link[rel=stylesheet]").evaluate_all("all => all.map((e) => e.getAttribute('href'))")
    assert sheets
    assert all(page.request.get(f"{served.url}{sheet}").ok for sheet in sheets)
