"""A whole evaluation on the Hub while the Hub, the token or the benchmark fails: what is true afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from data.benchmark import Benchmark
from eval_queue.records import BenchmarkRef
from eval_queue.settings import Endpoint
from eval_queue.store.local import StoreUnavailable, WriteConflict
from eval_queue.submission import new_submission
from eval_queue.workers.worker import Benchmarks, Worker
from tests.support import ROOT
from tests.support.chat_server import ChatServer, rate
from tests.support.hub import Fault, HubProcess
from tests.support.hub_place import Place
from tests.support.waiting import LIMIT, until
from tests.support.worker_process import PROMPTS, tiny_benchmark

pytestmark = pytest.mark.slow


class Here:
    """A queue on the Hub with one submission, and workers on it."""

    def __init__(self, hub: HubProcess, folder: Path, chat: ChatServer) -> None:
        self.place = Place(hub, folder)
        self.place.requests, self.place.results = f"{self.place.requests}-f", f"{self.place.results}-f"
        self.chat = chat
        self.folder = folder
        self.benchmark: Benchmark = tiny_benchmark()
        self.stop = threading.Event()
        self.endpoint = Endpoint(name="chat", base_url=chat.address, concurrency=2)  # type: ignore[arg-type]
        self.queue = self.place.queue()
        made = new_submission(
            "org/a",
            endpoint=self.endpoint,
            benchmark=BenchmarkRef.of(self.benchmark),
            submitter="ada",
            at=self.queue.clock(),
        )
        self.id = self.queue.submit(made, quota=None).id
        self.queue.results()
        hub.requests.clear()

    def worker(self, **options: object) -> Worker:
        given: dict[str, object] = {
            "endpoints": [self.endpoint],
            "benchmarks": Benchmarks("practice", [self.benchmark]),
            "work": self.folder / "work",
            "stop": self.stop,
            "beat": 0.2,
        }
        return Worker(self.place.queue(copy="disk"), **given | options)  # type: ignore[arg-type]

    def evaluate(self, seconds: float = LIMIT) -> None:
        """Let a worker look for work until it is done, as the scheduler does."""
        worker = self.worker()

        def ended() -> bool:
            with contextlib.suppress(StoreUnavailable, WriteConflict):
                worker.drain()
            return self.place.queue().get(self.id).state in ("done", "failed")

        until(ended, seconds)

    def refused(self, repo: str) -> int:
        """How often somebody came to a repository without a token that is known."""
        return sum((line.repo, line.status) == (repo, 401) for line in self.place.hub.requests.all())

    def done_once(self) -> None:
        asked = Counter(asked.prompt for asked in self.chat.asked)
        assert len(asked) == PROMPTS
        assert max(asked.values()) == 1, "nothing was asked twice"
        assert self.place.queue().get(self.id).state == "done"
        (result,) = self.place.queue().results()
        assert result.coverage.rated == PROMPTS
        commits = [step for step in self.place.hub.history(self.place.results) if step["title"].startswith("result")]
        assert len(commits) == 1


@pytest.fixture
def here(store_hub: HubProcess, tmp_path: Path) -> Iterator[Here]:
    with ChatServer() as chat:
        yield Here(store_hub, tmp_path, chat)


HUB: dict[str, Fault] = {
    "429 with a time": Fault(status=429, retry_after=1, times=2),
    "429 without one": Fault(status=429, times=2),
    "409": Fault(status=409, times=2),
    "412": Fault(status=412, times=2),
    "500 before": Fault(status=500, times=2),
    "500 after": Fault(status=500, after=True),
    "503 after": Fault(status=503, after=True),
    "cut before": Fault(cut=True),
    "cut after": Fault(cut=True, after=True),
    "slow": Fault(delay=0.5, times=6),
    "page of HTML": Fault(status=502, page=True),
    "torn": Fault(torn="text"),
}


@pytest.mark.parametrize("fault", HUB)
@pytest.mark.parametrize("route", ["commit", "info", "preupload", "lfs-*"])
def test_a_fault_of_the_hub_costs_nothing_but_time(here: Here, route: str, fault: str) -> None:
    if fault in ("409", "412") and route != "commit":
        pytest.skip("only commits conflict")
    here.place.hub.faults.add(HUB[fault].model_copy(update={"route": route}))
    here.evaluate()
    assert sum(here.place.hub.faults.fired().values()) >= 1
    here.done_once()


def test_old_heads_for_a_while(here: Here) -> None:
    here.place.hub.commit(here.place.requests, {"note.txt": b"by somebody else"})
    here.place.hub.faults.add(Fault(route="info", stale=1, times=30))
    here.evaluate()
    here.done_once()


def test_a_token_that_is_revoked_and_replaced_in_the_middle(here: Here) -> None:
    token = here.place.hub.add_token(here.place.hub.user)
    revoked = threading.Event()
    here.chat.behave = lambda asked: replace(rate(asked), until=revoked if len(here.chat.asked) > 4 else None)
    worker = Worker(
        here.place.queue(token=token),
        endpoints=[here.endpoint],
        benchmarks=Benchmarks("practice", [here.benchmark]),
        work=here.folder / "work",
        stop=here.stop,
        beat=0.2,
    )
    thread = threading.Thread(target=lambda: worker.step())
    thread.start()
    until(lambda: here.chat.answered)
    here.place.hub.remove_token(token)
    revoked.set()
    until(lambda: len(here.chat.answered) == PROMPTS)
    # only who has a result to store looks at the results: it was refused, and has tried again
    until(lambda: here.refused(here.place.results) >= 2)
    here.stop.set()
    thread.join(LIMIT)
    assert not thread.is_alive()
    assert here.place.queue().get(here.id).state == "running", "it could say nothing"
    here.stop.clear()
    here.place.queue(clock=lambda: here.queue.clock() + 3 * here.queue.lease).expire()
    here.evaluate()
    here.done_once()


def test_another_benchmark_between_submission_and_run_is_left_waiting_with_a_note(here: Here) -> None:
    worker = here.worker(benchmarks=Benchmarks("practice"))
    assert worker.drain() == 0
    assert "no benchmark" in worker.notes[here.id]
    here.evaluate()
    here.done_once()


def test_a_newer_schema_is_set_aside_and_stops_nothing(here: Here) -> None:
    record = json.loads(here.place.records()[f"submissions/{here.id}.json"])
    newer = json.dumps({**record, "id": "newer", "schema_version": 2}).encode()
    here.place.hub.commit(here.place.requests, {"submissions/newer.json": newer})
    here.evaluate()
    here.done_once()
    (problem,) = here.place.queue().problems()
    assert "does not know this version" in problem.message
    queue = here.place.queue()
    assert queue.set_aside("submissions/newer.json") == "set-aside/submissions/newer.json"
    assert here.place.queue().problems() == []
    assert here.place.hub.files(here.place.requests)["set-aside/submissions/newer.json"] == newer


PATIENT = """
from data.cli import run
from eval_queue.store import repository
repository.COMMIT_SECONDS = 3600.0
from eval_queue.__main__ import app
run(app)
"""
"""The command with an hour for a change: that it ends long before has no other reason than a signal."""


@pytest.mark.parametrize("route", ["xet-token", "lfs-upload"])
def test_a_worker_process_ends_in_its_time_and_obeys_a_signal(here: Here, tmp_path: Path, route: str) -> None:
    """With a token route of Xet that hangs nothing is noticed; while the upload itself hangs, a signal is obeyed."""
    place = here.place
    queue = place.queue()
    queue.cancel(here.id, by="ada")
    endpoint = [{"name": "chat", "base_url": here.chat.address, "concurrency": 8, "models": ["org/*"]}]
    environment = {
        **place.hub.environment(tmp_path / "home", token=place.hub.token),
        "VALUE_PORTRAIT_STORE": str(tmp_path / "store"),
        "VALUE_PORTRAIT_REQUESTS_REPO": place.requests,
        "VALUE_PORTRAIT_RESULTS_REPO": place.results,
        "VALUE_PORTRAIT_SOURCE": "practice",
        "VALUE_PORTRAIT_LOCAL_MODEL": "false",
        "VALUE_PORTRAIT_ENDPOINTS": json.dumps(endpoint),
    }
    command = [sys.executable, "-m", "eval_queue"]
    if route == "lfs-upload":
        command = [sys.executable, "-c", PATIENT]
    run = subprocess.run([*command, "submit", "org/b"], cwd=ROOT, env=environment, capture_output=True, timeout=LIMIT)
    assert run.returncode == 0, run.stderr
    number = place.hub.faults.add(Fault(route=route, delay=600, times=None))
    place.hub.requests.clear()
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([*command, "work", "--once"], cwd=ROOT, env=environment, stderr=log)
    try:
        if route == "xet-token":
            assert process.wait(LIMIT) == 0
            assert {s.model: s.state for s in place.queue().submissions()}["org/b"] == "done"
            return
        until(lambda: place.hub.requests.count("lfs-batch") > 0)
        before = place.hub.requests.count("commit")
        process.send_signal(signal.SIGTERM)
        process.wait(LIMIT)
        assert before >= 1
        text = (tmp_path / "log").read_text()
        assert "Traceback" not in text
    finally:
        place.hub.faults.clear(number)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
