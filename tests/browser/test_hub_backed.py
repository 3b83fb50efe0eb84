"""An app whose queue lives on the Hub, in a browser: own answers handed in, and the administrators' panel.

Signed in as on a Space; the Hub is the test one, the model a chat server over HTTP, everything else is real.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from data.sources.practice import practice_benchmark
from eval_queue.asking.evaluation import Job, evaluate
from eval_queue.queue.intake import Rules, submit
from eval_queue.queue.package import make_package
from eval_queue.queue.queue import Queue, now
from eval_queue.records import BenchmarkRef
from eval_queue.settings import Endpoint
from tests.browser.conftest import Tabs
from tests.browser.test_app import get, until
from tests.support.chat_server import ChatServer
from tests.support.hub import HubProcess, hub_process
from tests.support.hub_place import Place
from tools.live import RunningApp, app

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

REQUESTS, RESULTS = "lab/requests", "lab/results"
TROUBLE = re.compile(r'class=.?"vp-problems.?" role=.?"status.?"(?:>|.u003e)[^<\\]*? (20\d\d-\d\d-\d\d \d\d:\d\d)\b')
"""What a page says of its store, with the time of what it shows; within a script of Gradio's, too."""
MINUTE = 60_000


@dataclass
class Space:
    """The running app and the Hub that it lives on."""

    hub: HubProcess
    app: RunningApp
    folder: Path

    def submissions(self) -> dict[str, dict[str, Any]]:
        """The records that are truly on the Hub, by model."""
        files = self.hub.files(REQUESTS)
        found = [json.loads(c) for p, c in files.items() if p.startswith("submissions/") and p.endswith(".json")]
        return {record["model"]: record for record in found}

    def queue(self) -> Queue:
        """The queue as another process has it."""
        place = Place(self.hub, self.folder)
        place.requests, place.results = REQUESTS, RESULTS
        return place.queue(clock=now)

    def reported(self) -> list[str]:
        """Files of self-reported rows."""
        return sorted(p for p in self.hub.files(RESULTS) if p.startswith("self-reported/"))


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run over HTTP, packed."""
    folder = tmp_path_factory.mktemp("runs")
    benchmark = practice_benchmark()
    with ChatServer() as server:
        endpoint = Endpoint.model_validate({"name": "my-vllm", "base_url": server.address})
        job = evaluate(Job("org/mine", endpoint, benchmark), folder / "mine")
        with ThreadPoolExecutor(1) as apart:  # a browser that is open runs its own event loop in this thread
            apart.submit(asyncio.run, job).result()
    path = folder / "mine.zip"
    path.write_bytes(make_package(folder / "mine", benchmark))
    return path


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    folder = tmp_path_factory.mktemp("space")
    with hub_process() as hub, ChatServer() as chat, pytest.MonkeyPatch.context() as patch:
        for name, value in hub.environment(folder / "home", token=hub.token).items():
            patch.setenv(name, value)
        settings = {
            "requests_repo": REQUESTS,
            "results_repo": RESULTS,
            "hub_seconds": "0",
            "poll_seconds": "0.5",
            "oauth": "true",
            "approval": "true",
            "administrators": json.dumps([hub.user]),
            "endpoints": json.dumps([{"name": "chat", "base_url": chat.address}]),
            "local_model": "false",
        }
        with app(folder / "store", source="practice", **settings) as running:
            yield Space(hub, running, folder)


@pytest.fixture
def page(tabs: Tabs, space: Space) -> Iterator[Page]:
    with tabs.open(space.app.url) as (opened, watched):
        yield opened
    assert watched.errors == []
    assert [url for url in watched.elsewhere if not url.startswith(space.hub.url)] == []


def test_an_app_that_starts_while_the_hub_is_away_shows_its_last_copy_and_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes one after the other on the same disk; the second begins without the Hub."""
    settings = {"requests_repo": REQUESTS, "results_repo": RESULTS, "hub_seconds": "0", "scheduler": "false"}
    settings |= {"source": "practice", "local_model": "false"}
    with hub_process(tmp_path / "hub") as hub:
        for name, value in hub.environment(tmp_path / "home", token=hub.token).items():
            monkeypatch.setenv(name, value)
        with app(tmp_path / "store", **settings) as running:
            ada_asks(Space(hub, running, tmp_path), "org/kept")
            assert "org/kept" in get(f"{running.url}/queue")
        hub.kill()
        with app(tmp_path / "store", **settings) as running:
            page = get(f"{running.url}/queue")
            assert "org/kept" in page
            assert TROUBLE.search(page)
            for route in ("", "submit", "benchmark", "about", "model"):
                assert TROUBLE.search(get(f"{running.url}/{route}")), route
            hub.start()
            until(lambda: not TROUBLE.search(get(f"{running.url}/queue")))
            ada_asks(Space(hub, running, tmp_path), "org/later")
            assert "org/later" in get(f"{running.url}/queue")
        log = running.log.read_text()
        assert "can be reached again" in log
        assert "Traceback" not in log
        assert hub.token not in log
        assert hub.url not in log


