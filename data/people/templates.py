"""Templates of the dimensions: for each item, how it goes with each dimension among the people who rated it.

The published key keeps the few items whose correlation passes a cut-off; a template keeps all of them, each with a
loading. A model is then read by the correlation of its ratings with the template (`eval_queue.scoring.match`), as
Q-sorts are by template or prototype matching.

    c(i, d)  Pearson correlation, within the survey group that rated item i, between people's person-centred ratings
             (rating minus the person's own mean over the group's items) and their own score on dimension d
    s2(i, d) its sampling variance, (1 - c^2)^2 / (n - 1) with n people in the group
    t2(d)    variance of the true correlations over items, max(0, Var_i(c) - mean_i(s2)), Var over all rated items
    a(i, d)  the loading, c * t2 / (t2 + s2): an empirical-Bayes shrinkage towards 0

Pure functions on `data.ratings.Study`. What is returned is aggregates over at least `MIN_GROUP` people; the templates
of resampled people say how far other people would have given other loadings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.people.psychometrics import ItemIds, rated_rows, spearman_key
from data.ratings import Study, SurveyGroup
from data.values import DIMENSIONS

DRAWS: Final = 500
"""How often people are resampled."""
SEED: Final = 20270
STEP: Final = 0.1
"""To what the loadings of resampled people are rounded, as distances from the template's own.

