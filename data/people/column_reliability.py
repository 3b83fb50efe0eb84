"""Whether a column tells models apart: does it order them alike in two halves of the queries, or of the people.

Under both readings (`norms.Reading`). Queries, or the people of every survey group, are divided into two halves at
random; the column is computed in each half and correlated over models. The median over divisions is stepped up to the
whole by the Spearman-Brown formula; its interval resamples models (`psychometrics.coefficient_interval`). Below
`TELLS_APART` a column cannot tell these models apart; others may differ more, so the figures hold for the models they
were computed from.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.benchmark import Key
from data.people.norms import READINGS, Reading
from data.people.psychometrics import (
    DRAWS,
    Bools,
    Estimated,
    Floats,
    ItemIds,
    centred_scores,
    coefficient_interval,
    rated_rows,
    spearman,
)
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


def over_halves(halves: Floats, draws: int = DRAWS, seed: int = SEED) -> Estimated:
    """Reliability of each column between models from what two halves give, with intervals over models.

    Args:
        halves: columns in both halves in every division, shape (splits, 2, models, columns), NaN where missing.
        draws: how often models are resampled.
        seed: of these draws.

    Returns:
        Shape (columns,); NaN below 3 models. Models of one family are taken to be as different as any others.
    """
    models = halves.shape[2]
    counts = np.random.default_rng(seed).multinomial(models, np.full(models, 1 / max(models, 1)), size=draws)
    weights = np.vstack([np.ones(models), counts])
    found = np.full((1 + draws, halves.shape[3]), np.nan)
    enough = np.zeros(halves.shape[3])
    for d in range(halves.shape[3]):
        there = np.isfinite(halves[..., d]).all(axis=1)
        n = weights @ there.T
        kept = np.where(there, halves[..., d].swapaxes(0, 1), 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            one, other = kept - np.where(there, (kept.sum(axis=2) / there.sum(axis=1))[..., None], 0.0)
            a, b = weights @ one.T, weights @ other.T
            square = (weights @ (one**2).T - a**2 / n) * (weights @ (other**2).T - b**2 / n)
            r = (weights @ (one * other).T - a * b / n) / np.sqrt(np.where(square > 0, square, np.nan))
        found[:, d] = _median(np.where(n[:1] >= FEWEST_MODELS, r, np.nan).T)
        enough[d] = there.sum(axis=1).max(initial=0)
    r = stepped_up(found)
    return Estimated(r[0], *coefficient_interval(r[0], r[1:], np.maximum(enough - 1, 1)))


def query_halves(
    x: Floats,
    selected: Bools,
    loadings: Floats,
    query_index: NDArray[np.intp],
    splits: int = SPLITS,
    seed: int = SEED,
) -> dict[Reading, Estimated]:
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
    found: dict[Reading, list[list[Floats]]] = {reading: [] for reading in READINGS}
    for _ in range(splits):
        first = np.isin(query_index, rng.permutation(n)[: n // 2])
        halves = (first, ~first)
        found["published"].append([centred_scores(x[:, h], selected[h]) for h in halves])
        found["match"].append([template_match(x[:, h], loadings[h]) for h in halves])
    return {reading: over_halves(np.array(halves)) for reading, halves in found.items()}


def people_halves(
    x: Floats, study: Study, items: ItemIds, splits: int = SPLITS, seed: int = SEED
) -> dict[Reading, Estimated]:
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
    found: dict[Reading, list[list[Floats]]] = {reading: [] for reading in READINGS}
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
        found["published"].append([centred_scores(x, key) for key in keys])
        found["match"].append([template_match(x, a) for a in loadings])
    return {reading: over_halves(np.array(halves)) for reading, halves in found.items()}


def _median(r: Floats) -> Floats:
    """Median over divisions of what is there; NaN where nothing is."""
    there = np.isfinite(r)
    whole, some = there.all(axis=0), there.any(axis=0)
    found = np.full(r.shape[1], np.nan)
    found[some] = np.nanmedian(r[:, some], axis=0) if (some & ~whole).any() else np.median(r[:, some], axis=0)
    return found
