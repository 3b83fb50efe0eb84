"""From people's ratings to a key, and how much the key can carry.

Pure functions on `data.ratings.Study`: arrays in, arrays out, no files, no texts. They know nothing of Value Portrait
but the 19 columns of `data.values.DIMENSIONS`.

**How another group can key its own items.** Let people rate your items from 1 to 6 and answer a values questionnaire.
Make one `SurveyGroup` of each set of people who rated the same items (ratings: people x items; values: people x 19,
NaN in the columns you did not ask) and a `Study` of all groups, each item in one group only::

    key = spearman_key(study, items)                 # items: ids in the order you want
    key.selected                                     # which item counts for which dimension
    shuffled_counts(study)                           # how many would count by chance
    consistency(study, items, key.selected)          # do the items of a dimension go together?
    split_half(study, items)                         # would other people give the same key?

`data.people.validation` puts all of it into one report.

**Privacy.** Nothing returned here speaks of a person, and groups of fewer than `MIN_GROUP` people are left out of every
figure. Only `spearman` and `cronbach_alpha`, the arithmetic underneath, take what they are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.benchmark import MAX_P, MIN_RHO, Key
from data.errors import InputError
from data.ratings import MIN_GROUP, Study, SurveyGroup
from data.values import DIMENSIONS, SCALE_COLUMNS

SHUFFLES: Final = 300
"""How often people are shuffled to see how many items count by chance."""
SPLITS: Final = 100
"""How often people are divided into two halves."""
DRAWS: Final = 1000
"""How often people, or models, are resampled for the interval of a coefficient."""
SEED: Final = 20250
RHO_EDGES: Final = tuple(i / 20 for i in range(-20, 21))
"""Edges of the bins in which correlations are counted; what counts begins at one of them."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
ItemIds = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Correlations:
    """Rank correlations of the columns of two arrays over the same people.

    Attributes:
        rho: Spearman correlations, shape (columns of x, columns of y), NaN where a column does not vary.
        p: two-sided p-values of Student's t with n - 2 degrees of freedom, same shape.
    """

    rho: Floats
    p: Floats


class Estimated(NamedTuple):
    """Figures with both ends of their 95 % intervals, one shape; NaN where they cannot be had."""

    value: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Consistency:
    """How well the items of each dimension go together within survey groups. Arrays over dimensions, shape (19,).

    Only groups in which at least two items of a dimension were rated say anything; NaN where there is none.

    Attributes:
        groups: how many groups that is.
        alpha_mean: mean of the groups' Cronbach alphas.
        alpha_low: lower end of its 95 % interval, by a bootstrap of people within groups (`coefficient_interval`).
        alpha_high: upper end.
        alpha_weighted: the same mean, weighted by each group's number of items.
        alpha_min: the lowest of them.
        alpha_max: the highest.
        inter_item_r: mean Pearson correlation over all pairs of items that the same people rated.
        inter_item_low: lower end of its 95 % interval, by a jackknife over groups.
        inter_item_high: upper end.
    """

    groups: NDArray[np.int64]
    alpha_mean: Floats
    alpha_weighted: Floats
    alpha_min: Floats
    alpha_max: Floats
    inter_item_r: Floats
    alpha_low: Floats
    alpha_high: Floats
    inter_item_low: Floats
    inter_item_high: Floats


def coefficient_interval(estimate: Floats, draws: Floats, freedom: Floats | float) -> tuple[Floats, Floats]:
    """95 % interval of a reliability or a share of variance from its bootstrap draws, taken on the scale log(1 - x).

    On it coefficients of one spread have one standard error (Bonett 2002; for two halves it is Fisher's z). Percentiles
    of the draws hold a true reliability of .5 to .9 in 93 % of simulated cases with 33 models, this in 94 to 95 %.

    Args:
        estimate: at most 1, any shape.
        draws: the same with the draws first.
        freedom: of the t distribution: what is resampled less what is held fixed.

    Returns:
        Lower and upper end, not below -1; NaN where there is no estimate or fewer than half of the draws have one.
    """
    from scipy.special import stdtrit

    with np.errstate(divide="ignore", invalid="ignore"):
        at, drawn = np.log1p(-estimate), np.log1p(-draws)
    there = np.isfinite(drawn)
    n = there.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        away = np.where(there, drawn - np.where(there, drawn, 0.0).sum(axis=0) / n, 0.0)
        se = np.sqrt(np.square(away).sum(axis=0) / (n - 1))
        half = np.where(n >= max(2, len(draws) / 2), stdtrit(freedom, 0.975) * se, np.nan)
        return np.maximum(1 - np.exp(at + half), -1.0), 1 - np.exp(at - half)


