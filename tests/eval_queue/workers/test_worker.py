"""The worker with real evaluations over HTTP: alone, among others, stopped, killed, and inside the app's scheduler."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest

from data.benchmark import Benchmark
from data.cli import run
from data.sources.loading import load_benchmark
from data.sources.practice import practice_benchmark
from eval_queue.__main__ import app
from eval_queue.asking.checkpoint import ANSWERS_FILE, lock
from eval_queue.asking.evaluation import evaluate
from eval_queue.queue.queue import Kept, Queue, now
from eval_queue.records import BenchmarkRef
from eval_queue.settings import Endpoint, Settings
from eval_queue.store.collection import encode
from eval_queue.store.local import LocalStore, StoreUnavailable
from eval_queue.submission import Submission, new_submission
from eval_queue.workers import scheduler
from eval_queue.workers.worker import Benchmarks, Worker
from tests.support import ROOT
from tests.support.chat_server import Asked, ChatServer, fail, held_after, rate, say
from tests.support.folders import write_folder
from tests.support.waiting import LIMIT, until

LEASE = timedelta(seconds=30)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny invented benchmark: 144 prompts."""
    return write_folder(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def benchmark(folder: Path) -> Benchmark:
    return load_benchmark(folder)


@pytest.fixture
def chat() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


class Ended(NamedTuple):
    """A command that has ended."""

    status: str | int | None
    out: str
    err: str


class Here:
    """A store, an endpoint and a benchmark, and workers on them in this process or in others."""

    def __init__(self, tmp_path: Path, chat: ChatServer, folder: Path, benchmark: Benchmark) -> None:
        self.chat = chat
        self.folder = folder
        self.benchmark = benchmark
        self.store = tmp_path / "store"
        self.work = self.store / "work"
        self.endpoint = Endpoint(name="chat", base_url=chat.address, concurrency=8)
        self.stop = threading.Event()
        self.processes: list[subprocess.Popen[str]] = []
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("VALUE_PORTRAIT_")},
            "VALUE_PORTRAIT_STORE": str(self.store),
            "VALUE_PORTRAIT_SOURCE": str(folder),
            "VALUE_PORTRAIT_LOCAL_MODEL": "false",
            "VALUE_PORTRAIT_ENDPOINTS": json.dumps([{"name": "chat", "base_url": chat.address, "concurrency": 8}]),
            "VALUE_PORTRAIT_POLL_SECONDS": "0.2",
            "VALUE_PORTRAIT_LEASE_SECONDS": "30",
            "VALUE_PORTRAIT_RETEST": "0",  # here it is counted that nothing is asked twice without reason
        }

    def queue(self, lease: timedelta = LEASE) -> Queue:
        store = LocalStore(self.store)
        return Queue(store, store, lease=lease)

    def put(self, *models: str, **changes: Any) -> list[Submission]:
        queue, ref = self.queue(), changes.pop("benchmark", BenchmarkRef.of(self.benchmark))
        endpoint = changes.pop("endpoint", self.endpoint)
        return [
            queue.submit(
                new_submission(model, endpoint=endpoint, benchmark=ref, submitter="ada", at=queue.clock()), quota=99
            )
            for model in models
        ]

    def worker(self, queue: Queue | None = None, **changes: Any) -> Worker:
        options: dict[str, Any] = {
            "endpoints": [self.endpoint],
            "benchmarks": Benchmarks("practice", [self.benchmark]),
            "work": self.work,
            "stop": self.stop,
            "beat": 0.1,
        }
        return Worker(queue or self.queue(), **options | changes)

    def states(self) -> dict[str, str]:
        return {s.model: s.state for s in self.queue().submissions()}

    def only(self) -> Submission:
        (submission,) = self.queue().submissions()
        return submission

    @contextlib.contextmanager
    def in_background(self, worker: Worker) -> Iterator[None]:
        """Let a worker of this process work; wait for it at the end, or stop it where a test failed."""
        thread = threading.Thread(target=worker.drain)
        thread.start()
        try:
            yield
        except BaseException:
            self.stop.set()
            raise
        finally:
            thread.join(LIMIT)
        assert not thread.is_alive()

    def process(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "eval_queue", *arguments]
        process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.processes.append(process)
        return process

    def command(self, *arguments: str) -> Ended:
        """`python -m eval_queue ...` in this process, which is much faster."""
        out, err, status = io.StringIO(), io.StringIO(), 0
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            patch.setattr(sys, "argv", ["eval_queue", *arguments])
            for name, value in self.environment.items():
                patch.setenv(name, value)
            try:
                run(app)
            except SystemExit as end:
                status = end.code
        return Ended(status, out.getvalue(), err.getvalue())

    def kept(self) -> int:
        """How many answers of the only submission are on the disk."""
        path = self.work / self.only().id / ANSWERS_FILE
        return path.read_bytes().count(b"\n") if path.exists() else 0

    def all_wait(self) -> bool:
        """Whether as many requests as there may be wait at the endpoint, so that none is on its way there."""
        return self.chat.at_once == self.endpoint.concurrency

    def asked(self) -> Counter[tuple[str, str]]:
        """How often each model was asked each prompt."""
        return Counter((asked.body["model"], asked.prompt) for asked in self.chat.asked)


