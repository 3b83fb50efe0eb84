"""Ranks of a whole board at once, for tests: what `leaderboard.analysis.ranks.ranks_by_parts` must come to as well."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leaderboard.analysis.ranks import (
    NO_RANK,
    BoolArray,
    FloatArray,
    Ranks,
    RankTable,
    Sample,
    intervals,
    value_ranks,
)


def rank_table(sample: Sample, people: FloatArray | None = None) -> Ranks:
    """All rank intervals of a board; `people` of shape (sets, models, 19)."""
    return Ranks(model_ranks(*sample, people=people), value_ranks(*sample, people))


def model_ranks(
    point: FloatArray,
    draws: FloatArray,
    clusters: NDArray[np.integer],
    eligible: BoolArray | None = None,
    people: FloatArray | None = None,
) -> RankTable:
    """Rank intervals of the models on every dimension, of those that are `eligible`.

    Args:
        point: scores, shape (models, dimensions); NaN where a model has none.
        draws: the same in every bootstrap draw, shape (draws, models, dimensions).
        clusters: queries that carry each dimension, shape (dimensions,), or for each model (models, dimensions).
        eligible: models that may be ranked, shape (models,); None for all.
        people: draws over people, shape (sets, models, dimensions).
    """
    rows = np.arange(len(point)) if eligible is None else np.flatnonzero(eligible)
    clusters = np.broadcast_to(clusters, point.shape)
    low = np.full(point.shape, NO_RANK, dtype=np.int64)
    high = low.copy()
    for d in range(point.shape[1]):
        sets = None if people is None else people[:, rows, d]
        low[rows, d], high[rows, d] = intervals(point[rows, d], draws[:, rows, d], clusters[rows, d], sets)
    return RankTable(low, high)
