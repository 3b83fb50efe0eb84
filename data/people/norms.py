"""Norms: where a model stands among the people who rated the same responses, and how well people are read themselves.

Two readings of a set of ratings: *published*, the score by the key (`psychometrics.centred_scores`), and *match*, the
template match (`templates.template_match`). Every person is read with a key or template from which that person is left
out, over the items the person rated; a model is read over the same items. What is returned are aggregates of groups of
at least `MIN_GROUP` people: `Norms` keeps quantiles, not people.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from data.benchmark import Key
from data.people.psychometrics import Bools, Estimated, Floats, ItemIds, centred_scores, jackknife, rated_rows, spearman
from data.people.templates import centred, correlations, shrunk, template_match, weighted_correlations
from data.ratings import MIN_GROUP, Study, SurveyGroup
from data.values import DIMENSIONS

Reading = Literal["published", "match"]
"""How ratings are read: by the published key, or with all items."""
READINGS: Final[tuple[Reading, ...]] = ("published", "match")

LEVELS: Final = tuple(i / 40 for i in range(41))
"""The quantiles that norms keep; linear in between, which is right to about one person in a group."""
GROUP_DRAWS: Final = 2000
"""How often groups are resampled."""
SEED: Final = 20280
MIN_PREDICTED: Final = 12
"""People of a group who must have a score for the group to take part in the people check."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class GroupNorm(_Part):
    """One survey group. Quantiles by dimension, at `LEVELS`; a dimension with fewer than `MIN_GROUP` people lacks."""

    items: list[tuple[int, int]]
    """The items its people rated, (`portrait_id`, `option_id`)."""
    people: dict[Reading, dict[str, int]]
    """People with a score."""
    quantiles: dict[Reading, dict[str, list[float]]]


class Norms(_Part):
    """The distribution of people's scores under both readings, group by group."""

    digest: str
    """Of the benchmark."""
    groups: list[GroupNorm]


class Percentile(NamedTuple):
    """Where models stand among people, 0 to 1, arrays of shape (models, 19), NaN where it cannot be said.

    The interval says how much it depends on which groups of people and items there were (bootstrap over groups).
    """

    share: Floats
    """Share of people below, ties counted half; mean over groups, weighted by their people."""
    low: Floats
    high: Floats
    groups: NDArray[np.int64]
    """Survey groups behind it."""


class PeopleCheck(NamedTuple):
    """How well people's own scores are predicted from their ratings, each person left out, arrays of shape (19,).

    Pearson correlation within survey groups, mean weighted by people; NaN where no group has enough of them. Intervals
    by a jackknife over groups.
    """

    published: Estimated
    """Of the score by the key, made anew without the person."""
    match: Estimated
    """Of the slope of the person's ratings on the template made without the person."""


class _Read(NamedTuple):
    """A group's people, each read without the person's own share; arrays of shape (people, 19)."""

    group: SurveyGroup
    rows: list[int]
    published: Floats
    match: Floats
    slope: Floats


def norms(study: Study, items: ItemIds, digest: str = "") -> Norms:
    """The distribution of people's scores.

    Args:
        study: the ratings.
        items: ids of the benchmark's items, in its order.
        digest: of the benchmark.

    Raises:
        InputError: an item is rated by two groups, or is not among `items`.
    """
    found = []
    for read in _people(study, items):
        quantiles: dict[Reading, dict[str, list[float]]] = {reading: {} for reading in READINGS}
        people: dict[Reading, dict[str, int]] = {reading: {} for reading in READINGS}
        for reading in READINGS:
            scores = read.published if reading == "published" else read.match
            for dimension, column in zip(DIMENSIONS, scores.T, strict=True):
                there = column[np.isfinite(column)]
                if len(there) >= MIN_GROUP:
                    people[reading][dimension.name] = len(there)
                    quantiles[reading][dimension.name] = np.quantile(there, LEVELS, method="hazen").round(6).tolist()
        found.append(GroupNorm(items=list(read.group.items), people=people, quantiles=quantiles))
    return Norms(digest=digest, groups=found)


def percentiles(
    x: Floats, items: ItemIds, norms: Norms, loadings: Floats, selected: Bools, seed: int = SEED
) -> dict[Reading, Percentile]:
    """Where models stand among the people who rated the same items.

    Args:
        x: models' mean rating of each item, shape (models, items), NaN where there is none.
        items: ids of the items, in the order of the columns of `x`.
        norms: of the benchmark.
        loadings: its templates, shape (items, 19).
        selected: which item counts for which dimension, shape (items, 19).
        seed: of the draws over groups.
    """
    row = {item: i for i, item in enumerate(items)}
    shape = (len(norms.groups), len(x), len(DIMENSIONS))
    share = {reading: np.full(shape, np.nan) for reading in READINGS}
    weight = {reading: np.zeros((shape[0], shape[2])) for reading in READINGS}
    for g, group in enumerate(norms.groups):
        rows = [row[item] for item in group.items]
        scores: dict[Reading, Floats] = {
            "published": centred_scores(x[:, rows], selected[rows]),
            "match": template_match(x[:, rows], loadings[rows]),
        }
        for reading in READINGS:
            for d, dimension in enumerate(DIMENSIONS):
                quantiles = group.quantiles[reading].get(dimension.name)
                if quantiles is not None:
                    weight[reading][g, d] = group.people[reading][dimension.name]
                    share[reading][g, :, d] = _mid_rank(scores[reading][:, d], np.array(quantiles))
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(shape[0], np.full(shape[0], 1 / max(shape[0], 1)), size=GROUP_DRAWS).astype(np.float64)
    return {reading: _over_groups(share[reading], weight[reading], drawn) for reading in READINGS}


