"""Where the variance of ratings is, and how many queries and wordings a column would need.

Ratings of several models are a crossed design: models x queries (with five responses each, nested) x wordings x orders
of the options, all taken as random. Variance components come from the sums of squares of the balanced design by the
method of moments (Cornfield and Tukey's expected mean squares); a rating that is missing, two in a thousand of the
released ones, is filled with the mean of its item's others. A component that is estimated below 0 is 0 in all shares.
The highest interaction cannot be told from chance, as everything is asked once.

The generalizability of a column (Cronbach, Gleser, Nanda and Rajaratnam 1972) takes each query's part in a model's
score under each wording: the variance of models' scores relative to itself plus that of error over other queries and
wordings, G = M / (M + MQ / n_queries + MW / n_wordings + MQW / (n_queries n_wordings)).

Intervals, 95 %: of components and shares by a jackknife, models and queries left out one by one, the two variances
added; wordings and orders are taken as they are, since two orders or three wordings cannot tell how much others would
differ. Of a coefficient by a bootstrap of models (`data.people.psychometrics.coefficient_interval`), as its column's
reliability.

Pure functions over arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, combinations
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.errors import InputError
from data.people.psychometrics import DRAWS, coefficient_interval
from eval_queue.scoring.formulas import Bools, Floats, item_means
from eval_queue.scoring.stability import WORDINGS, order_means

FACTORS: Final = ("model", "query", "item", "wording", "order")
"""The factors of the design, in the order of the axes; items are nested in queries."""
TARGET: Final = 0.8
"""The coefficient at which a column is said to tell models apart well."""
SIZES: Final = (52, 104, 208, 416, 832)
"""Numbers of queries for which coefficients are told."""
COUNTS: Final = (1, 3, 6, 12)
"""Numbers of wordings likewise."""
SEED: Final = 20330
ENDS: Final = (0.025, 0.975)
Ends = Mapping[str, tuple[float, float]]
"""Both ends of intervals by name."""

_MODEL, _QUERY, _ITEM, _WORDING, _ORDER = range(5)
Term = tuple[int, ...]


class Generalizability(NamedTuple):
    """Variance of a column's scores by source, and what it would take to be reliable. NaN where it cannot be had."""

    model: float
    """Between models: what is wanted. Below 0 where models differ less than error lets them."""
    model_query: float
    model_wording: float
    model_query_wording: float
    queries: int
    """Queries that were asked."""
    wordings: int
    low: float = float("nan")
    """Lower end of the 95 % interval of G for the queries and wordings that were asked: models resampled."""
    high: float = float("nan")
    fewest: float = float("nan")
    """Lower end of that of the queries with which G reaches `TARGET`."""
    most: float = float("nan")
    """Upper end, infinity where no number may be enough."""

    def coefficient(self, queries: float, wordings: float) -> float:
        """G for so many queries and wordings, 0 to 1."""
        error = self._error(queries, wordings)
        return max(self.model, 0.0) / (max(self.model, 0.0) + error) if self.model + error > 0 else float("nan")

    @property
    def signed(self) -> float:
        """G for what was asked, below 0 where models differ less than error lets them: what an interval needs."""
        error = self._error(self.queries, self.wordings)
        return self.model / (self.model + error) if self.model + error > 0 else float("nan")

    def _error(self, queries: float, wordings: float) -> float:
        error = self.model_query / queries + self.model_wording / wordings
        return error + self.model_query_wording / (queries * wordings)

    def queries_for(self, target: float = TARGET, wordings: float | None = None) -> float:
        """Queries of the same kind with which G reaches the target, in all; infinity where none are enough."""
        k = self.wordings if wordings is None else wordings
        room = max(self.model, 0.0) * (1 / target - 1) - self.model_wording / k
        if not room > 0:
            return float("inf")
        return (self.model_query + self.model_query_wording / k) / room


def components(ratings: Floats, query_index: NDArray[np.intp]) -> dict[str, float]:
    """Variance of ratings by source.

    Args:
        ratings: shape (models, 6 variants, items), NaN where there is no rating; two models or more.
        query_index: position of each item's query, shape (items,).

    Returns:
        Components in squared rating points by name, e.g. `model`, `query:item`, `model x query:item`, main effects
        first; may be below 0. The last one holds what cannot be told from chance.

    Raises:
        InputError: queries have different numbers of items, or an item of a model has no rating at all.
    """
    return _components(_design(ratings, query_index))


