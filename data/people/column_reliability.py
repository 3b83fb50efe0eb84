"""Whether a column tells models apart: does it order them alike in two halves of the queries, or of the people.

Under both readings (`norms.Reading`). Queries, or the people of every survey group, are divided into two halves at
random; the column is computed in each half and correlated over models. The median over divisions is stepped up to the
whole by the Spearman-Brown formula. Below `TELLS_APART` a column cannot tell these models apart; others may differ
more, so the figures hold for the models they were computed from.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.benchmark import Key
from data.people.norms import READINGS, Reading
from data.people.psychometrics import Bools, Floats, ItemIds, centred_scores, rated_rows, spearman
from data.people.templates import centred, shrunk, template_match, weighted_correlations
from data.ratings import Study
from data.values import DIMENSIONS

SPLITS: Final = 200
"""How often queries or people are divided into halves."""
SEED: Final = 20290
TELLS_APART: Final = 0.5
"""A column of lower reliability carries a mark."""
FEWEST_MODELS: Final = 3
"""Models that a correlation over models needs."""


def stepped_up(r: Floats) -> Floats:
    """Spearman-Brown: the reliability of a whole whose halves correlate at `r`; -1 where the formula falls below."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(r > -1, np.maximum(2 * r / (1 + r), -1.0), np.where(np.isnan(r), np.nan, -1.0))


def over_columns(one: Floats, other: Floats) -> Floats:
    """Pearson correlation over models of each column, shape (models, columns) to (columns,); NaN below 3 models."""
    both = np.isfinite(one) & np.isfinite(other)
    n = both.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        a, b = (np.where(both, x - np.where(both, x, 0.0).sum(axis=0) / n, 0.0) for x in (one, other))
        r = (a * b).sum(axis=0) / np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    return np.where(n >= FEWEST_MODELS, r, np.nan)


def query_halves(
    x: Floats,
    selected: Bools,
    loadings: Floats,
    query_index: NDArray[np.intp],
    splits: int = SPLITS,
    seed: int = SEED,
) -> dict[Reading, Floats]:
    """Reliability of every column between models over halves of the queries, shape (19,) for each reading.

    Args:
        x: models' mean rating of each item, shape (models, items), NaN where there is none.
        selected: which item counts for which dimension, shape (items, 19).
        loadings: templates of the dimensions, shape (items, 19).
        query_index: position of each item's query, shape (items,).
        splits: how many divisions.
        seed: of the divisions.
    """
    rng = np.random.default_rng(seed)
    n = int(query_index.max(initial=-1)) + 1
    found: dict[Reading, list[Floats]] = {reading: [] for reading in READINGS}
    for _ in range(splits):
        first = np.isin(query_index, rng.permutation(n)[: n // 2])
        halves = (first, ~first)
        found["published"].append(over_columns(*(centred_scores(x[:, h], selected[h]) for h in halves)))
        found["match"].append(over_columns(*(template_match(x[:, h], loadings[h]) for h in halves)))
    return {reading: stepped_up(_median(np.array(r))) for reading, r in found.items()}


def people_halves(
    x: Floats, study: Study, items: ItemIds, splits: int = SPLITS, seed: int = SEED
) -> dict[Reading, Floats]:
    """Reliability of every column between models over halves of the people, shape (19,) for each reading.

    Args:
        x: models' mean rating of each item, shape (models, items), NaN where there is none.
        study: the ratings.
        items: ids of the items, in the order of the columns of `x`.
        splits: how many divisions.
        seed: of the divisions.
    """
    rng = np.random.default_rng(seed)
    groups = rated_rows(study, items)
    found: dict[Reading, list[Floats]] = {reading: [] for reading in READINGS}
    for _ in range(splits):
        c = np.full((2, len(items), len(DIMENSIONS)), np.nan)
        n = np.full((2, len(items)), np.nan)
        rho, p = np.full_like(c, np.nan), np.full_like(c, np.nan)
        for group, rows in groups:
            weights = np.zeros((2, group.n_people))
            for half, people in enumerate(np.array_split(rng.permutation(group.n_people), 2)):
                weights[half, people] = 1 / len(people)
                n[half, rows] = len(people)
                of_half = spearman(group.ratings[people], group.values[people])
                rho[half, rows], p[half, rows] = of_half.rho, of_half.p
            c[:, rows] = weighted_correlations(weights, centred(group.ratings), group.values)
        keys = [Key(r, q).selected for r, q in zip(rho, p, strict=True)]
        loadings = [shrunk(r, k) for r, k in zip(c, n, strict=True)]
        found["published"].append(over_columns(*(centred_scores(x, key) for key in keys)))
        found["match"].append(over_columns(*(template_match(x, a) for a in loadings)))
    return {reading: stepped_up(_median(np.array(r))) for reading, r in found.items()}


def _median(r: Floats) -> Floats:
    """Median over divisions of what is there; NaN where nothing is."""
    there = np.isfinite(r).any(axis=0)
    found = np.full(r.shape[1], np.nan)
    found[there] = np.nanmedian(r[:, there], axis=0)
    return found
