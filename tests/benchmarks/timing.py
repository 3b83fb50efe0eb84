"""How long something takes and how much memory, for the benchmarks."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable


def quickest(*jobs: Callable[[], object], runs: int) -> list[float]:
    """Seconds of the quickest of several runs of each job, the jobs taking turns."""
    best = [float("inf")] * len(jobs)
    for _ in range(runs):
        for n, job in enumerate(jobs):
            start = time.perf_counter()
            job()
            best[n] = min(best[n], time.perf_counter() - start)
    return best


def peak_megabytes(run: Callable[[], object]) -> float:
    """Peak memory above what was there before."""
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6
