"""What a look, a claim, a sign of life and a publication cost on the Hub, with 10 and 10,000 submissions on record.

Run `python tests/benchmarks/bench_hub.py`. Requests are counted by a test Hub in a process of its own, over HTTP. They
do not depend on the machine; the milliseconds do, and the real Hub is slower: they only show that nothing grows with
the number of records that need not. A tenth of the submissions have a result.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from eval_queue.queue.queue import Queue, now  # noqa: E402
from eval_queue.records import BenchmarkRef, Result  # noqa: E402
from eval_queue.settings import Endpoint  # noqa: E402
from eval_queue.store.cards import requests_card, results_card  # noqa: E402 - after the path and the environment
from eval_queue.store.collection import encode  # noqa: E402
from eval_queue.store.compiled import compiled_results, compiled_submissions  # noqa: E402
from eval_queue.store.hub import HubStore  # noqa: E402
from eval_queue.store.repository import HubRepo  # noqa: E402
from eval_queue.submission import Progress, Submission, new_submission  # noqa: E402
from tests.support import rows  # noqa: E402
from tests.support.hub import HubProcess, hub_process  # noqa: E402

SIZES = (10, 10_000)


class Cost(NamedTuple):
    """Of one step."""

    requests: Counter[str]
    milliseconds: float


class Bench:
    """A pair of repositories with so many submissions."""

    def __init__(self, hub: HubProcess, folder: Path, size: int) -> None:
        self.hub, self.folder = hub, folder
        self.names = (f"lab/requests-{size}", f"lab/results-{size}")
        start = now()
        all_: list[Submission] = []
        for i in range(size):
            submission = new_submission(
                f"org/model-{i}",
                endpoint=Endpoint(name="bench"),
                benchmark=BenchmarkRef(name="practice", version="1", digest="0" * 64),
                submitter="bench",
                at=start + timedelta(seconds=i),
            )
            ended = {"state": "done", "finished": start} if i < size // 10 else {}
            all_.append(submission.model_copy(update=ended))
        done = [self.result(s) for s in all_ if s.state == "done"]
        for store, records, name in zip(self.stores("fill"), (all_, done), ("submissions", "results"), strict=True):
            store.commit({f"{name}/{r.id}.json": encode(r) for r in records}, store.head(), "fill")

    def stores(self, copy: str) -> list[HubStore]:
        requests, results = self.names
        cards = (requests_card(results=results), results_card(results=results, requests=requests))
        tables = (compiled_submissions(), compiled_results())
        return [
            HubStore(
                HubRepo(name, token=self.hub.token, endpoint=self.hub.url),
                card=card,
                private=True,
                copy=self.folder / copy / name,
                compiled=table,
                max_age=5.0,
            )
            for name, card, table in zip(self.names, cards, tables, strict=True)
        ]

    def queue(self, copy: str) -> Queue:
        return Queue(*self.stores(copy), lease=timedelta(minutes=10))

    def result(self, submission: Submission) -> Result:
        own = {name: getattr(submission, name) for name in ("id", "endpoint", "answer_mode", "protocol", "benchmark")}
        return rows.result(submission.model, [0.1] * 10, half=0.2, origin="space").model_copy(update=own)

    def cost(self, step: Callable[[], object]) -> Cost:
        self.hub.requests.clear()
        began = time.perf_counter()
        step()
        taken = time.perf_counter() - began
        return Cost(self.hub.requests.by_route(), taken * 1000)

    def run(self) -> dict[str, Cost]:
        """The steps in the order in which they happen, by name."""
        page, worker = self.queue("page"), self.queue("worker")

        def look(queue: Queue) -> None:
            queue.submissions()
            queue.results()
            queue.problems()

        def later(queue: Queue) -> None:
            """As if the time had passed for which a head is not asked for again."""
            for store in queue._stores:
                assert isinstance(store, HubStore)
                store._next_look = 0.0

        costs = {"first look, nothing on disk": self.cost(lambda: look(page))}
        costs["first look after a restart"] = self.cost(lambda: look(self.queue("page")))
        costs["look within 5 s"] = self.cost(lambda: look(page))
        later(page)
        costs["look, nothing new"] = self.cost(lambda: look(page))
        look(worker)
        claims = [worker.claim("w", runnable=lambda s: True)]
        later(worker)
        costs["claim"] = self.cost(lambda: claims.append(worker.claim("w", runnable=lambda s: True)))
        later(page)
        costs["look, two changed"] = self.cost(lambda: look(page))
        claim = claims[1]
        assert claim is not None
        later(worker)
        progress = Progress(done=1, total=9, rated=1, updated=now())
        costs["sign of life"] = self.cost(lambda: worker.renew(claim, progress))
        later(worker)
        costs["publish"] = self.cost(lambda: worker.finish(claim, self.result(claim.submission), b"PAR1" * 1000))
        later(page)
        costs["look, one published"] = self.cost(lambda: look(page))
        return costs


def main() -> None:
    """Print the table."""
    with hub_process() as hub, tempfile.TemporaryDirectory() as folder:
        few, many = (Bench(hub, Path(folder) / str(size), size).run() for size in SIZES)
    head = "".join(f"{size:>14,} on record" for size in SIZES)
    print(f"{'requests, milliseconds':28}{head}   with 10,000 by route")  # noqa: T201
    for name in few:
        cells = "".join(f"{c[name].requests.total():14} {c[name].milliseconds:8.0f} " for c in (few, many))
        routes = ", ".join(f"{n} {route}" for route, n in sorted(many[name].requests.items()))
        print(f"{name:28}{cells}   {routes}")  # noqa: T201


if __name__ == "__main__":
    main()
