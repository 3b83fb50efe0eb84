"""Two models side by side: what differs, how sure that is, and a sentence that claims no more.

A comparison is one family of tests over the dimensions of one scale, for two models chosen before looking. That is a
smaller question than the rank table's, which allows for every pair of models at once (`leaderboard.analysis.ranks`),
so a value may separate here and not there. The assumptions are those listed there. All differences are first minus
second.

**Overall test** (is any value different). Each value's t statistic is turned into the normal score of the same
p-value, z. The statistic is the sum of z squared; its reference is the scaled chi-square of Satterthwaite with the
dependence between values taken from the bootstrap draws: for D values with correlation matrix R, f = D^2 / sum(R^2)
degrees of freedom and scale D / f. Reasons: models that differ tend to differ a little on many values, and a sum finds
that where no single value stands out (199 of the 528 pairs of the released models; the smallest of Holm's p-values
finds 98). Measured with equal models on the real key, ten values, test at 5 %: 4.0 % (8,500 pairs); 2.4 to 4.3 % with
rounded, skewed, nearly constant or unequally noisy ratings (2,550 pairs each). Alternatives that failed the same check:
Wald's statistic with the draws' covariance rejects 16 %, the max-t of the centred draws 9 %.

**Single values.** Holm over the values, and never below the overall p-value: no value is named unless the profiles as
a whole differ. So one of the sentences "they differ" or "they differ in this value" is wrong for at most 5 % of
equal pairs, not for up to twice as many; a single value is named in 1.7 % of them. The interval of a difference is the
plain 95 % t interval of that value alone (coverage measured as 95.0 to 95.8 %); one in twenty of these leaves out zero
by chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.values import SCALE_COLUMNS, SCALES, Scale
from leaderboard.analysis.ranks import ALPHA, MIN_DRAWS, RESOLUTION, FloatArray, holm, measurable, t_test

PAIR_NOTE: Final = (
    "This holds for two models chosen before looking. Rank intervals allow for every pair of models at once and are "
    "wider for that reason."
)
"""What a page says beside a comparison."""

_SHOWN: Final = 0.005
"""Differences below this print as 0.00."""
_NUMBERS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NOUNS: Final[dict[Scale, str]] = {"pvq": "value", "higher_pvq": "higher-order value", "bfi": "trait"}


class Difference(NamedTuple):
    """Two models on one dimension, first minus second, in rating points."""

    dimension: str
    """The name people write."""
    difference: float
    low: float
    """Lower end of the 95 % interval of this dimension alone."""
    high: float
    """Upper end."""
    p: float
    """Two-sided p-value of this dimension alone."""
    p_adjusted: float
    """Holm's adjusted p-value over the scale's dimensions, or the overall p-value where that is larger."""

    @property
    def separates(self) -> bool:
        """Whether the two models surely differ here."""
        return self.p_adjusted <= ALPHA

    @property
    def figures(self) -> str:
        """The difference and its interval as text, e.g. `+0.31 (-0.20 to +0.82)`."""
        return f"{_signed(self.difference)} ({_signed(self.low)} to {_signed(self.high)})"


@dataclass(frozen=True)
class Comparison:
    """Two models on one scale."""

    first: str
    second: str
    scale: Scale
    differences: tuple[Difference, ...]
    """One for each dimension that can be compared, in the scale's order."""
    not_compared: tuple[str, ...]
    """Dimensions that cannot: no score, fewer than two queries, or too few usable draws."""
    p_overall: float | None
    """Is any of them different? None where nothing could be compared."""
    matched: bool = False
    """Whether the numbers are matches on all items instead of scores in rating points."""

    @property
    def line(self) -> str:
        """The outcome in one to three plain sentences. Holds the models' names as given: a page must escape it."""
        noun = _NOUNS[self.scale]
        if self.p_overall is None:
            return f"{self.first} and {self.second} cannot be compared: too few answers."
        named = [d for d in self.differences if d.separates]
        line = self._named(named, noun) if named else self._unnamed(noun, together=self.p_overall <= ALPHA)
        if self.not_compared:
            line += f" Not compared, for want of answers: {_and(list(self.not_compared))}."
        return line

    def _named(self, named: list[Difference], noun: str) -> str:
        ordered = sorted(named, key=lambda d: d.difference > 0)  # lower ones first, each kind in the scale's order
        verb, up, down = ("matches", "more", "less") if self.matched else ("puts", "higher", "lower")
        groups = [
            f"{_and([d.dimension for d in kind])} {up if higher else down}"
            for higher, kind in groupby(ordered, key=lambda d: d.difference > 0)
        ]
        figures = ", ".join(d.figures if len(ordered) == 1 else f"{d.dimension} {d.figures}" for d in ordered)
        line = f"{self.first} {verb} {_and(groups)} than {self.second}: {figures}"
        rest = len(self.differences) - len(named)
        if rest == 0:
            return f"{line}."
        others = f"the other {noun} is" if rest == 1 else f"the other {_NUMBERS[rest]} {noun}s are"
        return f"{line}; {others} not distinguishable.{self._alone()}"

    def _unnamed(self, noun: str, *, together: bool) -> str:
        largest = max(self.differences, key=lambda d: abs(d.difference))
        pair = f"{self.first} and {self.second}"
        if together:
            opening = f"{pair} differ over the {noun}s taken together, but no single {noun} separates them"
        else:
            opening = f"No {noun} separates {pair}"
        if abs(largest.difference) < _SHOWN:
            return f"{opening}; no difference reaches 0.01."
        return f"{opening}; the largest difference is {largest.dimension}, {largest.figures}.{self._alone(largest)}"

    def _alone(self, largest: Difference | None = None) -> str:
        """What the intervals beside the sentence show and the correction does not confirm; empty where nothing."""
        alone = [d for d in self.differences if not d.separates and (d.low >= _SHOWN or d.high <= -_SHOWN)]
        if not alone:
            return ""
        names = _and([d.dimension for d in alone])
        one = "its interval" if alone == [largest] else f"the interval of {names}"
        excludes = f"{one} excludes" if len(alone) == 1 else f"the intervals of {names} exclude"
        among = _NUMBERS[len(self.differences)]
        return f" Taken alone, {excludes} 0; among {among} comparisons that can be chance."


