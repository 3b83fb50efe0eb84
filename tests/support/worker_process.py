"""Workers as processes of their own, many and at once: `forks("tests.support.worker_process")`."""

from __future__ import annotations

import contextlib
import logging
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.forks import serve
from tests.support.waiting import until

PROMPTS = 12
SECONDS = 300.0
"""For which a worker looks for work: whoever waits for it (`Forks.wait`) gives up then."""


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
    name: str | None = None
    """Under which it claims."""
    log: str = ""
    """A file for its warnings."""


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

    if kind.log:
        logging.basicConfig(filename=kind.log, level=logging.WARNING, force=True)
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
        name=kind.name,
    )

    def nothing_left() -> bool:
        with contextlib.suppress(StoreUnavailable, WriteConflict):
            worker.drain()
            return queue.outage() is None and all(s.state not in ACTIVE for s in queue.submissions())
        return False

    until(nothing_left, SECONDS, longest_pause=0.4)


def _serve() -> None:
    import aiohttp  # noqa: F401
    import huggingface_hub.hf_api  # noqa: F401
    import pandas  # noqa: F401 - by pyarrow, as soon as it is used
    import pyarrow.compute
    import pyarrow.parquet  # noqa: F401

    import eval_queue.store.compiled
    import eval_queue.store.hub
    import eval_queue.workers.worker  # noqa: F401 - imported for the forks

    tiny_benchmark()
    serve(Kind, work)


if __name__ == "__main__":
    _serve()