def people_check(study: Study, items: ItemIds) -> PeopleCheck:
    """Predict each person's own scores from the person's ratings, with a key or template made without the person."""
    reads = list(_people(study, items))
    found: dict[str, Estimated] = {}
    for name in ("published", "slope"):
        r, n = np.full((2, len(reads), len(DIMENSIONS)), np.nan)
        for g, read in enumerate(reads):
            predicted = getattr(read, name)
            for d in range(len(DIMENSIONS)):
                there = np.isfinite(predicted[:, d]) & np.isfinite(read.group.values[:, d])
                if there.sum() >= MIN_PREDICTED:
                    r[g, d] = weighted_correlations(
                        np.full((1, int(there.sum())), 1 / there.sum()),
                        predicted[there, d : d + 1],
                        read.group.values[there, d : d + 1],
                    ).item()
                    n[g, d] = there.sum()
        known = np.isfinite(r)
        total, weights = np.where(known, r * n, 0.0), np.where(known, n, 0.0)
        with np.errstate(invalid="ignore"):
            whole = total.sum(axis=0) / weights.sum(axis=0)
            without = np.where(known, (total.sum(axis=0) - total) / (weights.sum(axis=0) - weights), np.nan)
        found[name] = jackknife(whole, without)
    return PeopleCheck(published=found["published"], match=found["slope"])


def _people(study: Study, items: ItemIds) -> Iterator[_Read]:
    c, n = correlations(study, items)
    for group, rows in rated_rows(study, items):
        people = group.n_people
        others = (1.0 - np.eye(people)) / (people - 1)
        without = np.repeat(c[None], people, axis=0)
        without[:, rows] = weighted_correlations(others, centred(group.ratings), group.values)
        fewer = n.copy()
        fewer[rows] = people - 1
        loadings = shrunk(without, fewer)[:, rows]
        published = np.empty((people, len(DIMENSIONS)))
        match, slope = published.copy(), published.copy()
        away = loadings - loadings.mean(axis=1, keepdims=True)
        squares = (away**2).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            slope = np.einsum("pi,pid->pd", centred(group.ratings), away) / np.where(squares > 0, squares, np.nan)
        for p in range(people):
            kept = np.arange(people) != p
            found = spearman(group.ratings[kept], group.values[kept])
            key = Key(found.rho, found.p)
            published[p] = centred_scores(group.ratings[p : p + 1], key.selected)[0]
            match[p] = template_match(group.ratings[p : p + 1], loadings[p])[0]
        yield _Read(group, rows, published, match, slope)


def _mid_rank(x: Floats, quantiles: Floats) -> Floats:
    """Share of a distribution below each number, ties counted half, from its quantiles at `LEVELS`."""
    levels = np.array(LEVELS)
    values, first = np.unique(quantiles, return_index=True)
    last = np.append(first[1:], len(quantiles)) - 1
    if len(values) == 1:
        return np.where(np.isnan(x), np.nan, np.where(x < values[0], 0.0, np.where(x > values[0], 1.0, 0.5)))
    at_value = np.interp(x, values, (levels[first] + levels[last]) / 2)
    k = np.clip(np.searchsorted(values, x), 1, len(values) - 1)
    low, high = levels[last[k - 1]], levels[first[k]]
    part = np.clip((x - values[k - 1]) / (values[k] - values[k - 1]), 0.0, 1.0)
    between = low + part * (high - low)
    found = np.where(np.isin(x, values), at_value, between)
    found = np.where(x < values[0], 0.0, np.where(x > values[-1], 1.0, found))
    return np.where(np.isnan(x), np.nan, found)


def _over_groups(share: Floats, weight: Floats, drawn: Floats) -> Percentile:
    """Mean over groups weighted by people, and what resampled groups give."""
    there = np.isfinite(share)
    w = np.where(there, weight[:, None], 0.0)
    filled = np.where(there, share, 0.0) * w
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = filled.sum(axis=0) / w.sum(axis=0)
        draws = np.tensordot(drawn, filled, axes=1) / np.tensordot(drawn, w, axes=1)
    groups = (w > 0).sum(axis=0)
    low, high = np.full(mean.shape, np.nan), np.full(mean.shape, np.nan)
    enough = groups >= 2
    low[enough], high[enough] = np.nanquantile(draws[:, enough], (0.025, 0.975), axis=0)
    return Percentile(np.where(groups > 0, mean, np.nan), low, high, groups)
