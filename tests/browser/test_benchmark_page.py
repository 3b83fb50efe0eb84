"""The Benchmark page and the board's places in a real browser, offline, with rows of models that answer oddly."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from data.sources.practice import practice_benchmark
from data.sources.published_validity import read_validation
from data.values import DIMENSIONS, VALUES
from eval_queue.records import BenchmarkRef
from eval_queue.store.collection import encode
from eval_queue.store.local import EMPTY_HEAD, LocalStore
from leaderboard.boards.rank_intervals import obstacle, read_ranks
from leaderboard.boards.results import PUBLISHED, load
from tests.browser.conftest import Tabs, reopen, resize
from tests.support.apps import app
from tests.support.odd_models import HALF, ONE_PHRASE, REFUSES, odd_rows
from tools.live import RunningApp

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

PUBLISHED_ROWS = load(PUBLISHED).results
RANKED = sum(obstacle(r) is None for r in PUBLISHED_ROWS)
WIDTHS = (390, 700, 820, 1100, 1200, 1440, 1920)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """An app with odd models on the published models' board, without a network and without the benchmark's files."""
    store = tmp_path_factory.mktemp("odd") / "store"
    first = PUBLISHED_ROWS[0]
    rows = odd_rows(
        practice_benchmark(), benchmark=BenchmarkRef(**first.benchmark.model_dump()), protocol=first.protocol
    )
    LocalStore(store).commit({f"results/{r.id}.json": encode(r) for r in rows}, EMPTY_HEAD, "rows for tests")
    with app(store, source="practice", scheduler="false") as running:
        yield running


@pytest.fixture
def view(tabs: Tabs, odd: RunningApp) -> Iterator[Page]:
    """A wide page; the test fails if it logs an error or asks another host for anything."""
    with tabs.open(odd.url) as (opened, watched):
        yield opened
    assert watched.errors == []
    assert watched.elsewhere == []


def sideways(view: Page) -> int:
    found: int = view.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return found


def open_page(view: Page, odd: RunningApp, address: str) -> None:
    view.goto(f"{odd.url}/{address}", wait_until="domcontentloaded")
    view.locator(".vp-row, .vp-card, .vp-hill").first.wait_for()


def row(view: Page, model: str) -> Locator:
    return view.locator(".vp-row", has=view.get_by_role("link", name=model, exact=True))


# --- the Benchmark page ---------------------------------------------------------------------------------------------


def test_the_page_opens_offline_with_the_published_figures(view: Page, odd: RunningApp) -> None:
    open_page(view, odd, "")
    view.get_by_role("link", name="Benchmark", exact=True).click()
    view.wait_for_url("**/benchmark**")
    view.locator(".vp-hill").first.wait_for()
    report = read_validation()
    assert report is not None
    for d in DIMENSIONS:
        line = view.locator("#chance tr", has=view.get_by_role("rowheader", name=d.name, exact=True))
        assert line.locator(".vp-num").first.inner_text() == str(report.dimensions[d.name].items)
    assert view.locator(".vp-hills").first.locator("svg").count() == len(VALUES)
    assert "practice benchmark" in view.locator(".vp-whose").inner_text()
    assert view.locator(".vp-caution li").all_inner_texts() == report.caution()
    assert view.locator("nav [aria-current]").inner_text() == "Benchmark"


def test_nothing_scrolls_sideways_and_no_text_is_small(view: Page, odd: RunningApp) -> None:
    for address in ("benchmark", "?show=ranks,wording,order", f"?show=ranks&model={PUBLISHED_ROWS[0].id}"):
        open_page(view, odd, address)
        for width in WIDTHS:
            reopen(view, width)
            assert sideways(view) <= 0, (address, width)
            small = view.evaluate(
                "() => [...document.querySelectorAll('.vp *')].filter(n => [...n.childNodes].some(c => c.nodeType === 3"
                " && c.textContent.trim()) && parseFloat(getComputedStyle(n).fontSize) < 12).map(n => n.textContent)"
            )
            assert small == [], (address, width)
            hidden = view.locator(".vp-model, .vp-plot tbody th, .vp-hills figcaption").evaluate_all(
                "nodes => nodes.filter(n => n.clientWidth && n.scrollWidth > n.clientWidth + 1).map(n => n.textContent)"
            )
            assert hidden == [], (address, width)


def test_marks_lie_on_their_axis(view: Page, odd: RunningApp) -> None:
    open_page(view, odd, "benchmark")
    report = read_validation()
    assert report is not None
    ticks = view.locator("#chance .vp-ticks i")
    places = ticks.evaluate_all(
        "nodes => nodes.map(n => { const b = n.getBoundingClientRect(); return b.x + b.width / 2; })"
    )
    numbers = [int(text) for text in ticks.all_inner_texts()]
    unit = (places[-1] - places[0]) / (numbers[-1] - numbers[0])
    spots = view.locator("#chance .vp-spot").evaluate_all(
        "nodes => nodes.map(n => { const b = n.getBoundingClientRect(); return b.x + b.width / 2; })"
    )
    for x, d in zip(spots, DIMENSIONS, strict=True):
        assert (x - places[0]) / unit == pytest.approx(report.dimensions[d.name].items, abs=1.0), d.name


def test_the_card_can_be_downloaded(view: Page, odd: RunningApp) -> None:
    open_page(view, odd, "benchmark")
    with view.expect_download() as download:
        view.get_by_role("link", name="The card as JSON").click()
    made = json.loads(download.value.path().read_bytes())
    assert download.value.suggested_filename.endswith(".json")
    assert made["benchmark"]["digest"] == PUBLISHED_ROWS[0].benchmark.digest
    assert made["size"]["people"] == 559


def test_the_way_to_a_figure_is_one_click(view: Page, odd: RunningApp) -> None:
    open_page(view, odd, "")
    view.get_by_role("link", name="How to read this").click()
    view.wait_for_load_state()
    view.locator(".vp-terms").first.wait_for()
    terms = " ".join(view.locator("#reading dt").all_inner_texts())
    for term in (
        "Reliability",
        "flat",
        "Sensitivity to wording",
        "Rank interval",
        "Own ranks",
        "Chance",
        "Coverage",
        "incomplete",
        "Response style",
    ):
        assert term in terms
    view.locator("#reading a[href=benchmark]").click()
    view.wait_for_url("**/benchmark**")
    view.locator(".vp-hill").first.wait_for()


# --- places on the board --------------------------------------------------------------------------------------------


def test_places_appear_on_demand_and_stay_in_the_address(view: Page, odd: RunningApp) -> None:
    open_page(view, odd, "")
    assert view.locator(".vp-rank").count() == 0
    view.locator(".vp-menu-columns summary").click()
    view.get_by_label("Rank intervals, under each value").check()
    shipped = read_ranks()
    assert shipped is not None
    for r in PUBLISHED_ROWS:
        expected = [shipped.rows[r.id].models[d.name] for d in VALUES]
        assert row(view, r.model).locator(".vp-rank").all_inner_texts() == expected
    assert "No order of models is established" in " ".join(view.locator(".vp-places").all_inner_texts())
    assert "show=ranks" in view.url
    label = row(view, PUBLISHED_ROWS[0].model).locator("td.vp-score").first.get_attribute("aria-label") or ""
    assert re.search(rf"95 % interval .* to .*, \d+ items, rank 1-{RANKED} of {RANKED}$", label)
    view.reload()
    view.locator(".vp-rank").first.wait_for()
    view.locator(".vp-menu-columns summary").click()
    view.get_by_label("Rank intervals, under each value").uncheck()
    assert view.locator(".vp-rank").count() == 0
    assert "show" not in view.url


def test_a_pair_that_is_told_apart_is_named(view: Page, odd: RunningApp) -> None:
    open_page(view, odd, "?scale=higher_pvq&show=ranks")
    shipped = read_ranks()
    assert shipped is not None
    told = [r for r in PUBLISHED_ROWS if shipped.rows[r.id].models["Openness to Change"] != f"1-{RANKED}"]
    assert told
    for r in told:
        assert shipped.rows[r.id].models["Openness to Change"] in row(view, r.model).inner_text()
    assert "established on Openness to Change" in " ".join(view.locator(".vp-places").all_inner_texts())


def test_own_order_and_style_stand_in_the_profile(view: Page, odd: RunningApp) -> None:
    shipped = read_ranks()
    assert shipped is not None
    chosen = next(r for r in PUBLISHED_ROWS if shipped.rows[r.id].values["Benevolence"] != "1-10")
    open_page(view, odd, f"?model={chosen.id}")
    said = view.locator(".vp-panel dl").inner_text()
    assert f"Benevolence {shipped.rows[chosen.id].values['Benevolence']}" in said
    assert f"1-{RANKED}" in said
    assert chosen.style is not None
    assert f"gives rating {chosen.style.most_used} in" in said
    for term in ("Own ranks", "Ranks among models", "Reliability", "Wording", "Order", "Style", "Coverage"):
        assert term in view.locator(".vp-panel dt").all_inner_texts()


def test_columns_of_stability_make_room(view: Page, odd: RunningApp) -> None:
    open_page(view, odd, "?show=wording,order")
    heads = view.locator(".vp-heads th").evaluate_all("heads => heads.map(h => h.dataset.column)")
    assert {"wording", "order", "reliability", "coverage"} <= set(heads)
    assert not view.locator(".vp-panel").is_visible()
    first = next(r for r in PUBLISHED_ROWS if r.sensitivity is not None)
    assert first.sensitivity is not None
    assert first.sensitivity.prompt is not None
    assert f"{round(100 * first.sensitivity.prompt)} %" in row(view, first.model).inner_text()
    for width in (1110, 1200, 1440, 1600):
        resize(view, width)
        narrowest = view.locator(".vp-row th").evaluate_all("nodes => Math.min(...nodes.map(n => n.clientWidth))")
        assert narrowest >= 140, width
    view.get_by_role("button", name=f"Portrait of {first.model}", exact=True).click()
    assert view.locator(".vp-full path.vp-line").count() >= 1


# --- odd models -----------------------------------------------------------------------------------------------------


def test_odd_models_have_truthful_rows_and_no_rank(view: Page, odd: RunningApp) -> None:
    open_page(view, odd, "?show=ranks,wording,order")
    assert not re.search(r"\bNaN\b|\bundefined\b|\bnull\b|Infinity", view.locator("#board").inner_text())
    assert set(row(view, REFUSES).locator("td.vp-score > .vp-num").all_inner_texts()) == {"–"}
    assert set(row(view, ONE_PHRASE).locator("td.vp-score > .vp-num").all_inner_texts()) == {"0.00"}
    reasons = {
        REFUSES: "An incomplete row has no rank.",
        HALF: "An incomplete row",
        ONE_PHRASE: "same rating to everything",
    }
    for model, reason in reasons.items():
        found = row(view, model)
        assert set(found.locator(".vp-rank").all_inner_texts()) == {"–"}
        assert reason in (found.locator("td.vp-score").first.get_attribute("title") or "")
    assert f"among the {RANKED} ranked ones" in " ".join(view.locator(".vp-places").all_inner_texts())
    for model in reasons:
        view.get_by_role("button", name=f"Portrait of {model}", exact=True).click()
        said = view.locator(".vp-opened").inner_text()
        assert not re.search(r"\bNaN\b|\bundefined\b|\bnull\b|Infinity", said)
        assert reasons[model] in said


def test_badges_explain_themselves_to_pointer_and_keyboard(view: Page, odd: RunningApp) -> None:
    open_page(view, odd, "")
    for model, word, hint in (
        (REFUSES, "incomplete", "Too few of its answers"),
        (ONE_PHRASE, "flat", "same rating to everything"),
    ):
        badge = row(view, model).locator(".vp-badge", has_text=word)
        tip = view.locator(".vp-tip")
        badge.hover()
        assert tip.is_visible()
        assert hint in tip.inner_text()
        box = tip.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 1440
        view.mouse.move(700, 5)
        assert not tip.is_visible()
        row(view, model).locator(".vp-model").focus()
        view.keyboard.press("Tab")
        assert tip.is_visible()
        assert hint in (badge.get_attribute("aria-label") or "")
        view.keyboard.press("Escape")
        assert not tip.is_visible()


def test_odd_models_on_a_narrow_screen(view: Page, odd: RunningApp) -> None:
    view.set_viewport_size({"width": 390, "height": 844})
    for model in (REFUSES, ONE_PHRASE):
        open_page(view, odd, f"?q={model}&model={model.replace('/', '-')}")
        assert not re.search(r"\bNaN\b|\bundefined\b|\bnull\b|Infinity", view.locator("#board").inner_text())
        assert sideways(view) <= 0
        assert view.locator(".vp-opened dl").count() == 1