@pytest.fixture
def here(tmp_path: Path, chat: ChatServer, folder: Path, benchmark: Benchmark) -> Iterator[Here]:
    place = Here(tmp_path, chat, folder, benchmark)
    yield place
    for process in place.processes:
        if process.poll() is None:
            process.kill()
            process.communicate()


# --- one worker -----------------------------------------------------------------------------------------------------


def test_a_submission_is_evaluated_and_its_result_stored(here: Here) -> None:
    (submitted,) = here.put("org/model")
    assert here.worker(beat=60).drain() == 1
    finished, queue = here.only(), here.queue()
    assert (finished.state, finished.attempts) == ("done", 1)
    assert finished.progress is not None
    assert (finished.progress.done, finished.progress.total, finished.progress.rated) == (144, 144, 144)
    (result,) = queue.results()
    assert (result.id, result.origin, result.model, result.endpoint) == (submitted.id, "space", "org/model", "chat")
    assert result.benchmark.digest == here.benchmark.digest
    assert result.coverage.rated == 144
    table = pq.read_table(io.BytesIO(queue.answers(submitted.id)))
    assert table.num_rows == 144
    assert not (here.work / submitted.id).exists(), "its answers are in the store now"
    assert set(here.asked().values()) == {1}
    for record in (encode(finished), encode(result)):
        assert b"127.0.0.1" not in record


def test_the_same_answers_give_the_same_result_in_another_installation(
    here: Here, tmp_path: Path, chat: ChatServer
) -> None:
    there = Here(tmp_path / "there", chat, here.folder, here.benchmark)
    for place in (here, there):
        place.put("org/model")
        place.worker().drain()
    (one,), (other,) = here.queue().results(), there.queue().results()
    assert one.scales == other.scales
    assert one.id == other.id


def test_a_failure_is_recorded_with_its_reason_and_the_next_is_evaluated(here: Here) -> None:
    here.chat.behave = lambda asked: (
        fail(401, "key sk-abcdefgh12345678 is not known") if _is(asked, "bad") else rate(asked)
    )
    here.put("org/bad", "org/good")
    assert here.worker().drain() == 2
    assert here.states() == {"org/bad": "failed", "org/good": "done"}
    failed = here.queue().submissions()[0]
    assert failed.failure is not None
    assert failed.failure.code == "auth"
    assert "401" in failed.failure.message
    assert "abcdefgh" not in encode(failed).decode()
    assert [r.model for r in here.queue().results()] == ["org/good"]


def test_a_requeued_failure_asks_only_what_is_left(here: Here) -> None:
    here.chat.behave = lambda asked: fail(401, "no") if len(here.chat.asked) > 70 else rate(asked)
    (submitted,) = here.put("org/model")
    here.worker().drain()
    assert here.only().state == "failed"
    # what came with the refusal may have been on its way still
    kept = here.kept()
    assert 70 - here.endpoint.concurrency <= kept <= 70
    here.chat.behave = rate
    here.chat.asked.clear()
    here.queue().requeue(submitted.id, by="ada")
    here.worker().drain()
    assert here.only().state == "done"
    assert len(here.chat.asked) == 144 - kept
    assert here.queue().results()[0].coverage.rated == 144


