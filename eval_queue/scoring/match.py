"""Template match: a model's ratings of all items set beside how each item goes with each dimension among people.

The match of a model with a dimension is the Pearson correlation, over the items with a rating, of its mean ratings with
the dimension's template (`data.people.templates`). 0: its ratings have nothing to do with the dimension. It depends
neither on the model's mean rating nor on how widely it spreads its ratings.

How sure, from two sources that are independent of each other:

* which queries were asked: the bootstrap over queries with the same draws as the scores (`bootstrap.query_weights`),
  every draw a weighted correlation made of sums over queries;
* which people rated: the match with the templates of resampled people.

se = sqrt(se_queries^2 + se_people^2), the interval is match +- 1.96 se; it may reach beyond -1 or 1.

Not covered: other wordings of the prompt. A model that answers inconsistently matches every template less (see
`wording_reliability`), so a higher match is never by itself a stronger value.

Pure functions over arrays, float64 but for the products with the many templates of resampled people. NaN where a number
cannot be had.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.people.templates import ROUNDING, STEP, ValueTemplates, about_zero, pearson, template_match
from data.values import DIMENSIONS
from eval_queue.scoring.bootstrap import DRAWS, SEED, query_weights
from eval_queue.scoring.formulas import Floats, distinct_rows, ratio
from eval_queue.scoring.stability import WORDINGS, order_means

Z: Final = 1.96
"""Standard errors from the match to either end of its 95 % interval."""
MIN_QUERIES: Final = 10
"""Queries with a rated item that a match needs: fewer say too little about other queries for an interval to hold."""

NO_TEMPLATES: Final = "no templates are at hand: they are computed from people's ratings, and this benchmark has none"
FEW_QUERIES: Final = f"fewer than {MIN_QUERIES} queries have a rating"
ALL_EQUAL: Final = "every item has the same mean rating, so there is nothing that could go with a template"

_CHUNK: Final = 8
_MIDDLE: Final = 3.5
"""The middle of the rating scale."""
_PARTS: Final = 60
"""Least common multiple of 1 to 6, the numbers of ratings in a mean."""
_EQUAL: Final = 1e-9
"""Ratings and variances that differ by no more are equal but for rounding."""


@dataclass(frozen=True)
class Match:
    """Matches of models with all dimensions, arrays of shape (models, 19), NaN where there is none.

    Attributes:
        match: the correlation, -1 to 1.
        se_queries: its standard error over queries.
        se_people: its standard error over the people behind the template.
        reasons: for each model why it has no match at all; None where it has.
    """

    match: Floats
    se_queries: Floats
    se_people: Floats
    reasons: tuple[str | None, ...]

    @property
    def se(self) -> Floats:
        """Standard error from both sources."""
        return np.hypot(self.se_queries, self.se_people)

    @property
    def low(self) -> Floats:
        """Lower end of the 95 % interval."""
        return self.match - Z * self.se

    @property
    def high(self) -> Floats:
        """Upper end."""
        return self.match + Z * self.se


def match_draws(x: Floats, loadings: Floats, query_index: NDArray[np.intp], *, draws: int = DRAWS) -> Floats:
    """Draw by draw over queries what the match would be, for paired comparisons: the same draws as of the scores.

    Args:
        x: as for `data.people.templates.template_match`.
        loadings: as for `template_match`.
        query_index: position of each item's query, shape (items,).
        draws: how many.

    Returns:
        Shape (models, columns, draws).
    """
    found = np.empty((len(x), loadings.shape[1], draws))
    for models, drawn in _drawn(x, loadings, query_index, draws, SEED):
        found[models] = drawn
    return found


def people_draws(x: Floats, templates: ValueTemplates) -> Floats:
    """Set by set of resampled people what the match would be.

    Args:
        x: as for `template_match`.
        templates: of the benchmark.

    Returns:
        Shape (models, 19, sets).
    """
    known = np.isfinite(templates.loadings).astype(np.float64)
    present = np.isfinite(x)
    full = np.where(present, x - _MIDDLE, 0.0)
    patterns, pattern_of = distinct_rows(present)
    sums = np.empty((2, len(patterns), templates.draws, templates.loadings.shape[1]))
    for p, pattern in enumerate(patterns):  # what few models miss is taken away from the sums over all items
        sums[:, p] = templates.sums if pattern.all() else templates.sums - templates.sums_over(~pattern)
    sum_a, sum_aa = sums[:, pattern_of]
    # a mean of up to six ratings is a whole number of sixtieths and steps are whole numbers, so that the sums of their
    # products are exact in single precision, which is twice as fast, and the same on every machine
    products = ((_PARTS * full).astype(np.float32) @ templates.flat_steps).astype(np.float64)
    sum_ax = (full @ np.nan_to_num(templates.loadings))[:, None] + STEP / _PARTS * products.reshape(sum_a.shape)
    n, sum_x, sum_xx = (y[:, None] for y in (present @ known, full @ known, full**2 @ known))
    return np.moveaxis(pearson(n, sum_x, sum_xx, sum_a, sum_aa, sum_ax), 1, -1)


def matched(
    x: Floats,
    templates: ValueTemplates,
    query_index: NDArray[np.intp],
    *,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Match:
    """Matches with both standard errors.

    Args:
        x: mean rating of each item, shape (models, items), NaN where it has none.
        templates: of the benchmark.
        query_index: position of each item's query, shape (items,).
        draws: how often queries are resampled.
        seed: of these draws.
    """
    rated = np.isfinite(x) & np.isfinite(templates.loadings).any(axis=1)
    queries = np.zeros((len(x), int(query_index.max(initial=0)) + 1), dtype=bool)
    for row, present in zip(queries, rated, strict=True):
        row[query_index[present]] = True
    low, high = (end.reduce(np.where(rated, x, np.nan), axis=1) for end in (np.fmin, np.fmax))
    few, equal = queries.sum(axis=1) < MIN_QUERIES, ~(high - low > _EQUAL)
    reasons = tuple(FEW_QUERIES if few[m] else ALL_EQUAL if equal[m] else None for m in range(len(x)))
    usable = np.array([reason is None for reason in reasons], dtype=bool)
    found = np.full((3, len(x), len(DIMENSIONS)), np.nan)
    if usable.any():
        found[0, usable] = template_match(x[usable], templates.loadings)
        drawn = _drawn(x[usable], templates.loadings, query_index, draws, seed)
        found[1, usable] = np.concatenate([_standard_error(part) for _, part in drawn])
        found[2, usable] = _standard_error(people_draws(x[usable], templates))
        found[:, np.isnan(found).any(axis=0)] = np.nan
    return Match(found[0], found[1], found[2], reasons)


def without_templates(models: int) -> Match:
    """What there is to say of models where no templates are at hand."""
    nothing = np.full((models, len(DIMENSIONS)), np.nan)
    return Match(nothing, nothing, nothing, (NO_TEMPLATES,) * models)


def wording_reliability(ratings: Floats, *, weights: Floats | None = None) -> Floats:
    """How far a model's item means would be the same with other wordings, 0 to 1.

    The mean correlation over items between the three wordings (each the mean of its two orders of options), stepped up
    to their mean by the Spearman-Brown formula. Items without all three wordings are left out.

    Args:
        ratings: shape (models, 6 variants, items), NaN where there is no rating.
        weights: how often each item counts, shape (draws, items); None: once.

    Returns:
        Shape (models,), or (models, draws); NaN where a wording's ratings are all equal or the mean correlation is not
        above 0: then nothing can be corrected for.
    """
    by_wording = order_means(ratings)
    whole = np.asarray(np.isfinite(by_wording).all(axis=1), dtype=np.bool_)
    counts = np.ones((1, ratings.shape[2])) if weights is None else weights
    r = np.empty((len(ratings), len(counts)))
    k = len(WORDINGS)
    for m, (x, present) in enumerate(zip(by_wording, whole, strict=True)):
        if not present.any():
            r[m] = np.nan
            continue
        y = np.where(present, x - x[:, present].mean(axis=1, keepdims=True), 0.0)
        w = counts * present
        n = w.sum(axis=1)
        mean = (w @ y.T) / n[:, None]
        products = (w @ (y[:, None] * y[None]).reshape(k * k, -1).T).reshape(-1, k, k) / n[:, None, None]
        covariance = products - mean[:, :, None] * mean[:, None, :]
        variance = np.einsum("bkk->bk", covariance)
        variance = np.where(variance > _EQUAL, variance, np.nan)
        correlation = covariance / np.sqrt(variance[:, :, None] * variance[:, None, :])
        r[m] = (correlation.sum(axis=(1, 2)) - k) / (k * (k - 1))
    found = np.where(r > 0, k * r / (1 + (k - 1) * r), np.nan)
    return found[:, 0] if weights is None else found


def _standard_error(draws: Floats) -> Floats:
    """Standard deviation over the last axis of what is there; NaN below two draws."""
    there = np.isfinite(draws)
    n = there.sum(axis=-1)
    filled = draws if there.all() else np.where(there, draws, 0.0)
    away = filled - ratio(filled.sum(axis=-1), n)[..., None]
    if filled is not draws:
        away[~there] = 0.0
    return np.sqrt(ratio(np.einsum("...b,...b->...", away, away), n - 1))


def _drawn(
    x: Floats, loadings: Floats, query_index: NDArray[np.intp], draws: int, seed: int
) -> Iterator[tuple[slice, Floats]]:
    """Correlations in every draw, a chunk of models at a time: which models, and shape (chunk, columns, draws)."""
    x, a = about_zero(x, loadings)
    order = np.argsort(query_index, kind="stable")
    starts = np.flatnonzero(np.diff(query_index[order], prepend=-1))
    weights = query_weights(len(starts), draws, seed).T
    x, a = x[:, order], a[order]
    # loadings are mostly missing for the same items, usually none: what depends on that alone is summed once
    kinds, kind_of = distinct_rows(np.isfinite(a).T)
    known = kinds.T.astype(np.float64)
    a = np.nan_to_num(a)

    def in_every_draw(rows: Floats, columns: Floats) -> Floats:
        """Sums of rows times columns over the items of each draw, shape (rows, columns, draws)."""
        sums = np.add.reduceat(rows[:, :, None] * columns, starts, axis=1)
        sums = np.ascontiguousarray(sums.swapaxes(1, 2))
        return np.asarray((sums.reshape(-1, len(starts)) @ weights).reshape(*sums.shape[:2], -1))

    def root(over: Floats, whole: Floats) -> Floats:
        """Square root of n times the sum of squares about the mean; NaN where that is a rounding error."""
        return np.sqrt(np.where(over > ROUNDING * whole, over, np.nan))

    for start in range(0, len(x), _CHUNK):
        models = slice(start, min(start + _CHUNK, len(x)))
        present = np.isfinite(x[models])
        rated = np.nan_to_num(x[models])
        patterns, pattern_of = distinct_rows(present)
        shown = patterns.astype(np.float64)
        n = in_every_draw(shown, known)
        sum_x, sum_xx = in_every_draw(rated, known), in_every_draw(rated**2, known)
        sum_xx *= n[pattern_of]
        x_root = root(sum_xx - sum_x**2, sum_xx)
        sum_a, sum_aa = in_every_draw(shown, a), in_every_draw(shown, a**2)
        sum_aa *= n[:, kind_of]
        a_root = root(sum_aa - sum_a**2, sum_aa)
        found = in_every_draw(rated, a)
        for m, p in enumerate(pattern_of):
            for k in range(len(kinds)):
                columns = kind_of == k if len(kinds) > 1 else slice(None)
                found[m, columns] = (found[m, columns] * n[p, k] - sum_x[m, k] * sum_a[p, columns]) / (
                    x_root[m, k] * a_root[p, columns]
                )
        yield models, found
