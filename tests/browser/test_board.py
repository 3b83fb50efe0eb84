"""The board in a real browser: what a visitor sees, clicks, links to, and what must not happen."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest

from data.people.reference import load_reference
from data.sources.practice import practice_benchmark
from data.sources.published_validity import read_validation
from data.values import BIG_FIVE, DIMENSIONS, HIGHER, VALUES
from eval_queue.store.collection import encode
from eval_queue.store.local import EMPTY_HEAD, LocalStore
from leaderboard.analysis.lineage import lineage
from leaderboard.boards.group_similarity import read_proximity
from leaderboard.boards.results import PUBLISHED, load
from leaderboard.charts.portrait import GEOMETRY, outline
from tests.browser.conftest import HOSTILE, PRACTICE_SCORES, Tabs, reopen, resize
from tests.support.apps import app
from tests.support.html import contrast
from tests.support.rows import result
from tools.live import RunningApp

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

PUBLISHED_ROWS = load(PUBLISHED).results
MODEL = f"model?id={PUBLISHED_ROWS[4].id}"
"""The page of one row, which the board leads to."""
NARROW = {"width": 390, "height": 844}
SETTLED = "!document.body.innerText.includes('being computed')"
PEOPLE = "like_raters,gender,age,political,education,nearest"
"""The columns of people."""


def score(model: str, value: str) -> float:
    row = next(r for r in PUBLISHED_ROWS if r.model == model)
    found = row.scales["pvq"].dimensions[value].score
    assert found is not None
    return found


def open_board(page: Page, served: RunningApp, query: str = "") -> None:
    page.goto(f"{served.url}/{query}", wait_until="domcontentloaded")
    settled(page)


def settled(page: Page) -> None:
    """Wait for the rows, and for what is worked out beside them."""
    page.locator(".vp-row, .vp-card, .vp-empty").first.wait_for()
    page.wait_for_function(SETTLED)


def names(page: Page) -> list[str]:
    return page.locator(".vp-row .vp-model, .vp-card .vp-model").all_inner_texts()


def column(page: Page, key: str) -> list[float | None]:
    """The numbers of a column from top to bottom, as the reader sees them."""
    heads = page.locator(".vp-heads th").evaluate_all("heads => heads.map(h => h.dataset.column)")
    texts = page.locator(f".vp-row > :nth-child({heads.index(key) + 1}) > :first-child").all_inner_texts()
    return [None if t == "–" else float(t.replace("−", "-").rstrip(" %")) for t in texts]


def heading(page: Page, key: str) -> Any:
    return page.locator(f'.vp-heads th[data-column="{key}"]')


def menu(page: Page, name: str) -> None:
    """Open one of the menus over the table."""
    page.locator(f".vp-menu-{name.lower()} > summary").click()


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
    sent = page.locator("#board-data").evaluate("data => data.textContent")
    assert json.loads(sent)["boards"][0]["n"] == len(PUBLISHED_ROWS) + 1
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
    assert "No model matches “.*”" in page.locator(".vp-empty").inner_text()
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
    menu(page, "Columns")
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
    page.get_by_role("link", name=model, exact=True).hover()
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
    page.get_by_role("button", name="Portrait of o3-mini-2025-01-31").click()
    page.mouse.move(5, 5)
    assert page.locator(".vp-panel h2").inner_text() == "o3-mini-2025-01-31"
    open_board(page, served, "?" + urlsplit(page.url).query)
    assert page.locator(".vp-panel h2").inner_text() == "o3-mini-2025-01-31"
    page.get_by_role("button", name="Portrait of o3-mini-2025-01-31").click()
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
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url))
    for size in ({"width": 1440, "height": 900}, NARROW):
        page.set_viewport_size(cast("Any", size))
        open_board(page, served, "?model=hostile")
        assert HOSTILE in names(page)
        assert HOSTILE in page.locator(".vp-detail .vp-note").first.inner_text()
        # a picture that is none, asked for after any that the name could have made, has been given up
        page.evaluate("new Promise(done => Object.assign(new Image(), { onerror: done, src: '/health' }))")
        assert page.evaluate("window.__executed") is None
        assert page.locator("#board img").count() == 0
    assert asked
    assert f"{served.url}/x" not in asked, "the picture that the name would show"


def test_practice_rows_stand_apart(page: Page, served: RunningApp) -> None:
    open_board(page, served)
    assert "small/practice-model" not in names(page)
    menu(page, "View")
    page.get_by_role("switch").click()
    assert names(page) == ["small/practice-model"]
    assert "values mean nothing" in page.locator(".vp-notice").inner_text()
    assert {"practice", "constrained"} <= set(page.locator(".vp-row .vp-badge").all_inner_texts())
    assert column(page, "Self-Direction") == [PRACTICE_SCORES[0]]
    assert column(page, "Tradition") == [None]
    slug = state(page)["table"]
    open_board(page, served, f"?table={slug}")
    assert names(page) == ["small/practice-model"]
    menu(page, "View")
    page.get_by_role("switch").click()
    assert len(names(page)) == len(PUBLISHED_ROWS) + 1
    assert "table" not in state(page)


def test_the_address_is_the_state(page: Page, served: RunningApp, other: Page) -> None:
    open_board(page, served)
    page.get_by_role("button", name="Higher order").click()
    heading(page, "Conservation").locator("button").click()
    page.locator("input[type=search]").fill("gpt")
    menu(page, "Columns")
    page.get_by_label("Row made", exact=True).uncheck()
    there = (names(page), column(page, "Conservation"), page.locator(".vp-heads").inner_text())
    assert state(page) == {"scale": "higher_pvq", "sort": "Conservation", "order": "down", "q": "gpt", "hide": "date"}
    other.goto(page.url, wait_until="domcontentloaded")
    other.locator(".vp-row").first.wait_for()
    assert (names(other), column(other, "Conservation"), other.locator(".vp-heads").inner_text()) == there
    assert other.locator("input[type=search]").input_value() == "gpt"


@pytest.mark.parametrize(
    "query",
    [
        "?sort=nothing",
        "?scale=nothing",
        "?model=nothing",
        "?hide=x&q=%00",
        "?group=colour&pin=nothing&pin=&numbers=roman&intervals=maybe&show=everything&order=up",
        "?sort=gender&hide=name",
    ],
)
def test_an_address_that_means_nothing_breaks_nothing(page: Page, served: RunningApp, query: str) -> None:
    open_board(page, served, query)
    if "q=" not in query:
        assert len(names(page)) == len(PUBLISHED_ROWS) + 1
    assert not page.locator(".vp-notice").is_visible()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?table=nothing", ["nothing"]),
        ("?developer=Nobody&family=none&origin=mars&weights=maybe&reliable=perhaps", ["Nobody", "mars", "maybe"]),
        ("?size_min=big&size_max=-3&since=tomorrow&until=2026-13-45", ["big", "tomorrow", "2026-13-45"]),
        ("?parameters=some", ["some"]),
    ],
)
def test_a_filter_that_matches_nothing_shows_nothing_and_says_why(
    page: Page, served: RunningApp, query: str, said: list[str]
) -> None:
    open_board(page, served, query)
    page.locator(".vp-empty").wait_for()
    assert names(page) == []
    assert [word for word in said if word not in page.locator(".vp-empty").inner_text()] == []


def table(page: Page) -> dict[str, Any]:
    """Everything a reader can see in the table and of what was chosen."""
    return {
        "heads": page.locator(".vp-heads th").evaluate_all("ths => ths.map(t => [t.innerText, t.ariaSort])"),
        "rows": page.locator(".vp-table tbody tr, .vp-card").all_inner_texts(),
        "order": page.locator("[data-id]").evaluate_all("rows => rows.map(r => [r.dataset.id, r.className])"),
        "chips": page.locator(".vp-chip").all_inner_texts(),
        "legend": page.locator(".vp-legend").inner_text(),
        "scale and reading": page.locator(".vp-segmented [aria-pressed=true]").all_inner_texts(),
        "search": page.locator(".vp-controls > input[type=search]").input_value(),
    }


def pick(page: Page, of: str, label: str) -> None:
    menu(page, of)
    choice(page, of, label).check()


def choice(page: Page, of: str, label: str) -> Locator:
    """A box to tick in a menu, whatever number stands beside its words."""
    sheet = page.locator(f".vp-menu-{of.lower()}")
    return sheet.locator("label", has=page.get_by_text(label, exact=True)).locator("input")


def set_range(page: Page, group: str, end: str, value: str) -> None:
    menu(page, "Filters")
    box = page.get_by_role("group", name=group).get_by_label(end)
    box.fill(value)
    box.blur()


def pin(page: Page, model: str) -> None:
    page.get_by_role("button", name=f"Keep on top: {model}").click()


CONTROLS: dict[str, tuple[Callable[[Page], Any], dict[str, list[str]]]] = {
    "scale": (lambda p: p.get_by_role("button", name="Big Five").click(), {"scale": ["bfi"]}),
    "sort": (lambda p: heading(p, "Power").locator("button").click(), {"sort": ["Power"], "order": ["down"]}),
    "search": (lambda p: p.get_by_label("Search models and developers").fill("gpt"), {"q": ["gpt"]}),
    "leave a column out": (
        lambda p: (menu(p, "Columns"), p.get_by_label("Security", exact=True).uncheck()),
        {"hide": ["Security"]},
    ),
    **{
        f"column {key}": (lambda p, label=label: pick(p, "Columns", label), {"show": [key]})  # type: ignore[misc]
        for key, label in {
            "ranks": "Rank intervals, under each value",
            "wording": "Wording",
            "order": "Order",
            "like_raters": "Similarity to raters",
            "gender": "Gender: men ← → women",
            "age": "Age: 20-39 ← → 80+",
            "political": "Politics: left ← → right",
            "education": "Degree: no ← → yes",
            "nearest": "Nearest group",
        }.items()
    },
    "developer": (
        lambda p: (pick(p, "Filters", "Google"), choice(p, "Filters", "Meta").check()),
        {"developer": ["Google", "Meta"]},
    ),
    "family": (lambda p: pick(p, "Filters", "gpt-4o"), {"family": ["gpt-4o"]}),
    "origin": (lambda p: pick(p, "Filters", "self-reported"), {"origin": ["self-reported"]}),
    "open weights": (lambda p: pick(p, "Filters", "open"), {"weights": ["open"]}),
    "closed weights": (lambda p: pick(p, "Filters", "closed"), {"weights": ["closed"]}),
    "reliable": (lambda p: pick(p, "Filters", "stands out"), {"reliable": ["yes"]}),
    "flat": (lambda p: pick(p, "Filters", "flat"), {"reliable": ["flat"]}),
    "size from": (lambda p: set_range(p, "Size, billion parameters", "from", "8"), {"size_min": ["8"]}),
    "size to": (lambda p: set_range(p, "Size, billion parameters", "to", "70"), {"size_max": ["70"]}),
    "since": (lambda p: set_range(p, "Date of the row", "from", "2026-11-21"), {"since": ["2026-11-21"]}),
    "until": (lambda p: set_range(p, "Date of the row", "to", "2026-11-21"), {"until": ["2026-11-21"]}),
    "group by developer": (lambda p: pick(p, "View", "by developer"), {"group": ["developer"]}),
    "group by family": (lambda p: pick(p, "View", "by family"), {"group": ["family"]}),
    "raw means": (lambda p: pick(p, "View", "mean ratings, 1 to 6"), {"numbers": ["raw"]}),
    "no intervals": (
        lambda p: (menu(p, "View"), p.get_by_label("95 % intervals").uncheck()),
        {"intervals": ["off"]},
    ),
    "pins": (
        lambda p: (pin(p, "qwq-32b"), pin(p, "deepseek-r1")),
        {"pin": [next(r.id for r in PUBLISHED_ROWS if r.model == m) for m in ("qwq-32b", "deepseek-r1")]},
    ),
    "an opened row": (
        lambda p: p.get_by_role("button", name="Portrait of qwq-32b").click(),
        {"model": [next(r.id for r in PUBLISHED_ROWS if r.model == "qwq-32b")]},
    ),
    "practice": (
        lambda p: (menu(p, "View"), p.get_by_role("switch").click()),
        {"table": [f"{practice_benchmark().digest[:8]}-1-constrained"]},
    ),
    "several at once": (
        lambda p: (
            pin(p, "qwq-32b"),
            pick(p, "Filters", "OpenAI"),
            pick(p, "View", "by family"),
            heading(p, "Benevolence").locator("button").click(),
        ),
        {
            "developer": ["OpenAI"],
            "group": ["family"],
            "sort": ["Benevolence"],
            "order": ["down"],
            "pin": [next(r.id for r in PUBLISHED_ROWS if r.model == "qwq-32b")],
        },
    ),
}
"""By control: how a visitor sets it, and the fields that then stand in the address."""


@pytest.mark.parametrize("control", CONTROLS)
def test_every_choice_opens_elsewhere_as_it_is(page: Page, served: RunningApp, other: Page, control: str) -> None:
    choose, fields = CONTROLS[control]
    open_board(page, served)
    before = table(page)
    choose(page)
    settled(page)
    there = table(page)
    assert there != before or control == "an opened row"
    assert parse_qs(urlsplit(page.url).query) == fields
    other.goto(page.url, wait_until="domcontentloaded")
    settled(other)
    assert table(other) == there
    assert parse_qs(urlsplit(other.url).query) == fields


def test_filters_keep_what_they_say(page: Page, served: RunningApp) -> None:
    by_model = {r.model: r for r in PUBLISHED_ROWS}
    for query, keeps in {
        "developer=Google&developer=Meta": lambda r: r.developer in {"Google", "Meta"},
        "weights=open": lambda r: r.open_weights is True,
        "weights=closed": lambda r: r.open_weights is False,
        "reliable=yes": lambda r: r.flat is False,
        "reliable=flat": lambda r: r.flat is True,
        "family=gpt-4o&q=2024": lambda r: lineage(r.model).family == "gpt-4o" and "2024" in r.model,
        "size_min=8&size_max=70": lambda r: 8 <= (lineage(r.model).billions or 0) <= 70,
        "since=2026-11-23": lambda r: r.created.date() >= date(2026, 11, 23),
    }.items():
        open_board(page, served, f"?{query}")
        assert set(names(page)) == {m for m, r in by_model.items() if keeps(r)}, query
        assert names(page), query
    open_board(page, served, "?origin=self-reported")
    assert names(page) == [HOSTILE]


def test_filters_say_how_many_rows_they_give_and_can_be_taken_away(page: Page, served: RunningApp) -> None:
    open_board(page, served)
    menu(page, "Filters")
    sheet = page.locator(".vp-menu-filters")
    told = sheet.get_by_text("OpenAI", exact=True).locator("xpath=..").locator(".vp-number").inner_text()
    choice(page, "Filters", "OpenAI").check()
    assert len(names(page)) == int(told) == sum(r.developer == "OpenAI" for r in PUBLISHED_ROWS)
    choice(page, "Filters", "flat").check()
    flat = len(names(page))
    assert page.locator(".vp-chips").inner_text().startswith(f"{flat} of {len(PUBLISHED_ROWS) + 1} models")
    # a choice beside one that is made counts what it would add
    assert sheet.get_by_text("Anthropic", exact=True).locator("xpath=..").locator(".vp-number").inner_text() == str(
        sum(r.developer == "Anthropic" and r.flat is True for r in PUBLISHED_ROWS)
    )
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Remove filter Profile: flat").click()
    assert len(names(page)) == int(told)
    page.get_by_role("button", name="Clear all").click()
    assert len(names(page)) == len(PUBLISHED_ROWS) + 1
    assert state(page) == {}
    assert not page.locator(".vp-chips").is_visible()


def test_nothing_passes_and_one_click_helps(page: Page, served: RunningApp) -> None:
    open_board(page, served, "?developer=xAI&weights=open&q=grok")
    assert "No model matches “grok” and the filters" in page.locator(".vp-empty").inner_text()
    page.get_by_role("button", name="Show all").click()
    assert len(names(page)) == len(PUBLISHED_ROWS) + 1


def test_groups_stand_under_headings_in_the_chosen_order(page: Page, served: RunningApp) -> None:
    open_board(page, served, "?group=developer&sort=Power&order=down")
    seen: dict[str, list[str]] = {}
    for node in page.locator(".vp-group, .vp-row").all():
        if "vp-group" in (node.get_attribute("class") or ""):
            group, count = node.locator("span").all_inner_texts()
            seen[group] = []
            assert count.split()[0] == str(sum((r.developer or "") == group for r in PUBLISHED_ROWS) or 1)
        else:
            seen[group].append(node.locator(".vp-model").inner_text())
    assert list(seen) == sorted(seen, key=str.casefold)
    for group, models in seen.items():
        assert {r.model for r in PUBLISHED_ROWS if r.developer == group} == set(models) - {HOSTILE}
        power = [score(m, "Power") for m in models if m != HOSTILE]
        assert power == sorted(power, reverse=True)


def test_pinned_rows_stay_on_top_and_can_be_let_go(page: Page, served: RunningApp) -> None:
    open_board(page, served)
    pin(page, "qwq-32b")
    heading(page, "Power").locator("button").click()
    page.get_by_label("Search models and developers").fill("claude")
    assert names(page)[0] == "qwq-32b"
    assert all("claude" in name for name in names(page)[1:])
    assert page.locator(".vp-pinned .vp-pin[aria-pressed=true]").count() == 1
    page.get_by_role("button", name="No longer on top: qwq-32b").click()
    assert "qwq-32b" not in names(page)
    assert "pin" not in state(page)


def test_raw_means_are_the_records(page: Page, served: RunningApp) -> None:
    open_board(page, served, "?numbers=raw&sort=Tradition")
    shown = dict(zip(names(page), column(page, "Tradition"), strict=True))
    for r in PUBLISHED_ROWS:
        assert shown[r.model] == pytest.approx(r.scales["pvq"].dimensions["Tradition"].raw, abs=0.0051)
    numbers = [n for n in column(page, "Tradition") if n is not None]
    assert numbers == sorted(numbers)
    cell = page.locator(".vp-row", has_text="deepseek-r1").locator("td.vp-score").first
    assert re.fullmatch(
        r"Self-Direction: mean rating \d\.\d\d of 6, interval \d\.\d\d to \d\.\d\d \(95 % or more\), 11 items",
        cell.get_attribute("aria-label") or "",
    )


def test_without_intervals_no_number_moves(page: Page, served: RunningApp) -> None:
    open_board(page, served)
    before = column(page, "Power")
    open_board(page, served, "?intervals=off")
    assert column(page, "Power") == before
    assert page.locator(".vp-row .vp-pm, .vp-row .vp-whisker").count() == 0
    assert "95 % interval" in (page.locator(".vp-row td.vp-score").nth(30).get_attribute("title") or "")


def test_columns_of_people_are_the_reports(page: Page, served: RunningApp) -> None:
    report = read_proximity()
    assert report is not None
    open_board(page, served, f"?show={PEOPLE}")
    keys = {"gender", "age", "political", "education"}
    shown = {key: dict(zip(names(page), column(page, key), strict=True)) for key in ("like_raters", *keys)}
    for m in report.models:
        assert shown["like_raters"][m.model] == pytest.approx(m.like_raters.spearman, abs=0.0051)
        for key in keys:
            lean = m.leans[key].lean
            assert shown[key][m.model] == (None if lean is None else pytest.approx(lean, abs=0.0051))
    nearest = page.locator(".vp-row td.vp-nearest").all_inner_texts()
    assert set(nearest) == {"not distinguishable", "–"}
    flat = next(m for m in report.models if not m.reported)
    row = page.locator(".vp-row", has=page.get_by_role("link", name=flat.model, exact=True))
    assert "flat profile: reliability" in (row.locator("td.vp-lean").first.get_attribute("aria-label") or "")
    sure = next(m for m in report.models if m.reported)
    row = page.locator(".vp-row", has=page.get_by_role("link", name=sure.model, exact=True))
    label = row.locator("td.vp-lean").first.get_attribute("aria-label") or ""
    assert re.fullmatch(
        r"Gender, people in Europe: leans to “(wo)?men” by .* 95 % interval .*; not distinguishable from no lean", label
    )
    # the bar goes from 0 to the number
    lane = row.locator(".vp-lean-bar").first.evaluate(
        "i => [i.style.getPropertyValue('--a'), i.style.getPropertyValue('--b')].map(parseFloat)"
    )
    lean = sure.leans["gender"].lean
    assert lean is not None
    assert lane == pytest.approx([50 + 50 * min(0, lean), 50 + 50 * max(0, lean)], abs=0.1)
    assert not page.locator(".vp-legend dl").is_visible()
    page.locator(".vp-legend summary").click()
    said = page.locator(".vp-legend dl").inner_text()
    assert report.caveats.europe in said
    assert report.groups_from.title in said


def test_no_column_of_people_is_there_unasked(page: Page, served: RunningApp) -> None:
    open_board(page, served)
    heads = page.locator(".vp-heads th").evaluate_all("heads => heads.map(h => h.dataset.column)")
    assert not {"like_raters", "gender", "age", "political", "education", "nearest"} & set(heads)


def test_a_name_leads_to_its_page(page: Page, served: RunningApp) -> None:
    open_board(page, served)
    page.get_by_role("link", name=PUBLISHED_ROWS[4].model, exact=True).click()
    page.locator(".vp-who-head h1", has_text=PUBLISHED_ROWS[4].model).wait_for()
    assert page.url.endswith(MODEL)


def test_two_to_five_models_can_be_compared(page: Page, served: RunningApp) -> None:
    open_board(page, served)
    chosen = PUBLISHED_ROWS[:5]
    assert not page.locator(".vp-compare").is_visible()
    for i, r in enumerate(chosen):
        page.get_by_role("checkbox", name=f"Compare {r.model}", exact=True).check()
        link = page.locator(".vp-compare a")
        assert link.count() == (i > 0)
    where = urlsplit(link.get_attribute("href") or "")
    assert (where.path, parse_qs(where.query)) == ("./compare", {"id": [r.id for r in chosen]})
    sixth = page.get_by_role("checkbox", name=f"Compare {PUBLISHED_ROWS[5].model}", exact=True)
    assert sixth.is_disabled()
    page.get_by_role("checkbox", name=f"Compare {chosen[0].model}", exact=True).press("Space")
    assert sixth.is_enabled()
    assert page.evaluate("document.activeElement.ariaLabel") == f"Compare {chosen[0].model}"
    page.locator(".vp-compare").get_by_role("button", name="Clear").click()
    assert page.locator(".vp-tools input:checked").count() == 0


def test_who_comes_back_from_comparing_finds_boxes_ticked_only_where_a_comparison_is_offered(
    page: Page, served: RunningApp
) -> None:
    open_board(page, served)
    for r in PUBLISHED_ROWS[:2]:
        page.get_by_role("checkbox", name=f"Compare {r.model}", exact=True).check()
    page.locator(".vp-compare a").click()
    page.wait_for_url("**/compare?*")
    page.go_back()
    settled(page)
    ticked = page.locator(".vp-tools input:checked").count()
    assert ticked in (0, 2)  # two where the browser kept the page itself
    assert page.locator(".vp-compare").is_visible() == (ticked == 2)


def test_a_long_board_grows_as_it_is_scrolled_is_printed_whole_and_keeps_within_a_phone(
    tabs: Tabs, tmp_path: Path
) -> None:
    known = PUBLISHED_ROWS[0]
    like_known = {"digest": known.benchmark.digest, "protocol": known.protocol, "origin": "self-reported"}
    long = "x" * 190
    rows = [result(f"{long}{i}", id=f"r{i}", developer=long, note=long, **like_known) for i in range(300)]
    store = tmp_path / "store"
    LocalStore(store).commit({f"results/{r.id}.json": encode(r) for r in rows}, EMPTY_HEAD, "rows for tests")
    with app(store, source="practice", scheduler="false") as running, tabs.open(running.url) as (page, watched):
        open_board(page, running, "?sort=date")
        lines = page.locator(".vp-row")
        before = lines.count()
        assert before < 100
        lines.last.scroll_into_view_if_needed()
        page.wait_for_function("before => document.querySelectorAll('.vp-row').length > before", arg=before)
        assert lines.count() < len(rows)
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert lines.count() == len(rows) + len(PUBLISHED_ROWS)
        page.set_viewport_size(NARROW)
        for address in ("?model=r7", "model?id=r7", "compare?id=r7&id=r8"):
            page.goto(f"{running.url}/{address}")
            page.locator("main h1, .vp-card").first.wait_for()
            assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], address
        assert watched.errors == []


def test_exports_carry_the_present_choices(page: Page, served: RunningApp) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_board(page, served, "?developer=Meta&developer=Google&sort=Power")
    menu(page, "Export")
    for kind in ("CSV", "JSON", "Parquet"):
        address = urlsplit(page.get_by_role("link", name=kind).get_attribute("href") or "")
        assert address.path == f"./download/board.{kind.lower()}"
        assert parse_qs(address.query) == parse_qs(urlsplit(page.url).query)
    heading(page, "Tradition").locator("button").click()
    menu(page, "Export")
    link = page.get_by_role("link", name="CSV").get_attribute("href") or ""
    assert "sort=Tradition&order=down" in link
    page.get_by_role("button", name="Copy link").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_the_raters_stand_behind_the_portraits_of_their_benchmark(page: Page, served: RunningApp) -> None:
    open_board(page, served, f"?model={PUBLISHED_ROWS[4].id}")
    raters = load_reference().raters.vp_human_centred
    drawn_ = page.locator(".vp-panel .vp-full path.vp-reference").get_attribute("d") or ""
    numbers = [float(x) for x in re.findall(r"[\d.]+", drawn_)]
    expected = [float(x) for x in re.findall(r"[\d.]+", outline(raters.tolist(), GEOMETRY["full"]))]
    assert numbers == pytest.approx(expected, abs=0.02)
    assert "559 people who rated" in page.locator(".vp-panel .vp-caption").inner_text()
    open_board(page, served, "?table=practice&model=practised")
    assert "mean of the 1 model here" in page.locator(".vp-panel .vp-caption").inner_text()


def test_a_newcomer_reads_what_is_shown_and_what_it_does_not_mean(page: Page, served: RunningApp) -> None:
    for size in ({"width": 1440, "height": 900}, NARROW):
        page.set_viewport_size(cast("Any", size))
        open_board(page, served)
        says = page.locator(".vp-says").inner_text()
        assert "No value is better than another" in says
        assert "nothing about how a model acts" in says
        box = page.locator(".vp-legend").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < size["height"]


def test_controls_fit_in_one_row(page: Page, served: RunningApp) -> None:
    open_board(page, served)
    tops = page.locator(".vp-controls > *").evaluate_all(
        "nodes => nodes.map(n => n.getBoundingClientRect()).map(b => b.top + b.height / 2)"
    )
    assert len(tops) == 8
    assert max(tops) - min(tops) < 4
    resize(page, **NARROW)
    assert page.locator(".vp-controls details").count() == 1


def test_all_columns_fit_beside_each_other(page: Page, served: RunningApp) -> None:
    open_board(page, served, f"?show=ranks,wording,order,{PEOPLE}")
    for width in (1110, 1200, 1440, 1920):
        resize(page, width)
        assert sideways(page) <= 0
        cut = page.locator(".vp-row:first-child td > span, .vp-heads button > span").evaluate_all(
            "nodes => nodes.filter(n => n.scrollWidth > n.closest('td, th').clientWidth + 1).map(n => n.textContent)"
        )
        assert cut == [], width
    resize(page, 1440)
    assert page.locator(".vp-over").count() == 0


@pytest.mark.parametrize("scale", ["pvq", "higher_pvq", "bfi"])
def test_headings_stay_over_their_own_columns(page: Page, served: RunningApp, scale: str) -> None:
    for show in ("", f"&show=ranks,wording,order,{PEOPLE}"):
        open_board(page, served, f"?scale={scale}{show}")
        for width in (1110, 1200, 1440, 1920):
            resize(page, width)
            out = page.locator(".vp-heads th").evaluate_all(
                """heads => heads.filter(head => {
                    const range = document.createRange(); range.selectNodeContents(head);
                    const text = range.getBoundingClientRect(), own = head.getBoundingClientRect();
                    return text.left < own.left - 1 || text.right > own.right + 1;
                }).map(head => head.textContent)"""
            )
            assert out == [], (width, show)


def sideways(page: Page) -> int:
    return cast("int", page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize("route", ["", "submit", "queue", "benchmark", "about", MODEL])
def test_no_page_scrolls_sideways(page: Page, served: RunningApp, route: str) -> None:
    page.goto(f"{served.url}/{route}", wait_until="domcontentloaded")
    for width in (390, 820, 1100, 1440, 1920):
        reopen(page, width)
        page.locator(".vp-row, .vp-card, #send, .vp-queue, .vp-terms, .vp-person").first.wait_for()
        assert sideways(page) <= 0, width
        clipped = page.locator(".vp-model, .vp h1, .vp h2, .vp nav a").evaluate_all(
            "nodes => nodes.filter(n => n.scrollWidth > n.clientWidth + 1 && n.clientWidth).map(n => n.textContent)"
        )
        assert clipped == [], width


def test_a_profile_leads_to_its_page(page: Page, served: RunningApp) -> None:
    open_board(page, served)
    page.locator(".vp-row", has_text=PUBLISHED_ROWS[4].model).first.locator("td").first.click()
    page.locator(".vp-panel h2 a").click()
    page.locator(".vp-who-head h1", has_text=PUBLISHED_ROWS[4].model).wait_for()
    assert page.url.endswith(MODEL)
    assert page.locator("#portrait .vp-portrait-scores tbody tr").count() == len(DIMENSIONS)


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
    card.locator(".vp-bars").click()
    assert card.locator(".vp-full path.vp-line").count() == 1
    assert sideways(page) <= 0
    menu(page, "Options")
    page.get_by_label("Sort by").select_option("Power, largest first")
    assert state(page)["sort"] == "Power"


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
@pytest.mark.parametrize(
    "route",
    [
        "?model=hostile&show=ranks,gender,like_raters,nearest&group=developer&weights=closed&pin=hostile",
        "about",
        "benchmark",
        "queue",
        "submit",
        MODEL,
    ],
)
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
        assert contrast(over, ground[:3]) >= 4.5, (words, ink, ground)
        assert size >= 12 or math.isclose(size, 12), words


def test_the_heading_stays_while_reading_on(page: Page, served: RunningApp) -> None:
    open_board(page, served)
    page.mouse.wheel(0, 1200)
    page.wait_for_function("() => window.scrollY > 800")
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
    page.get_by_role("button", name="Portrait of qwq-32b").click()
    assert page.locator(".vp-row:has-text('qwq-32b') + .vp-opened .vp-full path.vp-line").count() == 1
    page.get_by_role("button", name="Portrait of qwq-32b").click()
    assert page.locator(".vp-opened").count() == 0


def test_about_copies_the_citation(page: Page, served: RunningApp) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{served.url}/about#cite", wait_until="domcontentloaded")
    page.locator(".vp-copy").first.wait_for()
    page.locator(".vp-copy").first.click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator(".vp-cite pre").first.inner_text()
    assert page.evaluate("window.scrollY") > 500


def test_the_switch_shows_the_other_reading_everywhere(page: Page, served: RunningApp, other: Page) -> None:
    open_board(page, served)
    switch = page.get_by_role("group", name="Reading").get_by_role("button")
    assert switch.all_inner_texts() == ["as published", "all items"]
    assert "reading" not in page.url
    switch.nth(0).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**reading=all**")
    assert page.locator(":focus").inner_text() == "all items", "the keyboard stays where it was"
    for shown in (page, other):
        if shown is other:
            open_board(other, served, "?reading=all")
        for row in PUBLISHED_ROWS[:5]:
            assert row.match is not None
            for d in VALUES[:3]:
                cell = row.match["pvq"][d.name]
                assert cell.match is not None
                assert column(shown, d.name)[names(shown).index(row.model)] == pytest.approx(round(cell.match, 2))
    row = page.locator(f'.vp-row[data-id="{PUBLISHED_ROWS[0].id}"]')
    cell = row.locator(".vp-score").first.get_attribute("aria-label")
    assert cell is not None
    assert "match on all items" in cell
    assert "other queries and other people" in cell
    for key in ("Enter", "Enter"):
        page.locator('.vp-heads th[data-column="Power"] button').press(key)
    assert parse_qs(urlsplit(page.url).query)["sort"] == ["Power"]
    numbers = [x for x in column(page, "Power") if x is not None]
    assert numbers == sorted(numbers)
    page.get_by_text("Export", exact=True).click()
    assert "reading=all" in (page.get_by_role("link", name="CSV").get_attribute("href") or "")
    assert "reading=all" in (page.get_by_role("link", name="How to cite it").get_attribute("href") or "")


def test_headings_say_how_far_a_column_tells_models_apart(page: Page, served: RunningApp) -> None:
    validation = read_validation()
    assert validation is not None
    for reading, query in (("published", ""), ("match", "?reading=all")):
        open_board(page, served, query)
        for d in VALUES:
            column = validation.columns[reading][d.name]  # type: ignore[index]
            known, low, high = column.queries, column.queries_low, column.queries_high
            assert known is not None
            figures = [f"{x:.2f}".replace("-", "−") for x in (known, low, high)]
            note = page.locator(f'.vp-heads th[data-column="{d.name}"] .vp-carries')
            assert note.inner_text().split() == [
                figures[0] + ("†" if known < 0.5 else ""),
                *(figures[1], "to", figures[2]),
            ]
            said = note.get_attribute("aria-label")
            assert said is not None
            assert ("cannot tell these models apart" in said) == (known < 0.5)
            assert f"between 33 models: {figures[0]} (95 % interval {figures[1]} to {figures[2]})" in said
    page.locator(f'.vp-heads th[data-column="{d.name}"] button').focus()
    assert page.locator(".vp-tip").inner_text() == said, "the keyboard gets the explanation, too"


def test_no_reliability_is_claimed_for_another_benchmark(page: Page, served: RunningApp) -> None:
    open_board(page, served, "?table=practice&reading=all")
    assert page.locator(".vp-carries").count() == 0
    assert "No row of this table has a match" in page.locator(".vp-legend").inner_text()
