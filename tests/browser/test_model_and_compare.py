"""The Model and Compare pages in a real browser, offline: sizes, filters, permanent addresses, the chooser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from data.values import VALUES
from leaderboard.boards.results import PUBLISHED, load
from leaderboard.charts.portrait import number
from tests.browser.conftest import reopen
from tests.support.waiting import until
from tools.live import RunningApp

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

ROWS = {r.model: r for r in load(PUBLISHED).results}
ORDINARY = ROWS["gpt-4o-2024-05-13"].id
FLAT = ROWS["claude-3-5-haiku-20241022"].id
FIVE = "&".join(
    f"id={name}" for name in ("o1-mini-2024-09-12", "gpt-4o-2024-05-13", "qwq-32b", "deepseek-r1", "qwen-turbo")
)
ADDRESSES = (
    f"model?id={ORDINARY}",
    f"model?id={FLAT}",
    "model?id=hostile",
    "model?id=practised",
    "model?id=nobody",
    "compare",
    f"compare?{FIVE}",
    f"compare?id={ORDINARY}&id={FLAT}&scale=bfi",
    "compare?id=hostile&id=gpt-3.5-turbo",
    "compare?series=gpt-4o",
)
WIDTHS = (390, 700, 1020, 1440)


def open_page(page: Page, served: RunningApp, address: str) -> None:
    def whole() -> bool:
        page.goto(f"{served.url}/{address}", wait_until="load")
        return "being computed" not in page.locator("body").inner_text()

    until(whole, longest_pause=1.0)


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_scrolls_sideways_and_no_text_is_small(page: Page, served: RunningApp, address: str) -> None:
    open_page(page, served, address)
    for width in WIDTHS:
        reopen(page, width)
        sideways = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert sideways <= 0, width
        small = page.evaluate(
            "() => [...document.querySelectorAll('.vp *')].filter(n => n.getClientRects().length &&"
            " [...n.childNodes].some(c => c.nodeType === 3 && c.textContent.trim())"
            " && (f => f > 0 && f < 12)(parseFloat(getComputedStyle(n).fontSize))).map(n => n.textContent)"
        )
        assert small == [], width
        scaled = page.evaluate(  # words in drawings shrink with them
            "() => [...document.querySelectorAll('main svg text')].map(t => t.getBoundingClientRect())"
            ".filter(b => b.height && b.height < 12).length"
        )
        assert scaled == 0, width
    assert page.evaluate("window.__executed") is None


def test_the_ten_scores_lie_on_their_axis(page: Page, served: RunningApp) -> None:
    open_page(page, served, f"model?id={ORDINARY}")
    cells = ROWS["gpt-4o-2024-05-13"].scales["pvq"].dimensions
    table = page.locator(".vp-portrait-scores").first
    for d in VALUES:
        row = table.locator("tr", has=page.get_by_role("rowheader", name=d.name, exact=True))
        score = cells[d.name].score
        assert score is not None
        assert row.locator(".vp-fig").inner_text().startswith(number(score))
        axis, dot = row.locator(".vp-whisk").bounding_box(), row.locator(".vp-whisk i").bounding_box()
        assert axis is not None
        assert dot is not None
        at = (dot["x"] + dot["width"] / 2 - axis["x"]) / axis["width"] * 2 - 1
        assert at == pytest.approx(score, abs=0.02)


def test_filters_are_the_address_and_the_list_of_parts_stays(page: Page, browser: Browser, served: RunningApp) -> None:
    open_page(page, served, f"model?id={ORDINARY}")
    page.get_by_label("Counts for").select_option("Self-Direction")
    page.get_by_label("Source").select_option("Reddit")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/model?*value=Self-Direction*")
    assert "source=Reddit" in page.url
    shown = page.locator(".vp-item").count()
    assert 0 < shown <= 11
    other = browser.new_page()
    other.goto(page.url)
    assert other.locator(".vp-item").count() == shown
    other.close()
    page.evaluate("window.scrollTo(0, 1500)")
    box = page.locator(".vp-toc").bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 60


def test_an_item_has_an_address_of_its_own(page: Page, served: RunningApp) -> None:
    open_page(page, served, f"model?id={ORDINARY}&page=9")
    link = page.locator(".vp-item h3 a").nth(3)
    name = link.inner_text()
    link.click()
    page.wait_for_url(f"**q={name}#q{name}")
    item = page.locator(".vp-item")
    assert item.count() == 1
    assert item.evaluate("n => n.matches(':target')")
    page.get_by_text("Raw answers", exact=True).click()
    assert len(item.locator(".vp-raw pre").all_inner_texts()) == 6


def test_a_visitor_chooses_two_models_without_a_script(browser: Browser, served: RunningApp) -> None:
    still = browser.new_context(java_script_enabled=False)
    view = still.new_page()
    view.goto(f"{served.url}/compare")
    boxes = view.locator(".vp-chooser input[type=search]")
    boxes.nth(0).fill("gpt-4o-2024-05-13")
    boxes.nth(1).fill("claude-3-5-haiku-20241022")
    view.get_by_role("button", name="Compare").click()
    view.wait_for_url("**/compare?**")
    assert view.locator(".vp-gaps tbody tr").count() == len(VALUES)
    assert "is flat" in view.locator(".vp-notice").inner_text()
    still.close()


def test_a_difference_lies_on_its_axis_with_its_number(page: Page, served: RunningApp) -> None:
    open_page(page, served, f"compare?{FIVE}")
    ticks = page.locator(".vp-gaps thead th").nth(0).locator(".vp-axis i").all_inner_texts()
    limit = float(ticks[-1])
    cells = page.locator(".vp-gaps tbody td")
    assert cells.count() == len(VALUES) * 4
    for cell in (cells.nth(0), cells.nth(17), cells.nth(39)):
        told = re.match(r"([+−]?[\d.]+)", cell.locator(".vp-gap").inner_text())
        assert told is not None
        axis, dot = cell.locator(".vp-whisk").bounding_box(), cell.locator(".vp-whisk i").bounding_box()
        assert axis is not None
        assert dot is not None
        at = ((dot["x"] + dot["width"] / 2 - axis["x"]) / axis["width"] * 2 - 1) * limit
        assert at == pytest.approx(float(told[1].replace("−", "-")), abs=0.03)


def test_the_legend_covers_nothing_and_drawings_can_be_taken(page: Page, served: RunningApp) -> None:
    open_page(page, served, f"compare?{FIVE}")
    drawing = page.locator("#circle figure > svg").bounding_box()
    legend = page.locator("#circle figcaption").bounding_box()
    assert drawing is not None
    assert legend is not None
    assert legend["y"] >= drawing["y"] + drawing["height"]
    with page.expect_download() as download:
        page.locator("#circle").get_by_role("link", name="SVG").click()
    assert download.value.path().read_text().startswith("<svg")
    with page.expect_download() as numbers:
        page.locator("#differences").get_by_role("link", name="CSV").click()
    assert numbers.value.path().read_text().startswith('"first",')


def test_a_series_is_one_click_from_the_chooser_and_from_a_release(page: Page, served: RunningApp) -> None:
    open_page(page, served, "compare")
    page.get_by_role("link", name="gpt-4o", exact=True).click()
    page.wait_for_url("**series=gpt-4o")
    assert page.locator(".vp-panel-chart").count() == len(VALUES)
    open_page(page, served, f"model?id={ORDINARY}")
    page.get_by_role("link", name="gpt-4o over time").click()
    page.wait_for_url("**series=gpt-4o")