def compare(
    names: tuple[str, str],
    point: FloatArray,
    draws: FloatArray,
    clusters: NDArray[np.integer],
    scale: Scale = "pvq",
    people: FloatArray | None = None,
) -> Comparison:
    """Compare two models on one scale.

    Args:
        names: what the two models are called.
        point: their scores on `data.values.DIMENSIONS`, shape (2, 19), NaN where there is none.
        draws: the same in every bootstrap draw, paired, shape (draws, 2, 19).
        clusters: queries that carry each dimension, shape (19,), or for each model (2, 19).
        people: for matches on all items, what other people behind the templates would give, shape (sets, 2, 19); its
            noise is added. None: the numbers are scores as published.
        scale: which scale; its dimensions are the family of Holm's correction.

    Returns:
        The comparison over the dimensions that both models have.
    """
    from scipy.special import stdtrit

    columns = SCALE_COLUMNS[scale]
    dimensions = [d.name for d in SCALES[scale]]
    queries = np.broadcast_to(clusters, point.shape)[:, columns].min(axis=0)
    difference = point[0, columns] - point[1, columns]
    paired = draws[:, 0, columns] - draws[:, 1, columns]
    at = np.flatnonzero(measurable(difference, paired) & (queries >= 2))
    difference, paired, queries = difference[at], paired[:, at], queries[at]
    whole = paired[np.isfinite(paired).all(axis=1)]
    if at.size == 0 or len(whole) < MIN_DRAWS:
        return Comparison(*names, scale, (), tuple(dimensions), None, people is not None)

    covariance = np.atleast_2d(np.cov(whole, rowvar=False))
    if people is not None:
        apart = people[:, 0, columns][:, at] - people[:, 1, columns][:, at]
        covariance = covariance + np.atleast_2d(np.cov(apart, rowvar=False))
    se = np.maximum(np.sqrt(np.diag(covariance)), RESOLUTION)
    p = t_test(difference, se, queries)
    overall = _overall(p, covariance / np.outer(se, se))
    adjusted = np.maximum(holm(p), overall)
    half = -stdtrit(queries - 1, ALPHA / 2) * se
    table = np.column_stack([difference, difference - half, difference + half, p, adjusted]).tolist()
    differences = tuple(Difference(dimensions[d], *row) for d, row in zip(at, table, strict=True))
    missing = tuple(name for d, name in enumerate(dimensions) if d not in at)
    return Comparison(*names, scale, differences, missing, overall, people is not None)


def _overall(p: FloatArray, correlation: FloatArray) -> float:
    """p-value of the sum of squared normal scores; `p` of shape (D,), `correlation` of shape (D, D)."""
    from scipy.special import chdtrc, ndtri

    z = -ndtri(np.maximum(p, np.finfo(np.float64).tiny) / 2)
    r = correlation.copy()
    np.fill_diagonal(r, 1.0)  # a difference without any spread has no correlation but still counts as one value
    freedom = p.size**2 / np.square(r).sum()
    return float(chdtrc(freedom, np.square(z).sum() * freedom / p.size))


def _signed(x: float) -> str:
    return f"{x:+.2f}" if abs(x) >= _SHOWN else "0.00"


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