It keeps 500 templates below 1.5 MB as a file. Rounding adds 1 % to a model's standard error over people (median over
the released models and all dimensions; 4 % at most), a fraction of what 500 draws leave open.
"""

ROUNDING: Final = 1e-9
"""Share of a sum of squares below which what is left of it is a rounding error."""

_CHUNK: Final = 50
"""Draws worked on at a time; bounds memory, changes no result."""

Floats = NDArray[np.float64]


class ItemCorrelations(NamedTuple):
    """What the people of a study give before anything is shrunk."""

    c: Floats
    """Correlations c(i, d), shape (items, 19), NaN for what nobody rated or was asked."""
    n: Floats
    """People of the group that rated the item, shape (items,), NaN where there is none."""


@dataclass(frozen=True)
class ValueTemplates:
    """Templates of all dimensions.

    Attributes:
        loadings: a(i, d), shape (items, 19); NaN for an item that no reportable group rated and in the columns of
            dimensions that nobody was asked about.
        steps: distances of resampled people's loadings from these in units of `STEP`, shape (draws, items, 19); 0 where
            there is no loading.
    """

    loadings: Floats
    steps: NDArray[np.int8]

    @property
    def draws(self) -> int:
        """How many sets of resampled people there are."""
        return len(self.steps)

    @property
    def resampled(self) -> Floats:
        """Loadings by resampled people, shape (draws, items, 19); NaN as in `loadings`."""
        return self.loadings + STEP * self.steps

    def dimension(self, d: int) -> ValueTemplates:
        """The template of one dimension by itself: arrays with one column instead of 19."""
        return ValueTemplates(self.loadings[:, d : d + 1], self.steps[:, :, d : d + 1])

    @cached_property
    def flat_steps(self) -> NDArray[np.float32]:
        """The steps as a matrix for products, shape (items, draws * 19); 40 MB, kept once asked for."""
        by_item = self.steps.transpose(1, 0, 2)
        return np.ascontiguousarray(by_item, dtype=np.float32).reshape(len(self.loadings), -1)

    @cached_property
    def sums(self) -> Floats:
        """Sums over all items of `resampled` and of its squares, shape (2, draws, 19)."""
        return self.sums_over(np.ones(len(self.loadings), dtype=bool))

    def sums_over(self, items: NDArray[np.bool_]) -> Floats:
        """The same over some items."""
        a, steps = np.nan_to_num(self.loadings[items]), self.steps[:, items].astype(np.float64)
        square = STEP**2 * np.einsum("bid,bid->bd", steps, steps) + 2 * STEP * np.einsum("id,bid->bd", a, steps)
        return np.stack([a.sum(axis=0) + STEP * steps.sum(axis=1), (a**2).sum(axis=0) + square])


def correlations(study: Study, items: ItemIds) -> ItemCorrelations:
    """c(i, d) and the number of people behind it.

    Args:
        study: the ratings.
        items: ids in the order of the rows.

    Raises:
        InputError: an item is rated by two groups, or is not among `items`.
    """
    c = np.full((len(items), len(DIMENSIONS)), np.nan)
    n = np.full(len(items), np.nan)
    for group, rows in rated_rows(study, items):
        weights = np.full((1, group.n_people), 1.0 / group.n_people)
        c[rows] = weighted_correlations(weights, centred(group.ratings), group.values)[0]
        n[rows] = group.n_people
    return ItemCorrelations(c, n)


def centred(ratings: Floats) -> Floats:
    """Each person's ratings minus the person's own mean, shape (people, items)."""
    return np.asarray(ratings - ratings.mean(axis=1, keepdims=True))


def shrunk(c: Floats, n: Floats) -> Floats:
    """Loadings from correlations, a(i, d) = c * t2 / (t2 + s2).

    Args:
        c: correlations, shape (..., items, 19), NaN where there is none.
        n: people behind them, shape (items,).

    Returns:
        Same shape as `c`; 0 throughout for a dimension whose correlations vary no more than chance lets them.
    """
    known = np.isfinite(c)
    s2 = (1.0 - c**2) ** 2 / (n[:, None] - 1.0)
    count = np.maximum(known.sum(axis=-2, keepdims=True), 1)
    mean = np.where(known, c, 0.0).sum(axis=-2, keepdims=True) / count
    variance = np.where(known, (c - mean) ** 2, 0.0).sum(axis=-2, keepdims=True) / count
    t2 = np.maximum(0.0, variance - np.where(known, s2, 0.0).sum(axis=-2, keepdims=True) / count)
    with np.errstate(invalid="ignore"):  # a correlation of exactly 1 has s2 = 0
        share = np.where(t2 > 0, t2 / (t2 + s2), 0.0)
    return np.where(known, c * share, np.nan)


def templates(study: Study, items: ItemIds, draws: int = DRAWS, seed: int = SEED) -> ValueTemplates:
    """Templates of a study, and those of resampled people: as many of each group as it has, with replacement.

    A loading that resampled people leave undefined (all of them agree) stays where the template has it.

    Args:
        study: the ratings.
        items: ids in the order of the rows.
        draws: how many resampled studies.
        seed: of them.

    Raises:
        InputError: as for `correlations`.
    """
    c, n = correlations(study, items)
    loadings = shrunk(c, n)
    groups = rated_rows(study, items)
    drawn = _resampled_people(groups, draws, seed)
    steps = np.zeros((draws, *loadings.shape), dtype=np.int8)
    for start in range(0, draws, _CHUNK):
        part = slice(start, min(start + _CHUNK, draws))
        found = np.full((part.stop - start, *loadings.shape), np.nan)
        for (group, rows), times in zip(groups, drawn, strict=True):
            found[:, rows] = weighted_correlations(times[part] / group.n_people, centred(group.ratings), group.values)
        away = np.nan_to_num((shrunk(found, n) - loadings) / STEP)
        steps[part] = np.clip(np.rint(away), -127, 127).astype(np.int8)
    return ValueTemplates(loadings, steps)


def resampled_means(study: Study, items: ItemIds, draws: int) -> Floats:
    """Mean rating of each item by the resampled people of `templates`: set by set those behind the same template.

    Args:
        study: the ratings.
        items: ids in the order of the columns.
        draws: as for `templates`.

    Returns:
        Shape (draws, items), NaN for what nobody rated.
    """
    groups = rated_rows(study, items)
    found = np.full((draws, len(items)), np.nan)
    for (group, rows), times in zip(groups, _resampled_people(groups, draws, SEED), strict=True):
        found[:, rows] = times / group.n_people @ group.ratings
    return found


def _resampled_people(
    groups: Sequence[tuple[SurveyGroup, list[int]]], draws: int, seed: int
) -> list[NDArray[np.int64]]:
    """How often each person is drawn, for each group of shape (draws, people)."""
    rng = np.random.default_rng(seed)
    return [rng.multinomial(g.n_people, np.full(g.n_people, 1.0 / g.n_people), size=draws) for g, _ in groups]


def shuffled(study: Study, items: ItemIds, draws: int) -> Iterator[tuple[NDArray[np.bool_], Floats]]:
    """Keys and templates where people's scores are dealt out at random within each group: what nothing looks like.

    Args:
        study: the ratings.
        items: ids in the order of the rows.
        draws: how many.

    Yields:
        Which item would count for which dimension, shape (items, 19), and loadings, same shape.
    """
    rng = np.random.default_rng(SEED)
    for _ in range(draws):
        dealt = tuple(SurveyGroup(g.items, g.ratings, g.values[rng.permutation(g.n_people)]) for g in study.groups)
        other = Study(dealt, study.n_people)
        yield spearman_key(other, items).selected, shrunk(*correlations(other, items))


def template_match(x: Floats, loadings: Floats) -> Floats:
    """Template match: Pearson correlation of ratings with a template over the items that have both.

    Args:
        x: ratings of each item, of a model its mean over the variants, shape (respondents, items), NaN where missing.
        loadings: a(i, d), shape (items, columns), NaN where there is none; any columns will do.

    Returns:
        Shape (respondents, columns), -1 to 1; NaN where the ratings, or the loadings of the rated items, are all equal.
    """
    x, a = about_zero(x, loadings)
    present, known = np.isfinite(x).astype(np.float64), np.isfinite(a).astype(np.float64)
    x, a = np.nan_to_num(x), np.nan_to_num(a)
    return pearson(present @ known, x @ known, x**2 @ known, present @ a, present @ a**2, x @ a)


def about_zero(x: Floats, loadings: Floats) -> tuple[Floats, Floats]:
    """Ratings less each respondent's mean, loadings less each column's: changes no correlation, keeps sums exact."""
    rated, known = np.isfinite(x), np.isfinite(loadings)
    mean = np.where(rated, x, 0.0).sum(axis=1) / np.maximum(rated.sum(axis=1), 1)
    centre = np.where(known, loadings, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return x - mean[:, None], loadings - centre


def pearson(n: Floats, sum_x: Floats, sum_xx: Floats, sum_a: Floats, sum_aa: Floats, sum_ax: Floats) -> Floats:
    """Pearson's correlation from the number of pairs, sums, sums of squares and the sum of products.

    Returns:
        The common shape; NaN where what varies is no more than rounding errors of equal numbers.
    """
    over_x, over_a = n * sum_xx - sum_x**2, n * sum_aa - sum_a**2
    over_x = np.where(over_x > ROUNDING * n * sum_xx, over_x, np.nan)
    over_a = np.where(over_a > ROUNDING * n * sum_aa, over_a, np.nan)
    found: Floats = (n * sum_ax - sum_x * sum_a) / np.sqrt(over_x * over_a)
    return found


def weighted_correlations(weights: Floats, x: Floats, y: Floats) -> Floats:
    """Pearson correlations of all columns of `x` and `y` under weights that sum to 1.

    Args:
        weights: shape (draws, people).
        x: shape (people, a).
        y: shape (people, b).

    Returns:
        Shape (draws, a, b), NaN where a column does not vary.
    """
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    mean_x, mean_y = weights @ x, weights @ y
    products = (weights @ (x[:, :, None] * y[:, None, :]).reshape(len(x), -1)).reshape(len(weights), x.shape[1], -1)
    covariance = products - mean_x[:, :, None] * mean_y[:, None, :]
    variance_x, variance_y = weights @ x**2 - mean_x**2, weights @ y**2 - mean_y**2
    square = _positive(variance_x, x)[:, :, None] * _positive(variance_y, y)[:, None, :]
    return np.clip(covariance / np.sqrt(square), -1.0, 1.0)


def _positive(variance: Floats, x: Floats) -> Floats:
    """Variances, NaN where they are rounding errors of equal numbers."""
    return np.where(variance > 1e-12 * np.maximum((x**2).max(axis=0), 1e-12), variance, np.nan)