def jackknife(estimate: Floats, without: Floats) -> Estimated:
    """95 % interval of figures from what they are without each group of people in turn, by t with groups - 1 degrees.

    Groups have neither people nor items in common, so leaving one out allows for other people and other items.

    Args:
        estimate: from all groups, shape (columns,).
        without: the same without each group, NaN where it has no part in a column, shape (groups, columns).
    """
    from scipy.special import stdtrit

    there = np.isfinite(without)
    n = there.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(there, without, 0.0).sum(axis=0) / n
        square = np.where(there, without - mean, 0.0) ** 2
        half = np.where(n > 1, stdtrit(n - 1, 0.975) * np.sqrt((n - 1) / n * square.sum(axis=0)), np.nan)
    return Estimated(estimate, estimate - half, estimate + half)


def rank_interval(rho: Floats, n: NDArray[np.int64] | int) -> Estimated:
    """Spearman correlations with 95 % intervals on Fisher's scale, variance (1 + rho^2 / 2) / (n - 3).

    Bonett and Wright (2000), Psychometrika 65, 23-28.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        z, half = np.arctanh(rho), 1.959964 * np.sqrt((1 + rho**2 / 2) / np.where(np.greater(n, 3), n - 3, np.nan))
    return Estimated(rho, np.tanh(z - half), np.tanh(z + half))


def average_ranks(x: Floats) -> Floats:
    """Ranks from 1 along the first axis; equal numbers share the mean of their ranks.

    Numbers are compared exactly as they are: two spellings of 2/3 that differ in the last bit are two ranks.

    Args:
        x: shape (people, ...).

    Returns:
        Ranks, same shape. A column with a missing number is NaN throughout.
    """
    n = len(x)
    order = np.argsort(x, axis=0, kind="stable")
    ordered = np.take_along_axis(x, order, axis=0)
    position = np.arange(n).reshape(-1, *[1] * (x.ndim - 1))
    differs = ordered[1:] != ordered[:-1]
    edge = np.ones((1, *x.shape[1:]), dtype=bool)
    first = np.maximum.accumulate(np.where(np.concatenate([edge, differs]), position, 0), axis=0)
    last = np.minimum.accumulate(np.where(np.concatenate([differs, edge]), position, n)[::-1], axis=0)[::-1]
    ranks = np.empty(x.shape)
    np.put_along_axis(ranks, order, (first + last) / 2 + 1, axis=0)
    ranks[:, np.isnan(x).any(axis=0)] = np.nan
    return ranks


def _unit(x: Floats) -> Floats:
    """Columns centred and scaled to length 1, so that a product of two is their correlation; NaN without variance."""
    centred = x - x.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    with np.errstate(invalid="ignore"):
        return np.asarray(centred / np.where(length > 0, length, np.nan))


def _p_values(rho: Floats, n: int) -> Floats:
    from scipy.special import stdtr  # slow to import

    if n < 3:
        return np.full(rho.shape, np.nan)
    with np.errstate(divide="ignore"):
        t = rho * np.sqrt((n - 2) / ((1.0 + rho) * (1.0 - rho)))
    return np.asarray(2.0 * stdtr(n - 2, -np.abs(t)))


def _smallest_counting_rho(n: int) -> float:
    """The correlation above which an item rated by `n` people counts: `MIN_RHO`, or where p reaches `MAX_P`."""
    from scipy.special import stdtrit

    t = float(stdtrit(n - 2, 1 - MAX_P / 2))
    return max(MIN_RHO, t / float(np.sqrt(n - 2 + t * t)))


def spearman(x: Floats, y: Floats) -> Correlations:
    """Spearman correlation of every column of `x` with every column of `y`, by one matrix product.

    Equal to `scipy.stats.spearmanr` of each pair of columns to 1e-12.

    Args:
        x: shape (people, a).
        y: shape (people, b), rows of the same people in the same order.
    """
    rho = np.clip(_unit(average_ranks(x)).T @ _unit(average_ranks(y)), -1.0, 1.0)
    return Correlations(rho, _p_values(rho, len(x)))


def reportable(study: Study) -> tuple[SurveyGroup, ...]:
    """The groups that are large enough to report an aggregate about."""
    return tuple(g for g in study.groups if g.n_people >= MIN_GROUP)


def rated_rows(study: Study, items: ItemIds) -> list[tuple[SurveyGroup, list[int]]]:
    """The reportable groups, each with the rows of its items among `items`.

    Raises:
        InputError: an item is rated by two groups, or is not among `items`.
    """
    row = {item: i for i, item in enumerate(items)}
    seen: set[tuple[int, int]] = set()
    for item in (item for group in study.groups for item in group.items):
        if item not in row:
            raise InputError(f"item {item} was rated but is not in the benchmark", field="ratings")
        if item in seen:
            raise InputError(f"item {item} was rated by two groups; join their people into one", field="ratings")
        seen.add(item)
    return [(group, [row[item] for item in group.items]) for group in reportable(study)]


def spearman_key(study: Study, items: ItemIds) -> Key:
    """The key that a study's ratings give: per item and dimension the correlation within the group that rated it.

    Args:
        study: whose groups rated different items.
        items: ids of the rows of the key, (`portrait_id`, `option_id`).

    Returns:
        The key, shape (items, 19). NaN for an item that nobody rated, that a group of fewer than `MIN_GROUP` people
        rated, or that has no variance.

    Raises:
        InputError: An item is rated by two groups, or is not among `items`.
    """
    rho = np.full((len(items), len(DIMENSIONS)), np.nan)
    p = np.full_like(rho, np.nan)
    for group, rows in rated_rows(study, items):
        found = spearman(group.ratings, group.values)
        rho[rows], p[rows] = found.rho, found.p
    return Key(rho, p)


def person_centred(study: Study) -> Study:
    """The same study with each person's ratings as distances from the person's own mean rating.

    Exploratory: it takes away that some people find everything like themselves. As in the published key, numbers are
    ranked as they are stored: two distances that are equal on paper may differ in their last bit.
    """
    return Study(
        tuple(SurveyGroup(g.items, g.ratings - g.ratings.mean(axis=1, keepdims=True), g.values) for g in study.groups),
        study.n_people,
    )


def negative(key: Key) -> Bools:
    """Which item speaks against which dimension: rho < -0.3 and p < 0.05, shape (items, 19). Never scored."""
    return (key.rho < -MIN_RHO) & (key.p < MAX_P)


def cronbach_alpha(ratings: Floats) -> float:
    """Cronbach's alpha of the columns of `ratings`, shape (people, items); NaN below two items or without variance."""
    k = ratings.shape[1]
    total = ratings.sum(axis=1).var()
    if k < 2 or not total > 0:
        return float("nan")
    return float(k / (k - 1) * (1 - ratings.var(axis=0).sum() / total))


