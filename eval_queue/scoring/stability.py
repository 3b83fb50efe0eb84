"""Whether a model gives the same answer again: sensitivity to wording and order, response style, shape of the profile.

Sensitivity repeats the formulas of upstream's prompt analysis (upstream-facts, section 6). A wording (`v1`, `v2`, `v3`)
takes part for an item only where it has a rating in both orders of the answer options. What upstream calls consistency
is a spread, and is named so here. Pure functions over arrays; NaN where a number cannot be had.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.benchmark import VARIANTS
from data.values import VALUES
from eval_queue.scoring.formulas import Bools, Floats, ratio

WORDINGS: Final = tuple(v for v in VARIANTS if not v.endswith("_reversed"))
"""The three wordings of the prompt."""

FLAT_BELOW: Final = 0.5
"""A profile of lower reliability is called flat: too little stands out from its own noise."""

_ONE: Final = [VARIANTS.index(w) for w in WORDINGS]
_OTHER: Final = [VARIANTS.index(f"{w}_reversed") for w in WORDINGS]
_NO_VARIANCE: Final = 1e-18
"""Variances up to here are rounding errors of equal numbers."""


@dataclass(frozen=True)
class Sensitivity:
    """How much the form of the question changes the answer. Shares are 0 to 1, differences in rating points.

    Attributes:
        prompt: share of items whose ratings differ between wordings, shape (models,).
        version_difference: mean absolute difference between wordings, shape (models,).
        global_version_difference: the same over all ratings of an item, wordings and orders, shape (models,).
        order: share of items whose rating changes with the order of the options, shape (models, 3 wordings).
        order_average: mean of `order` over the wordings that have data, shape (models,).
        order_difference: mean absolute difference between the orders, shape (models, 3).
        order_difference_average: its mean over the wordings that have data, shape (models,).
        spread: mean over the variants of the standard deviation over items, shape (models,).
    """

    prompt: Floats
    version_difference: Floats
    global_version_difference: Floats
    order: Floats
    order_average: Floats
    order_difference: Floats
    order_difference_average: Floats
    spread: Floats


@dataclass(frozen=True)
class Style:
    """How a model uses the scale, whatever it is asked.

    Attributes:
        most_used: the rating given most often (the higher one of equals), shape (models,), NaN without ratings.
        most_used_share: its share of all ratings.
        mean_rating: mean of all ratings.
        acquiescence: mean over all pairs of rating in the first order minus rating in the reversed order.
        valid_rate: share of the asked prompts with a rating.
        refusal_rate: share of the asked prompts answered with a refusal.
    """

    most_used: Floats
    most_used_share: Floats
    mean_rating: Floats
    acquiescence: Floats
    valid_rate: Floats
    refusal_rate: Floats


def sensitivity(ratings: Floats) -> Sensitivity:
    """Sensitivity of models to wording and to the order of the options.

    Args:
        ratings: shape (models, 6 variants, items), NaN where there is no rating.
    """
    both = np.isfinite(ratings[:, _ONE]) & np.isfinite(ratings[:, _OTHER])
    one = np.where(both, ratings[:, _ONE], np.nan)
    other = np.where(both, ratings[:, _OTHER], np.nan)
    gap = np.abs(one - other)
    changed = ratio(((gap > 0) & both).sum(axis=2), both.sum(axis=2))
    difference = ratio(np.where(both, gap, 0.0).sum(axis=2), both.sum(axis=2))

    comparable = both.sum(axis=1) >= 2
    between = _mean_pairwise_difference(one)
    overall = _mean_pairwise_difference(np.concatenate([one, other], axis=1))
    n = comparable.sum(axis=1)
    return Sensitivity(
        prompt=ratio((comparable & (between > 0)).sum(axis=1), n),
        version_difference=ratio(np.where(comparable, between, 0.0).sum(axis=1), n),
        global_version_difference=_mean(overall),
        order=changed,
        order_average=_mean(changed),
        order_difference=difference,
        order_difference_average=_mean(difference),
        spread=_mean(_standard_deviation(ratings)),
    )


def order_means(ratings: Floats) -> Floats:
    """Mean of the two orders of the options for each wording, shape (models, 3, items); NaN where one is missing."""
    means: Floats = (ratings[:, _ONE] + ratings[:, _OTHER]) / 2
    return means


def style(ratings: Floats, asked: NDArray[np.int64], refused: NDArray[np.int64]) -> Style:
    """Response style of models.

    Args:
        ratings: shape (models, 6 variants, items), NaN where there is no rating.
        asked: prompts that have an answer of any kind, shape (models,).
        refused: refusals among them, shape (models,).
    """
    rated = np.isfinite(ratings).sum(axis=(1, 2))
    counts = np.stack([(ratings == rating).sum(axis=(1, 2)) for rating in range(6, 0, -1)], axis=1)
    pairs = ratings[:, _ONE] - ratings[:, _OTHER]
    return Style(
        most_used=np.where(rated > 0, 6 - counts.argmax(axis=1), np.nan),
        most_used_share=ratio(counts.max(axis=1), rated),
        mean_rating=_mean(ratings.reshape(len(ratings), -1)),
        acquiescence=_mean(pairs.reshape(len(pairs), -1)),
        valid_rate=ratio(rated, asked),
        refusal_rate=ratio(refused, asked),
    )


def centred_on_ten(score: Floats) -> Floats:
    """The ten values' scores minus their own mean; all NaN where one is missing.

    Args:
        score: shape (models, 19) or (models, 10).

    Returns:
        Shape (models, 10).
    """
    ten = score[:, : len(VALUES)]
    centred: Floats = ten - ten.mean(axis=1, keepdims=True)
    return centred


def reliability(ten: Floats, se: Floats) -> tuple[Floats, Bools]:
    """How much of a profile's variance is not its own sampling noise, R = 1 - mean SE^2 / variance.

    Args:
        ten: the ten values' scores minus their own mean, shape (models, 10).
        se: their standard errors, same shape.

    Returns:
        R, shape (models,), at most 1, below 0 where noise exceeds what is seen, NaN where a score or a standard error
        is missing or all ten are equal; and whether the profile is flat (R below `FLAT_BELOW`, or all ten equal).
    """
    variance = ten.var(axis=1)
    equal = variance <= _NO_VARIANCE
    r = np.where(equal, np.nan, 1 - ratio((se**2).mean(axis=1), np.where(equal, 0.0, variance)))
    return r, equal | (r < FLAT_BELOW)


def circumplex(ten: Floats) -> tuple[Floats, Floats]:
    """Fit a*cos(theta - phi) to a profile around the circle of values, Self-Direction at 0 degrees, 36 apart.

    Args:
        ten: the ten values' scores minus their own mean, in circle order along axis 1, shape (models, 10, ...).

    Returns:
        Share of the profile's variance that the curve explains (2/9 is expected of unrelated numbers) and its angle phi
        in degrees from 0 to 360, both of shape (models, ...); NaN where all ten are equal or one is missing.
    """
    theta = 2 * np.pi * np.arange(len(VALUES)) / len(VALUES)
    a, b = (np.einsum("md...,d->m...", ten, wave(theta)) * 2 / len(VALUES) for wave in (np.cos, np.sin))
    total = np.square(ten).sum(axis=1)
    fit = ratio(len(VALUES) / 2 * (a**2 + b**2), np.where(total > _NO_VARIANCE, total, 0.0))
    return fit, np.where(np.isfinite(fit), np.degrees(np.arctan2(b, a)) % 360, np.nan)


def wrapped(degrees: Floats) -> Floats:
    """Angles as -180 up to 180 degrees."""
    return (degrees + 180) % 360 - 180


def _mean(values: Floats) -> Floats:
    """Mean over axis 1 of what is there."""
    present = np.isfinite(values)
    return ratio(np.where(present, values, 0.0).sum(axis=1), present.sum(axis=1))


def _standard_deviation(ratings: Floats) -> Floats:
    """Population standard deviation over items of what is there, shape (models, variants)."""
    present = np.isfinite(ratings)
    n = present.sum(axis=2)
    filled = np.where(present, ratings, 0.0)
    deviation = np.where(present, filled - ratio(filled.sum(axis=2), n)[:, :, None], 0.0)
    return np.sqrt(ratio(np.square(deviation).sum(axis=2), n))


def _mean_pairwise_difference(values: Floats) -> Floats:
    """Mean absolute difference over all pairs that are there, shape (models, k, items) to (models, items)."""
    total = np.zeros(values[:, 0].shape)
    pairs = np.zeros(values[:, 0].shape)
    for i, j in combinations(range(values.shape[1]), 2):
        gap = np.abs(values[:, i] - values[:, j])
        present = np.isfinite(gap)
        total += np.where(present, gap, 0.0)
        pairs += present
    return ratio(total, pairs)
