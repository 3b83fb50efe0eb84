"""A short form of a benchmark that a person answers in minutes: which items, how they are scored, how sure that is.

**Choice.** `SIZES` items (2 or 6 a value). The choice is a small integer program, solved exactly: each item stands for
one value that it counts for; as many items as possible, then the greatest sum of merits, where

- no value has more than its 2 or 6 items, so that they are even;
- no query gives more items than evenness asks for (one, where there are enough queries): answers to one query go
  together;
- no source gives more than its share, rounded up.

The merit of an item for a value is its correlation with the value minus its correlations with the other values that it
counts for: items that speak clearly for one value come first. Ties go to the item that stands first. Items are asked so
that each value has been asked once after the first ten, and neighbours on the circle do not follow each other.

**Score.** As a model's (`eval_queue.scoring.formulas`): mean rating of a value's items minus the mean over the form's
distinct items. An item of the form counts for all the values that it counts for in the benchmark.

**Interval.** Two items cannot tell their own spread, so all values share one: s^2 is the mean square of the ratings
around the means of their values, with (items - values) degrees of freedom. A score is a weighted sum of ratings, so its
variance is s^2 times the sum of squared weights, or of squared sums over queries where that is larger; the interval is
a 95 % t interval. It speaks of which items were chosen, and says nothing of another day. `short-form.js` computes the
same in the page; `tests/browser/test_take.py` holds it to these functions.

**Match.** The other reading of the same answers: the correlation of the ratings with the templates of the form's items.
Its standard error over items is a jackknife over queries, that over people the standard deviation under `PEOPLE`
templates of resampled people, and the interval a 95 % t interval of both. Which reading a form shows is decided by how
well it stands for the whole benchmark under that reading (`leaderboard.measurement.form_validity`).

Pure functions; `agreement` is what `python -m leaderboard short-form` publishes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.benchmark import Benchmark
from data.people.templates import STEP, ValueTemplates, template_match
from data.values import VALUES
from eval_queue.scoring.formulas import Bools, Floats, ratio

Length = Literal["short", "long"]

SIZES: Final[dict[Length, int]] = {"short": 20, "long": 60}
"""How many items each form asks at most."""

PEOPLE: Final = 200
"""Sets of resampled people behind a person's interval: a part of the benchmark's, so that the page stays light."""

_STRIDE: Final = 3
"""Values asked one after the other are so many places apart on the circle."""


class Form(NamedTuple):
    """A short form."""

    rows: tuple[int, ...]
    """Its items, as positions in `Benchmark.items`, in the order in which they are asked."""
    stands_for: tuple[int, ...]
    """The value that each was chosen for, as a position in `VALUES`."""


def choose(benchmark: Benchmark, size: int) -> Form:
    """Choose the items of a form; the same benchmark always gives the same form.

    Args:
        benchmark: to choose from.
        size: items at most; a benchmark with too few gives as many as it can.
    """
    selected = benchmark.key.selected[:, : len(VALUES)]
    rho = np.where(selected, benchmark.key.rho[:, : len(VALUES)], 0.0)
    item, value = np.nonzero(selected)
    merit = 2 * rho[item, value] - rho[item].sum(axis=1)
    sources = sorted({q.source for q in benchmark.queries})
    source = np.array([sources.index(benchmark.query_by_id[i.query_id].source) for i in benchmark.items])
    query = benchmark.query_index
    each = -(-size // len(VALUES))
    groups = [
        (value, each),
        (item, 1),
        (len(benchmark.items) + query[item], -(-size // max(1, len(np.unique(query[item]))))),
        (source[item], -(-size // len(sources))),
    ]
    picked = np.flatnonzero(_best(merit, groups))
    # within a value the clearest first; then one of each value after the other
    picked = picked[np.lexsort((picked, -merit[picked]))]
    seen: dict[int, int] = {}
    order: list[tuple[int, int, int]] = []
    for n in picked.tolist():
        v = int(value[n])
        seen[v] = seen.get(v, 0) + 1
        order.append((seen[v], v * pow(_STRIDE, -1, len(VALUES)) % len(VALUES), n))
    chosen = [n for _, _, n in sorted(order)]
    return Form(tuple(int(item[n]) for n in chosen), tuple(int(value[n]) for n in chosen))


def _best(merit: Floats, groups: Sequence[tuple[NDArray[np.intp], int]]) -> Bools:
    """The largest choice that keeps all limits, and among the largest the one of most merit.

    Args:
        merit: of each candidate.
        groups: for each kind of limit the group of each candidate, and how many a group may give.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    n = len(merit)
    limits = []
    for of, most in groups:
        names, at = np.unique(of, return_inverse=True)
        members = csr_array((np.ones(n), (at, np.arange(n))), shape=(len(names), n))
        limits.append(LinearConstraint(members, -np.inf, most))

    def solve(cost: Floats, more: list[LinearConstraint]) -> Bools:
        found = milp(
            cost,
            integrality=np.ones(n, dtype=np.int64),
            bounds=Bounds(0, 1),
            constraints=limits + more,
            options={"mip_rel_gap": 0.0},
        )
        if found.x is None:  # choosing nothing keeps all limits, so there is always a solution
            raise RuntimeError(found.message)
        return np.asarray(found.x > 0.5)

    largest = int(solve(-np.ones(n), []).sum())
    everything = csr_array(np.ones((1, n)))
    return solve(-merit, [LinearConstraint(everything, largest, largest)])


