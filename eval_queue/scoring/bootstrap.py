"""How sure a score is: a bootstrap over queries.

The five responses to a query are not independent, so whole queries are resampled: as many as the benchmark has, with
replacement, `DRAWS` times. Each draw is a vector of weights (how often each query was drawn), the same for every model,
so that differences between models are paired and a model's interval never depends on which others are scored with it.
A mean in a draw is the weighted sum of its queries' sums over the weighted number of their items: two matrix products
for all draws, dimensions and models of a chunk. Dimension and scale are resampled together, and an item that counts for
several dimensions carries that dependence through the draws.

Missing items and missing variants are treated as in the point score: an item is the mean of the variants it has, an
item without any is left out of sums and counts. A draw that holds none of a dimension's queries says nothing about that
dimension and is left out of its standard error and interval (of the 2,000 draws 20 for Neuroticism, whose five items
lie in five queries, one for Openness to Change, none for the ten values). Of a dimension with rated items in fewer than
two queries no uncertainty can be known: NaN.

This is uncertainty about which queries were asked. It says nothing about other wordings of the prompts (`stability`)
or about the people behind the key. With 9 to 14 queries the 95 % interval covers a little less than it says (.925 for
Self-Direction, measured by simulation).

Pure functions over arrays, float64.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.values import DIMENSIONS, SCALE_COLUMNS, SCALES, VALUES
from eval_queue.scoring.formulas import Bools, Floats, columns, distinct_rows, ratio
from eval_queue.scoring.stability import circumplex, wrapped

DRAWS: Final = 2000
"""How often the queries are resampled."""
SEED: Final = 20250515
"""Seed of the draws; fixed, so that the same answers give the same interval everywhere."""
LEVEL: Final = 0.95
"""Coverage that an interval aims at."""

_CHUNK: Final = 8
"""Models worked on at a time; bounds memory, changes no result."""
_TEN: Final = SCALE_COLUMNS["pvq"]

_SCORE: Final = slice(0, len(DIMENSIONS))
_MEAN: Final = slice(_SCORE.stop, _SCORE.stop + len(SCALES))
_CENTRED10: Final = slice(_MEAN.stop, _MEAN.stop + len(VALUES))
_FIT: Final = _CENTRED10.stop
_ANGLE: Final = _FIT + 1
_WIDTH: Final = _ANGLE + 1
"""Rows of a model whose uncertainty is worked out together."""


@dataclass(frozen=True)
class Spread:
    """Uncertainty of some numbers: standard error and percentile interval. NaN where it cannot be known."""

    se: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Uncertainty:
    """Uncertainty of all models' profiles.

    Attributes:
        score: of the centred scores, shape (models, 19).
        mean: of the scale means, shape (models, 3).
        centred10: of the ten values' scores minus their own mean, shape (models, 10).
        fit: of the circumplex fit, shape (models,).
        angle: of its angle in degrees, shape (models,); the interval goes counter-clockwise from low to high and may
            pass 0.
    """

    score: Spread
    mean: Spread
    centred10: Spread
    fit: Spread
    angle: Spread


@dataclass(frozen=True)
class Draws:
    """The draws themselves; NaN where a draw holds no rated item of a dimension.

    Attributes:
        score: centred scores, shape (draws, models, 19).
        mean: scale means, shape (draws, models, 3).
    """

    score: Floats
    mean: Floats


@lru_cache(maxsize=4)
def query_weights(n_queries: int, draws: int = DRAWS, seed: int = SEED) -> Floats:
    """How often each query is drawn in each draw, shape (draws, queries); every row sums to the number of queries."""
    chances = np.full(n_queries, 1.0 / n_queries)
    weights = np.random.default_rng(seed).multinomial(n_queries, chances, size=draws).astype(np.float64)
    weights.flags.writeable = False
    return weights


def bootstrap(
    x: Floats, selected: Bools, query_index: NDArray[np.intp], *, draws: int = DRAWS, seed: int = SEED
) -> Draws:
    """Draw by draw what the scores would be: for paired comparisons. Takes 8 bytes a draw, model and dimension.

    Args:
        x: mean rating of each item (`scoring.item_means`), shape (models, items), NaN where it has none.
        selected: which item counts for which dimension, shape (items, 19).
        query_index: position of each item's query, shape (items,).
        draws: how many.
        seed: of the draws; the same seed gives the same draws for any models.
    """
    score = np.empty((len(x), len(DIMENSIONS), draws))
    mean = np.empty((len(x), len(SCALES), draws))
    for part in _resampled(x, selected, query_index, draws, seed):
        _centre(part.means, score[part.models])
        mean[part.models] = part.means[:, len(DIMENSIONS) :]
    return Draws(score=np.moveaxis(score, -1, 0), mean=np.moveaxis(mean, -1, 0))


def bootstrap_dimension(
    x: Floats,
    selected: Bools,
    query_index: NDArray[np.intp],
    dimension: int,
    *,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Floats:
    """The scores of one dimension only, as in `bootstrap`: for boards too large to hold all of them.

    `dimension` is its position on `data.values.DIMENSIONS`; the other arguments are those of `bootstrap`.

    Returns:
        Shape (draws, models); each model's draws lie next to each other in memory.
    """
    scale = next(s for s, of_scale in enumerate(SCALE_COLUMNS.values()) if of_scale.start <= dimension < of_scale.stop)
    found = np.empty((len(x), draws))
    for part in _resampled(x, selected, query_index, draws, seed, [dimension, len(DIMENSIONS) + scale]):
        np.subtract(part.means[:, 0], part.means[:, 1], out=found[part.models])
    return found.T


def uncertainty(
    x: Floats,
    selected: Bools,
    query_index: NDArray[np.intp],
    angle: Floats,
    *,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Uncertainty:
    """Standard errors and 95 % percentile intervals of everything in a profile.

    `angle` is each profile's own circumplex angle in degrees, shape (models,): angles are compared around it. The other
    arguments are those of `bootstrap`.
    """
    found = np.full((3, len(x), _WIDTH), np.nan)
    room = np.empty((min(_CHUNK, len(x)), _WIDTH, draws))
    for part in _resampled(x, selected, query_index, draws, seed):
        rows = room[: len(part.means)]
        ten = rows[:, _CENTRED10]
        _centre(part.means, rows[:, _SCORE])
        rows[:, _MEAN] = part.means[:, len(DIMENSIONS) :]
        np.subtract(rows[:, _TEN], rows[:, _TEN].mean(axis=1, keepdims=True), out=ten)
        rows[:, _FIT], angles = circumplex(ten)
        rows[:, _ANGLE] = wrapped(angles - angle[part.models, None])
        all_ten = part.known[:, _TEN].all(axis=1, keepdims=True)
        known = np.concatenate([part.known, np.repeat(all_ten, _WIDTH - part.known.shape[1], axis=1)], axis=1)
        found[:, part.models] = np.where(known, spread(rows), np.nan)
    found[1:, :, _ANGLE] = (found[1:, :, _ANGLE] + angle) % 360
    return Uncertainty(*(Spread(*found[:, :, which]) for which in (_SCORE, _MEAN, _CENTRED10, _FIT, _ANGLE)))


def spread(draws: Floats) -> Floats:
    """Standard error, lower and upper end of the percentile interval, over the last axis, without its NaN.

    Args:
        draws: shape (..., draws). Overwritten.

    Returns:
        Shape (3, ...); NaN where fewer than two draws have a value.
    """
    draws.sort(axis=-1)  # NaN last, so one in the last place tells of any
    missing = np.isnan(draws) if np.isnan(draws[..., -1]).any() else None
    n = np.full(draws.shape[:-1], draws.shape[-1]) if missing is None else draws.shape[-1] - missing.sum(axis=-1)
    last = np.maximum(n - 1, 0)
    found = np.empty((3, *n.shape))
    for end, q in enumerate(((1 - LEVEL) / 2, (1 + LEVEL) / 2), start=1):
        position = last * q
        below = np.floor(position).astype(np.intp)
        lower, upper = (
            np.take_along_axis(draws, k[..., None], axis=-1)[..., 0] for k in (below, np.minimum(below + 1, last))
        )
        found[end] = lower + (upper - lower) * (position - below)
    if missing is not None:
        draws[missing] = 0.0
    draws -= ratio(draws.sum(axis=-1), n)[..., None]
    if missing is not None:
        draws[missing] = 0.0
    found[0] = np.sqrt(ratio(np.einsum("...b,...b->...", draws, draws), last))
    found[:, n < 2] = np.nan
    return found


@dataclass(frozen=True)
class _Resampled:
    """One chunk of models.

    Attributes:
        models: which.
        means: of the 19 dimensions and the 3 scales in every draw, or of some, shape (chunk, 22, draws).
        known: whether their uncertainty can be known, shape (chunk, 22).
    """

    models: slice
    means: Floats
    known: Bools


def _resampled(
    x: Floats,
    selected: Bools,
    query_index: NDArray[np.intp],
    draws: int,
    seed: int,
    only: Sequence[int] = range(len(DIMENSIONS) + len(SCALES)),
) -> Iterator[_Resampled]:
    order = np.argsort(query_index, kind="stable")
    starts = np.flatnonzero(np.diff(query_index[order], prepend=-1))
    counts_for = columns(selected)[order][:, only]
    weights = query_weights(len(starts), draws, seed).T

    def per_query(items: Floats) -> Floats:
        """Sums over the items of each query, for rows over items: shape (rows, 22, queries)."""
        sums = np.add.reduceat(items[:, order, None] * counts_for, starts, axis=1)
        return np.ascontiguousarray(sums.swapaxes(1, 2))

    def in_every_draw(sums: Floats) -> Floats:
        """From sums of queries to sums of draws, as one product: shape (rows, 22, draws)."""
        return (sums.reshape(-1, len(starts)) @ weights).reshape(*sums.shape[:2], draws)

    for start in range(0, len(x), _CHUNK):
        models = slice(start, min(start + _CHUNK, len(x)))
        present = np.isfinite(x[models])
        patterns, pattern_of = distinct_rows(present)
        counts = per_query(patterns.astype(np.float64))
        n = in_every_draw(counts)
        means = in_every_draw(per_query(np.where(present, x[models], 0.0)))
        with np.errstate(invalid="ignore"):  # nothing drawn: 0 / 0 is NaN
            means /= n if len(patterns) == 1 else n[pattern_of]
        yield _Resampled(models, means, ((counts > 0).sum(axis=2) >= 2)[pattern_of])


def _centre(means: Floats, out: Floats) -> None:
    """Scores from means of dimensions and scales: (models, 22, draws) into (models, 19, draws)."""
    for s, scale in enumerate(SCALES):
        of_scale = SCALE_COLUMNS[scale]
        mean = means[:, len(DIMENSIONS) + s, None]
        np.subtract(means[:, of_scale], mean, out=out[:, of_scale])