def _pair_correlations(ratings: Floats) -> tuple[float, int]:
    """Sum and number of Pearson correlations between two different columns; columns without variance are left out."""
    unit = _unit(ratings)
    unit = unit[:, ~np.isnan(unit).any(axis=0)]
    k = unit.shape[1]
    return float((np.square(unit.sum(axis=1)).sum() - k) / 2), k * (k - 1) // 2


def consistency(study: Study, items: ItemIds, selected: Bools) -> Consistency:
    """Cronbach's alpha and inter-item correlation of each dimension's items, group by group.

    Alpha over all items of a dimension cannot be had: nobody rated the items of two groups.

    Args:
        study: the ratings.
        items: ids of the rows of `selected`.
        selected: which item counts for which dimension, shape (items, 19).
    """
    found: list[list[tuple[float, ...]]] = [[] for _ in DIMENSIONS]
    drawn: list[list[Floats]] = [[] for _ in DIMENSIONS]
    people = [0] * len(DIMENSIONS)
    rng = np.random.default_rng(SEED)
    for group, rows in rated_rows(study, items):
        n = group.n_people
        counts = rng.multinomial(n, np.full(n, 1 / n), size=DRAWS)
        for d, columns in enumerate(selected[rows].T):
            ratings = group.ratings[:, columns]
            alpha = cronbach_alpha(ratings)
            if not np.isnan(alpha):
                found[d].append((alpha, ratings.shape[1], *_pair_correlations(ratings)))
                drawn[d].append(_drawn_alphas(ratings, counts))
                people[d] += n - 1
    table = np.full((9, len(DIMENSIONS)), np.nan)
    for d, groups in enumerate(found):
        if groups:
            alpha, k, r, pairs = np.array(groups).T
            table[:5, d] = alpha.mean(), alpha @ k / k.sum(), alpha.min(), alpha.max(), r.sum() / pairs.sum()
            table[5:7, d] = coefficient_interval(alpha.mean(), np.mean(drawn[d], axis=0), people[d])
            with np.errstate(invalid="ignore"):  # one group alone leaves nothing
                without = (r.sum() - r) / (pairs.sum() - pairs)
            _, *table[7:, d] = np.clip(jackknife(table[4, d], without), -1, 1)
    return Consistency(np.array([len(groups) for groups in found], dtype=np.int64), *table)