MIN_JACKKNIFE: Final = 3
"""Queries that a jackknife needs."""


class Scored(NamedTuple):
    """A profile from a form, arrays in circle order, shape (10,); NaN where it cannot be had."""

    score: Floats
    """Mean rating of a value's items minus the mean over all items."""
    half: Floats
    """Half width of the 95 % interval."""
    reliability: float
    """R = 1 - mean SE^2 / variance of the ten scores, as for models."""


def score_form(ratings: Floats, counts: Bools, queries: NDArray[np.intp]) -> Scored:
    """Score answers to a form.

    Args:
        ratings: of the answered items, shape (items,), without NaN.
        counts: which item counts for which value, shape (items, 10).
        queries: the query of each item, shape (items,).
    """
    from scipy.special import stdtrit

    n = counts.sum(axis=0)
    asked = n > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = counts / n - 1 / len(ratings)
        means = ratings @ counts / n
    score = np.where(asked, means - ratings.mean(), np.nan)
    freedom = len(ratings) - int(asked.sum())
    if freedom < 1:
        return Scored(score, np.full(len(n), np.nan), math.nan)
    fitted = counts @ np.where(asked, means, 0.0) / counts.sum(axis=1)
    variance = np.square(ratings - fitted).sum() / freedom
    together = np.stack([weights[queries == q].sum(axis=0) for q in np.unique(queries)])
    square = np.maximum(np.square(weights).sum(axis=0), np.square(together).sum(axis=0))
    se = np.sqrt(variance * square)
    ten = score - score.mean()
    spread = np.square(ten).mean()
    reliability = float(1 - np.square(se).mean() / spread) if spread > 1e-18 else math.nan
    return Scored(score, se * -stdtrit(freedom, 0.025), reliability)


