"""The board in a real browser: what a visitor sees, clicks, links to, and what must not happen."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest

from data.values import BIG_FIVE, DIMENSIONS, HIGHER, VALUES
from leaderboard.charts import GEOMETRY, outline
from leaderboard.results import PUBLISHED, load
from tests.browser.conftest import HOSTILE, PRACTICE_SCORES
from tools.live import RunningApp

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

PUBLISHED_ROWS = load(PUBLISHED).results
MODEL = f"model?id={PUBLISHED_ROWS[4].id}"
"""The page of one row, which the board leads to."""
NARROW = {"width": 390, "height": 844}


def score(model: str, value: str) -> float:
    row = next(r for r in PUBLISHED_ROWS if r.model == model)
    found = row.scales["pvq"].dimensions[value].score
    assert found is not None
    return found


def open_board(page: Page, served: RunningApp, query: str = "") -> None:
    page.goto(f"{served.url}/{query}", wait_until="domcontentloaded")
    page.locator(".vp-row, .vp-card, .vp-empty").first.wait_for()


def names(page: Page) -> list[str]:
    return page.locator(".vp-row .vp-model, .vp-card .vp-model").all_inner_texts()


def column(page: Page, key: str) -> list[float | None]:
    """The numbers of a column from top to bottom, as the reader sees them."""
    heads = page.locator(".vp-heads th").evaluate_all("heads => heads.map(h => h.dataset.column)")
    texts = page.locator(f".vp-row > :nth-child({heads.index(key) + 1}) > :first-child").all_inner_texts()
    return [None if t == "–" else float(t.replace("−", "-").rstrip(" %")) for t in texts]


def heading(page: Page, key: str) -> Any:
    return page.locator(f'.vp-heads th[data-column="{key}"]')


def state(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def test_all_models_are_there_by_name_with_their_numbers(page: Page, served: RunningApp) -> None:
    open_board(page, served)
    expected = [r.model for r in PUBLISHED_ROWS]
    assert sorted(n for n in names(page) if n != HOSTILE) == sorted(expected)
    assert names(page)[1:] == sorted(
        names(page)[1:], key=lambda n: re.sub(r"\d+", lambda m: m[0].zfill(9), n.casefold())
    )
    heads = page.locator(".vp-heads th").evaluate_all("heads => heads.map(h => h.dataset.column)")
    assert heads[:11] == ["name", *[d.name for d in VALUES]]
    assert {"mean", "coverage", "origin", "date"} <= set(heads)
    shown = dict(zip(names(page), column(page, "Power"), strict=True))
    for r in PUBLISHED_ROWS:
        assert shown[r.model] == pytest.approx(score(r.model, "Power"), abs=0.0051)


def test_the_table_is_in_the_page_itself(served: RunningApp, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url))
    open_board(page, served)
    sent = page.evaluate("window.gradio_config.components.find(c => c.props.elem_id === 'board').props.value")
    assert len(json.loads(sent)["boards"][0]["rows"]) == len(PUBLISHED_ROWS) + 1
    assert not [url for url in asked if "queue/" in url or "/run/" in url]


def test_a_click_sorts_by_number_and_says_so(page: Page, served: RunningApp) -> None:
    open_board(page, served)
    assert heading(page, "name").get_attribute("aria-sort") == "ascending"
    head = heading(page, "Universalism")
    assert head.get_attribute("aria-sort") == "none"
    for direction, reverse in (("descending", True), ("ascending", False)):
        head.locator("button").click()
        assert head.get_attribute("aria-sort") == direction
        numbers = column(page, "Universalism")
        assert numbers[-1] is None  # the row without a score stands last both ways
        present = [n for n in numbers if n is not None]
        assert present == sorted(present, reverse=reverse)
        assert min(present) < 0 < max(present)
    head.locator("button").click()
    assert heading(page, "name").get_attribute("aria-sort") == "ascending"
    assert page.locator(".vp-heads th[aria-sort=ascending], .vp-heads th[aria-sort=descending]").count() == 1


def test_every_heading_has_a_sort_mark_and_obeys_the_keyboard(page: Page, served: RunningApp) -> None:
    open_board(page, served)
    marks = page.locator(".vp-heads th .vp-sortmark")
    assert marks.count() == page.locator(".vp-heads th").count()
    assert all(mark.is_visible() and mark.inner_text().strip() for mark in marks.all())
    heading(page, "Tradition").locator("button").focus()
    page.keyboard.press("Enter")
    assert heading(page, "Tradition").get_attribute("aria-sort") == "descending"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('th').dataset.column") == "Benevolence"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_dates_and_words_sort_too(page: Page, served: RunningApp) -> None:
    open_board(page, served, "?sort=origin&order=down")
    assert names(page)[0] == HOSTILE  # self-reported stands after published
    heading(page, "date").locator("button").click()
    assert names(page)[-1] == HOSTILE  # the oldest, newest first


def test_search(page: Page, served: RunningApp) -> None:
    open_board(page, served)
    box = page.locator("input[type=search]")
    box.fill("claude 2024")
    assert names(page) == sorted(r.model for r in PUBLISHED_ROWS if "claude" in r.model and "2024" in r.model)
    box.fill("Anthropic")
    assert len(names(page)) == sum(r.developer == "Anthropic" for r in PUBLISHED_ROWS)
    box.fill(".*")
    assert names(page) == []
    assert "No model here is called “.*”" in page.locator(".vp-empty").inner_text()
    page.get_by_role("button", name="Show all").click()
    assert len(names(page)) == len(PUBLISHED_ROWS) + 1
    assert box.input_value() == ""


@pytest.mark.parametrize(("label", "dimensions"), [("Higher order", HIGHER), ("Big Five", BIG_FIVE)])
def test_scales(page: Page, served: RunningApp, label: str, dimensions: Any) -> None:
    open_board(page, served)
    page.get_by_role("button", name=label, exact=True).click()
    heads = page.locator(".vp-heads th").evaluate_all("heads => heads.map(h => h.dataset.column)")
    assert heads[1 : 1 + len(dimensions)] == [d.name for d in dimensions]
    assert page.get_by_role("button", name=label, exact=True).get_attribute("aria-pressed") == "true"
    shown = dict(zip(names(page), column(page, dimensions[0].name), strict=True))
    for r in PUBLISHED_ROWS:
        expected = r.scales[dimensions[0].scale].dimensions[dimensions[0].name].score
        assert shown[r.model] == pytest.approx(expected, abs=0.0051)


def test_columns_can_be_left_out(page: Page, served: RunningApp) -> None:
    open_board(page, served, "?sort=Power")
    page.locator(".vp-menu summary").click()
    page.get_by_label("Power", exact=True).uncheck()
    assert heading(page, "Power").count() == 0
    assert heading(page, "name").get_attribute("aria-sort") == "ascending"  # nothing sorts by what is not shown
    page.get_by_label("Origin", exact=True).uncheck()
    assert state(page)["hide"] == "Power,origin"
    page.keyboard.press("Escape")
    assert not page.get_by_label("Power", exact=True).is_visible()


def drawn(page: Page, of: str = ".vp-panel") -> str:
    return page.locator(f"{of} .vp-full path.vp-line").get_attribute("d") or ""


def test_a_row_shows_its_portrait(page: Page, served: RunningApp) -> None:
    open_board(page, served)
    rows = {r.model: r for r in PUBLISHED_ROWS}
    model = "gpt-4o-2024-05-13"
    page.get_by_role("button", name=model).hover()
    assert page.locator(".vp-panel h2").inner_text() == model
    scores = [score(model, d.name) for d in VALUES]
    # the page draws where Python draws
    numbers = [float(x) for x in re.findall(r"[\d.]+", drawn(page))]
    assert numbers == pytest.approx(
        [float(x) for x in re.findall(r"[\d.]+", outline(scores, GEOMETRY["full"]))], abs=0.02
    )
    assert page.locator(".vp-panel .vp-figures .vp-num").all_inner_texts() == [
        f"{'−' if s < 0 else '+'}{abs(s):.2f}" for s in scores
    ]
    described = page.locator(".vp-panel .vp-full desc").text_content() or ""
    interval = rows[model].scales["pvq"].dimensions["Power"]
    assert interval.low is not None
    assert f"95 % interval {'−' if interval.low < 0 else '+'}{abs(interval.low):.2f}" in described
    page.mouse.move(5, 5)
    assert page.locator(".vp-panel h2").inner_text().startswith("Mean of")


def test_a_selected_row_stays_and_stands_in_the_address(page: Page, served: RunningApp) -> None:
    open_board(page, served)
    page.get_by_role("button", name="o3-mini-2025-01-31").click()
    page.mouse.move(5, 5)
    assert page.locator(".vp-panel h2").inner_text() == "o3-mini-2025-01-31"
    open_board(page, served, "?" + urlsplit(page.url).query)
    assert page.locator(".vp-panel h2").inner_text() == "o3-mini-2025-01-31"
    page.get_by_role("button", name="o3-mini-2025-01-31").click()
    assert "model" not in state(page)


def test_a_cell_says_its_interval(page: Page, served: RunningApp) -> None:
    open_board(page, served)
    model, power = "gpt-4o-2024-05-13", [d.name for d in VALUES].index("Power")
    cell = page.locator(".vp-row", has_text=model).locator("td").nth(power)
    d = next(r for r in PUBLISHED_ROWS if r.model == model).scales["pvq"].dimensions["Power"]
    assert d.low is not None
    assert d.high is not None
    assert cell.locator(".vp-pm").inner_text() == f"±{(d.high - d.low) / 2:.2f}"
    label = cell.get_attribute("aria-label") or ""
    assert re.fullmatch(r"Power: [+−]\d\.\d\d, 95 % interval [+−]\d\.\d\d to [+−]?\d\.\d\d, 64 items", label)
    # the whisker lies where the numbers say: share of the axis from -1 to +1
    box = cell.locator(".vp-whisker").evaluate("i => [getComputedStyle(i, '::before').left, i.clientWidth]")
    assert float(box[0].removesuffix("px")) / box[1] == pytest.approx((d.low + 1) / 2, abs=0.02)


def test_a_hostile_name_is_only_a_name(page: Page, served: RunningApp) -> None:
    failed: list[str] = []
    page.on("requestfailed", lambda r: failed.append(r.url))
    for size in ({"width": 1440, "height": 900}, NARROW):
        page.set_viewport_size(cast("Any", size))
        open_board(page, served, "?model=hostile")
        assert HOSTILE in names(page)
        assert HOSTILE in page.locator(".vp-detail .vp-note").first.inner_text()
        page.wait_for_timeout(200)
        assert page.evaluate("window.__executed") is None
        assert page.locator("#board img").count() == 0
    assert failed == []


def test_practice_rows_stand_apart(page: Page, served: RunningApp) -> None:
    open_board(page, served)
    assert "small/practice-model" not in names(page)
    page.get_by_role("switch").click()
    assert names(page) == ["small/practice-model"]
    assert "values mean nothing" in page.locator(".vp-notice").inner_text()
    assert {"practice", "constrained"} <= set(page.locator(".vp-row .vp-badge").all_inner_texts())
    assert column(page, "Self-Direction") == [PRACTICE_SCORES[0]]
    assert column(page, "Tradition") == [None]
    slug = state(page)["table"]
    open_board(page, served, f"?table={slug}")
    assert names(page) == ["small/practice-model"]
    page.get_by_role("switch").click()
    assert len(names(page)) == len(PUBLISHED_ROWS) + 1
    assert "table" not in state(page)


def test_the_address_is_the_state(page: Page, served: RunningApp, browser: Browser) -> None:
    open_board(page, served)
    page.get_by_role("button", name="Higher order").click()
    heading(page, "Conservation").locator("button").click()
    page.locator("input[type=search]").fill("gpt")
    page.locator(".vp-menu summary").click()
    page.get_by_label("Date", exact=True).uncheck()
    there = (names(page), column(page, "Conservation"), page.locator(".vp-heads").inner_text())
    assert state(page) == {"scale": "higher_pvq", "sort": "Conservation", "order": "down", "q": "gpt", "hide": "date"}
    other = browser.new_page(viewport={"width": 1440, "height": 900})
    other.goto(page.url, wait_until="domcontentloaded")
    other.locator(".vp-row").first.wait_for()
    assert (names(other), column(other, "Conservation"), other.locator(".vp-heads").inner_text()) == there
    assert other.locator("input[type=search]").input_value() == "gpt"
    other.close()


@pytest.mark.parametrize(
    "query", ["?sort=nothing", "?scale=nothing", "?model=nothing", "?table=nothing", "?hide=x&q=%00"]
)
def test_an_address_that_means_nothing_breaks_nothing(page: Page, served: RunningApp, query: str) -> None:
    open_board(page, served, query)
    if "q=" not in query:
        assert len(names(page)) == len(PUBLISHED_ROWS) + 1
    assert page.locator(".vp-notice").is_visible() is ("table" in query)


def sideways(page: Page) -> int:
    return cast("int", page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize("route", ["", "submit", "queue", "benchmark", "about", MODEL])
def test_no_page_scrolls_sideways(page: Page, served: RunningApp, route: str) -> None:
    page.set_viewport_size(cast("Any", NARROW))
    page.goto(f"{served.url}/{route}", wait_until="domcontentloaded")
    page.locator(".vp-row, .vp-card, #send, .vp-queue, .vp-terms, .vp-person").first.wait_for()
    for width in (390, 820, 1100, 1440, 1920):
        page.set_viewport_size({"width": width, "height": 844})
        page.wait_for_timeout(100)
        assert sideways(page) <= 0, width
        clipped = page.locator(".vp-model, .vp h1, .vp h2, .vp nav a").evaluate_all(
            "nodes => nodes.filter(n => n.scrollWidth > n.clientWidth + 1 && n.clientWidth).map(n => n.textContent)"
        )
        assert clipped == [], width


def test_a_profile_leads_to_its_page(page: Page, served: RunningApp) -> None:
    open_board(page, served)
    page.locator(".vp-row", has_text=PUBLISHED_ROWS[4].model).first.click()
    page.locator(".vp-panel h2 a").click()
    page.locator(".vp-who-head h1", has_text=PUBLISHED_ROWS[4].model).wait_for()
    assert page.url.endswith(MODEL)
    assert page.locator(".vp-portrait-scores tbody tr").count() == len(DIMENSIONS)


def test_narrow_rows_are_cards(page: Page, served: RunningApp) -> None:
    page.set_viewport_size(cast("Any", NARROW))
    open_board(page, served)
    assert page.locator("table.vp-table").count() == 0
    card = page.locator(".vp-card", has_text="claude-3-opus")
    assert card.locator(".vp-short").all_inner_texts() == [d.short for d in VALUES]
    bars = card.locator(".vp-bar")
    for i, d in enumerate(VALUES):
        expected = "below" if score("claude-3-opus-20240229", d.name) < 0 else "above"
        assert bars.nth(i).get_attribute("data-side") == expected
    card.locator(".vp-model").tap() if page.evaluate("'ontouchstart' in window") else card.locator(".vp-model").click()
    assert card.locator(".vp-full path.vp-line").count() == 1
    assert sideways(page) <= 0
    page.locator(".vp-menu summary").click()
    page.get_by_label("Sort by").select_option("Power, largest first")
    assert state(page)["sort"] == "Power"


def luminance(colour: tuple[float, ...]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


CONTRASTS = """() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (text) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].map(x => x / 255); };
  const found = [];
  for (const node of document.querySelectorAll('.vp *')) {
    const says = [...node.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    const box = node.getBoundingClientRect();
    if (!says || box.width < 2 || !node.checkVisibility({ visibilityProperty: true })) continue;
    const style = getComputedStyle(node);
    let under = node, ground = [0, 0, 0, 0];
    while (under && !ground[3]) { ground = rgba(getComputedStyle(under).backgroundColor); under = under.parentElement; }
    const ink = rgba(node.namespaceURI.endsWith('svg') ? style.fill : style.color);
    found.push([node.textContent.trim().slice(0, 40), ink, ground, parseFloat(style.fontSize)]);
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("route", ["?model=hostile&show=ranks", "about", "benchmark", "queue", "submit", MODEL])
def test_text_is_large_and_dark_enough(page: Page, served: RunningApp, scheme: Any, route: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{served.url}/{route}", wait_until="domcontentloaded")
    page.locator(".vp-row, #send, .vp-queue, .vp-terms, .vp-person").first.wait_for()
    texts = page.evaluate(CONTRASTS)
    assert len(texts) >= 8
    dark_ground = [sum(ground[:3]) < 1.5 for _, _, ground, _ in texts]
    assert sum(dark_ground) * 2 > len(texts) if scheme == "dark" else sum(dark_ground) * 2 < len(texts)
    for words, ink, ground, size in texts:
        over = [i * ink[3] + g * (1 - ink[3]) for i, g in zip(ink[:3], ground[:3], strict=True)]
        a, b = sorted((luminance(tuple(over)), luminance(tuple(ground[:3]))), reverse=True)
        assert (a + 0.05) / (b + 0.05) >= 4.5, (words, ink, ground)
        assert size >= 12 or math.isclose(size, 12), words


def test_the_heading_stays_while_reading_on(page: Page, served: RunningApp) -> None:
    open_board(page, served)
    page.mouse.wheel(0, 1200)
    page.wait_for_function("window.scrollY > 800")
    top = page.locator(".vp-heads th").first.bounding_box()
    assert top is not None
    assert 0 <= top["y"] < 80
    panel = page.locator(".vp-panel .vp-full").bounding_box()
    assert panel is not None
    assert 0 <= panel["y"] < 400


def test_middle_width_opens_the_portrait_under_the_row(page: Page, served: RunningApp) -> None:
    page.set_viewport_size({"width": 1200, "height": 900})
    open_board(page, served)
    assert not page.locator(".vp-panel").is_visible()
    page.get_by_role("button", name="qwq-32b").click()
    assert page.locator(".vp-row:has-text('qwq-32b') + .vp-opened .vp-full path.vp-line").count() == 1
    page.get_by_role("button", name="qwq-32b").click()
    assert page.locator(".vp-opened").count() == 0


def test_about_copies_the_citation(page: Page, served: RunningApp) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{served.url}/about#cite", wait_until="domcontentloaded")
    page.locator(".vp-copy").first.wait_for()
    page.locator(".vp-copy").first.click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator(".vp-cite pre").first.inner_text()
    assert page.evaluate("window.scrollY") > 500