def test_a_fault_of_the_program_stops_nothing_else(here: Here, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(job: Any, *arguments: Any, **options: Any) -> Any:
        if job.model == "org/a":
            raise ZeroDivisionError("a private detail")
        return await evaluate(job, *arguments, **options)

    here.put("org/a", "org/b")
    assert here.worker(asker=broken).drain() == 2
    assert here.states() == {"org/a": "failed", "org/b": "done"}
    failure = here.queue().submissions()[0].failure
    assert failure is not None
    assert failure.code == "internal"
    assert "private" not in failure.message
    assert "ZeroDivisionError" in caplog.text


def test_a_work_folder_that_cannot_be_made_is_a_failure_with_a_reason(here: Here) -> None:
    here.put("org/a")
    here.work.write_text("a file where a folder should be")
    here.worker().drain()
    failure = here.only().failure
    assert failure is not None
    assert failure.code == "internal"
    assert str(here.work) not in failure.message


def test_what_stands_in_a_result_s_place_is_a_failure_with_a_reason_and_stops_nothing_else(here: Here) -> None:
    first, _ = here.put("org/a", "org/b")
    store = LocalStore(here.store)
    store.commit({f"results/{first.id}.json": b"{"}, store.head(), "by hand")
    assert here.worker().drain() == 2
    assert here.states() == {"org/a": "failed", "org/b": "done"}
    failure = here.queue().get(first.id).failure
    assert failure is not None
    assert failure.code == "internal"
    assert "The operator can move it" in failure.message
    head = store.head()
    assert store.read(f"results/{first.id}.json", head) == b"{", "nothing is overwritten"
    store.commit({f"results/{first.id}.json": None}, head, "moved away")
    asked = len(here.chat.asked)
    here.queue().requeue(first.id, by="ada")
    here.worker().drain()
    assert set(here.states().values()) == {"done"}
    assert len(here.chat.asked) == asked, "its answers were kept"


def test_a_store_that_fails_at_the_end_leaves_everything_for_the_next(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.put("org/a")
    queue = here.queue(lease=timedelta(seconds=1))
    monkeypatch.setattr(queue, "finish", _unavailable)
    assert here.worker(queue).step()
    assert here.only().state == "running"
    asked = len(here.chat.asked)
    until(lambda: here.worker().drain())
    assert here.only().state == "done"
    assert here.only().attempts == 2
    assert len(here.chat.asked) == asked == 144


# --- several at once ------------------------------------------------------------------------------------------------


def test_a_slow_endpoint_holds_up_no_other(here: Here) -> None:
    go = threading.Event()

    with ChatServer(lambda asked: replace(rate(asked), until=go)) as slow_server:
        slow = Endpoint(name="slow", base_url=slow_server.address)  # type: ignore[arg-type]
        here.put("org/slow", "org/slower", endpoint=slow)
        here.put("org/a", "org/b", "org/c")
        with here.in_background(here.worker(endpoints=[slow, here.endpoint], look=0.1)):
            until(lambda: [here.states()[f"org/{name}"] for name in "abc"] == ["done"] * 3)
            assert here.states()["org/slow"] == "running"
            assert here.states()["org/slower"] == "pending", "one at a time"
            here.put("org/late")
            until(lambda: here.states()["org/late"] == "done")
            go.set()
    assert set(here.states().values()) == {"done"}
    assert set(here.asked().values()) == {1}


def test_as_many_as_an_endpoint_has_places_are_evaluated_at_once(here: Here) -> None:
    go = threading.Event()
    here.chat.behave = held_after(0, go)
    here.put(*(f"org/{n}" for n in range(7)))
    most, ended = 0, threading.Event()

    def look() -> None:
        nonlocal most
        while not ended.is_set():
            most = max(most, list(here.states().values()).count("running"))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        with here.in_background(here.worker(endpoints=[here.endpoint.model_copy(update={"parallel": 3})])):
            until(lambda: most == 3 and here.chat.at_once == 3)
            go.set()
    finally:
        ended.set()
        watcher.join()
    assert most == 3
    assert set(here.states().values()) == {"done"}
    assert set(here.asked().values()) == {1}
    assert {s.attempts for s in here.queue().submissions()} == {1}


def test_a_stop_returns_all_of_them(here: Here) -> None:
    here.chat.behave = held_after(30)
    here.put(*(f"org/{n}" for n in range(5)))
    three = [here.endpoint.model_copy(update={"parallel": 3})]
    with here.in_background(here.worker(endpoints=three)):
        until(lambda: len({model for model, _ in here.asked()}) == 3)
        here.stop.set()
    assert set(here.states().values()) == {"pending"}
    here.stop.clear()
    here.chat.behave = rate
    assert here.worker(endpoints=three).drain() == 5
    assert set(here.states().values()) == {"done"}
    again = sum(times - 1 for times in here.asked().values())
    assert again <= 3 * here.endpoint.concurrency, "only what was on its way is asked again"


def test_one_that_is_cancelled_stops_alone(here: Here) -> None:
    held = held_after(30)
    here.chat.behave = lambda asked: held(asked) if _is(asked, "org/a") else replace(rate(asked), delay=0.1)
    first, _ = here.put("org/a", "org/b")
    with here.in_background(here.worker(endpoints=[here.endpoint.model_copy(update={"parallel": 2})])):
        until(lambda: len({model for model, _ in here.asked()}) == 2)
        here.queue().cancel(first.id, by="ada")
    assert here.states() == {"org/a": "cancelled", "org/b": "done"}
    assert len({prompt for model, prompt in here.asked() if model == "org/a"}) < 144


def test_a_store_that_is_away_while_some_are_evaluated_ends_none_of_them(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    here.chat.behave = held_after(0, go)
    here.put("org/a", "org/b")
    queue = here.queue()
    real, calls = queue.claim, iter(range(100))

    def claim(*arguments: Any, **options: Any) -> Any:
        if next(calls) == 1:
            go.set()  # until now the first is evaluated, whatever else takes long
            _unavailable()
        return real(*arguments, **options)

    monkeypatch.setattr(queue, "claim", claim)
    worker = here.worker(queue, endpoints=[here.endpoint.model_copy(update={"parallel": 2})], look=0.1)
    assert worker.drain() == 2
    assert set(here.states().values()) == {"done"}


def _unavailable(*_: object) -> None:
    raise StoreUnavailable("not now")


def _is(asked: Asked, name: str) -> bool:
    return name in str(asked.body["model"])


# --- what it cannot evaluate ----------------------------------------------------------------------------------------

OTHER = BenchmarkRef(name="value-portrait", version="other", digest="00" * 32)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"benchmark": OTHER}, "no benchmark value-portrait other with digest 000000000000"),
        ({"endpoint": Endpoint(name="elsewhere")}, "no endpoint named elsewhere"),
        ({"endpoint": Endpoint(name="chat", answer_mode="constrained")}, "in another way"),
    ],
    ids=["benchmark", "endpoint", "answer mode"],
)
def test_what_this_worker_cannot_evaluate_is_left_waiting_with_a_note(
    here: Here, caplog: pytest.LogCaptureFixture, changes: dict[str, object], words: str
) -> None:
    (left,) = here.put("org/first", **changes)
    here.put("org/second")
    worker = here.worker()
    with caplog.at_level(logging.WARNING, logger="eval_queue"):
        assert worker.drain() == 1
        worker.drain()
    assert here.states() == {"org/first": "pending", "org/second": "done"}
    assert words in worker.notes[left.id]
    assert caplog.text.count(words) == 1, "said once, not at each look"
    assert here.queue().get(left.id).attempts == 0


