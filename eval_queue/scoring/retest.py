"""Would it say the same again: agreement of a model's ratings with those of the same prompts asked a second time.

The prompts are a seeded share of the plan, the same for every model and run. Intervals are 95 % percentile intervals of
a bootstrap over the queries that were asked again. Pure functions; NaN where a number cannot be had.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from eval_queue.scoring.bootstrap import DRAWS, query_weights, spread
from eval_queue.scoring.formulas import Floats, ratio

SEED: Final = 20330

_RATINGS: Final = 6
_T = TypeVar("_T")


@dataclass(frozen=True)
class Agreement:
    """Agreement of two ratings of the same prompts; of each figure (value, low, high).

    Attributes:
        n: prompts with a rating both times.
        identical: share of identical ratings.
        kappa: Cohen's kappa with quadratic weights; NaN where all ratings are one and the same.
        difference: mean absolute difference, rating points.
    """

    n: int
    identical: tuple[float, float, float]
    kappa: tuple[float, float, float]
    difference: tuple[float, float, float]


def asked_again(prompts: Sequence[_T], share: float) -> list[_T]:
    """The prompts to ask a second time, in their order: a random share, the same whenever it is drawn.

    Args:
        prompts: those of the run.
        share: how much of them, 0 to 1; rounded up to a whole number.
    """
    n = min(int(np.ceil(share * len(prompts))), len(prompts))
    chosen = np.sort(np.random.default_rng(SEED).permutation(len(prompts))[:n])
    return [prompts[i] for i in chosen]


def agreement(first: Floats, second: Floats, query: NDArray[np.intp]) -> Agreement:
    """Agreement of two ratings of each prompt.

    Args:
        first: ratings 1 to 6, shape (prompts,), NaN where there is none.
        second: of the same prompts, asked again.
        query: any number for each prompt's query, shape (prompts,).
    """
    both = np.isfinite(first) & np.isfinite(second)
    one, other = (x[both].astype(np.intp) - 1 for x in (first, second))
    names, at = np.unique(query[both], return_inverse=True)
    table = np.zeros((max(len(names), 1), _RATINGS, _RATINGS))
    np.add.at(table, (at.ravel(), one, other), 1.0)
    weights = np.concatenate([np.ones((1, len(table))), query_weights(len(table), DRAWS)])
    counts = np.tensordot(weights, table, axes=1)  # the point stands as draw 0
    gap = np.abs(np.subtract.outer(np.arange(_RATINGS), np.arange(_RATINGS)))
    n = counts.sum(axis=(1, 2))
    expected = np.einsum("bi,bj,ij->b", counts.sum(axis=2), counts.sum(axis=1), gap**2)
    kappa = 1 - ratio(n * (counts * gap**2).sum(axis=(1, 2)), expected)
    return Agreement(
        n=int(both.sum()),
        identical=_estimate(ratio(np.einsum("bii->b", counts), n), len(names)),
        kappa=_estimate(kappa, len(names)),
        difference=_estimate(ratio((counts * gap).sum(axis=(1, 2)), n), len(names)),
    )


def _estimate(found: Floats, queries: int) -> tuple[float, float, float]:
    if queries < 2:
        return float(found[0]), float("nan"), float("nan")
    _, low, high = spread(found[None, 1:].copy())
    return float(found[0]), float(low[0]), float(high[0])
