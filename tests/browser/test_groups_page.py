"""The Groups page in a real browser: the form is the address, nothing moves sideways, text can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from leaderboard.boards.group_similarity import read_proximity
from leaderboard.boards.results import PUBLISHED, load
from tests.browser.conftest import reopen
from tools.live import RunningApp

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

ROWS = load(PUBLISHED).results
REPORT = read_proximity()
assert REPORT is not None
TOLD = [m.model for m in REPORT.models if m.reported]
WIDTHS = (390, 700, 1100, 1440)

# contrast of each text with the ground it stands on, by WCAG's formula; see-through grounds are the page's
FAINT = """() => {
  const light = c => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(x => x / 255)
    .map(x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
    return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
  const ground = n => { for (let e = n; e; e = e.parentElement) { const b = getComputedStyle(e).backgroundColor;
    if (!/, 0\\)$|transparent/.test(b)) return b; } return 'rgb(255, 255, 255)'; };
  return [...document.querySelectorAll('.vp-groups *')].filter(n => n.getClientRects().length
    && [...n.childNodes].some(c => c.nodeType === 3 && c.textContent.trim())).map(n => {
    const svg = n.closest('svg'); const s = getComputedStyle(n);
    const a = light(svg && n.tagName === 'text' ? s.fill : s.color), b = light(ground(n));
    return [n.textContent.trim().slice(0, 30), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]; })
    .filter(([, ratio]) => ratio < 4.5); }"""
SMALL = """() => [...document.querySelectorAll('.vp-groups *')].filter(n => n.getClientRects().length
  && [...n.childNodes].some(c => c.nodeType === 3 && c.textContent.trim())).filter(n => {
    const svg = n.closest('svg');
    const scale = svg && n.tagName === 'text' ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
    return parseFloat(getComputedStyle(n).fontSize) * scale < 11.99; }).map(n => n.textContent.trim().slice(0, 30))"""


def fields(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_the_form_is_the_address(page: Page, served: RunningApp) -> None:
    page.goto(f"{served.url}/")
    page.get_by_role("link", name="Groups", exact=True).click()
    page.wait_for_url("**/groups**")
    page.locator(".vp-circle").wait_for()
    assert page.locator("nav [aria-current]").inner_text() == "Groups"
    chosen = next(r for r in ROWS if r.model == TOLD[5])
    page.get_by_label("Model").select_option(chosen.id)
    page.get_by_label("Groups").select_option("age")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**contrast=age**")
    assert fields(page) == {"id": [chosen.id], "contrast": ["age"], "reading": ["published"]}
    assert TOLD[5] in page.locator(".vp-verdict").inner_text()
    page.reload()
    assert page.get_by_label("Model").input_value() == chosen.id
    page.go_back()
    assert page.locator(".vp-this").first.inner_text() != ""


def test_models_stand_by_name_until_another_order_is_asked_for(page: Page, served: RunningApp) -> None:
    page.goto(f"{served.url}/groups")
    names = page.locator(".vp-all tbody th a")
    assert names.all_inner_texts() == TOLD
    page.locator(".vp-all thead").get_by_role("link", name="Lean").click()
    page.wait_for_url("**sort=lean**")
    marks = page.locator(".vp-all .vp-spot").evaluate_all("nodes => nodes.map(n => n.getBoundingClientRect().x)")
    assert marks == sorted(marks)
    assert names.all_inner_texts() != TOLD
    page.locator(".vp-all thead").get_by_role("link", name="Lean").click()
    page.wait_for_url("**order=down**")
    marks = page.locator(".vp-all .vp-spot").evaluate_all("nodes => nodes.map(n => n.getBoundingClientRect().x)")
    assert marks == sorted(marks, reverse=True)


def test_nothing_moves_sideways_no_text_is_small_or_faint(page: Page, served: RunningApp) -> None:
    flat = next(r for r in ROWS if r.model not in TOLD)
    for address in ("groups", f"groups?id={flat.id}&contrast=education"):
        page.goto(f"{served.url}/{address}")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two that there are
            for width in WIDTHS:
                reopen(page, width)
                page.locator("details").evaluate_all("nodes => nodes.forEach(n => n.open = true)")
                over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                assert over <= 0, (address, width)
                assert page.evaluate(SMALL) == [], (address, width)
                assert page.evaluate(FAINT) == [], (address, width, scheme)


def test_the_legend_covers_nothing_and_names_do_not_overlap(page: Page, served: RunningApp) -> None:
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 844})
        page.goto(f"{served.url}/groups?contrast=age")
        boxes = page.locator(".vp-circle text").evaluate_all(
            "nodes => nodes.map(n => { const b = n.getBoundingClientRect(); return [b.x, b.y, b.right, b.bottom]; })"
        )
        assert len(boxes) == 13
        picture = page.locator(".vp-circle").bounding_box()
        assert picture is not None
        for i, (x, y, right, bottom) in enumerate(boxes):
            assert x >= picture["x"] - 1
            assert right <= picture["x"] + picture["width"] + 1
            for x2, y2, right2, bottom2 in boxes[i + 1 :]:
                assert right <= x2 or right2 <= x or bottom <= y2 or bottom2 <= y
        line = page.locator(".vp-circle path[stroke-width='2.5']").first.bounding_box()
        assert line is not None
        assert line["y"] + line["height"] < min(box[1] for box in boxes[10:])


def test_a_hostile_name_stays_text(page: Page, served: RunningApp) -> None:
    page.goto(f"{served.url}/groups?id=hostile")
    assert "<img" in page.locator(".vp-verdict").inner_text()
    assert page.evaluate("window.__executed") is None


def test_the_reading_is_chosen_and_stays(page: Page, served: RunningApp) -> None:
    page.goto(f"{served.url}/groups?contrast=age")
    assert page.locator("select[name=reading]").input_value() == "published"
    page.locator("select[name=reading]").select_option("all")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**reading=all**")
    assert "Read by matches on all items" in page.locator(".vp-told").inner_text()
    page.locator(".vp-all thead").get_by_role("link", name="Lean").click()
    page.wait_for_url("**sort=lean**")
    assert fields(page)["reading"] == ["all"]
    assert page.locator("select[name=reading]").input_value() == "all"