def test_a_model_the_endpoint_may_not_be_asked_for_any_more_is_left_waiting(here: Here) -> None:
    here.put("org/a")
    worker = here.worker(endpoints=[here.endpoint.model_copy(update={"models": ["other/*"]})])
    assert worker.drain() == 0
    assert "may not be asked for org/a" in next(iter(worker.notes.values()))


def test_benchmarks_are_found_by_digest(folder: Path, benchmark: Benchmark, tmp_path: Path) -> None:
    here = Benchmarks(str(folder))
    found = here.get(BenchmarkRef.of(benchmark))
    assert found is not None
    assert found.digest == benchmark.digest
    practice = practice_benchmark()
    assert here.get(BenchmarkRef.of(practice)) is not None
    assert here.get(OTHER) is None
    assert here.get(BenchmarkRef(name="practice", version="0", digest="11" * 32)) is None
    assert Benchmarks(str(tmp_path / "nothing")).get(BenchmarkRef.of(benchmark)) is None
    assert Benchmarks(str(tmp_path / "nothing"), [benchmark]).get(BenchmarkRef.of(benchmark)) is benchmark


# --- work folders ---------------------------------------------------------------------------------------------------


def test_a_folder_in_which_another_process_works_is_left_alone(here: Here) -> None:
    (submitted,) = here.put("org/a")
    with lock(here.work / submitted.id):
        worker = here.worker()
        assert worker.drain() == 0
        assert "still works" in worker.notes[submitted.id]
    assert here.worker().drain() == 1
    assert here.only().state == "done"


def test_answers_of_another_run_are_put_aside_not_mixed(here: Here) -> None:
    here.chat.behave = lambda asked: fail(401, "no") if len(here.chat.asked) > 50 else rate(asked)
    (submitted,) = here.put("org/a")
    here.worker().drain()
    kept = (here.work / submitted.id / ANSWERS_FILE).read_bytes()
    here.chat.behave = rate
    here.queue().requeue(submitted.id, by="ada")
    here.worker(endpoints=[here.endpoint.model_copy(update={"max_tokens": 256})]).drain()
    assert here.only().state == "done"
    (aside,) = here.work.iterdir()
    assert (aside / ANSWERS_FILE).read_bytes() == kept
    assert {asked.body["max_tokens"] for asked in here.chat.asked[-144:]} == {256}


