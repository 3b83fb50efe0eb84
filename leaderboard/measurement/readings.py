"""What the two readings of the same answers can carry, beside each other: figures for the Benchmark and Model pages.

*Published*: the score by the key. *Match*: the template match on all items (`data.people.templates`). Pure functions
over arrays; `leaderboard.analysis.reading_report` brings them into one record.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.people.templates import template_match
from data.values import VALUES
from eval_queue.scoring.formulas import Bools, Floats, ratio
from eval_queue.scoring.match import match_draws
from leaderboard.analysis.ranks import ALPHA, MIN_DRAWS, Sample, holm, resample, t_test

FOLDS: Final = 10
SEED: Final = 20310
_MANY: Final = 10**6
"""Degrees of freedom with which t is the normal distribution."""
_TEN: Final = slice(0, len(VALUES))


class Explained(NamedTuple):
    """Share of the variance of models' ratings that the ten templates explain, shape (models,), NaN without variance.

    Of what is left of a model's ratings once the part that goes with people's mean ratings is taken away: how good
    everybody finds a response says nothing of values.
    """

    r2: Floats
    """Of the ratings that the weights were found from; never below 0 and rising with every template added."""
    cross_validated: Floats
    """Of queries that the weights have not seen; below 0 where the templates predict worse than the mean does."""


class Pairs(NamedTuple):
    """How many differences hold after Holm's correction, over the ten values."""

    models: int
    """Pairs of models, Holm within a value."""
    models_of: int
    values: int
    """Pairs of values within one model, Holm within a model."""
    values_of: int
    from_zero: int
    """Values of one model that differ from 0, Holm within a model."""
    from_zero_of: int


def first_component(columns: Floats) -> float:
    """Share of the variance of standardised columns along their first principal component; NaN below 3 rows.

    Args:
        columns: shape (models, columns); rows with a gap are left out.
    """
    whole = columns[np.isfinite(columns).all(axis=1)]
    if len(whole) < 3 or not (whole.std(axis=0) > 0).all():
        return float("nan")
    roots = np.linalg.eigvalsh(np.corrcoef(whole, rowvar=False))
    return float(roots[-1] / roots.sum())


def explained(
    x: Floats, people: Floats, loadings: Floats, query_index: NDArray[np.intp], folds: int = FOLDS, seed: int = SEED
) -> Explained:
    """How much of what a model rates the ten templates explain.

    Args:
        x: mean rating of each item, shape (models, items), NaN where there is none.
        people: people's mean rating of each item (`data.people.rater_means`), shape (items,).
        loadings: templates, shape (items, 19).
        query_index: position of each item's query, shape (items,): folds hold whole queries.
        folds: parts of the queries that are left out in turn.
        seed: of the division into folds.
    """
    n = int(query_index.max(initial=-1)) + 1
    fold = (np.random.default_rng(seed).permutation(n) % folds)[query_index]
    ten = loadings[:, _TEN]
    found = np.full((2, len(x)), np.nan)
    for m, ratings in enumerate(x):
        there = np.isfinite(ratings) & np.isfinite(people) & np.isfinite(ten).all(axis=1)
        if there.sum() < 2 * len(VALUES) or ratings[there].std() < 1e-9:
            continue
        y, base = ratings[there], np.column_stack([np.ones(there.sum()), people[there]])
        wide = np.column_stack([base, ten[there]])
        whole = _left(y, wide, y, wide), _left(y, base, y, base)
        seen = np.zeros(2)
        for k in range(folds):
            out = fold[there] == k
            if out.any() and not out.all():
                seen += [_left(y[~out], d[~out], y[out], d[out]) for d in (wide, base)]
        found[:, m] = 1 - whole[0] / whole[1], 1 - seen[0] / seen[1]
    return Explained(found[0], found[1])


def _left(y: Floats, design: Floats, new: Floats, new_design: Floats) -> float:
    """Sum of squares of new ratings that a regression on others leaves."""
    weights = np.linalg.lstsq(design, y, rcond=None)[0]
    return float(((new - new_design @ weights) ** 2).sum())


