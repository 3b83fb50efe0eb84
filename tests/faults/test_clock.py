"""A folder's queue while the machine's clock is moved by an hour in the middle of an evaluation."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from eval_queue.queue.queue import Queue
from eval_queue.records import BenchmarkRef, now
from eval_queue.settings import Endpoint
from eval_queue.store.local import LocalStore
from eval_queue.submission import new_submission
from eval_queue.workers.worker import Benchmarks, Worker
from tests.support.chat_server import Asked, ChatServer, Response, rate
from tests.support.worker_process import PROMPTS, tiny_benchmark

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_is_moved_loses_nothing(tmp_path: Path, hours: int) -> None:
    moved = timedelta()
    benchmark = tiny_benchmark()

    def behave(asked: Asked) -> Response:
        nonlocal moved
        if len(chat.asked) == PROMPTS // 2:
            moved = timedelta(hours=hours)
        return Response(rate(asked).body, delay=0.05)

    with ChatServer(behave) as chat:
        endpoint = Endpoint.model_validate({"name": "chat", "base_url": chat.address, "concurrency": 2})
        store = LocalStore(tmp_path / "store")
        queue = Queue(store, store, lease=timedelta(seconds=60), clock=lambda: now() + moved)
        ref = BenchmarkRef.of(benchmark)
        made = new_submission("org/a", endpoint=endpoint, benchmark=ref, submitter="ada", at=queue.clock())
        id_ = queue.submit(made, quota=None).id
        workers = [
            Worker(
                queue,
                endpoints=[endpoint],
                benchmarks=Benchmarks("practice", [benchmark]),
                work=tmp_path / "work",
                stop=threading.Event(),
                beat=0.2,
                look=0.2,
            )
            for _ in range(2)
        ]
        threads = [threading.Thread(target=worker.drain) for worker in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(240)
        for worker in workers:
            worker.drain()
        assert queue.get(id_).state == "done"
        assert max(chat.times.values()) <= 2, "at most what was in flight is asked again"
        assert sum(chat.times.values()) <= PROMPTS + 2
    (result,) = queue.results()
    assert result.coverage.rated == PROMPTS
    assert result.run is not None
    assert result.run.started <= result.run.finished
