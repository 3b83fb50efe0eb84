"""What the benchmark's own raters answered, item by item: an aggregate that a model's answers can be set beside.

It lets the raters be scored like a model, and resampled over the same queries.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.benchmark import Benchmark
from data.ratings import MIN_GROUP, Study


def rater_means(benchmark: Benchmark, study: Study) -> NDArray[np.float64]:
    """Mean rating of each item over the people who rated it.

    Args:
        benchmark: whose items.
        study: its rating study (`data.sources.loading.load_study`).

    Returns:
        Shape (items,), order `Benchmark.items`; NaN where fewer than `MIN_GROUP` people rated an item.
    """
    total, people = np.zeros(len(benchmark.items)), np.zeros(len(benchmark.items))
    for group in study.groups:
        at = [benchmark.item_index[item] for item in group.items]
        rated = np.isfinite(group.ratings)
        total[at] += np.where(rated, group.ratings, 0.0).sum(axis=0)
        people[at] += rated.sum(axis=0)
    enough = people >= MIN_GROUP
    means: NDArray[np.float64] = np.divide(total, people, out=np.full(len(total), np.nan), where=enough)
    return means
