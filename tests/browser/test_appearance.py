"""Light and dark, the keyboard on the board, paper, and that nothing moves while pages load, in a real browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.test_accessibility import ADDRESSES
from tests.support.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

    from tools.live import RunningApp

GROUND = "getComputedStyle(document.body).backgroundColor"
SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""
MOST_SHIFT = 0.1
"""What counts as good in a visitor's eyes (web.dev, Cumulative Layout Shift)."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_choice_of_colours_is_kept_on_every_kind_of_page(browser: Browser, served: RunningApp, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]
    try:
        view = context.new_page()
        view.goto(f"{served.url}/about")
        before = view.evaluate(GROUND)
        view.locator(".vp-appearance").click()
        chosen = view.evaluate(GROUND)
        assert chosen != before
        for address, ready in (("", ".vp-row"), ("submit", "#send"), (f"?__theme={scheme}", ".vp-row"), ("map", "h1")):
            view.goto(f"{served.url}/{address}")
            view.locator(ready).first.wait_for()
            assert view.evaluate(GROUND) == chosen, address
    finally:
        context.close()


def test_the_keyboard_finds_and_moves(page: Page, served: RunningApp) -> None:
    page.goto(served.url)
    page.locator(".vp-row").first.wait_for()
    rows = page.locator(".vp-row")
    focus = "document.activeElement.dataset.focus"
    page.keyboard.press("/")
    assert page.evaluate(focus) == "search"
    page.keyboard.type("a/b")
    assert page.evaluate("document.activeElement.value") == "a/b"
    page.locator("[data-focus=search]").fill("")
    page.locator('[data-focus="head name"]').focus()
    for key, expected in (("ArrowDown", 0), ("ArrowDown", 1), ("ArrowUp", 0), ("End", -1), ("Home", 0)):
        page.keyboard.press(key)
        where = rows.last if expected < 0 else rows.nth(expected)
        assert page.evaluate(focus) == f"name {where.get_attribute('data-id')}", key
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(focus).startswith("open ")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


GRADIOS = {"submit": "#send", "queue": ".vp-queue"}
"""What must be there before such a page has stopped moving."""


class LateFonts:
    """Fonts that come when a page has been drawn in others, as on a slow line."""

    def __init__(self) -> None:
        self.waiting: list[Route] | None = None

    def hold(self) -> None:
        self.waiting = []

    def handle(self, route: Route) -> None:
        if self.waiting is None:
            route.continue_()
        else:
            self.waiting.append(route)

    def release(self) -> None:
        waiting, self.waiting = self.waiting, None
        for route in waiting or ():
            route.continue_()


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_moves_while_a_page_loads(browser: Browser, served: RunningApp, width: int) -> None:
    view = browser.new_page(viewport={"width": width, "height": 900})
    try:
        view.add_init_script(SHIFTS)
        moved = {}
        late = LateFonts()
        view.route("**/*.woff2", late.handle)
        for address in ADDRESSES:
            late.hold()
            view.goto(f"{served.url}/{address}", wait_until="domcontentloaded")
            view.locator(GRADIOS.get(address, "main h1")).first.wait_for()
            view.evaluate("() => new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
            late.release()
            view.wait_for_load_state("networkidle" if address in GRADIOS else "load")
            # a frame after the fonts are there: what they would push has been pushed
            view.evaluate("document.fonts.ready.then(() => new Promise(requestAnimationFrame))")
            moved[address] = view.evaluate("window.shifted")
        assert {address: by for address, by in moved.items() if by >= MOST_SHIFT} == {}
    finally:
        view.close()


def test_a_row_is_two_sheets_of_paper_and_light(browser: Browser, served: RunningApp) -> None:
    view = browser.new_page(color_scheme="dark")
    try:
        view.goto(f"{served.url}/m/claude-3.7-sonnet:thinking")  # long sentences, and all there can be on a row
        until(lambda: view.reload() and view.locator(".vp-like").count() and view.locator(".vp-leans").count())
        sheets = len(re.findall(rb"/Type\s*/Page[^s]", view.pdf(format="A4")))
        assert sheets == 2
        view.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert view.evaluate(GROUND) == "rgb(255, 255, 255)"
        view.evaluate("window.dispatchEvent(new Event('afterprint'))")
        assert view.evaluate(GROUND) != "rgb(255, 255, 255)"
        # what is for a screen is not on paper, and links are words like others
        view.emulate_media(media="print")
        for address in ("compare?id=claude-3-opus-20240229&id=gpt-4o-2024-05-13", "benchmark"):
            view.goto(f"{served.url}/{address}")
            assert (
                view.locator(".vp-masthead nav, main form, main nav, .vp-appearance").locator("visible=true").count()
                == 0
            )
            looks = "nodes => [...new Set(nodes.map(node => getComputedStyle(node).textDecorationLine))]"
            assert view.locator("main a, main .vp-term").locator("visible=true").evaluate_all(looks) == ["none"]
            assert view.pdf(format="A4").startswith(b"%PDF")
    finally:
        view.close()