# --- signs of life --------------------------------------------------------------------------------------------------


def test_the_claim_holds_while_answers_are_slow(here: Here) -> None:
    # the first answer, for which all others wait, takes longer than two leases, by a clock that the test moves
    go, later = threading.Event(), timedelta()
    here.chat.behave = held_after(0, go)
    here.put("org/slow")

    def queue() -> Queue:
        made = here.queue()
        made.clock = lambda: now() + later
        return made

    with here.in_background(here.worker(queue())):
        until(lambda: here.chat.at_once)
        other, begun = here.worker(queue()), now()

        def renewed() -> bool:
            held = here.only().lease
            return held is not None and held.expires >= begun + later + LEASE  # by the new time

        while later < 3 * LEASE:
            assert other.drain() == 0, "the claim was taken away"
            later += LEASE / 2
            until(renewed)
        assert other.drain() == 0, "the claim was taken away"
        assert here.chat.answered.total() == 0
        go.set()
    assert (here.only().state, here.only().attempts) == ("done", 1)


def test_progress_reaches_the_record(here: Here) -> None:
    stages = [threading.Event() for _ in range(2)]
    here.chat.behave = held_after(40, stages[0])
    here.put("org/a")

    def told(done: int) -> bool:
        progress = here.only().progress
        return progress is not None and (progress.done, progress.total) == (done, 144)

    with here.in_background(here.worker()):
        until(lambda: told(40) and here.all_wait())
        here.chat.behave = held_after(40, stages[1])
        stages[0].set()
        until(lambda: told(80 + here.endpoint.concurrency))
        assert here.only().state == "running"
        stages[1].set()
    assert told(144)


def test_a_cancelled_submission_stops_and_the_next_begins(here: Here) -> None:
    held = held_after(10)
    here.chat.behave = lambda asked: held(asked) if _is(asked, "first") else rate(asked)
    first, _ = here.put("org/first", "org/second")
    with here.in_background(here.worker()):
        until(lambda: here.states()["org/first"] == "running" and here.chat.answered)
        here.queue().cancel(first.id, by="ada")
        until(lambda: here.states()["org/second"] == "done")
    assert here.states() == {"org/first": "cancelled", "org/second": "done"}
    assert sum(n for (model, _), n in here.asked().items() if model == "org/first") < 144
    assert [r.model for r in here.queue().results()] == ["org/second"]


def test_a_worker_told_to_stop_returns_its_claim(here: Here) -> None:
    here.chat.behave = held_after(10)
    here.put("org/a", "org/b")
    with here.in_background(here.worker()):
        until(lambda: here.states()["org/a"] == "running" and here.chat.answered)
        here.stop.set()
    assert here.states() == {"org/a": "pending", "org/b": "pending"}
    returned = here.queue().submissions()[0]
    assert (returned.attempts, returned.lease) == (0, None)
    assert returned.history[-1].why == "the worker was stopped"


# --- in the app -----------------------------------------------------------------------------------------------------


def app_settings(here: Here, **changes: Any) -> Settings:
    fields = {"store": here.store, "source": "practice", "endpoints": [here.endpoint], "local_model": False}
    return Settings(**fields | {"poll_seconds": 0.1} | changes)


def test_the_scheduler_evaluates_what_is_submitted_while_it_runs(here: Here) -> None:
    evaluator = scheduler.start(app_settings(here), here.queue(), benchmarks=[here.benchmark])
    try:
        here.put("org/a")
        until(lambda: here.states() == {"org/a": "done"})
        here.put("org/b")
        here.put("org/c", benchmark=OTHER)
        until(lambda: here.states()["org/b"] == "done")
        until(lambda: len(evaluator.notes) == 1)
    finally:
        evaluator.close()
    assert here.states()["org/c"] == "pending"


def test_closing_the_scheduler_returns_what_runs(here: Here) -> None:
    here.chat.behave = held_after(10)
    here.put("org/a")
    before = set(threading.enumerate())
    evaluator = scheduler.start(app_settings(here), here.queue(), benchmarks=[here.benchmark])
    assert set(threading.enumerate()) > before
    try:
        until(lambda: here.only().state == "running" and here.chat.answered)
    finally:
        evaluator.close()
    assert here.only().state == "pending"
    evaluator.close()
    here.put("org/b")
    until(lambda: set(threading.enumerate()) <= before)  # nobody is left who could look for work
    assert set(here.states().values()) == {"pending"}, "nothing runs any more"


