"""From ratings to scores: the formulas of the methodology, as arrays.

Pure functions over arrays; dimensions in the order of `data.values.DIMENSIONS`, scales in that of `SCALES`. A number
that cannot be had is NaN here (and null in a record, see `eval_queue.scoring.profiles`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.benchmark import Benchmark
from data.values import DIMENSIONS, SCALE_COLUMNS, SCALES

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SCALE_OF: Final[NDArray[np.intp]] = np.array([list(SCALES).index(d.scale) for d in DIMENSIONS], dtype=np.intp)
"""For each dimension the position of its scale."""

_COMPAT_ITEM: Final = (1902, 2)
_COMPAT_DIMENSION: Final = "Openness to Change"


@dataclass(frozen=True)
class Scores:
    """Scores of all models, in rating points.

    Attributes:
        raw: mean rating of a dimension's items, shape (models, 19).
        score: raw minus the mean of the dimension's scale, shape (models, 19).
        n: items of the dimension with a rating, shape (models, 19).
        mean: mean rating over the distinct items that count for any dimension of the scale, shape (models, 3).
        n_items: how many of these have a rating, shape (models, 3).
    """

    raw: Floats
    score: Floats
    n: NDArray[np.int64]
    mean: Floats
    n_items: NDArray[np.int64]


def item_means(ratings: Floats) -> Floats:
    """Mean rating of each item over the variants that have one.

    Args:
        ratings: shape (models, variants, items), NaN where there is no rating.

    Returns:
        Shape (models, items); NaN where no variant has a rating.
    """
    rated = np.isfinite(ratings)
    return ratio(np.where(rated, ratings, 0.0).sum(axis=1), rated.sum(axis=1))


def columns(selected: Bools) -> Floats:
    """Which item counts for which mean, as 0 and 1: the 19 dimensions, then the 3 scales (any of their dimensions).

    Args:
        selected: shape (items, 19).

    Returns:
        Shape (items, 22).
    """
    scales = [selected[:, SCALE_COLUMNS[scale]].any(axis=1) for scale in SCALES]
    return np.column_stack([selected, *scales]).astype(np.float64)


def score(ratings: Floats, selected: Bools) -> Scores:
    """Score models: mean rating of each dimension's items relative to the mean of the scale.

    Args:
        ratings: shape (models, variants, items), NaN where there is no rating.
        selected: which item counts for which dimension, shape (items, 19).
    """
    x = item_means(ratings)
    present = np.isfinite(x)
    counts_for = columns(selected)
    n = present @ counts_for
    means = ratio(np.where(present, x, 0.0) @ counts_for, n)
    raw, scale_mean = means[:, : len(DIMENSIONS)], means[:, len(DIMENSIONS) :]
    whole = n.astype(np.int64)
    return Scores(
        raw=raw,
        score=raw - scale_mean[:, SCALE_OF],
        n=whole[:, : len(DIMENSIONS)],
        mean=scale_mean,
        n_items=whole[:, len(DIMENSIONS) :],
    )


def compat_selected(benchmark: Benchmark) -> Bools:
    """The selection that upstream scores with: the key's, and 1902/2 for Openness to Change, which its rule forgot.

    Source: `upstream-facts`, section 1; for parity with the published numbers only.
    """
    selected = benchmark.key.selected.copy()
    row = benchmark.item_index.get(_COMPAT_ITEM)
    if row is not None and not benchmark.is_practice:
        selected[row, [d.name for d in DIMENSIONS].index(_COMPAT_DIMENSION)] = True
    return selected


def ratio(total: NDArray[Any], count: NDArray[Any]) -> Floats:
    """Total divided by count, NaN where the count is 0; shapes must agree."""
    quotient: Floats = np.full(np.shape(total), np.nan)
    np.divide(total, count, out=quotient, where=np.asarray(count) > 0)
    return quotient


def distinct_rows(rows: Bools) -> tuple[Bools, NDArray[np.intp]]:
    """The different rows and for each row which of them it is: models mostly miss the same items, usually none.

    Args:
        rows: shape (n, k).

    Returns:
        Shape (different, k), and (n,).
    """
    packed = np.ascontiguousarray(np.packbits(rows, axis=1))
    _, first, which = np.unique(packed.view(f"V{packed.shape[1]}"), return_index=True, return_inverse=True)
    return rows[first], which.ravel()
