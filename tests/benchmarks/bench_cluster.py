"""What more workers are worth: the same submissions on a Ray cluster with 1, 2 and 4 places for tasks.

Run `python tests/benchmarks/bench_cluster.py`, in an environment with requirements-dev.txt and requirements-ray.txt. A
cluster is started on this machine; each number of workers has a node of its own with as many CPUs (places, whatever the
machine has), and a task a submission. The work is bound by latency: a server in a process of its own answers after a
quarter of a second. Before each measurement every place has evaluated something small, so that no import is measured.
What is printed is the time of one worker divided by that of several, in one run; the ideal is their number.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from data.sources.practice import practice_benchmark  # noqa: E402 - after the path
from eval_queue.executors.dispatcher import Dispatcher  # noqa: E402
from eval_queue.queue.queue import Queue, open_queue  # noqa: E402
from eval_queue.records import BenchmarkRef  # noqa: E402
from eval_queue.settings import Endpoint, Settings  # noqa: E402
from eval_queue.submission import new_submission  # noqa: E402
from tests.eval_queue.executors.clusters import RayCluster  # noqa: E402

WORKERS: Final = (1, 2, 4)
SUBMISSIONS: Final = 8
QUERIES: Final = 2
LATENCY: Final = 0.25
SLOTS: Final = 2
LOOK: Final = 0.1


@contextmanager
def server() -> Iterator[str]:
    """The address of a server that answers late, in a process of its own."""
    code = f"from tests.support.chat_server import _serve_alone; _serve_alone({LATENCY}, 0.0)"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


def put(queue: Queue, endpoint: Endpoint, names: list[str], queries: int) -> None:
    ref = BenchmarkRef.of(practice_benchmark())
    made = [
        new_submission(n, endpoint=endpoint, benchmark=ref, submitter="bench", at=queue.clock(), queries=queries)
        for n in names
    ]
    queue.submit_set(made, quota=None)


def drain(settings: Settings, queue: Queue, tasks: Any) -> float:
    """Seconds until nothing waits."""
    begun = time.monotonic()
    Dispatcher(queue, endpoints=settings.endpoints, tasks=tasks, stop=threading.Event(), look=LOOK).run(once=True)
    return time.monotonic() - begun


def measure(cluster: RayCluster, address: str, workers: int, folder: Path) -> float:
    """Seconds that so many workers take for all submissions."""
    from eval_queue.executors.ray_cluster import RayTasks

    endpoint = Endpoint.model_validate({"name": "late", "base_url": address, "concurrency": SLOTS, "parallel": workers})
    settings = Settings(
        store=folder, source="practice", endpoints=[endpoint], local_model=False, retest=0, beat_seconds=1
    )
    queue = open_queue(settings)
    node = cluster.add_node(workers)
    try:
        put(queue, endpoint, [f"warm/{n}" for n in range(workers)], 1)
        drain(settings, queue, RayTasks(settings, address=cluster.address))
        put(queue, endpoint, [f"org/{n}" for n in range(SUBMISSIONS)], QUERIES)
        seconds = drain(settings, queue, RayTasks(settings, address=cluster.address))
        states = {s.state for s in queue.submissions()}
        assert states == {"done"}, states
        return seconds
    finally:
        cluster.kill(node)


def main() -> None:
    with server() as address, RayCluster() as cluster, tempfile.TemporaryDirectory() as folder:
        taken = {n: measure(cluster, address, n, Path(folder) / str(n)) for n in WORKERS}
    print(f"{SUBMISSIONS} submissions, {SLOTS} requests in flight each, answers after {LATENCY * 1000:g} ms")  # noqa: T201
    for n, seconds in taken.items():
        print(f"{n} workers: {seconds:6.1f} s, {taken[WORKERS[0]] / seconds:4.2f} times one worker")  # noqa: T201


if __name__ == "__main__":
    main()
