"""The copy of plain files in a real browser, from the disk and from a plain host of files: nothing runs behind it."""

from __future__ import annotations

import functools
import http.server
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from leaderboard.boards.results import PUBLISHED, load
from leaderboard.exports.static_copy import page_name, write
from leaderboard.ui import READ
from tests.browser.conftest import HOSTILE, Watched, fill, new_page
from tests.leaderboard.exports.test_exports import make_site
from tests.support.waiting import LIMIT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

RELEASED = load(PUBLISHED).results


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copied")
    fill(folder / "store")
    write(make_site(folder), folder / "copy", READ)
    return folder / "copy"


@pytest.fixture(params=["disk", "host"])
def place(request: pytest.FixtureRequest, copy: Path) -> Iterator[str]:
    """The address of the copy: a folder, or a host in a folder of it."""
    if request.param == "disk":
        yield copy.as_uri()
        return
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=copy.parent)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/{copy.name}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def view(browser: Browser, place: str) -> Iterator[Page]:
    """A page that fails the test if it logs an error, asks anybody else, or misses a file."""
    opened = new_page(browser)
    watched = Watched(place)
    watched.follow(opened)
    failed: list[str] = []
    cut: set[str] = set()
    opened.on("requestfailed", lambda r: cut.add(r.url) if r.failure == "net::ERR_ABORTED" else failed.append(r.url))
    opened.on("response", lambda r: failed.append(r.url) if r.status >= 400 else None)
    yield opened
    opened.wait_for_load_state("networkidle")
    opened.close()
    assert watched.errors == []
    assert watched.elsewhere == []
    assert failed == []
    for address in cut:  # the browser asks for a page's icon when it likes, also when the page is about to be left
        urllib.request.urlopen(address, timeout=LIMIT).close()


DONE: Final = "networkidle"
"""When a page may be left."""


def names(page: Page) -> list[str]:
    return page.locator(".vp-row .vp-model").all_inner_texts()


def test_it_opens_sorts_and_leads_to_a_model(view: Page, place: str) -> None:
    view.goto(f"{place}/index.html", wait_until=DONE)
    view.locator(".vp-row").first.wait_for()
    assert sorted(names(view)) == sorted([*(r.model for r in RELEASED), HOSTILE])
    head = view.locator('.vp-heads th[data-column="Power"]')
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    highest = max(RELEASED, key=lambda r: r.scales["pvq"].dimensions["Power"].score or -9)
    assert highest.model in names(view)[:2]  # beside the row made up for tests
    view.reload(wait_until=DONE)
    view.locator(".vp-row").first.wait_for()
    assert view.locator('.vp-heads th[data-column="Power"]').get_attribute("aria-sort") == "descending"
    view.locator(f'.vp-row[data-id="{highest.id}"] .vp-model').click()
    view.locator(f'a[href="{page_name(highest)}"]').first.click()
    view.wait_for_url(f"**/{page_name(highest)}")
    assert highest.model in view.locator("h1").first.inner_text()


def test_every_page_opens_with_its_look(view: Page, place: str, copy: Path) -> None:
    for file in sorted(copy.glob("*.html"))[:6]:
        view.goto(f"{place}/{file.name}", wait_until=DONE)
        assert view.locator(".vp-copied").is_visible()
        assert view.evaluate("getComputedStyle(document.body).fontFamily").startswith('"Source Sans Pro"')
        assert view.evaluate("document.fonts.check('16px \"Source Sans Pro\"')")
        assert not view.locator(".vp-masthead nav a", has_text="Submit").is_visible()


def test_colours_chosen_in_it_are_kept_and_terms_open(view: Page, place: str) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    view.goto(f"{place}/about.html", wait_until=DONE)
    before = view.evaluate(ground)
    view.locator(".vp-appearance").click()
    view.locator(".vp-term").first.click()
    view.locator(".vp-note-of-term:popover-open").get_by_role("link", name="Glossary").click()
    view.wait_for_url("**/glossary.html#*", wait_until=DONE)
    assert view.evaluate(ground) != before
    view.goto(f"{place}/index.html")
    view.locator(".vp-row").first.wait_for()
    assert view.evaluate(ground) != before
    view.locator('.vp-heads th[data-column="coverage"] .vp-term').click()
    assert view.locator(".vp-note-of-term:popover-open").is_visible()
    assert view.locator(".vp-note-of-term:popover-open a").first.get_attribute("href") == "glossary.html#coverage"
    assert view.locator(".vp-panel svg a").first.get_attribute("href") == "value-Self-Direction.html"


def test_a_link_of_the_board_never_leads_to_nothing(view: Page, place: str, copy: Path) -> None:
    view.goto(f"{place}/index.html?q=gpt-4o")
    view.locator(".vp-row").first.wait_for()
    view.locator(".vp-row .vp-model").first.click()
    absolute = "links => links.map(a => new URL(a.getAttribute('href'), document.baseURI).href)"
    links = view.locator("a[href]").evaluate_all(absolute)
    for address in links:
        if address.startswith(place):
            name = address.removeprefix(f"{place}/").split("#")[0].split("?")[0]
            assert (copy / name).exists(), address
