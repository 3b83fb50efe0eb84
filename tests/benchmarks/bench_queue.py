"""What a look at the queue and a claim cost with 100 and with 10,000 submissions on record.

Run `python tests/benchmarks/bench_queue.py`. All waiting: the worst case for a claim, which has to order them. A look
that finds nothing new is shown against reading every record anew, which is what a queue without heads has to do. All
figures are the best of several in the same run, on a local store: others who use the machine only make them longer.
Most of a claim is spent in `fsync`, which makes it survive a power cut; what the disk takes for that is shown apart.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from eval_queue.queue.queue import Queue, now  # noqa: E402
from eval_queue.records import BenchmarkRef  # noqa: E402
from eval_queue.settings import Endpoint  # noqa: E402
from eval_queue.store.collection import encode  # noqa: E402 - after the path
from eval_queue.store.local import LocalStore  # noqa: E402
from eval_queue.submission import Submission, new_submission  # noqa: E402

SIZES = (100, 10_000)
REPEATS = 15


def filled(folder: Path, size: int) -> LocalStore:
    """A store with `size` submissions that wait."""
    store, start = LocalStore(folder), now()
    benchmark = BenchmarkRef(name="practice", version="1", digest="0" * 64)
    changes: dict[str, bytes | None] = {}
    for i in range(size):
        submission = new_submission(
            f"org/model-{i}",
            endpoint=Endpoint(name="bench"),
            benchmark=benchmark,
            submitter="bench",
            at=start + timedelta(seconds=i),
        )
        changes[f"submissions/{submission.id}.json"] = encode(submission)
    store.commit(changes, store.head(), "fill")
    return store


def milliseconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Wall time, the best of several."""
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken) * 1000


@contextmanager
def flushes() -> Iterator[list[float]]:
    """Seconds of each `fsync`."""
    flush, taken = os.fsync, []

    def timed(file: int) -> None:
        began = time.perf_counter()
        flush(file)
        taken.append(time.perf_counter() - began)

    os.fsync = timed  # type: ignore[assignment]
    try:
        yield taken
    finally:
        os.fsync = flush


def apart(work: Callable[[], object]) -> tuple[float, float]:
    """The milliseconds of the best of several runs, and how much of it was waiting for the disk."""
    best = (float("inf"), 0.0)
    for _ in range(REPEATS):
        with flushes() as taken:
            best = min(best, (milliseconds(work, 1), 1000 * sum(taken)))
    return best


def measure(size: int) -> dict[str, float]:
    """Milliseconds by what is done."""
    with tempfile.TemporaryDirectory() as folder:
        store = filled(Path(folder) / "store", size)

        def opened() -> Queue:
            fresh = LocalStore(store.folder)
            return Queue(fresh, fresh, lease=timedelta(minutes=2))

        def everything() -> None:
            head = store.head()
            for path in store.list("submissions/", head):
                Submission.model_validate_json(store.read(path, head))

        def look(queue: Queue) -> None:
            queue.submissions()
            queue.results()
            queue.problems()

        page, worker = opened(), opened()
        look(page)
        claims = iter(range(10**6))

        def claim() -> None:
            assert worker.claim(f"w{next(claims)}", runnable=lambda s: True)

        claim()
        look(page)
        claimed, flushed = apart(claim)
        costs = {
            "first look": milliseconds(lambda: look(opened()), 3),
            "every record anew": milliseconds(everything, 3),
            "look, nothing new": milliseconds(lambda: look(page)),
            "claim": claimed,
            "  of it on the disk": flushed,
        }
        after_change = []
        for _ in range(REPEATS):
            claim()
            after_change.append(milliseconds(lambda: look(page), 1))
        return costs | {"look after one change": min(after_change)}


def main() -> None:
    """Print the table."""
    few, many = (measure(size) for size in SIZES)
    print(f"{'':24}{SIZES[0]:>12,}{SIZES[1]:>12,}{'ratio':>10}")  # noqa: T201
    for name in few:
        print(f"{name:24}{few[name]:9.3f} ms{many[name]:9.3f} ms{many[name] / few[name]:10.1f}")  # noqa: T201
    times = many["every record anew"] / many["look, nothing new"]
    print(f"With {SIZES[1]:,} on record a look that finds nothing new is {times:,.0f} times cheaper than all anew.")  # noqa: T201


if __name__ == "__main__":
    main()
