"""What rank intervals cost: time and memory from 34 to 5,000 models, and against a plain loop over pairs.

Run from the repository root: `python -m tests.benchmarks.bench_ranks [--large]`. Ratings are synthetic. First all draws
are held and resampling is not timed. *By parts*: as boards are ranked, one dimension at a time, resampling included, in
CPU seconds, up to 1,000 models or with `--large` 5,000; beside them how many times as long it took as for the size
before, and how many times as many pairs there are.
"""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray
from scipy import stats

from data.values import DIMENSIONS
from eval_queue.scoring.bootstrap import bootstrap_dimension
from leaderboard.analysis.comparison import compare
from leaderboard.analysis.ranks import (
    ALPHA,
    BoolArray,
    Column,
    FloatArray,
    Ranks,
    Sample,
    holm,
    ranks_by_parts,
    resample,
    scored,
    value_ranks,
)
from tests.benchmarks.timing import peak_megabytes, quickest
from tests.support.ranks import model_ranks, rank_table


class Board(NamedTuple):
    """Mean ratings, shape (models, 520), and the key."""

    x: FloatArray
    selected: BoolArray
    queries: NDArray[np.intp]


def ratings(models: int) -> Board:
    """Models that differ somewhat, on a key of 104 queries of 5 items, 30 items a dimension."""
    rng = np.random.default_rng(0)
    selected = np.zeros((520, len(DIMENSIONS)), dtype=np.bool_)
    for d in range(len(DIMENSIONS)):
        selected[rng.choice(520, 30, replace=False), d] = True
    x = rng.normal(3.5, 0.9, (models, 520)) + rng.normal(0, 0.4, (models, len(DIMENSIONS))) @ selected.T
    return Board(x, selected, np.repeat(np.arange(104), 5))


def synthetic(models: int) -> Sample:
    """The same, resampled."""
    return resample(*ratings(models))


def in_parts(board: Board) -> Ranks:
    """As `leaderboard.boards.rank_intervals` ranks a board."""
    point, clusters = scored(*board)
    return ranks_by_parts(
        len(board.x),
        lambda d: Column(point[:, d], bootstrap_dimension(*board, d), clusters[:, d]),
        lambda models: (resample(board.x[models], board.selected, board.queries), None),
    )


def by_loop(sample: Sample) -> FloatArray:
    """Ranks on the first dimension as one would first write them: a loop over pairs. Returns (models, 2)."""
    point, draws, df = sample.point[:, 0], sample.draws[:, :, 0], sample.clusters[0, 0] - 1
    models = point.size
    pairs = list(itertools.combinations(range(models), 2))
    p = np.array(
        [2 * stats.t.sf(abs(point[i] - point[j]) / np.std(draws[:, i] - draws[:, j], ddof=1), df) for i, j in pairs]
    )
    low, high = np.ones(models), np.full(models, float(models))
    for (i, j), adjusted in zip(pairs, holm(p), strict=True):
        if adjusted <= ALPHA:
            upper, lower = (i, j) if point[i] > point[j] else (j, i)
            low[lower] += 1
            high[upper] -= 1
    return np.stack([low, high], axis=1)


def row(models: int) -> str:
    """Time and memory for a board of so many models."""
    sample = synthetic(models)
    times = 3 if models < 1000 else 1
    between = quickest(lambda: model_ranks(*sample), runs=times)[0]
    within = quickest(lambda: value_ranks(*sample), runs=times)[0]
    pair = quickest(lambda: compare(("A", "B"), sample.point[:2], sample.draws[:, :2], sample.clusters[:2]), runs=5)[0]
    peak = peak_megabytes(lambda: rank_table(sample))
    held = sample.draws.nbytes / 1e6
    return f"{models:>7} {held:>9.0f} {between:>9.3f} {within:>9.3f} {pair * 1000:>11.2f} {peak:>8.0f}"


def by_parts(sizes: Sequence[int]) -> None:
    """Print what boards take that are ranked by parts."""
    typer.echo(f"{'models':>7} {'by parts s':>11} {'times':>6} {'pairs':>6} {'peak MB':>8} {'kB a model':>11}")
    before: tuple[int, float] | None = None
    for models in sizes:
        board = ratings(models)
        start = time.process_time()
        in_parts(board)
        took = time.process_time() - start
        whole = in_parts if models <= 1000 else one_dimension
        peak = peak_megabytes(functools.partial(whole, board))
        times = ("", "") if before is None else (f"{took / before[1]:.1f}", f"{(models / before[0]) ** 2:.1f}")
        typer.echo(f"{models:>7} {took:>11.2f} {times[0]:>6} {times[1]:>6} {peak:>8.0f} {1000 * peak / models:>11.0f}")
        before = models, took


def one_dimension(board: Board) -> None:
    """The part of `in_parts` that takes most memory: tracing it takes long."""
    point, clusters = scored(*board)
    model_ranks(point[:, :1], bootstrap_dimension(*board, 0)[:, :, None], clusters[:, :1])


def main(
    large: Annotated[bool, typer.Option(help="Rank 2,000 and 5,000 models too, which takes minutes.")] = False,
) -> None:
    """Print the tables."""
    model_ranks(*synthetic(2))  # imports are not timed
    typer.echo(f"{'models':>7} {'draws MB':>9} {'models s':>9} {'values s':>9} {'compare ms':>11} {'peak MB':>8}")
    for models in (34, 340, 1000):
        typer.echo(row(models))

    by_parts((34, 340, 1000, *((2000, 5000) if large else ())))

    sample = synthetic(34)
    one = Sample(sample.point[:, :1], sample.draws[:, :, :1], sample.clusters[:, :1])
    table, loop = model_ranks(*one), by_loop(sample)
    if not np.array_equal(loop, np.concatenate([table.low, table.high], axis=1)):
        raise SystemExit("the loop over pairs disagrees")
    slow, quick = quickest(lambda: by_loop(sample), lambda: model_ranks(*one), runs=3)
    typer.echo(f"one dimension, 34 models: loop over 561 pairs {slow:.4f} s, arrays {quick:.4f} s, {slow / quick:.0f}x")


if __name__ == "__main__":
    typer.run(main)
