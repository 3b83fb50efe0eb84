"""The real app on a free port with a store of its own, and a real Chromium that watches what pages do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from data.practice import practice_benchmark
from eval_queue.collection import encode
from eval_queue.store import EMPTY_HEAD, LocalStore
from leaderboard.results import PUBLISHED, load
from tests.rows import result
from tools.live import RunningApp, app, chromium, find_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LEAVING = "the page is left"
FAREWELL = ("AbortError: signal is aborted without reason", "Unexpected error Connection errored out")
"""How Gradio's own script takes leave: it ends its stream in `beforeunload` and logs that the stream has ended."""
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
        page.add_init_script(f"addEventListener('beforeunload', () => console.debug({LEAVING!r}))")
        page.on("console", lambda m: self._said(m.type, m.text))
        page.on("domcontentloaded", lambda _: self._arrived())
        page.on("pageerror", lambda e: self.errors.append(str(e)))
        page.on("request", lambda r: None if self._ours(r.url) else self.elsewhere.append(r.url))

    def _said(self, kind: str, text: str) -> None:
        if (kind, text) == ("debug", LEAVING):
            self._leaving = True
        elif kind == "error" and not (self._leaving and text.startswith(FAREWELL)):
            self.errors.append(text)

    def _arrived(self) -> None:
        self._leaving = False

    def _ours(self, url: str) -> bool:
        return url.startswith((self.address, "data:", "blob:"))


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


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    # of a module, not of the session: while it is open no other test can run an event loop in this thread
    with chromium(chromium_path) as opened:
        yield opened


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """An app that only shows: published rows, a hostile one, a practice run."""
    store = tmp_path_factory.mktemp("served") / "store"
    fill(store)
    with app(store, source="practice", scheduler="false") as running:
        yield running


@pytest.fixture
def page(browser: Browser, served: RunningApp) -> Iterator[Page]:
    """A wide page; the test fails if it logs an error or asks another host for anything."""
    opened = browser.new_page(viewport={"width": 1440, "height": 900})
    watched = Watched(served.url)
    watched.follow(opened)
    yield opened
    opened.close()
    assert watched.errors == []
    assert watched.elsewhere == []
