"""One whole path: submit the real small model on the practice benchmark, watch it run, read its new row.

Nothing here stands in for anything: a real Chromium, the real app with its scheduler, and a real language model that
answers 60 prompts over HTTP. Its process is halted while a page is looked at, so that however quick the model and slow
the browser are, the page is opened before the last answer.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from data.values import VALUES
from eval_queue.asking.checkpoint import ANSWERS_FILE
from eval_queue.asking.local_model import MODEL, available
from eval_queue.queue.queue import open_queue
from eval_queue.settings import Settings
from leaderboard.boards.results import PUBLISHED, load
from tests.browser.conftest import Watched, new_page
from tests.support.short_app import short_practice
from tests.support.waiting import until
from tools.live import RunningApp, app

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.local_model,
    pytest.mark.skipif(not available(), reason="the small model is not installed: see requirements-local.txt"),
]

MINUTES = 60_000


def progress(page: Page) -> tuple[int, int] | None:
    """Done and total as the page says them; None while it says nothing."""
    found = re.search(r"([\d,]+) of ([\d,]+) prompts", page.locator("#life").inner_text())
    return None if found is None else (int(found[1].replace(",", "")), int(found[2].replace(",", "")))


class Model:
    """The small model's process, which answers only when it is told to."""

    def __init__(self, running: RunningApp, store: Path) -> None:
        self._pid = self._of(running.process.pid)
        self._store = store

    @staticmethod
    def _of(app: int) -> int:
        def found() -> int | None:
            for status in Path("/proc").glob("[0-9]*/stat"):
                try:
                    parent = int(status.read_text().rpartition(")")[2].split()[1])
                    command = (status.parent / "cmdline").read_bytes()
                except (OSError, ValueError):  # it has ended
                    continue
                if parent == app and b"local_model" in command:
                    return int(status.parent.name)
            return None

        return until(found)

    def halt(self) -> None:
        os.kill(self._pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    def answer_some(self) -> None:
        """Let it answer at least two prompts more, of which the first may be on its way to be stored."""
        wanted = self._answers() + 2
        self.go_on()
        until(lambda: self._answers() >= wanted, longest_pause=0.01)
        self.halt()

    def _answers(self) -> int:
        return sum(file.read_bytes().count(b"\n") for file in self._store.glob(f"work/*/{ANSWERS_FILE}"))


@contextmanager
def halted(running: RunningApp, store: Path) -> Iterator[Model]:
    """The small model halted, and whatever happens not left so."""
    model = Model(running, store)
    model.halt()
    try:
        yield model
    finally:
        model.go_on()


def test_a_model_is_submitted_runs_and_gets_its_row(browser: Browser, tmp_path: Path) -> None:
    store, prompts = tmp_path / "store", short_practice().n_prompts
    program = ("-m", "tests.support.short_app")
    with app(store, program=program, source="practice", poll_seconds="1") as running:
        page = new_page(browser)
        watched = Watched(running.url)
        watched.follow(page)

        page.goto(f"{running.url}/submit", wait_until="domcontentloaded")
        name = page.locator("#model textarea, #model input").first
        name.wait_for()
        assert name.input_value() == MODEL  # the local endpoint may be asked for one model only
        name.fill("http://127.0.0.1:1/v1")
        page.locator("#send").click()
        page.locator("#model-error .vp-refusal").wait_for()
        assert "bad_name" in page.locator("#model-error").inner_text()

        name.fill(MODEL)
        page.locator("#send").click()
        page.locator("#life h2", has_text=MODEL).wait_for()
        page.wait_for_url("**/submit?id=*")
        assert page.locator("#model-error").inner_text() == ""

        with halted(running, store) as model:
            model.answer_some()
            page.locator("#life progress").wait_for(timeout=2 * MINUTES)
            first = progress(page)
            assert first is not None
            assert first[1] == prompts
            model.answer_some()
            page.wait_for_function(
                "before => Number(document.querySelector('#life progress')?.value) > before",
                arg=first[0],
                timeout=2 * MINUTES,
            )
            assert re.search(r"\d+ % of the answers readable", page.locator("#life").inner_text())
            watch_the_queue(browser, running.url, watched, model)
        page.reload()  # the address names the submission
        page.locator("#life h2", has_text=MODEL).wait_for()

        page.get_by_role("link", name="See its row on the board").click(timeout=25 * MINUTES)
        read_the_row(page, store)
        page.locator(".vp-menu-view > summary").click()
        page.get_by_role("switch").click()
        assert page.locator(".vp-row").count() == len(load(PUBLISHED).results)
        assert MODEL not in page.locator(".vp-rows").inner_text()

        page.goto(f"{running.url}/queue", wait_until="domcontentloaded")
        done = page.locator("section", has=page.get_by_role("heading", name="Done"))
        done.get_by_role("link", name=MODEL).wait_for()
        page.close()
        assert watched.errors == []
        assert watched.elsewhere == []
        assert running.stop() == 0


def watch_the_queue(browser: Browser, url: str, watched: Watched, model: Model) -> None:
    """The queue page shows it running, and goes on showing what is new without being asked."""
    page = new_page(browser, viewport={"width": 390, "height": 844})
    watched.follow(page)
    page.goto(f"{url}/queue", wait_until="domcontentloaded")
    running = page.locator("section", has=page.get_by_role("heading", name="Running"))
    running.get_by_role("link", name=MODEL).wait_for()
    before = page.locator("progress").evaluate("p => p.value")
    model.answer_some()
    page.wait_for_function(
        "before => document.querySelector('progress')?.value > before", arg=before, timeout=2 * MINUTES
    )
    page.close()


def read_the_row(page: Page, store: Path) -> None:
    """The new row stands on the practice board with the stored result's numbers, and says what it is worth."""
    page.locator(".vp-row").first.wait_for()
    assert page.locator(".vp-row .vp-model").all_inner_texts() == [MODEL]
    assert "values mean nothing" in page.locator(".vp-notice").inner_text()
    assert {"practice", "constrained"} <= set(page.locator(".vp-row .vp-badge").all_inner_texts())
    (stored,) = open_queue(Settings(store=store)).results()
    assert stored.coverage.rated == stored.coverage.prompts  # constrained answers can always be read
    dimensions: dict[str, Any] = stored.scales["pvq"].dimensions
    shown = page.locator(".vp-row td.vp-score > .vp-num").all_inner_texts()
    for text, d in zip(shown, VALUES, strict=True):
        score = dimensions[d.name].score
        assert text == "–" if score is None else float(text.replace("−", "-")) == pytest.approx(score, abs=0.0051)
    assert page.locator(".vp-panel h2").inner_text() == MODEL
    assert "mean nothing" in page.locator(".vp-panel .vp-note").inner_text()