def alpha_interval(ratings: Floats, draws: int = DRAWS, seed: int = SEED) -> tuple[float, float, float]:
    """Cronbach's alpha of one group with both ends of its 95 % interval, people resampled."""
    alpha, n = cronbach_alpha(ratings), len(ratings)
    if np.isnan(alpha):
        return alpha, alpha, alpha
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws)
    low, high = coefficient_interval(np.array(alpha), _drawn_alphas(ratings, counts), n - 1)
    return alpha, float(low), float(high)


def _drawn_alphas(ratings: Floats, counts: NDArray[np.int64]) -> Floats:
    """`cronbach_alpha` of resampled people, shape (draws,); NaN where their sums do not vary."""
    n, k = ratings.shape
    x = np.column_stack([ratings, ratings.sum(axis=1)])
    x = x - x.mean(axis=0)
    variance = counts @ x**2 / n - (counts @ x / n) ** 2
    total = np.where(variance[:, -1] > 1e-12, variance[:, -1], np.nan)
    return np.asarray(k / (k - 1) * (1 - variance[:, :-1].sum(axis=1) / total))


def shuffled_counts(study: Study, draws: int = SHUFFLES, seed: int = SEED) -> NDArray[np.int64]:
    """How many items count for each dimension when people's scores are dealt out at random within each group.

    Ratings keep their mutual dependence, scores keep theirs; only the tie between the two is cut.

    Returns:
        Counts of items with rho > 0.3 and p < 0.05, shape (draws, 19).
    """
    rng = np.random.default_rng(seed)
    counts = np.zeros((draws, len(DIMENSIONS)), dtype=np.int64)
    for group in reportable(study):
        ratings, values = _unit(average_ranks(group.ratings)), _unit(average_ranks(group.values))
        dealt = rng.permuted(np.tile(np.arange(group.n_people), (draws, 1)), axis=1)
        rho = ratings.T @ values[dealt]
        counts += (rho > _smallest_counting_rho(group.n_people)).sum(axis=1)
    return counts


def correlation_counts(key: Key) -> NDArray[np.int64]:
    """How many items have which correlation, in bins between `RHO_EDGES`, shape (19, bins); NaN is not counted."""
    return np.stack([np.histogram(rho[~np.isnan(rho)], RHO_EDGES)[0] for rho in key.rho.T]).astype(np.int64)


def chance_correlations(study: Study) -> Floats:
    """How many items would have which correlation if ratings and scores had nothing to do with each other.

    Student's t with n - 2 degrees of freedom, the reference of the key's p-values, for each group's items.

    Returns:
        Expected counts in bins between `RHO_EDGES`, shape (bins,), the same for every dimension.
    """
    from scipy.special import stdtr

    rho = np.array(RHO_EDGES)
    with np.errstate(divide="ignore"):
        slope = rho / np.sqrt((1.0 + rho) * (1.0 - rho))
    counts = np.zeros(len(rho) - 1)
    for group in reportable(study):
        counts += len(group.items) * np.diff(stdtr(group.n_people - 2, slope * np.sqrt(group.n_people - 2)))
    return counts


def chance(counts: NDArray[np.int64], observed: int) -> float:
    """One-sided p of a count under shuffling: (1 + draws that reach `observed`) / (draws + 1).

    Args:
        counts: what the draws gave, shape (draws,).
        observed: what the real ratings give.
    """
    return (1 + int((counts >= observed).sum())) / (len(counts) + 1)