def match_form(ratings: Floats, loadings: Floats, resampled: Floats, queries: NDArray[np.intp]) -> Scored:
    """Match answers to a form with the templates of its items.

    Args:
        ratings: of the answered items, shape (items,), without NaN.
        loadings: templates, shape (items, 10).
        resampled: the same by resampled people, shape (sets, items, 10).
        queries: the query of each item, shape (items,).

    Returns:
        Matches in place of scores; NaN where all ratings are equal, half widths NaN where they are without one query.
    """
    from scipy.special import stdtrit

    x = ratings[None]
    score = template_match(x, loadings)[0]
    asked = np.unique(queries)
    n = len(asked)
    if n < MIN_JACKKNIFE or not np.isfinite(score).all():
        return Scored(score, np.full(len(score), np.nan), math.nan)
    left = np.array([template_match(x[:, queries != q], loadings[queries != q])[0] for q in asked])
    items = (n - 1) / n * np.square(left - left.mean(axis=0)).sum(axis=0)
    people = np.array([template_match(x, a)[0] for a in resampled]).var(axis=0, ddof=1)
    se = np.sqrt(items + people)
    spread = np.square(score - score.mean()).mean()
    reliability = float(1 - np.square(se).mean() / spread) if spread > 1e-18 else math.nan
    return Scored(score, se * -stdtrit(n - 1, 0.025), reliability)


class Agreement(NamedTuple):
    """How well a form stands for the whole benchmark, over several respondents."""

    correlation: Floats
    """Of the form's ten scores with the whole benchmark's, shape (respondents,); NaN where either does not vary."""
    difference: Floats
    """Root mean square difference of the two, rating points or matches, same shape."""
    held: float
    """Share of the form's intervals that hold the whole benchmark's score."""
    half: float
    """Mean half width of these intervals, rating points or matches."""
    which: NDArray[np.intp]
    """Positions of these respondents among all."""
    holds: Floats
    """Share of each one's intervals that hold, shape (respondents,); NaN without intervals."""


def agreement(
    answers: Floats, whole: Floats, form: Form, benchmark: Benchmark, templates: ValueTemplates | None = None
) -> Agreement:
    """Set profiles from a form beside profiles from the whole benchmark, both centred on their ten values.

    The whole benchmark has more items of some values than of others, a form has not: centred on their items' means, the
    two would differ by one number for all ten values.

    Args:
        answers: ratings of each item, shape (respondents, items); who lacks one of the form's is left out.
        whole: the ten scores from the whole benchmark, shape (respondents, 10); the matches where there are templates.
        form: the form.
        benchmark: what it was chosen from.
        templates: of the benchmark, to read by matches; None to read as published.
    """
    rows = list(form.rows)
    counts = benchmark.key.selected[rows, : len(VALUES)]
    usable = np.isfinite(answers[:, rows]).all(axis=1) & np.isfinite(whole).all(axis=1)
    whole = whole[usable]
    queries = benchmark.query_index[rows]
    if templates is None:
        found = [score_form(x, counts, queries) for x in answers[usable][:, rows]]
    else:
        loadings, resampled = of_form(templates, form)
        found = [match_form(x, loadings, resampled, queries) for x in answers[usable][:, rows]]
    score, half = (np.array([f[part] for f in found]).reshape(len(found), -1) for part in (0, 1))
    a, b = (x - x.mean(axis=1, keepdims=True) for x in (score, whole))
    length = np.sqrt(np.square(a).sum(axis=1) * np.square(b).sum(axis=1))
    correlation = np.divide((a * b).sum(axis=1), length, out=np.full(len(a), np.nan), where=length > 1e-9)
    gap = a - b
    told = np.isfinite(half) & np.isfinite(gap)
    return Agreement(
        correlation,
        np.sqrt(np.square(gap).mean(axis=1)),
        float((np.abs(gap) <= half)[told].mean()) if told.any() else math.nan,
        float(half[told].mean()) if told.any() else math.nan,
        np.flatnonzero(usable),
        ratio((told & (np.abs(gap) <= half)).sum(axis=1), told.sum(axis=1)),
    )


def of_form(templates: ValueTemplates, form: Form) -> tuple[Floats, Floats]:
    """The ten templates of a form's items, shape (items, 10), and by resampled people, shape (sets, items, 10)."""
    rows, ten = list(form.rows), slice(0, len(VALUES))
    loadings = templates.loadings[rows][:, ten]
    return loadings, loadings + STEP * templates.steps[:PEOPLE, rows][:, :, ten]
