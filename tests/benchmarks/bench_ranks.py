"""What rank intervals cost: time and memory at 34, 340 and 1,000 models, and against a plain loop over pairs.

Run from the repository root: `python -m tests.benchmarks.bench_ranks`. Scores and draws are synthetic (normal, 19
dimensions, 2,000 draws); making them is not timed.
"""

from __future__ import annotations

import itertools
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import typer
from scipy import stats

from data.values import DIMENSIONS
from leaderboard.compare import compare
from leaderboard.ranks import FloatArray, holm, model_ranks, value_ranks

DRAWS = 2000
CLUSTERS = np.full(len(DIMENSIONS), 20)


def synthetic(models: int) -> tuple[FloatArray, FloatArray]:
    """Scores (models, 19) that differ somewhat, and their draws (draws, models, 19)."""
    rng = np.random.default_rng(0)
    point = rng.normal(0, 0.3, (models, len(DIMENSIONS)))
    draws = rng.normal(0, 0.15, (DRAWS, models, len(DIMENSIONS)))
    draws += point
    return point, draws


def by_loop(point: FloatArray, draws: FloatArray) -> FloatArray:
    """Ranks of one dimension as one would first write them: a loop over pairs. Returns (models, 2)."""
    models = point.size
    pairs = list(itertools.combinations(range(models), 2))
    p = np.array(
        [
            2 * stats.t.sf(abs(point[i] - point[j]) / np.std(draws[:, i] - draws[:, j], ddof=1), CLUSTERS[0] - 1)
            for i, j in pairs
        ]
    )
    low, high = np.ones(models), np.full(models, float(models))
    for (i, j), adjusted in zip(pairs, holm(p), strict=True):
        if adjusted <= 0.05:
            upper, lower = (i, j) if point[i] > point[j] else (j, i)
            low[lower] += 1
            high[upper] -= 1
    return np.stack([low, high], axis=1)


def seconds(run: Callable[[], object], times: int) -> float:
    """The quickest of several runs."""
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best


def megabytes(run: Callable[[], object]) -> float:
    """Peak memory above what was there before."""
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def main() -> None:
    """Print the tables."""
    typer.echo(f"{'models':>7} {'draws MB':>9} {'models s':>9} {'values s':>9} {'compare ms':>11} {'peak MB':>8}")
    for models in (34, 340, 1000):
        point, draws = synthetic(models)
        everyone = np.ones(models, dtype=np.bool_)
        times = 3 if models < 1000 else 1
        between = seconds(lambda: model_ranks(point, draws, CLUSTERS, everyone), times)  # noqa: B023 - runs at once
        within = seconds(lambda: value_ranks(point, draws, CLUSTERS, everyone), times)  # noqa: B023
        pair = seconds(lambda: compare(("A", "B"), point[:2], draws[:, :2], CLUSTERS), 5)  # noqa: B023
        peak = megabytes(lambda: model_ranks(point, draws, CLUSTERS, everyone))  # noqa: B023
        typer.echo(
            f"{models:>7} {draws.nbytes / 1e6:>9.0f} {between:>9.3f} {within:>9.3f} {pair * 1000:>11.2f} {peak:>8.0f}"
        )

    point, draws = synthetic(34)
    one = model_ranks(point, draws, CLUSTERS, np.ones(34, dtype=np.bool_))
    loop = by_loop(point[:, 0], draws[:, :, 0])
    if not np.array_equal(loop, np.stack([one.low[:, 0], one.high[:, 0]], axis=1)):
        raise SystemExit("the loop over pairs disagrees")
    slow = seconds(lambda: by_loop(point[:, 0], draws[:, :, 0]), 2)
    quick = seconds(lambda: model_ranks(point[:, :1], draws[:, :, :1], CLUSTERS[:1], np.ones(34, dtype=np.bool_)), 5)
    typer.echo(f"one dimension, 34 models: loop over 561 pairs {slow:.3f} s, arrays {quick:.4f} s, {slow / quick:.0f}x")


if __name__ == "__main__":
    main()
