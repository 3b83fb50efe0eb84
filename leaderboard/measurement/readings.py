"""What the two readings of the same answers can carry, beside each other: figures for the Benchmark and Model pages.

*Published*: the score by the key. *Match*: the template match on all items (`data.people.templates`). Pure functions
over arrays; `leaderboard.measurement.reading_report` brings them into one record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.people.psychometrics import DRAWS, coefficient_interval
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
    everybody finds a response says nothing of values. Half widths of 95 % intervals by a jackknife over queries, with
    t's queries - 1 degrees: they speak of what so many queries give on average.
    """

    r2: Floats
    """Of the ratings that the weights were found from; never below 0 and rising with every template added."""
    cross_validated: Floats
    """Of queries that the weights have not seen; below 0 where the templates predict worse than the mean does."""
    r2_half: Floats
    cross_validated_half: Floats


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
    from scipy.special import stdtrit

    n = int(query_index.max(initial=-1)) + 1
    fold = np.random.default_rng(seed).permutation(n) % folds
    of_fold = fold[:, None] == np.arange(folds)
    ten = loadings[:, _TEN]
    wide, base = slice(None, -1), slice(0, 2)
    found = np.full((4, len(x)), np.nan)
    for m, ratings in enumerate(x):
        there = np.isfinite(ratings) & np.isfinite(people) & np.isfinite(ten).all(axis=1)
        if there.sum() < 2 * len(VALUES) or ratings[there].std() < 1e-9:
            continue
        # sums of products, query by query, of 1, people's means, the ten templates and the ratings
        z = np.column_stack([people, ten, ratings])[there]
        z = np.column_stack([np.ones(len(z)), z - z.mean(axis=0)])
        sums = np.zeros((n, z.shape[1], z.shape[1]))
        np.add.at(sums, query_index[there], z[:, :, None] * z[:, None, :])
        asked = np.unique(query_index[there])
        # everything first, then everything but each query
        left = np.concatenate([np.zeros_like(sums[:1]), sums[asked]])
        whole = sums.sum(axis=0) - left
        test = (
            np.tensordot(of_fold.T * 1.0, sums, axes=1)
            - left[:, None] * np.vstack([np.zeros(folds), of_fold[asked]])[:, :, None, None]
        )
        train = whole[:, None] - test
        seen = [_left(train, test, design).sum(axis=1) for design in (wide, base)]
        both = 1 - _left(whole, whole, wide) / _left(whole, whole, base), 1 - seen[0] / seen[1]
        for i, figure in enumerate(both):
            k = len(asked)
            se = np.sqrt((k - 1) / k * np.square(figure[1:] - figure[1:].mean()).sum())
            found[[i, 2 + i], m] = figure[0], stdtrit(k - 1, 0.975) * se
    return Explained(*found)


def _left(train: Floats, test: Floats, design: slice) -> Floats:
    """Sum of squares that a regression on some ratings leaves of others, from their sums of products.

    Args:
        train: shape (..., columns, columns), the ratings last.
        test: same shape.
        design: which columns predict.
    """
    products, with_ratings = train[..., design, design], train[..., design, -1:]
    try:
        weights = np.linalg.solve(products, with_ratings)
    except np.linalg.LinAlgError:  # what predicts does not vary, or repeats
        weights = np.linalg.pinv(products, hermitian=True) @ with_ratings
    explained = 2 * test[..., design, -1:] - test[..., design, design] @ weights
    return np.asarray(test[..., -1, -1] - (weights * explained).sum(axis=(-2, -1)))


def over_models(
    columns: Floats, figure: Callable[[Floats], float], draws: int = DRAWS, seed: int = SEED
) -> tuple[float, float]:
    """95 % interval of a share of variance between models, models resampled; NaN below 3 of them.

    Args:
        columns: shape (models, columns).
        figure: the share, from such an array.
        draws: how often models are resampled.
        seed: of these draws.
    """
    n = len(columns)
    if n < 3:
        return float("nan"), float("nan")
    drawn = np.random.default_rng(seed).integers(n, size=(draws, n))
    found = coefficient_interval(np.array(figure(columns)), np.array([figure(columns[d]) for d in drawn]), n - 1)
    return max(float(found[0]), 0.0), float(found[1])


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
