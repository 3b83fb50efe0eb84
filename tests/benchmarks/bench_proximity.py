"""What proximity costs: time and memory at 34, 340 and 1,000 models, and against a plain loop.

Run from the repository root: `python -m tests.benchmarks.bench_proximity`. Scores and draws are synthetic (normal,
2,000 draws); making them is not timed. The loop over models and draws computes Spearman with the nine groups and the
four leans of one model, a part of what the arrays do for it; both are timed in the same run.
"""

from __future__ import annotations

import numpy as np
import typer
from scipy import stats

from data.people.reference import Reference, load_reference
from eval_queue.scoring.formulas import Floats
from leaderboard.groups.proximity import Proximity, proximity
from tests.benchmarks.timing import peak_megabytes, quickest
from tests.leaderboard.groups.test_proximity import norm, plain_noise

DRAWS = 2000


def synthetic(models: int, reference: Reference) -> tuple[Floats, Floats, Floats, Floats]:
    """Models that differ somewhat from the raters, with draws as the bootstrap lays them out in memory; the raters."""
    rng = np.random.default_rng(0)
    p = norm(reference)
    point = p + rng.normal(0, 0.2, (models, 10))
    draws = np.moveaxis(point[:, :, None] + rng.normal(0, 0.12, (models, 10, DRAWS)), -1, 0)
    return point, draws, p, np.broadcast_to(p, (DRAWS, 10))


def by_arrays(board: tuple[Floats, Floats, Floats, Floats], reference: Reference) -> Proximity:
    """What is timed."""
    models = len(board[0])
    return proximity(*board, reference, complete=np.ones(models, dtype=np.bool_), reliability=np.ones(models))


def by_loop(board: tuple[Floats, Floats, Floats, Floats], reference: Reference) -> tuple[Floats, Floats]:
    """Lower ends of the intervals of Spearman (models, groups) and leans (models, contrasts), in plain loops."""
    point, draws, p0, _ = board
    noise = plain_noise(reference, len(draws))
    similarities, leans = [], []
    for m in range(len(point)):
        rho, leaning = [], []
        for b in range(len(draws)):
            x = draws[b, m] - draws[b, m].mean()
            h = {name: group.mean_centred10 + noise[name][:, b] for name, group in reference.groups.items()}
            p = p0 + noise["raters/items"][:, b]
            rho.append([stats.spearmanr(x, profile).statistic for profile in h.values()])
            y = x - (x @ p) / (p @ p) * p
            h_0 = h["overall/all"]
            of_draw = []
            for contrast in reference.contrasts:
                gap = h[contrast.toward] - h[contrast.against]
                left = gap - (gap @ h_0) / (h_0 @ h_0) * h_0
                of_draw.append(y @ left / np.sqrt((y @ y) * (left @ left)))
            leaning.append(of_draw)
        similarities.append(np.quantile(rho, 0.025, axis=0))
        leans.append(np.quantile(leaning, 0.025, axis=0))
    return np.array(similarities), np.array(leans)


def main() -> None:
    """Print the tables."""
    reference = load_reference()
    typer.echo(f"{'models':>7} {'draws MB':>9} {'s':>7} {'ms a model':>11} {'peak MB':>8}")
    for models in (34, 340, 1000):
        board = synthetic(models, reference)
        quick = quickest(lambda: by_arrays(board, reference), runs=3 if models < 1000 else 2)[0]  # noqa: B023 - runs at once
        peak = peak_megabytes(lambda: by_arrays(board, reference))  # noqa: B023
        typer.echo(
            f"{models:>7} {board[1].nbytes / 1e6:>9.0f} {quick:>7.2f} {quick / models * 1000:>11.1f} {peak:>8.0f}"
        )

    board = synthetic(1, reference)
    found = by_arrays(board, reference)
    similarities, leans = by_loop(board, reference)
    if not (
        np.allclose(found.similarity.spearman.low, similarities, atol=1e-9)
        and np.allclose(found.leans.lean.low, leans, atol=1e-9)
    ):
        raise SystemExit("the loop over draws disagrees")
    slow = quickest(lambda: by_loop(board, reference), runs=1)[0]
    of_34 = synthetic(34, reference)
    quick = quickest(lambda: by_arrays(of_34, reference), runs=3)[0] / 34
    typer.echo(f"a model: loop over 2,000 draws {slow:.2f} s, arrays {quick:.4f} s, {slow / quick:.0f}x")


if __name__ == "__main__":
    main()