def _components(y: Floats) -> dict[str, float]:
    levels = y.shape
    terms = _terms()  # smaller ones first
    found: dict[Term, float] = {}
    means: dict[Term, Floats] = {}
    mean_square: dict[Term, float] = {}
    for term in terms:
        others = tuple(axis for axis in range(5) if axis not in term)
        effect = y.mean(axis=others, keepdims=True) - y.mean()
        for part in terms:
            if set(part) < set(term):
                effect = effect - means[part]
        means[term] = effect
        size = float(np.prod([levels[axis] for axis in others]))
        mean_square[term] = float((effect**2).sum()) * size / _freedom(term, levels)
    for term in reversed(terms):
        above = sum(found[other] * _repeats(other, levels) for other in terms if set(other) > set(term))
        found[term] = (mean_square[term] - above) / _repeats(term, levels)
    return {_name(term): found[term] for term in terms}


def component_intervals(ratings: Floats, query_index: NDArray[np.intp]) -> tuple[Ends, Ends]:
    """95 % intervals of `components`, and of their `shares`, by name.

    Args:
        ratings: as for `components`; three models or more.
        query_index: as for `components`.

    Raises:
        InputError: as for `components`.
    """
    from scipy.special import stdtrit

    y = _design(ratings, query_index)

    def both(kept: Floats) -> Floats:
        found = _components(kept)
        return np.array([[*found.values()], [*shares(found).values()]])

    square = np.zeros(())
    for axis in (_MODEL, _QUERY):
        k = y.shape[axis]
        left = np.array([both(np.delete(y, i, axis)) for i in range(k)])
        square = square + (k - 1) / k * np.square(left - left.mean(axis=0)).sum(axis=0)
    half = stdtrit(min(y.shape[:2]) - 1, 0.975) * np.sqrt(square)
    found, share = (list(zip(low, high, strict=True)) for low, high in zip(both(y) - half, both(y) + half, strict=True))
    names = [_name(term) for term in _terms()]
    within = [(max(low, 0.0), min(high, 1.0)) for low, high in share]
    return dict(zip(names, found, strict=True)), dict(zip(names, within, strict=True))


def shares(found: Mapping[str, float]) -> dict[str, float]:
    """Each component's share of the whole variance; what is below 0 counts as 0."""
    total = sum(max(v, 0.0) for v in found.values())
    return {name: max(v, 0.0) / total if total else float("nan") for name, v in found.items()}


def published_parts(ratings: Floats, selected: Bools, query_index: NDArray[np.intp]) -> Floats:
    """Each query's part in the published scores of one scale: a linear approximation, whose mean over queries they are.

    Args:
        ratings: shape (models, 6 variants, items), NaN where there is no rating.
        selected: which item counts for which dimension of the scale, shape (items, columns).
        query_index: position of each item's query, shape (items,).

    Returns:
        Shape (columns, models, wordings, queries).

    Raises:
        InputError: an item of a model has no rating at all.
    """
    filled = _filled(ratings)
    x, by_wording = filled.mean(axis=1), order_means(filled)
    any_of = selected.any(axis=1)
    level = x[:, any_of].mean(axis=1)
    of_scale = np.where(any_of, by_wording - level[:, None, None], 0.0) / max(int(any_of.sum()), 1)
    found = []
    for column in selected.T:
        raw = x[:, column].mean(axis=1) if column.any() else np.full(len(x), np.nan)
        away = np.where(column, by_wording - raw[:, None, None], 0.0) / max(int(column.sum()), 1)
        found.append(_by_query(away - of_scale, query_index) + (raw - level)[:, None, None])
    return np.stack(found)


def match_parts(ratings: Floats, loadings: Floats, query_index: NDArray[np.intp]) -> Floats:
    """Each query's part in the matches, in the same way and shape; the influence of an item on a correlation.

    Args:
        ratings: shape (models, 6 variants, items), NaN where there is no rating.
        loadings: templates, shape (items, columns), without NaN.
        query_index: position of each item's query, shape (items,).

    Raises:
        InputError: an item of a model has no rating at all.
    """
    filled = _filled(ratings)
    x, by_wording = filled.mean(axis=1), order_means(filled)
    mean, sd = x.mean(axis=1), x.std(axis=1)
    sd = np.where(sd > 0, sd, np.nan)
    z = (x - mean[:, None]) / sd[:, None]
    z_wording = (by_wording - mean[:, None, None]) / sd[:, None, None]
    away = (loadings - loadings.mean(axis=0)) / loadings.std(axis=0)
    found = []
    for a in away.T:
        r = (z * a).mean(axis=1)[:, None, None]
        influence = z_wording * a - r * (z[:, None] ** 2 + a**2) / 2
        found.append(_by_query(influence / x.shape[1], query_index) + r)
    return np.stack(found)


