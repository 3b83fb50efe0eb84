"""The real app on a free port with a store of its own, and a real Chromium that watches what pages do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from data.sources.practice import practice_benchmark
from eval_queue.store.collection import encode
from eval_queue.store.local import EMPTY_HEAD, LocalStore
from leaderboard.boards.results import PUBLISHED, load
from tests.support.apps import app
from tests.support.rows import result
from tests.support.waiting import LIMIT
from tools.live import RunningApp, chromium, find_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, ViewportSize

LEAVING = "the page is left"
FAREWELL = ("AbortError: signal is aborted without reason", "Unexpected error Connection errored out")
"""How Gradio's own script takes leave: it ends its stream in `beforeunload` and logs that the stream has ended."""
WIDE: ViewportSize = {"width": 1440, "height": 900}
HOSTILE = "<img src=x onerror=window.__executed=1>"
PRACTICE_SCORES = (0.9, 0.1, -0.1, -0.3, -0.2, 0.3, 0.0, None, 0.5, 0.2)


@dataclass
class Watched:
    """What a page did that it should not."""

    address: str
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    """Requests to any other host."""
    _leaving: bool = False

    def follow(self, page: Page) -> None:
        for event, handler in self._handlers():
            page.on(event, handler)  # type: ignore[call-overload]  # one overload an event

    def leave(self, page: Page) -> None:
        """Watch a page no longer."""
        for event, handler in self._handlers():
            page.remove_listener(event, handler)

    def _handlers(self) -> Iterable[tuple[str, Callable[[Any], None]]]:
        # bound methods of the same object are equal, which is how they are found again
        return {
            "console": self._said,
            "domcontentloaded": self._arrived,
            "pageerror": self._failed,
            "request": self._asked,
        }.items()

    def _said(self, message: ConsoleMessage) -> None:
        if (message.type, message.text) == ("debug", LEAVING):
            self._leaving = True
        elif message.type == "error" and not (self._leaving and message.text.startswith(FAREWELL)):
            # a page of ours that says that there is nothing at its address is a 404 itself
            own = message.page is not None and message.location["url"] == message.page.url
            if not (own and "404" in message.text):
                self.errors.append(message.text)

    def _arrived(self, _: Page) -> None:
        self._leaving = False

    def _failed(self, error: Error) -> None:
        self.errors.append(str(error))

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.elsewhere.append(request.url)


class Tabs:
    """Pages that tests use one after the other: each further one costs a process that compiles all scripts anew."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: list[Page] = []

    @contextmanager
    def open(self, address: str) -> Iterator[tuple[Page, Watched]]:
        """A wide, light, empty page, and what it does that it should not; `address` is where it may ask."""
        page = self._free.pop() if self._free else new_page(self._browser)
        page.context.clear_cookies()
        page.set_viewport_size(WIDE)
        page.emulate_media(color_scheme="light")
        page.mouse.move(0, 0)
        watched = Watched(address)
        watched.follow(page)
        yield page, watched
        if not page.is_closed():
            page.goto("about:blank")
            watched.leave(page)
            self._free.append(page)


def new_page(browser: Browser, **options: Any) -> Page:
    """A page in a profile of its own that says when it is left."""
    page = browser.new_page(**({"viewport": WIDE} | options))
    page.set_default_timeout(1000 * LIMIT)
    page.add_init_script(f"addEventListener('beforeunload', () => console.debug({LEAVING!r}))")
    return page


def resize(page: Page, width: int, height: int = 900) -> None:
    """Another size of window, and the layout that the page's scripts give it: they are told with the next frame."""
    page.set_viewport_size({"width": width, "height": height})
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def reopen(page: Page, width: int, height: int = 844) -> None:
    """The same address in another size of window from the beginning."""
    page.set_viewport_size({"width": width, "height": height})
    page.reload(wait_until="load")


def fill(store: Path) -> None:
    """Put rows beside the published ones: a hostile name on their board, and a practice run."""
    published = load(PUBLISHED).results[0]
    practice = practice_benchmark()
    when = datetime(2026, 11, 20, tzinfo=UTC)
    rows = [
        result(
            HOSTILE,
            (0.2,) * 9 + (None,),
            id="hostile",
            digest=published.benchmark.digest,
            protocol=published.protocol,
            note=HOSTILE,
            developer=HOSTILE,
            origin="self-reported",
            created=when,
        ),
        result(
            "small/practice-model",
            PRACTICE_SCORES,
            half=0.2,
            id="practised",
            digest=practice.digest,
            name="practice",
            answer_mode="constrained",
            protocol="1-constrained",
            origin="space",
            created=when,
        ),
    ]
    LocalStore(store).commit({f"results/{r.id}.json": encode(r) for r in rows}, EMPTY_HEAD, "rows for tests")


@pytest.fixture(scope="session")
def chromium_path() -> str:
    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium is here (CHROMIUM names one)")
    return path


@pytest.fixture(scope="package")
def browser(chromium_path: str) -> Iterator[Browser]:
    # of this folder, not of the session: while it is open no other test can run an event loop in this thread
    with chromium(chromium_path) as opened:
        yield opened


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """An app that only shows: published rows, a hostile one, a practice run."""
    store = tmp_path_factory.mktemp("served") / "store"
    fill(store)
    with app(store, source="practice", scheduler="false") as running:
        yield running


@pytest.fixture(scope="package")
def tabs(browser: Browser) -> Tabs:
    """Pages to use again."""
    return Tabs(browser)


@pytest.fixture
def page(tabs: Tabs, served: RunningApp) -> Iterator[Page]:
    """A wide page; the test fails if it logs an error or asks another host for anything."""
    with tabs.open(served.url) as (opened, watched):
        yield opened
    assert watched.errors == []
    assert watched.elsewhere == []


@pytest.fixture
def other(tabs: Tabs, served: RunningApp) -> Iterator[Page]:
    """A second page, as another visitor has it."""
    with tabs.open(served.url) as (opened, _):
        yield opened