def split_half(study: Study, items: ItemIds, splits: int = SPLITS, seed: int = SEED) -> Estimated:
    """How well a key repeats with other people: reliability of each dimension's correlations, shape (19,).

    People of each group are divided at random into two halves, each half gives a key, and the two keys are correlated
    over all items; the mean over `splits` divisions is stepped up to the whole study by the Spearman-Brown formula.
    Intervals by a jackknife over groups, on Fisher's scale.
    """
    rng = np.random.default_rng(seed)
    parts = []  # sums over the items of each group
    for group, _ in rated_rows(study, items):
        order = rng.permuted(np.tile(np.arange(group.n_people), (splits, 1)), axis=1).T
        halves = []
        for people in np.array_split(order, 2):
            ratings, values = (_unit(average_ranks(x[people])) for x in (group.ratings, group.values))
            halves.append(ratings.transpose(1, 2, 0) @ values.transpose(1, 0, 2))
        known = np.isfinite(halves).all(axis=0)
        one, other = np.where(known, halves, 0.0)
        parts.append([x.sum(axis=1) for x in (known * 1.0, one, other, one**2, other**2, one * other)])
    sums = np.array(parts).reshape(len(parts), 6, splits, len(DIMENSIONS))

    def fisher(kept: Floats) -> Floats:
        n, a, b, aa, bb, ab = kept
        with np.errstate(divide="ignore", invalid="ignore"):  # a dimension that nobody was asked about: 0 / 0
            return np.asarray(np.arctanh(((ab - a * b / n) / np.sqrt((aa - a**2 / n) * (bb - b**2 / n))).mean(axis=0)))

    whole = sums.sum(axis=0)
    found = jackknife(fisher(whole), np.array([fisher(whole - part) for part in sums]).reshape(-1, len(DIMENSIONS)))
    r, low, high = (2 * r / (1 + r) for r in np.tanh(found))
    return Estimated(r, np.maximum(low, -1.0), high)


def response_level(study: Study) -> Estimated:
    """Spearman correlation of people's mean rating, less their group's mean, with their own scores, shape (19,).

    Away from zero, items are found for a dimension, or missed, because some people find everything like themselves.
    """
    groups = reportable(study)
    if not groups:
        return Estimated(*np.full((3, len(DIMENSIONS)), np.nan))
    means = [g.ratings.mean(axis=1) for g in groups]
    level = np.concatenate([mean - mean.mean() for mean in means])
    return rank_interval(spearman(level[:, None], np.concatenate([g.values for g in groups])).rho.ravel(), len(level))


def centred_scores(means: Floats, selected: Bools) -> Floats:
    """Scores from item means: mean over a dimension's items less the mean over the items of its scale.

    The formula of `eval_queue.scoring.formulas`, which this room cannot import; a test holds the two to each other.

    Args:
        means: mean rating of each item, shape (respondents, items), NaN where missing.
        selected: which item counts for which dimension, shape (items, 19).

    Returns:
        Shape (respondents, 19), NaN where a dimension has no rated item.
    """
    scales = np.column_stack([selected[:, c].any(axis=1) for c in SCALE_COLUMNS.values()])
    weights = np.column_stack([selected, scales]).astype(np.float64)
    rated = ~np.isnan(means)
    with np.errstate(invalid="ignore"):
        mean = np.where(rated, means, 0.0) @ weights / (rated @ weights)
    n = selected.shape[1]
    of_scale = np.concatenate([np.repeat(n + s, c.stop - c.start) for s, c in enumerate(SCALE_COLUMNS.values())])
    return np.asarray(mean[:, :n] - mean[:, of_scale])


def rank_correlations(means: Floats, one: Bools, other: Bools) -> Estimated:
    """How alike two keys order respondents: Spearman correlation of their scores per dimension, shape (19,).

    Args:
        means: mean rating of each item, shape (respondents, items), NaN where missing.
        one: which item counts for which dimension by one key, shape (items, 19).
        other: the same by the other key.
    """
    # the last digits of a matrix product differ between machines: what is equal but for them is a tie everywhere
    scores = np.round([centred_scores(means, one), centred_scores(means, other)], 9)
    known = np.asarray(~np.isnan(scores).any(axis=0))
    found = np.full(len(DIMENSIONS), np.nan)
    for d, present in enumerate(known.T):
        if present.sum() > 2:
            a, b = scores[:, present, d]
            found[d] = spearman(a[:, None], b[:, None]).rho.item()
    return rank_interval(found, known.sum(axis=0))