def sign_in(page: Page, space: Space) -> None:
    page.goto(f"{space.app.url}/submit", wait_until="networkidle")
    page.locator("#sign-in").click()
    page.get_by_role("button", name=f"Sign out {space.hub.user}").wait_for()


def hand_in(page: Page, file: Path | dict[str, Any]) -> Locator:
    """Upload a file, press the button; what the page says."""
    page.locator("#package input[type=file]").set_input_files(file)  # type: ignore[arg-type]  # its own kind of dict
    page.locator("#hand-in").click()
    return page.locator("#handed-in")


def test_own_answers_are_handed_in_read_on_the_board_and_removed_by_an_administrator(
    page: Page, space: Space, package: Path
) -> None:
    page.goto(f"{space.app.url}/submit", wait_until="networkidle")
    hand_in(page, package).locator(".vp-code", has_text="sign_in").wait_for()
    sign_in(page, space)
    broken = {"name": "broken.zip", "mimeType": "application/zip", "buffer": b"no zip at all"}
    hand_in(page, broken).locator(".vp-code", has_text="bad_package").wait_for()
    assert space.reported() == []
    page.reload(wait_until="networkidle")
    said = hand_in(page, package)
    said.get_by_role("link").wait_for()
    assert [Path(p).suffix for p in space.reported()] == [".json", ".parquet"]

    said.get_by_role("link").click()
    row = page.locator(".vp-row", has_text="org/mine")
    row.wait_for()
    assert "self-reported" in row.inner_text()

    page.goto(f"{space.app.url}/queue", wait_until="domcontentloaded")
    handed_in = page.locator("section", has=page.get_by_role("heading", name="Self-reported"))
    handed_in.get_by_text(space.hub.user).wait_for()
    choose(page, "org/mine (self-reported")
    page.locator("#remove").click()
    handed_in.wait_for(state="detached")
    assert space.reported() == []
    page.goto(space.app.url, wait_until="load")
    assert page.locator(".vp-row", has_text="org/mine").count() == 0


def choose(page: Page, label: str) -> None:
    """Choose a submission or a row in the administrators' panel."""
    page.locator("#administration").wait_for()
    page.locator("#chosen input").click()
    page.get_by_role("option", name=label).first.click()


def ada_asks(space: Space, *models: str) -> None:
    """Submissions of somebody who is no administrator, put on the Hub by another process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("eval_queue.queue.intake.offered_models", lambda _: None)
        for model in models:
            submit(
                space.queue(),
                model,
                endpoints=[Endpoint(name="chat")],
                benchmark=BenchmarkRef.of(practice_benchmark()),
                submitter="ada",
                quota=5,
                rules=Rules(approval=True),
            )


def test_an_administrator_approves_puts_first_cancels_and_lets_try_again(page: Page, space: Space) -> None:
    ada_asks(space, "org/one", "org/two")
    sign_in(page, space)
    page.goto(f"{space.app.url}/queue", wait_until="domcontentloaded")
    waiting = page.locator("section", has=page.get_by_role("heading", name="Awaiting approval"))
    waiting.get_by_role("link", name="org/one").wait_for()
    told = page.locator("#administered")

    choose(page, "org/one (proposed")
    page.locator("#priority input").fill("5")
    page.locator("#prioritise").click()
    told.get_by_text("org/one").wait_for()
    assert space.submissions()["org/one"]["priority"] == 5
    choose(page, "org/two (proposed")
    page.locator("#admin-cancel").click()
    told.get_by_text("org/two").wait_for()
    assert {m: s["state"] for m, s in space.submissions().items()} == {"org/one": "proposed", "org/two": "cancelled"}

    choose(page, "org/one (proposed")
    page.locator("#approve").click()
    told.get_by_text("org/one").wait_for()
    done = page.locator("section", has=page.get_by_role("heading", name="Done"))
    done.get_by_role("link", name="org/one").wait_for(timeout=MINUTE)
    choose(page, "org/two (cancelled")
    page.locator("#requeue").click()
    told.get_by_text("org/two").wait_for()
    done.get_by_role("link", name="org/two").wait_for(timeout=MINUTE)
    assert {s["state"] for s in space.submissions().values()} == {"done"}
    prompts = practice_benchmark().n_prompts
    for row in space.queue().results():
        assert (row.coverage.prompts, row.coverage.rated) == (prompts, prompts), "all 360 were asked and answered"
    done.get_by_role("link", name="Row on the board").first.click()
    page.locator(".vp-row", has_text="org/two").wait_for()