def match_sample(x: Floats, loadings: Floats, query_index: NDArray[np.intp]) -> Sample:
    """Matches with their draws over queries, in the form that `ranks` compares: every rated query carries them.

    Args:
        x: mean rating of each item, shape (models, items), NaN where there is none.
        loadings: templates, shape (items, columns).
        query_index: position of each item's query, shape (items,).
    """
    belongs = np.zeros((query_index.size, int(query_index.max(initial=-1)) + 1))
    belongs[np.arange(query_index.size), query_index] = 1
    clusters = ((np.isfinite(x) @ belongs) > 0).sum(axis=1)
    draws = np.moveaxis(match_draws(x, loadings, query_index), -1, 0)
    everywhere = np.repeat(clusters[:, None], loadings.shape[1], axis=1)
    return Sample(template_match(x, loadings), draws, everywhere.astype(np.int64))


def pairs_that_hold(sample: Sample, people: Floats | None = None, *, normal: bool = False) -> Pairs:
    """Count the differences that hold on the ten values; a value that some model lacks counts for nothing.

    Args:
        sample: of complete models, first ten columns the values.
        people: draws over the people behind the templates, shape (models, columns, sets), whose noise is added.
        normal: the normal distribution instead of t with the queries' degrees of freedom. It separates where nothing
            is (`leaderboard.analysis.ranks`); for comparison with counts made in that way.
    """
    point, draws, clusters = sample.point[:, _TEN], sample.draws[:, :, _TEN], sample.clusters[:, _TEN]
    sets = None if people is None else np.moveaxis(people[:, _TEN], -1, 0)
    if normal:
        clusters = np.full_like(clusters, _MANY)
    models, values = point.shape
    between = within = from_zero = 0
    for d in range(values):
        more = None if sets is None else sets[:, :, d]
        between += _held(point[:, d], draws[:, :, d], more, clusters[:, d])
    for m in range(models):
        more = None if sets is None else sets[:, m]
        within += _held(point[m], draws[:, m], more, clusters[m])
        from_zero += _away(point[m], draws[:, m], more, clusters[m])
    return Pairs(
        between,
        values * models * (models - 1) // 2,
        within,
        models * values * (values - 1) // 2,
        from_zero,
        models * values,
    )


def _held(point: Floats, draws: Floats, people: Floats | None, clusters: NDArray[np.int64]) -> int:
    """Pairs of one family that differ for sure, from draws of shape (draws, n) and sets of shape (sets, n)."""
    draws = draws[np.isfinite(draws).all(axis=1)]
    if not np.isfinite(point).all() or len(draws) < MIN_DRAWS:
        return 0
    covariance = np.cov(draws, rowvar=False)
    if people is not None:
        covariance = covariance + np.cov(people, rowvar=False)
    i, j = np.triu_indices(len(point), 1)
    se = np.sqrt(np.maximum(covariance[i, i] + covariance[j, j] - 2 * covariance[i, j], 0.0))
    p = holm(t_test(point[i] - point[j], se, np.minimum(clusters[i], clusters[j])))
    return int((p <= ALPHA).sum())


def _away(point: Floats, draws: Floats, people: Floats | None, clusters: NDArray[np.int64]) -> int:
    """Numbers of one family that differ from 0 for sure; shapes as for `_held`."""
    draws = draws[np.isfinite(draws).all(axis=1)]
    if not np.isfinite(point).all() or len(draws) < MIN_DRAWS:
        return 0
    variance = draws.var(axis=0, ddof=1)
    if people is not None:
        variance = variance + people.var(axis=0, ddof=1)
    return int((holm(t_test(point, np.sqrt(variance), clusters)) <= ALPHA).sum())


def shuffled_pairs(
    x: Floats,
    shuffled: Iterable[tuple[Bools, Floats]],
    query_index: NDArray[np.intp],
    *,
    normal: bool = False,
) -> tuple[list[int], list[int]]:
    """Pairs of models that hold where people's values were dealt out at random: under both readings, key by key.

    Args:
        x: mean rating of each item, shape (models, items).
        shuffled: keys and templates of such people (`data.people.templates.shuffled`).
        query_index: position of each item's query, shape (items,).
        normal: as for `pairs_that_hold`.
    """
    published: list[int] = []
    match: list[int] = []
    for selected, loadings in shuffled:
        published.append(pairs_that_hold(resample(x, selected, query_index), normal=normal).models)
        match.append(pairs_that_hold(match_sample(x, loadings[:, _TEN], query_index), normal=normal).models)
    return published, match


def along_common(columns: Floats) -> float:
    """Share of the variance between models along the direction of their mean profile."""
    whole = columns[np.isfinite(columns).all(axis=1)]
    mean = whole.mean(axis=0)
    away = whole - mean
    along = away @ (mean / np.linalg.norm(mean))
    return float(ratio(np.array((along**2).sum()), np.array((away**2).sum())))