def test_the_scheduler_goes_on_after_an_error(
    here: Here, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    queue = here.queue()
    claim, failures = queue.claim, iter([True, True])

    def sometimes(*arguments: Any, **options: Any) -> Any:
        if next(failures, False):
            raise StoreUnavailable("the store is away")
        return claim(*arguments, **options)

    monkeypatch.setattr(queue, "claim", sometimes)
    here.put("org/a")
    evaluator = scheduler.start(app_settings(here), queue, benchmarks=[here.benchmark])
    try:
        until(lambda: here.states() == {"org/a": "done"})
    finally:
        evaluator.close()
    assert caplog.text.count("the store is away") >= 2


def test_the_scheduler_has_it_evaluated_elsewhere_until_it_is_closed(here: Here) -> None:
    begun, ended = threading.Event(), threading.Event()

    def elsewhere(stop: threading.Event) -> None:
        begun.set()
        stop.wait()
        ended.set()

    here.put("org/a")
    evaluator = scheduler.start(app_settings(here), here.queue(), elsewhere=elsewhere)
    assert begun.wait(LIMIT)
    evaluator.close()
    assert ended.is_set()
    assert here.only().state == "pending", "nothing is evaluated here"
    assert evaluator.notes == {}


def test_the_setting_switches_the_scheduler_off(here: Here) -> None:
    here.put("org/a")
    before = set(threading.enumerate())
    evaluator = scheduler.start(app_settings(here, scheduler=False), here.queue(), benchmarks=[here.benchmark])
    evaluator.look_after()
    assert set(threading.enumerate()) <= before, "nobody is there who could look for work"
    assert here.only().state == "pending"
    assert evaluator.vitals is None
    evaluator.close()


# --- processes ------------------------------------------------------------------------------------------------------


def test_a_share_of_the_prompts_is_asked_again_unless_a_setting_says_otherwise(here: Here) -> None:
    del here.environment["VALUE_PORTRAIT_RETEST"]
    here.put("org/a")
    assert here.process("work", "--once").wait(timeout=LIMIT) == 0
    (result,) = here.queue().results()
    assert result.retest is not None
    assert (result.retest.share, result.retest.asked, result.retest.identical) == (0.05, 8, 1.0)
    assert sorted(here.asked().values()) == [1] * 136 + [2] * 8


def test_older_results_are_completed_from_their_stored_answers(here: Here) -> None:
    here.put("org/a")
    assert here.process("work", "--once").wait(timeout=LIMIT) == 0
    queue = here.queue()
    (new,) = queue.results()
    old = new.model_copy(update={"match": None, "match_reason": None})
    assert queue.rewrite([old]) == 1
    assert here.queue().results()[0].match is None
    done = here.command("complete")
    assert done.status == 0, done.err
    assert "1 results completed, 0 left" in done.out
    assert here.queue().results()[0] == new
    assert "0 results completed" in here.command("complete").out
    assert queue.rewrite([new.model_copy(update={"id": "nobody-000000000000"})]) == 0


def test_four_processes_evaluate_twelve_submissions_once_each(here: Here) -> None:
    here.put(*(f"org/model-{i}" for i in range(12)))
    workers = [here.process("work", "--once") for _ in range(4)]
    said = [w.communicate(timeout=LIMIT)[1] for w in workers]
    assert [w.returncode for w in workers] == [0] * 4, said
    assert set(here.states().values()) == {"done"}
    assert {s.attempts for s in here.queue().submissions()} == {1}
    assert len(here.queue().results()) == 12
    assert len(here.asked()) == 12 * 144
    assert set(here.asked().values()) == {1}, "nothing was asked twice"
    assert sum(text.count(": done") for text in said) == 12
    assert here.queue().problems() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_told_to_end_returns_its_claim_and_the_next_goes_on(here: Here, number: signal.Signals) -> None:
    here.chat.behave = held_after(30)
    here.put("org/a")
    worker = here.process("work")
    until(lambda: here.kept() == 30 and here.all_wait())
    worker.send_signal(number)
    _, said = worker.communicate(timeout=LIMIT)
    assert worker.returncode == 0, said
    assert "Traceback" not in said
    assert (here.only().state, here.only().attempts) == ("pending", 0)
    kept = here.kept()
    assert kept > 20
    here.chat.asked.clear()
    here.chat.behave = rate
    here.worker().drain()
    assert here.only().state == "done"
    assert len(here.chat.asked) == 144 - kept


def test_a_killed_process_is_gone_on_with_where_it_was(here: Here) -> None:
    here.chat.behave = held_after(30)
    here.environment["VALUE_PORTRAIT_LEASE_SECONDS"] = "3"
    here.put("org/a")
    worker = here.process("work")
    until(lambda: here.kept() == 30 and here.all_wait())
    worker.kill()
    worker.communicate()
    assert here.only().state == "running", "nobody could return the claim"
    kept = here.kept()
    here.chat.asked.clear()
    here.chat.behave = rate
    other = here.process("work")
    until(lambda: here.only().state == "done")
    other.terminate()
    _, said = other.communicate(timeout=LIMIT)
    assert other.returncode == 0, said
    assert here.only().attempts == 2
    assert [step.state for step in here.only().history] == ["pending", "running", "pending", "running", "done"]
    assert len(here.chat.asked) == 144 - kept
    assert here.queue().results()[0].coverage.rated == 144


@pytest.mark.slow
def test_another_machine_goes_on_with_the_answers_that_a_killed_one_stored(
    here: Here, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    here.chat.behave = held_after(60)
    here.put("org/a")
    queue = here.queue(lease=timedelta(seconds=2))
    stop = threading.Event()
    first = here.worker(queue, keep=0.3, stop=stop)
    thread = threading.Thread(target=first.drain)
    thread.start()
    until(lambda: here.only().kept > 20 and here.all_wait())
    # as if it were killed: it says nothing more
    queue.renew_all = queue.release = _unavailable  # type: ignore[method-assign, assignment]
    queue.heartbeats(1)._renew_all = _unavailable  # type: ignore[assignment]
    stop.set()
    thread.join(LIMIT)
    kept = here.only().kept
    assert here.only().state == "running"
    here.chat.asked.clear()
    here.chat.behave = rate
    caplog.set_level(logging.INFO)
    until(lambda: here.worker(here.queue(timedelta(seconds=2)), work=tmp_path / "elsewhere").drain())
    assert here.only().state == "done"
    assert len(here.chat.asked) == 144 - kept
    assert f"goes on with {kept} answers of another machine" in caplog.text
    assert (here.only().kept, here.queue().unfinished(here.only().id)) == (0, None)
    assert here.queue().results()[0].coverage.rated == 144


@pytest.mark.slow
def test_a_stopped_worker_leaves_its_answers_for_another_machine(here: Here, tmp_path: Path) -> None:
    here.chat.behave = held_after(30)
    here.put("org/a")
    with here.in_background(here.worker(keep=600.0)):
        until(lambda: here.kept() == 30 and here.all_wait())
        here.stop.set()
    kept = here.only().kept
    assert kept >= 16
    here.stop.clear()
    here.chat.asked.clear()
    here.chat.behave = rate
    here.worker(work=tmp_path / "elsewhere").drain()
    assert (here.only().state, len(here.chat.asked)) == ("done", 144 - kept)


@pytest.mark.slow
def test_answers_of_another_machine_that_do_not_fit_are_asked_again(here: Here, tmp_path: Path) -> None:
    here.put("org/a")
    queue = here.queue()
    claim = queue.claim("w", runnable=lambda _: True)
    assert claim is not None
    queue.release(claim, why="stopped", kept=Kept(3, b'{"schema_version": 1}\nrubbish\n\xff\n{}\n'))
    here.worker(work=tmp_path / "elsewhere").drain()
    assert (here.only().state, len(here.chat.asked)) == ("done", 144)


# --- commands -------------------------------------------------------------------------------------------------------


def test_the_commands_lead_a_submission_through_its_life(here: Here) -> None:
    here.chat.behave = lambda asked: say("no idea")
    assert "No submissions" in here.command("list").out
    submitted = json.loads(here.command("submit", "org/a", "--json").out)
    id_ = submitted["id"]
    assert (submitted["state"], submitted["position"], submitted["submitter"]) == ("pending", 1, "local")
    again = here.command("submit", "org/a")
    assert again.status == 2
    assert id_ in again.err
    assert "Traceback" not in again.err
    assert f"{id_}: cancelled" in here.command("cancel", id_).out
    assert here.command("cancel", id_).status == 2
    assert f"{id_}: pending, place 1" in here.command("requeue", id_).out
    here.worker().drain()
    listed = json.loads(here.command("list", "--state", "done", "--json").out)
    assert [s["id"] for s in listed["submissions"]] == [id_]
    assert listed["problems"] == []
    assert json.loads(here.command("list", "--state", "failed", "--json").out)["submissions"] == []
    shown = here.command("show", id_).out
    for words in (id_, "requeued by local", "done: result stored", "org/a"):
        assert words in shown
    assert json.loads(here.command("show", id_, "--json").out)["state"] == "done"
    assert id_ in here.command("list").out


@pytest.mark.slow
def test_a_list_of_models_is_submitted_in_one_commit(here: Here, tmp_path: Path) -> None:
    here.put("org/old")
    models = tmp_path / "models.txt"
    models.write_text("# our models\n" + "".join(f"org/m{i}\n" for i in range(40)) + "org/old  # again\n\norg/m3\n")
    before = here.queue()._submissions.store.head()
    ended = here.command("submit", "--file", str(models))
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.count("pending, place") == 41
    assert ended.out.count("asked before") == 1
    after = here.queue()._submissions.store.head()
    assert int(after.partition("-")[0]) == int(before.partition("-")[0]) + 1
    assert len(here.states()) == 41
    assert here.command("submit", "org/one-more").status == 0, "no visitor's quota binds the operator"


@pytest.mark.slow
def test_models_of_a_list_that_are_refused_are_named_by_line_and_stop_no_other(here: Here, tmp_path: Path) -> None:
    models = tmp_path / "models.txt"
    models.write_text("org/a\nhttp://host/v1\norg/b\n")
    ended = here.command("submit", "--file", str(models))
    assert ended.status == 2
    assert "line 2" in ended.err
    assert set(here.states()) == {"org/a", "org/b"}
    assert len(json.loads(here.command("submit", "--file", str(models), "--json").out)["before"]) == 2
    for content in (b"", b"# none\n", b"\xff\xfe", b"x" * 1_000_001):
        models.write_bytes(content)
        assert here.command("submit", "--file", str(models)).status == 2
    assert here.command("submit").status == 2
    assert here.command("submit", "org/a", "--file", str(models)).status == 2


@pytest.mark.slow
def test_a_worker_can_be_told_which_submissions_to_evaluate(here: Here) -> None:
    _, second, third = here.put("org/a", "org/b", "org/c")
    ended = here.command("work", "--submission", second.id)
    assert ended.status == 0, ended.err
    assert here.states() == {"org/a": "pending", "org/b": "done", "org/c": "pending"}
    assert "is done" in here.command("work", "--submission", second.id).err
    assert "no submission" in here.command("work", "--submission", "nothing").err
    here.environment["VALUE_PORTRAIT_ENDPOINTS"] = "[]"
    assert "has no endpoint named chat" in here.command("work", "--submission", third.id).err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["submit", "http://host/v1"], "looks like an address"),
        (["submit", "org/a", "--endpoint", "nowhere"], "Configured: chat"),
        (["submit", "org/a", "--source", "missing-folder"], "missing-folder"),
        (["show", "nothing"], "no submission"),
        (["cancel", "nothing"], "no submission"),
        (["list", "--state", "resting"], "expected one of"),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, list) else "",
)
def test_what_a_person_can_mend_is_said_without_a_traceback(here: Here, arguments: list[str], words: str) -> None:
    ended = here.command(*arguments)
    assert ended.status == 2
    assert ended.out == ""
    assert words in ended.err
    assert "Traceback" not in ended.err


