"""Order without false precision: which rank a model, or a value within a model, can have.

`resample` brings models' item means to scores and bootstrap draws over queries (`eval_queue.scoring.bootstrap`), the
same draws for every model; all else works on these plain arrays. Nothing here reads a file or formats a page.

**What "surely" means.** Model *i* is *surely above* model *j* on a dimension when the two-sided test of their paired
difference is significant at 5 % after Holm's correction over all pairs of ranked models on that dimension, and the
difference is positive. The rank interval of *i* is `1 + number surely above i` to `N - number surely below i`. With
probability at least 95 % per dimension no pair of equal models is separated anywhere in that column, and then every
interval of the column covers its model's true rank at once (Mogstad, Romano, Shaikh and Wilhelm, Review of Economic
Studies 2024, build rank sets from pairwise statements in the same way). The guarantee is per dimension, not over all
19 columns. Rank 1 is the highest score, which is a place in an order and no praise.

**The test.** The standard error of a paired difference is that of its bootstrap draws, `var_i + var_j - 2 cov_ij`, one
covariance matrix a dimension. The reference is Student's t with (queries that carry the dimension - 1) degrees of
freedom. A percentile p-value is not used: with 2,000 draws it cannot fall below 1/2,001, and Holm over the 561 pairs of
34 models asks for 0.00009, so it could never separate anything.

**Assumptions, for a statistician.**

1. The queries are a sample of 104 independent clusters from the queries one could have asked; the statement is about
   such queries, not only about these. Items within a query may depend on each other in any way.
2. The key is fixed: which item counts for which dimension is taken as known, and so is the sample of people behind it.
3. A difference of two scores is close to normal over samples of queries. This is what t with few clusters rests on,
   and the far tail (p < 0.0001) cannot be checked from 9 queries. The simulation below is the evidence.
4. The bootstrap draws whole queries among all 104, so how many carry a dimension varies between draws. That inflates
   the variance by about 1/k and so offsets the usual (k - 1)/k shortfall of a bootstrap variance with k clusters; no
   further correction is made.
5. Differences between prompt variants enter only as far as the mean over variants does; no new variants are imagined.
6. Holm's correction holds under any dependence between the pairs. With two-sided tests read by their sign, a wrong
   direction counts as an error too; for step-down Holm that is proven for independent tests and has no known
   counterexample for t-like ones.

**Measured** on the real key (5 to 53 queries a dimension), 34 equal models, query effect SD 0.5, item noise SD 0.8,
500 boards: 1.1 % of dimensions show any false separation (limit 5 %), 2.8 % on the worst one. With rounded, skewed or
nearly constant ratings, or models of unequal noise: 0.5 to 1.4 % (150 boards each, worst single dimension 4.7 %). The
single test at 5 % rejects 4.6 %. Within a model of ten equal values 1.0 to 1.4 % of models show an order, and 5.2 % of
those that give one answer to 85 % of the items.

Alternatives, same boards: the normal instead of t separates something on 27 % of dimensions. The max-t of the centred
draws, which would use the dependence between pairs, is no remedy but worse: 28 % (97 % with 5 queries), because its
draws keep each standard error fixed while the wide tails of few clusters come from just that. Its quantile carried over
to t separates as many pairs of the released models as Holm does. Hence Holm on t.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.values import DIMENSIONS, SCALE_COLUMNS
from eval_queue.scoring.bootstrap import bootstrap
from eval_queue.scoring.formulas import score

ALPHA: Final = 0.05
"""Share of families (a dimension, a model's profile, a comparison) in which a false statement is accepted."""
NO_RANK: Final = -1
"""What a rank array holds where there is no rank."""
MIN_DRAWS: Final = 200
"""With fewer usable draws a standard error is too rough (more than 5 % off) to call anything sure."""
MIN_PRESENT: Final = 0.8
"""A score takes part only if it has a value in this share of the draws, relative to the others' best share."""
RESOLUTION: Final = 1e-6
"""Rating points that rounding can blur. The smallest step of a real score is a hundred times larger, so a standard
error is never taken as smaller: identical models then differ by nothing instead of by 0/0."""

BLOCK: Final = 512
"""Of more scores than these the pairs are gone through in blocks of so many by so many, about 2 MB an array."""
CHUNK: Final = 64
"""So many models' draws on all dimensions are held at a time, 20 MB."""
BINS: Final = 4096
"""Bins of the histogram of p-values, on a logarithmic scale."""

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class RankTable:
    """Rank intervals.

    Attributes:
        low: best possible rank (1 is the highest score), shape (models, dimensions), `NO_RANK` where there is none.
        high: last possible rank, same shape.
    """

    low: IntArray
    high: IntArray

    def text(self, model: int, dimension: int) -> str | None:
        """The interval as records and pages write it, e.g. `3-17`; None where there is no rank."""
        return format_rank(int(self.low[model, dimension]), int(self.high[model, dimension]))


def format_rank(low: int, high: int) -> str | None:
    """A rank interval as text: always two numbers, `3-17` or `4-4`, never a bare rank; None for `NO_RANK`."""
    return None if low == NO_RANK else f"{low}-{high}"


def holm(p: FloatArray) -> FloatArray:
    """Holm's adjusted p-values (Holm 1979).

    Args:
        p: p-values, one family along the last axis, shape (..., tests). NaN stands for "not tested": it stays NaN and
            is not counted.

    Returns:
        Adjusted p-values in the same order, at most 1.
    """
    order = np.argsort(p, axis=-1)  # NaN last
    tested = np.isfinite(p).sum(axis=-1, keepdims=True)
    steps = np.maximum(tested - np.arange(p.shape[-1]), 0)
    in_order = np.maximum.accumulate(np.take_along_axis(p, order, axis=-1) * steps, axis=-1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.minimum(in_order, 1.0), axis=-1)
    return adjusted


def t_test(difference: FloatArray, se: FloatArray, clusters: NDArray[np.integer]) -> FloatArray:
    """Two-sided p-values of differences against zero, t with `clusters - 1` degrees of freedom.

    Args:
        difference: paired differences, rating points.
        se: their standard errors, same shape; raised to `RESOLUTION`.
        clusters: queries behind each difference, same shape.

    Returns:
        p-values, same shape; NaN where fewer than two queries or no difference is given.
    """
    from scipy.special import stdtr

    t = np.abs(difference) / np.maximum(se, RESOLUTION)
    return np.where(clusters >= 2, 2.0 * stdtr(np.maximum(clusters - 1, 1), -t), np.nan)


def surely_above(
    point: FloatArray, draws: FloatArray, clusters: NDArray[np.integer], people: FloatArray | None = None
) -> BoolArray:
    """Which of some scores are surely above which others; see the module's text for "surely".

    The scores are one dimension of several models, or several dimensions of one model. All pairs are one family.

    Args:
        point: scores, rating points, shape (n,), without NaN.
        draws: their bootstrap draws, paired by row, shape (draws, n). A row with a NaN is left out.
        clusters: queries that carry each score, shape (n,); a pair has the degrees of freedom of its smaller one.
        people: draws over the people behind the templates, shape (sets, n), whose noise is added; None: none is.

    Returns:
        [i, j] is True where i is surely above j, shape (n, n). Nothing is sure with fewer than `MIN_DRAWS` whole rows.
    """
    above = np.zeros((point.size, point.size), dtype=np.bool_)
    whole = draws[np.isfinite(draws).all(axis=1)]
    if point.size < 2 or len(whole) < MIN_DRAWS:
        return above
    i, j = np.triu_indices(point.size, 1)
    covariance = np.cov(whole, rowvar=False)
    if people is not None:
        covariance = covariance + np.cov(people, rowvar=False)
    variance = np.diag(covariance)
    # rounding can push the variance of two identical models below zero
    se = np.sqrt(np.maximum(variance[i] + variance[j] - 2 * covariance[i, j], 0.0))
    difference = point[i] - point[j]
    sure = holm(t_test(difference, se, np.minimum(clusters[i], clusters[j]))) <= ALPHA
    above[i, j] = sure & (difference > 0)
    above[j, i] = sure & (difference < 0)
    return above


def measurable(point: FloatArray, draws: FloatArray) -> BoolArray:
    """Which scores, shape (n,), have a value and enough draws; one that lacks many must not cost the others theirs.

    `draws` are their bootstrap draws, shape (draws, n).
    """
    present = np.isfinite(draws).mean(axis=0)
    result: BoolArray = np.isfinite(point) & (present > 0) & (present >= MIN_PRESENT * present.max(initial=0.0))
    return result


def sure_counts(
    point: FloatArray, draws: FloatArray, clusters: NDArray[np.integer], people: FloatArray | None = None
) -> tuple[IntArray, IntArray]:
    """How many are surely above each of many scores, and how many surely below; as `surely_above` counts them.

    The pairs are gone through in blocks of `BLOCK` by `BLOCK`, twice, so that nothing is as large as the number of
    pairs. Holm's procedure rejects all p-values up to some cut-off. First a histogram of those between the smallest
    level, `ALPHA / pairs`, and `ALPHA` tells between which two bins the cut-off must lie; then the pairs on one side
    are counted, and those in these few bins are sorted. Arguments are those of `surely_above`; both results have shape
    (n,).
    """
    above, below = np.zeros((2, point.size), dtype=np.int64)
    tested = np.flatnonzero(clusters >= 2)
    pairs = tested.size * (tested.size - 1) // 2
    rows = _factors(draws, people, tested)
    if not pairs or rows is None:
        return above, below
    blocks = _Blocks(point[tested], rows, clusters[tested])
    edges = np.exp(np.linspace(np.log(ALPHA / pairs), np.log(ALPHA), BINS + 1))
    rejected, counts = blocks.histogram(edges)
    # all p-values up to edges[first] are rejected, none from edges[last] on is; between them each has to be looked at
    first = 0
    while first < BINS and edges[first + 1] * (pairs - rejected) <= ALPHA:
        rejected += int(counts[first])
        first += 1
    last = first
    while last < BINS and not (counts[last] and edges[last] * (pairs - rejected) > ALPHA):
        rejected += int(counts[last])
        last += 1
    above[tested], below[tested] = blocks.count(edges[first], edges[last], pairs)
    return above, below


def _factors(draws: FloatArray, people: FloatArray | None, chosen: IntArray) -> list[FloatArray] | None:
    """Matrices with one row a score whose products with themselves add up to the scores' covariances."""
    whole = np.isfinite(draws).all(axis=1)
    if np.count_nonzero(whole) < MIN_DRAWS:
        return None
    found = []
    for sets in (draws, people):
        if sets is None:
            continue
        keep = whole if sets is draws else np.ones(len(sets), dtype=np.bool_)
        rows = _of(sets if keep.all() else sets[keep], chosen).T
        rows = np.ascontiguousarray(rows - rows.mean(axis=1, keepdims=True))
        rows /= np.sqrt(rows.shape[1] - 1)
        found.append(rows)
    return found


class _Blocks:
    """All pairs of some scores, block by block. Arguments as for `sure_counts`, `rows` from `_factors`."""

    def __init__(self, point: FloatArray, rows: list[FloatArray], clusters: NDArray[np.integer]) -> None:
        self._point = point
        self._rows = rows
        self._variance = np.sum([np.einsum("ij,ij->i", x, x) for x in rows], axis=0)
        self._kinds, self._kind = np.unique(clusters, return_inverse=True)

    def _critical(self, p: float) -> FloatArray:
        """The square of t at which a two-sided test has this p-value, for each number of clusters."""
        from scipy.special import stdtrit

        critical: FloatArray = np.square(stdtrit(self._kinds - 1.0, p / 2))
        return critical

    def _each(self) -> Iterator[tuple[slice, slice, FloatArray, FloatArray, IntArray]]:
        """For each block its rows and columns, differences, squares of t (-1 for no pair), and kinds of clusters."""
        n = self._point.size
        for top in range(0, n, BLOCK):
            i = slice(top, min(top + BLOCK, n))
            for left in range(top, n, BLOCK):
                j = slice(left, min(left + BLOCK, n))
                square = self._variance[i, None] + self._variance[j]
                for x in self._rows:
                    square -= 2 * (x[i] @ x[j].T)
                difference = self._point[i, None] - self._point[j]
                square = np.square(difference) / np.maximum(square, RESOLUTION**2)
                if left == top:
                    square[np.tril_indices(len(square))] = -1.0
                # kinds are sorted, so that the smaller kind has fewer clusters
                yield i, j, difference, square, np.minimum(self._kind[i, None], self._kind[j])

    def _p(self, square: FloatArray, kind: IntArray) -> FloatArray:
        return t_test(np.sqrt(square), np.ones_like(square), self._kinds[kind])

    def histogram(self, edges: FloatArray) -> tuple[int, IntArray]:
        """How many p-values are below the first edge, and how many between any two."""
        low, high = self._critical(edges[-1]), self._critical(edges[0])
        below, counts = 0, np.zeros(len(edges) - 1, dtype=np.int64)
        width = np.log(edges[1] / edges[0])
        for _, _, _, square, kind in self._each():
            small = square >= high[kind]
            below += int(np.count_nonzero(small))
            between = (square >= low[kind]) & ~small
            p = self._p(square[between], kind[between])
            bins = np.clip((np.log(p / edges[0]) / width).astype(np.int64), 0, len(counts) - 1)
            counts += np.bincount(bins, minlength=len(counts))
        return below, counts

    def count(self, sure: float, possible: float, pairs: int) -> tuple[IntArray, IntArray]:
        """How many are surely above and surely below each score.

        Args:
            sure: p-values up to this one are rejected.
            possible: p-values from this one on are not; those between are sorted.
            pairs: how many there are in all.
        """
        above, below = np.zeros((2, self._point.size), dtype=np.int64)
        sure_square, possible_square = self._critical(sure), self._critical(possible)
        rejected = 0
        doubtful: list[tuple[FloatArray, IntArray, IntArray]] = []
        for i, j, difference, square, kind in self._each():
            certain = square >= sure_square[kind]
            rejected += int(np.count_nonzero(certain))
            up, down = certain & (difference > 0), certain & (difference < 0)
            above[j] += up.sum(axis=0)
            below[i] += up.sum(axis=1)
            above[i] += down.sum(axis=1)
            below[j] += down.sum(axis=0)
            rows, columns = np.nonzero((square >= possible_square[kind]) & ~certain)
            if rows.size:
                p = self._p(square[rows, columns], kind[rows, columns])
                higher = difference[rows, columns] > 0
                rows, columns = rows + i.start, columns + j.start
                doubtful.append((p, np.where(higher, rows, columns), np.where(higher, columns, rows)))
        if doubtful:
            p, upper, lower = (np.concatenate(parts) for parts in zip(*doubtful, strict=True))
            order = np.argsort(p)
            fails = p[order] * (pairs - rejected - np.arange(p.size)) > ALPHA
            order = order[: np.argmax(fails) if fails.any() else p.size]
            np.add.at(above, lower[order], 1)
            np.add.at(below, upper[order], 1)
        return above, below


def intervals(
    point: FloatArray, draws: FloatArray, clusters: NDArray[np.integer], people: FloatArray | None = None
) -> tuple[IntArray, IntArray]:
    """Lowest and highest rank of each of n scores, `NO_RANK` where one has none.

    Args:
        point: scores, shape (n,); NaN where there is none: N counts the others only.
        draws: the same in every bootstrap draw, paired, shape (draws, n); NaN likewise.
        clusters: queries that carry each score, shape (n,).
        people: as for `surely_above`.
    """
    low = np.full(point.size, NO_RANK, dtype=np.int64)
    high = low.copy()
    rows = np.flatnonzero(measurable(point, draws))
    scores = point[rows], _of(draws, rows), clusters[rows], None if people is None else _of(people, rows)
    if rows.size <= BLOCK:
        above = surely_above(*scores)
        low[rows] = 1 + above.sum(axis=0)
        high[rows] = rows.size - above.sum(axis=1)
    else:
        n_above, n_below = sure_counts(*scores)
        low[rows] = 1 + n_above
        high[rows] = rows.size - n_below
    return low, high


def _of(draws: FloatArray, rows: IntArray) -> FloatArray:
    """Some columns; no copy where these are all."""
    return draws if rows.size == draws.shape[1] else draws[:, rows]


class Sample(NamedTuple):
    """Scores of some models with all that is needed to compare them."""

    point: FloatArray
    """Centred scores, shape (models, 19), NaN where a model has none."""
    draws: FloatArray
    """The same in every bootstrap draw, paired over models, shape (draws, models, 19), NaN likewise."""
    clusters: NDArray[np.int64]
    """Queries with a rated item that counts for the dimension, shape (models, 19)."""


def resample(x: FloatArray, selected: BoolArray, query_index: NDArray[np.intp]) -> Sample:
    """Score models and draw their scores again and again over queries.

    A model's draws do not depend on the others, so two models can be resampled by themselves for a comparison.

    Args:
        x: mean rating of each item (`eval_queue.scoring.formulas.item_means`), shape (models, items), NaN where there
            is none.
        selected: which item counts for which dimension (`data.benchmark.Key.selected`), shape (items, 19).
        query_index: position of each item's query (`data.benchmark.Benchmark.query_index`), shape (items,).
    """
    point, clusters = scored(x, selected, query_index)
    return Sample(point, bootstrap(x, selected, query_index).score, clusters)


def scored(x: FloatArray, selected: BoolArray, query_index: NDArray[np.intp]) -> tuple[FloatArray, IntArray]:
    """Scores and clusters as in `resample`, without the draws."""
    belongs = np.zeros((query_index.size, query_index.max(initial=-1) + 1))
    belongs[np.arange(query_index.size), query_index] = 1
    rated = np.isfinite(x)
    clusters = np.stack([((rated & items) @ belongs > 0).sum(axis=1) for items in selected.T], axis=1)
    return score(x[:, None, :], selected).score, clusters.astype(np.int64)


@dataclass(frozen=True)
class Ranks:
    """All rank intervals of a board."""

    models: RankTable
    """Each model among the models, on every dimension."""
    values: RankTable
    """Each dimension within its model and scale."""


class Column(NamedTuple):
    """One dimension of all models."""

    point: FloatArray
    """Scores, shape (models,), NaN where a model has none."""
    draws: FloatArray
    """Shape (draws, models), NaN likewise."""
    clusters: NDArray[np.integer]
    """Shape (models,)."""
    people: FloatArray | None = None
    """Draws over people, shape (sets, models); None: their noise is not added."""


def ranks_by_parts(
    models: int, column: Callable[[int], Column], some: Callable[[slice], tuple[Sample, FloatArray | None]]
) -> Ranks:
    """All rank intervals of a board, whose draws may be too many to be held at once.

    One dimension of all models is held at a time, twice 16 kB a model, and all dimensions of `CHUNK` models. Time grows
    with the square of the models.

    Args:
        models: how many.
        column: one dimension of all models.
        some: all dimensions of some models, with draws over people as for `value_ranks`.
    """
    between, within = (RankTable(*np.full((2, models, len(DIMENSIONS)), NO_RANK)) for _ in range(2))
    for d in range(len(DIMENSIONS)):
        between.low[:, d], between.high[:, d] = intervals(*column(d))
    for start in range(0, models, CHUNK):
        rows = slice(start, min(start + CHUNK, models))
        sample, people = some(rows)
        found = value_ranks(*sample, people)
        within.low[rows], within.high[rows] = found.low, found.high
    return Ranks(between, within)


def value_ranks(
    point: FloatArray, draws: FloatArray, clusters: NDArray[np.integer], people: FloatArray | None = None
) -> RankTable:
    """Rank intervals of the dimensions within each model and scale: the order of its ten values, four, or five traits.

    Holm over the pairs of one model's scale (45 for ten values). A pair has the degrees of freedom of the value that
    rests on fewer queries, which is the cautious end of Welch's rule. Guaranteed for one model at a time.

    Args:
        point: scores on `data.values.DIMENSIONS`, shape (models, 19); NaN where a model has none.
        draws: the same in every bootstrap draw, shape (draws, models, 19).
        clusters: queries that carry each dimension, shape (19,), or for each model (models, 19).
        people: draws over the people behind templates, shape (sets, models, 19), whose noise is added; None: none is.

    Returns:
        Intervals of shape (models, 19); ranks count within a scale.

    Raises:
        ValueError: the arrays do not have the 19 dimensions.
    """
    if point.shape[1] != len(DIMENSIONS):
        raise ValueError(f"{point.shape[1]} dimensions, expected {len(DIMENSIONS)}")
    clusters = np.broadcast_to(clusters, point.shape)
    low = np.full(point.shape, NO_RANK, dtype=np.int64)
    high = low.copy()
    for m in range(len(point)):
        for scale in SCALE_COLUMNS.values():
            of = point[m, scale], draws[:, m, scale], clusters[m, scale]
            low[m, scale], high[m, scale] = intervals(*of, None if people is None else people[:, m, scale])
    return RankTable(low, high)