def _by_query(of_items: Floats, query_index: NDArray[np.intp]) -> Floats:
    """Sums over each query's items times the number of queries: (models, wordings, items) to (..., queries)."""
    order = np.argsort(query_index, kind="stable")
    starts = np.flatnonzero(np.diff(query_index[order], prepend=-1))
    return np.asarray(np.add.reduceat(of_items[:, :, order], starts, axis=2) * len(starts))


def generalizability(parts: Floats, draws: int = DRAWS, seed: int = SEED) -> list[Generalizability]:
    """Variance of each column's scores by source, with the intervals of its coefficient.

    Args:
        parts: each query's part in each model's score, shape (columns, models, wordings, queries).
        draws: how often models are resampled.
        seed: of these draws.
    """
    return [_with_intervals(y[np.isfinite(y).all(axis=(1, 2))], draws, seed) for y in parts]


def _with_intervals(y: Floats, draws: int, seed: int) -> Generalizability:
    m = len(y)
    counts = np.random.default_rng(seed).multinomial(m, np.full(m, 1 / max(m, 1)), size=draws)
    found, *drawn = _two_facets(y, np.vstack([np.ones(m), counts]))
    if m < 3:
        return found
    low, high = coefficient_interval(np.array(found.signed), np.array([g.signed for g in drawn]), m - 1)
    needed = np.sort([g.queries_for() for g in drawn])
    fewest, most = (float(needed[round(q * (draws - 1))]) for q in ENDS)
    return found._replace(low=max(float(low), 0.0), high=max(float(high), 0.0), fewest=fewest, most=most)


def _two_facets(y: Floats, counts: Floats) -> list[Generalizability]:
    """Models x wordings x queries, one number a cell: the components that make up relative error.

    Args:
        y: shape (models, wordings, queries).
        counts: how often each model counts, shape (draws, models), for one record each.
    """
    m, w, q = y.shape
    nothing = float("nan")
    if m < 2:
        return [Generalizability(nothing, nothing, nothing, nothing, q, w)] * len(counts)
    model, mw, mq = (y.mean(axis=a, keepdims=True) for a in ((1, 2), 2, 1))

    def square(effect: Floats) -> Floats:
        """Sum of squares over models about their mean effect, in every draw."""
        flat = effect.reshape(m, -1)
        return np.asarray(counts @ (flat**2).sum(axis=1) - ((counts @ flat) ** 2).sum(axis=1) / m)

    ms_m = w * q * square(model) / (m - 1)
    ms_mw = q * square(mw - model) / ((m - 1) * (w - 1))
    ms_mq = w * square(mq - model) / ((m - 1) * (q - 1))
    ms_mwq = square(y - mw - mq + model) / ((m - 1) * (w - 1) * (q - 1))
    between = (ms_m - ms_mw - ms_mq + ms_mwq) / (w * q)
    others = (np.maximum((ms_mq - ms_mwq) / w, 0.0), np.maximum((ms_mw - ms_mwq) / q, 0.0), ms_mwq)
    every = np.array([between, *others]).T.tolist()
    return [Generalizability(a, b, c, d, q, w) for a, b, c, d in every]


def _filled(ratings: Floats) -> Floats:
    means = item_means(ratings)
    if not np.isfinite(means).all():
        raise InputError("an item has no rating at all; leave the model or the item out")
    return np.where(np.isfinite(ratings), ratings, means[:, None])


def _design(ratings: Floats, query_index: NDArray[np.intp]) -> Floats:
    """Shape (models, queries, items of a query, wordings, orders)."""
    counts = np.bincount(query_index)
    if len(set(counts.tolist())) != 1:
        raise InputError("queries have different numbers of items, so the design is not balanced")
    order = np.argsort(query_index, kind="stable")
    filled = _filled(ratings)[:, :, order]
    # variants stand as v1, v1_reversed, v2, ...
    shape = (len(ratings), len(WORDINGS), 2, len(counts), int(counts[0]))
    return np.asarray(filled.reshape(shape).transpose(0, 3, 4, 1, 2))


def _terms() -> list[Term]:
    every = chain.from_iterable(combinations(range(5), k) for k in range(1, 6))
    return [term for term in every if _ITEM not in term or _QUERY in term]


def _freedom(term: Term, levels: tuple[int, ...]) -> float:
    nested = _ITEM in term
    return float(np.prod([levels[a] if a == _QUERY and nested else levels[a] - 1 for a in term]))


def _repeats(term: Term, levels: tuple[int, ...]) -> float:
    return float(np.prod([levels[a] for a in range(5) if a not in term]))


def _name(term: Term) -> str:
    parts = [FACTORS[a] for a in term if a not in (_QUERY, _ITEM)]
    if _QUERY in term:
        parts.insert(1 if _MODEL in term else 0, "query:item" if _ITEM in term else "query")
    return " x ".join(parts)
