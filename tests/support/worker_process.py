"""Workers as processes of their own, many and at once: started, raced and killed by the tests.

A worker costs seconds to import and milliseconds to fork, so one process imports everything and forks a worker for each
line on its standard input: a JSON object that says what kind. It answers with the worker's process id, or, to
`{"wait": id}`, with how that worker ended. A worker is a real process with its own connections; it can be killed.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support import ROOT

PROMPTS = 12


def tiny_benchmark() -> Any:
    """Two items of the practice benchmark, twelve prompts: what it costs to ask is not what is tried here."""
    from data.benchmark import Key
    from data.sources.practice import practice_benchmark

    whole = practice_benchmark()
    items = [next(i for i, item in enumerate(whole.items) if item.query_id == query.id) for query in whole.queries[:2]]
    key = Key(rho=whole.key.rho[items], p=whole.key.p[items])
    return replace(whole, queries=whole.queries[:2], items=tuple(whole.items[i] for i in items), key=key)


@dataclass(frozen=True)
class Kind:
    """What a worker works with."""

    hub: str
    token: str
    requests: str
    results: str
    chat: str
    folder: str
    """Its disk: the copy of the Hub, and the answers of unfinished evaluations."""
    lease: float
    beat: float
    skew: float = 0.0
    """Seconds by which its machine's clock is wrong."""
    concurrency: int = 2
    parallel: int = 1


def work(kind: Kind) -> None:
    """Evaluate until nothing waits or runs any more."""
    from eval_queue.queue.queue import Queue
    from eval_queue.settings import Endpoint
    from eval_queue.store.cards import requests_card, results_card
    from eval_queue.store.compiled import compiled_results, compiled_submissions
    from eval_queue.store.hub import HubStore
    from eval_queue.store.local import StoreUnavailable, WriteConflict
    from eval_queue.store.repository import HubClock, HubRepo
    from eval_queue.submission import ACTIVE
    from eval_queue.workers.worker import Benchmarks, Worker

    clock = HubClock(lambda: datetime.now(UTC) + timedelta(seconds=kind.skew))
    folder = Path(kind.folder)
    cards = {
        kind.requests: requests_card(results=kind.results),
        kind.results: results_card(results=kind.results, requests=kind.requests),
    }
    requests, results = (
        HubStore(
            HubRepo(repo, token=kind.token, endpoint=kind.hub, clock=clock),
            card=card,
            private=True,
            copy=folder / "hub" / repo,
            compiled=compiled_results() if repo == kind.results else compiled_submissions(),
        )
        for repo, card in cards.items()
    )
    queue = Queue(requests, results, lease=timedelta(seconds=kind.lease), clock=clock.now)
    worker = Worker(
        queue,
        endpoints=[
            Endpoint(name="chat", base_url=kind.chat, concurrency=kind.concurrency, parallel=kind.parallel)  # type: ignore[arg-type]
        ],
        benchmarks=Benchmarks("practice", [tiny_benchmark()]),
        work=folder / "work",
        stop=threading.Event(),
        beat=kind.beat,
        look=0.1,
    )
    while True:
        with contextlib.suppress(StoreUnavailable, WriteConflict):
            worker.drain()
            if queue.outage() is None and all(s.state not in ACTIVE for s in queue.submissions()):
                return
        time.sleep(0.1)


class Nursery:
    """Forks workers on demand."""

    def __init__(self) -> None:
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.worker_process"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self._lock = threading.Lock()

    def start(self, kind: Kind) -> int:
        """Start a worker; its process id."""
        return int(self._ask(kind.__dict__))

    def kill(self, pid: int) -> None:
        """End a worker at once, wherever it is."""
        os.kill(pid, signal.SIGKILL)
        self.wait(pid)

    def wait(self, pid: int, seconds: float = 300.0) -> int:
        """Wait until a worker has ended; its status, negative for a signal. One that does not end is killed."""
        end = time.monotonic() + seconds
        while True:
            status = self._ask({"wait": pid})
            if status is not None:
                return int(status)
            if time.monotonic() > end:
                os.kill(pid, signal.SIGKILL)
                raise AssertionError("this worker did not end")
            time.sleep(0.02)

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End, with all workers."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


@contextlib.contextmanager
def nursery() -> Iterator[Nursery]:
    """A nursery for the length of a `with` block."""
    made = Nursery()
    try:
        yield made
    finally:
        made.close()


def _serve() -> None:
    """Fork a worker a line, until the parent goes."""
    import openai  # noqa: F401
    import pyarrow.parquet  # noqa: F401

    import eval_queue.store.compiled
    import eval_queue.store.hub
    import eval_queue.workers.worker  # noqa: F401 - imported for the children

    tiny_benchmark()
    alive: set[int] = set()
    for line in sys.stdin:
        asked = json.loads(line)
        answer: int | None
        if "wait" in asked:
            pid, status = os.waitpid(asked["wait"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
            alive.discard(pid)
        else:
            answer = os.fork()
            if answer == 0:
                _child(Kind(**asked))
            alive.add(answer)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


def _child(kind: Kind) -> None:
    code = 1
    try:
        # what it says must not get between the answers to the parent
        os.dup2(2, 1)
        os.close(0)
        logging.basicConfig(level=logging.ERROR)
        work(kind)
        code = 0
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(code)


if __name__ == "__main__":
    _serve()