def test_a_damaged_store_is_said_without_a_traceback(here: Here) -> None:
    here.put("org/a")
    (here.store / "HEAD").write_text("rubbish")
    ended = here.command("list")
    worker = here.process("work", "--once")
    _, said = worker.communicate(timeout=LIMIT)
    assert (ended.status, worker.returncode) == (2, 2)
    for text in (ended.err, said):
        assert "backup" in text
        assert "Traceback" not in text


def test_records_set_aside_are_told(here: Here) -> None:
    store = LocalStore(here.store)
    store.commit({"submissions/odd.json": b"{"}, store.head(), "by hand")
    assert "Set aside: submissions/odd.json" in here.command("list").err
    assert json.loads(here.command("list", "--json").out)["problems"][0]["path"] == "submissions/odd.json"


def test_wrong_settings_are_said_without_their_content(here: Here) -> None:
    for name, value in (
        ("ENDPOINTS", '[{"name": "x", "base_url": "secret"}]'),
        ("ENDPOINTS", "[secret"),
        ("LEASE_SECONDS", "-1"),
    ):
        here.environment[f"VALUE_PORTRAIT_{name}"] = value
        ended = here.command("list")
        assert ended.status == 2
        assert f"VALUE_PORTRAIT_{name}" in ended.err
        assert "secret" not in ended.err
        del here.environment[f"VALUE_PORTRAIT_{name}"]
