"""Take the test in a real browser: its scores are Python's, and no answer leaves the page in any way."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
import pytest

from data.sources.loading import load_benchmark
from data.sources.practice import practice_benchmark
from data.sources.published_templates import templates_of
from data.values import VALUES
from leaderboard.measurement.short_form import SIZES, Form, choose, match_form, of_form, score_form
from leaderboard.web import assets
from tests.browser.conftest import Watched
from tests.browser.test_accessibility import serious
from tests.support import ROOT
from tests.support.apps import app
from tests.support.waiting import until
from tools.live import RunningApp

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

COMPUTING = assets.bundle(ROOT / "leaderboard" / "pages" / "take" / "short-form.js")
HOUR = 3_600_000
"""In milliseconds: whatever a page puts off has happened by then, on a clock that the test moves."""
PATTERN = (6, 1, 4, 2, 5, 3, 3)
STORED = """async () => ({
  local: Object.entries(localStorage), session: Object.entries(sessionStorage), cookies: document.cookie,
  databases: (await indexedDB.databases()).map((d) => d.name), caches: await caches.keys(),
  workers: (await navigator.serviceWorker.getRegistrations()).length, name: window.name, state: history.state,
})"""
NOTHING = {
    "local": [],
    "session": [],
    "cookies": "",
    "databases": [],
    "caches": [],
    "workers": 0,
    "name": "",
    "state": None,
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, upstream_dir: Path) -> Iterator[RunningApp]:
    """An app with the published benchmark in use."""
    store = tmp_path_factory.mktemp("published") / "store"
    with app(store, source=str(upstream_dir), scheduler="false") as running:
        yield running


def begin(page: Page, running: RunningApp, address: str = "take") -> None:
    page.goto(f"{running.url}/{address}")
    page.locator("#take-go").click()
    page.locator(".vp-take-item").wait_for()


def answer(page: Page, ratings: list[int]) -> None:
    for rating in ratings:
        page.keyboard.press(str(rating))


def stands(page: Page) -> tuple[int, int, int]:
    """Which item is asked, of how many, and how many are rated, in words and by the bar."""
    item, of, rated = (int(n) for n in re.findall(r"\d+", page.locator(".vp-take-count").inner_text()))
    bar = page.get_by_role("progressbar")
    assert (bar.evaluate("bar => bar.value"), bar.evaluate("bar => bar.max")) == (rated, of)
    return item, of, rated


def expected(form: Form, ratings: list[int]) -> Any:
    benchmark = practice_benchmark()
    rows = list(form.rows)[: len(ratings)]
    counts = benchmark.key.selected[rows, : len(VALUES)]
    return score_form(np.array(ratings, dtype=float), counts, benchmark.query_index[rows])


def shown(page: Page) -> tuple[list[float | None], list[float | None]]:
    """Scores and half widths as the table holds them, all digits."""
    cells = page.locator(".vp-take-table tbody tr").evaluate_all(
        "rows => rows.map(r => { const c = r.querySelector('[data-value] td:nth-child(3)');"
        " return [c.dataset.score ?? null, c.dataset.half ?? null]; })"
    )
    read = [[None if x is None else float(x) for x in pair] for pair in cells]
    return [p[0] for p in read], [p[1] for p in read]


def pattern(n: int) -> list[int]:
    return [PATTERN[i % len(PATTERN)] for i in range(n)]


@pytest.mark.parametrize("length", ["short", "long"])
def test_the_pages_scores_are_pythons(page: Page, served: RunningApp, length: Any) -> None:
    form = choose(practice_benchmark(), SIZES[length])
    ratings = pattern(len(form.rows))
    begin(page, served, f"take?form={length}")
    answer(page, ratings)
    page.locator(".vp-take-result").wait_for()
    scores, half = shown(page)
    found = expected(form, ratings)
    assert scores == pytest.approx(found.score, abs=1e-9)
    assert half == pytest.approx(found.half, abs=1e-9)
    js = page.evaluate(
        "([ratings]) => { const d = JSON.parse(document.getElementById('take-data').textContent);"
        f" return {COMPUTING}.score(d.items, ratings, d.t); }}",
        [ratings],
    )
    assert js["reliability"] == pytest.approx(found.reliability, abs=1e-9)


def kept(page: Page, name: str) -> str:
    """The content of a file that the page makes."""
    with page.expect_download() as download:
        page.get_by_role("button", name=name).click()
    return download.value.path().read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_portrait_can_be_kept_as_a_picture_and_as_numbers(page: Page, served: RunningApp, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    form = choose(practice_benchmark(), SIZES["short"])
    ratings = pattern(len(form.rows))
    begin(page, served)
    answer(page, ratings)
    page.locator(".vp-take-result").wait_for()
    found = expected(form, ratings)
    rows = list(csv.DictReader(kept(page, "numbers as CSV").splitlines()))
    assert [row["value"] for row in rows] == [v.name for v in VALUES]
    for row, score, half in zip(rows, found.score, found.half, strict=True):
        assert [float(row[name]) for name in ("score", "low", "high")] == pytest.approx(
            [score, score - half, score + half], abs=1e-9
        )
    file = kept(page, "picture as SVG")
    drawn = ElementTree.fromstring(file)
    assert "var(" not in file, "it needs no style sheet"
    line = next(e for e in drawn.iter() if "vp-line" in e.get("class", ""))
    shown_line = page.locator(".vp-take-result svg path.vp-line")
    assert line.get("d") == shown_line.get_attribute("d")
    colour = shown_line.evaluate("line => getComputedStyle(line).stroke")
    assert f"stroke:{colour}" in line.get("style", "")
    assert len([e for e in drawn.iter() if "vp-dot" in e.get("class", "")]) == len(VALUES)
    for e in drawn.iter("{http://www.w3.org/2000/svg}text"):
        assert "font-family" in e.get("style", "")


def test_an_early_portrait_is_offered_once_every_value_was_asked(page: Page, served: RunningApp) -> None:
    form = choose(practice_benchmark(), SIZES["short"])
    practice = practice_benchmark()
    ratings = pattern(20)
    covered = next(n for n in range(1, 21) if practice.key.selected[list(form.rows[:n]), :10].any(axis=0).all())
    begin(page, served)
    early = page.get_by_role("button", name="See my portrait now")
    answer(page, ratings[: covered - 1])
    assert not early.is_visible()
    answer(page, ratings[covered - 1 : covered + 3])
    early.click()
    scores, half = shown(page)
    found = expected(form, ratings[: covered + 3])
    assert scores == pytest.approx(found.score, abs=1e-9)
    assert half == pytest.approx(found.half, abs=1e-9)
    page.get_by_role("button", name=f"Rate {20 - covered - 3} more").click()
    assert stands(page) == (covered + 4, 20, covered + 3)


def test_nothing_leaves_the_page_and_nothing_is_kept(browser: Browser, served: RunningApp) -> None:
    page = browser.new_page()
    page.clock.install()
    watched = Watched(served.url)
    watched.follow(page)
    page.goto(f"{served.url}/take", wait_until="networkidle")
    address = page.url
    assert page.evaluate(STORED) == NOTHING
    sent: list[str] = []
    icon = f"{served.url}/logo.svg"  # which the browser asks for when it likes
    page.on("request", lambda r: sent.extend([r.url] if r.url != icon else []))
    page.on("websocket", lambda w: sent.append(w.url))
    page.locator("#take-go").click()
    answer(page, pattern(10))
    page.get_by_role("button", name="Back").click()
    page.get_by_label("very much like me").check()
    until(lambda: stands(page) == (11, 20, 10))  # the next one comes by itself, a moment after a click
    answer(page, pattern(20)[10:])
    page.locator(".vp-take-result").wait_for()
    for name in ("picture as SVG", "numbers as CSV"):
        assert kept(page, name)
    assert [url for url in sent if not url.startswith("blob:")] == []  # a file made here has an address of its own
    sent.clear()
    page.get_by_role("button", name="Change answers").click()
    answer(page, [2])
    page.locator(".vp-take-result").wait_for()
    page.clock.run_for(HOUR)
    assert page.evaluate(STORED) == NOTHING
    assert sent == []
    assert page.evaluate(STORED) == NOTHING
    assert page.url == address
    page.get_by_role("button", name="Start anew").click()
    page.locator("#take-go").click()
    assert stands(page) == (1, 20, 0)
    assert page.locator("input:checked").count() == 0
    page.reload()
    assert page.locator("#take-go").is_visible()
    assert watched.errors == []
    page.close()


def test_the_browser_itself_refuses_to_send(browser: Browser, served: RunningApp) -> None:
    page = browser.new_page()
    page.goto(f"{served.url}/take", wait_until="networkidle")
    sent: list[str] = []
    page.on("request", lambda r: sent.append(r.url))
    page.evaluate(
        """async () => {
          const said = window.__said = [];
          document.addEventListener("securitypolicyviolation", (e) => said.push(e.effectiveDirective));
          const here = location.origin + "/queue?secret=1";
          await fetch(here).catch(() => {});
          try { navigator.sendBeacon(here, "x"); } catch { /* refused */ }
          try { new WebSocket(here.replace("http", "ws")); } catch { /* refused */ }
          const form = document.createElement("form"); form.action = here; form.target = "_blank";
          document.body.append(form); form.submit();
          const image = new Image(); image.src = "http://127.0.0.2:9/x.png";
          const button = document.createElement("button"); button.setAttribute("onclick", "window.__ran = 1");
          document.body.append(button); button.click();
        }"""
    )
    wanted = Counter({"connect-src": 3, "form-action": 1, "img-src": 1, "script-src-attr": 1})
    until(lambda: Counter(page.evaluate("window.__said")) >= wanted)
    assert page.evaluate("window.__ran ?? null") is None
    assert [url for url in sent if "secret" in url] == []
    page.close()


def test_keys_and_radio_group_do_what_they_say(browser: Browser, served: RunningApp) -> None:
    page = browser.new_page()
    page.clock.install()
    begin(page, served)
    assert page.locator("fieldset legend").inner_text()
    assert page.get_by_role("group").get_by_role("radio").count() == page.get_by_role("radio").count() == 6
    assert page.get_by_role("button", name="Next").is_disabled()
    page.get_by_label("not like me at all").focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")  # within the group: chooses the next one and stays
    page.clock.run_for(HOUR)
    assert stands(page) == (1, 20, 1)
    assert page.get_by_role("radio").nth(1).is_checked()
    page.keyboard.press("Enter")
    assert stands(page) == (2, 20, 1)
    page.keyboard.press("ArrowLeft")
    assert stands(page) == (1, 20, 1)
    assert page.get_by_role("radio").nth(1).is_checked()
    page.get_by_label("somewhat like me").click()  # a pointer has decided
    page.clock.run_for(HOUR)
    assert stands(page) == (2, 20, 1)
    assert page.evaluate("document.activeElement.tagName") == "H2"
    page.close()


def test_without_models_and_with_a_shapeless_profile_none_is_named(page: Page, served: RunningApp) -> None:
    begin(page, served)
    answer(page, [4] * 20)
    page.locator(".vp-take-result").wait_for()
    said = page.locator(".vp-take-said").inner_text()
    assert said
    assert [v.name for v in VALUES if v.name in said] == []
    # the practice row of this app has no answers at hand
    assert "No model of this benchmark is here yet" in page.locator("#take-nearest").inner_text()
    assert not page.locator("#take").get_by_text("NaN").count()


@pytest.mark.upstream
def test_beside_the_released_models(browser: Browser, published: RunningApp, upstream_dir: Path) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    watched = Watched(published.url)
    watched.follow(page)
    begin(page, published)
    answer(page, pattern(20))
    page.locator(".vp-take-result").wait_for()
    assert page.locator(".vp-take-table thead th").all_inner_texts() == ["Value", "You", "Raters", "Models"]
    assert "Not distinguishable" in page.locator("#take-nearest").inner_text()
    data = json.loads(page.locator("#take-data").inner_text() or page.locator("#take-data").text_content() or "")
    assert data["reading"] == "match"
    # the page reads the short form by matches, as Python does
    benchmark = load_benchmark(upstream_dir)
    form, templates = choose(benchmark, SIZES["short"]), templates_of(benchmark)
    assert templates is not None
    queries = benchmark.query_index[list(form.rows)]
    mine = match_form(np.array(pattern(20), dtype=float), *of_form(templates, form), queries)
    scores, half = shown(page)
    assert scores == pytest.approx(mine.score, abs=1e-9)
    assert half == pytest.approx(mine.half, abs=1e-9)
    raters = match_form(np.array(data["raters"]), *of_form(templates, form), queries).score
    first = page.locator(".vp-take-table tbody tr").first.locator(".vp-take-other").first.inner_text()
    assert first.startswith(f"{raters[0]:+.2f}".replace("-", "−"))
    assert "match" in kept(page, "numbers as CSV")
    assert page.locator(".vp-take-pair svg path.vp-reference").count() == 1
    # answering exactly as one of the models does not make it the one: its neighbours are as near for all that is sure
    named = page.evaluate(
        f"d => {{ const {{ nearest }} = {COMPUTING}; return d.models.filter(m => !m.muted)"
        ".map((m, k, all) => nearest(d.items, m.ratings.map(Math.round), all, d).length); }",
        data,
    )
    assert min(named) >= 1
    assert sum(n > 5 for n in named) >= len(named) / 2
    assert watched.errors == []
    page.close()


@pytest.mark.parametrize("width", [390, 820, 1440])
def test_every_state_fits_the_screen(page: Page, served: RunningApp, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})

    def fits() -> None:
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0
        small = page.evaluate(
            "() => [...document.querySelectorAll('main *')].filter(n => [...n.childNodes].some(c => c.nodeType === 3"
            " && c.textContent.trim()) && n.tagName !== 'SCRIPT' && parseFloat(getComputedStyle(n).fontSize) < 12)"
            ".map(n => n.textContent)"
        )
        assert small == []

    page.goto(f"{served.url}/take")
    fits()
    page.locator("#take-go").click()
    fits()
    answer(page, pattern(20))
    page.locator(".vp-take-result").wait_for()
    fits()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_rating_and_portrait_have_no_serious_issue(browser: Browser, served: RunningApp, scheme: Any) -> None:
    view = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    begin(view, served)
    assert serious(view) == {}
    answer(view, pattern(20))
    view.locator(".vp-take-result").wait_for()
    assert serious(view) == {}
    view.close()
