"""How near a model's ten values are to those of groups of people, and how little of that can be told apart.

Pure functions over arrays: nothing here reads, resamples or formats. Profiles are centred on the mean of their ten
values; x is a model, p the benchmark's raters on the same items, q the same raters on the PVQ-21, h a group, h_0 all
people asked. What is computed:

- **like the raters**: Spearman, Pearson and root mean square difference of x and p. Same items, same scale.
- **similarity to a group**: Spearman, Pearson and Kendall's tau-b of x and h. Groups hardly differ in shape, so these
  are nearly the same number for every group of one model.
- **lean** between two groups a and b: the cosine of res(x; p) and res(h_a - h_b; h_0), where res(u; n) is u without its
  part along n. It leaves out what all people share and is free of the scales' sizes. Plain x - p would not do: a model
  that gives the same answer to everything has x = 0, and -p points to men, the right and the young.
- **distance**: root mean square of (q + (x - p) / b - h) / sd, a profile carried over to the PVQ-21 with slope b. The
  answer depends on b more than on anything else, so it is given for each of three slopes.
- **nearest group**: the group of the contrasts with the highest Pearson correlation. It may be named only if it wins
  95 % of the draws and its lead over every other group survives Holm's correction (`Nearest.named`).

**Uncertainty.** Bootstrap draws over queries come from `eval_queue.scoring.bootstrap`, the raters' among them: in each
draw the model and the raters are scored anew on the same queries, because the raters' profile rests on the same few
items. To these come draws of who was asked: each value of a group moves by N(0, se^2) with the standard error of its
sampling (1.3 times a simple one, `data.people.reference`), the raters' two profiles by theirs. Groups draw from
generators of their own, seeded by name: neither their order nor their company matters. Intervals are 95 % percentile
intervals, p-values twice the smaller share of draws on either side of zero, both counted with one more.

**What an interval means.** Noise makes similarities smaller and distances larger, and resampling adds noise once more.
So an interval sits low, and speaks of what a benchmark of this size shows of a model, not of a profile without noise.
Measured on the real key, 24 profiles seen 200 times each, it covers the typical observed value in 96 to 99 % of
cases for Spearman and leans, 93 % for Pearson, 90 to 96 % for distances. The similarity of a profile without noise it
covers in 70 to 94 %, and in as few as 32 % (Pearson) or 54 % (Spearman) where that is near 1; the miss is nearly always
above the upper end.

**Gate.** A profile with reliability below 0.5 has only "like the raters"; an incomplete row has nothing.

**Error rates**, by simulation on the real key, 500 models each. A model that differs from the raters by noise alone
(query effect SD 0.5, item noise SD 0.8) leans in any of the four contrasts after Holm in 3 to 4 % of cases, whether or
not it follows the raters item by item. One far less noisy than the released models (0.2 to 0.3 and 0.3 to 0.4, up to
1.5 times the raters' differences between values) does so in 0 to 4 %. With the raters' profile held fixed the same
cases give 0 to 23 %. A profile without any content passes the gate by chance in 6 % of cases; of those that do three in
ten lean, which is 2 % of all. A group is named as nearest to it in 0.6 %.

By matches on all items, with queries and people drawn anew (`leaderboard.groups.group_report.match_draws`; 400 models
each, noise from 0.05 and 0.1 up to 0.5 and 0.8): a model that differs from the raters by noise alone leans in 0 to
0.3 % of cases if it follows them item by item, in 0 to 4.5 % if it only matches as they would with other queries and
people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from data.people.reference import Contrast, Group, Reference
from data.values import VALUES
from eval_queue.scoring.bootstrap import spread
from eval_queue.scoring.formulas import Bools, Floats, ratio
from eval_queue.scoring.stability import FLAT_BELOW
from leaderboard.analysis.ranks import ALPHA, MIN_DRAWS, holm

SEED: Final = 20250911
"""Seed of the draws of people; not that of the queries."""
SLOPES: Final = (0.52, 0.59, 1.0)
"""Size of differences on the benchmark's items relative to the PVQ-21's: the slope of the raters' two profiles (the one
to use), the ratio of their spreads, and no difference at all."""
MIN_SHARE: Final = 0.95
"""Share of the draws that a group must win to be named."""
NO_GROUP: Final = -1
"""What `Nearest.group` holds where there is none."""

_TIE: Final = 1e-9
"""Rating points that rounding can blur: scores this close are tied, a profile this short has no shape."""
_CHUNK: Final = 16
"""Models worked on at a time; bounds memory, changes no result."""
_FIRST, _SECOND = np.triu_indices(len(VALUES), 1)
_INCIDENCE: Final = (np.arange(len(VALUES))[:, None] == _FIRST) * 1.0 - (np.arange(len(VALUES))[:, None] == _SECOND)
"""Which values a pair is made of: signs of all pairs to ranks, shape (10, 45)."""


@dataclass(frozen=True)
class Estimate:
    """Numbers with their 95 % percentile intervals, arrays of one shape; NaN where there is none."""

    value: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class LikeRaters:
    """Models and the benchmark's own raters on the same items; each of shape (models,)."""

    spearman: Estimate
    pearson: Estimate
    rms: Estimate
    """In rating points."""


@dataclass(frozen=True)
class Similarity:
    """Models and groups; each estimate of shape (models, groups).

    Attributes:
        spearman: rank correlation of the ten values.
        pearson: correlation of the ten values.
        tau_b: Kendall's rank correlation.
        distance: standardised distance at the first of `SLOPES`, in standard deviations between people.
        distance_by_slope: the same at each of `SLOPES`, shape (models, groups, 3).
    """

    spearman: Estimate
    pearson: Estimate
    tau_b: Estimate
    distance: Estimate
    distance_by_slope: Floats


@dataclass(frozen=True)
class Leans:
    """Models between two groups.

    Attributes:
        lean: cosine, positive towards the contrast's first group, shape (models, contrasts).
        p: two-sided p-value of no lean, same shape.
        p_adjusted: after Holm's correction over the contrasts of a model, same shape.
    """

    lean: Estimate
    p: Floats
    p_adjusted: Floats

    @property
    def tested(self) -> NDArray[np.int64]:
        """How many contrasts of a model were tested, shape (models,)."""
        tested: NDArray[np.int64] = np.isfinite(self.p).sum(axis=1)
        return tested

    @property
    def distinguishable(self) -> Bools:
        """Whether a lean is surely one, shape (models, contrasts)."""
        return self.p_adjusted <= ALPHA


@dataclass(frozen=True)
class Nearest:
    """The group of the contrasts that correlates most.

    Attributes:
        group: its position among the groups, `NO_GROUP` where there is none, shape (models,). To be shown only where it
            is `named`.
        share: share of the draws in which it is ahead of all others, shape (models,).
        lead: by how much its correlation exceeds that of the second, shape (models,).
        p: two-sided p-values of no lead over each other group, the second first, shape (models, others).
        p_adjusted: after Holm's correction over the others, same shape.
    """

    group: NDArray[np.int64]
    share: Floats
    lead: Estimate
    p: Floats
    p_adjusted: Floats

    @property
    def tested(self) -> NDArray[np.int64]:
        """How many leads of a model were tested, shape (models,)."""
        tested: NDArray[np.int64] = np.isfinite(self.p).sum(axis=1)
        return tested

    @property
    def named(self) -> Bools:
        """Whether the group may be named, shape (models,); otherwise it reads "not distinguishable"."""
        return (self.share >= MIN_SHARE) & (self.p_adjusted <= ALPHA).all(axis=1)


@dataclass(frozen=True)
class Proximity:
    """All of it.

    Attributes:
        groups: names of the groups, the columns of `similarity`.
        contrasts: the columns of `leans`.
        reported: models that pass the gate, shape (models,); the others have NaN in all but `like_raters`.
        like_raters: for all complete rows.
        similarity: to groups.
        leans: between groups.
        nearest: group.
    """

    groups: tuple[str, ...]
    contrasts: tuple[Contrast, ...]
    reported: Bools
    like_raters: LikeRaters
    similarity: Similarity
    leans: Leans
    nearest: Nearest


def proximity(
    point: Floats,
    draws: Floats,
    raters: Floats,
    raters_draws: Floats,
    reference: Reference,
    *,
    complete: Bools,
    reliability: Floats,
    raters_se: Floats | None = None,
) -> Proximity:
    """Set models against people. A model's numbers do not depend on which others are given with it.

    Args:
        point: scores of the models, rating points, shape (models, 19) or (models, 10), NaN where one is missing; or
            their matches, with which distances and `rms` mean nothing.
        draws: the same in every bootstrap draw over queries, shape (draws, models, 19) or (draws, models, 10).
        raters: the same of the benchmark's raters, their mean rating of each item scored like a model's, shape (19,) or
            (10,).
        raters_draws: the same in the same draws, shape (draws, 19) or (draws, 10).
        reference: groups, raters on the PVQ-21 and contrasts.
        complete: rows with enough ratings, shape (models,).
        reliability: of the profiles, shape (models,), NaN where it is not known.
        raters_se: standard errors of `raters` over who was asked, shape (10,); None for those of scores.
    """
    # the point stands as draw 0 before the draws, so that every formula is written once
    people = _people(reference, with_point(raters[None], raters_draws[:, None])[0], raters_se)
    starts = range(0, max(len(point), 1), _CHUNK)
    like_raters, similarity, leans, nearest = zip(
        *(_chunk(with_point(point[m : m + _CHUNK], draws[:, m : m + _CHUNK]), people) for m in starts), strict=True
    )
    reported = complete & (reliability >= FLAT_BELOW)
    return Proximity(
        groups=tuple(reference.groups),
        contrasts=reference.contrasts,
        reported=reported,
        like_raters=_shown(complete, like_raters),
        similarity=_shown(reported, similarity),
        leans=_shown(reported, leans),
        nearest=_shown(reported, nearest),
    )


def placed(point: Floats, raters: Floats, reference: Reference) -> tuple[NDArray[np.int64], Floats]:
    """Nearest group and leans of profiles as they stand, without any say on how sure that is.

    Args:
        point: scores, rating points, shape (models, 19) or (models, 10), NaN where one is missing.
        raters: of the benchmark's raters on the same items, shape (19,) or (10,).
        reference: groups, raters on the PVQ-21 and contrasts.

    Returns:
        Position of the group with the highest Pearson correlation, `NO_GROUP` for none, shape (models,); leans, shape
        (models, contrasts).
    """
    nothing = np.empty((0, *point.shape))
    people = _people(reference, with_point(raters[None], nothing[:, :1, : len(raters)])[0])
    x = with_point(point, nothing)
    r = correlations(shapes(x), people.shapes).pearson[:, people.compared, 0]
    known = np.isfinite(r).all(axis=1) & (r.shape[1] > 1)
    best = np.argmax(np.where(known[:, None], r, 0.0), axis=1) if r.shape[1] else np.zeros(len(point), dtype=np.intp)
    nearest = np.where(known, people.compared[best] if r.shape[1] else NO_GROUP, NO_GROUP)
    return nearest, lean(x, people.p, people.gap, people.h_0)[..., 0]


class Shapes(NamedTuple):
    """What the three correlations compare, each of length 1 along the axis before the last; NaN where there is none."""

    values: Floats
    """The ten values around their mean, shape (profiles, 10, draws)."""
    ranks: Floats
    """Their ranks around the mean rank, ties sharing theirs, shape (profiles, 10, draws)."""
    orders: Floats
    """Which of two values is higher, all pairs, shape (profiles, 45, draws)."""


class Correlations(NamedTuple):
    """Three ways to say how alike profiles are, each of shape (models, groups, draws)."""

    pearson: Floats
    spearman: Floats
    tau_b: Floats


def shapes(profiles: Floats) -> Shapes:
    """Profiles, shape (profiles, 10, draws), made ready for `correlations`."""
    difference = profiles[:, _FIRST] - profiles[:, _SECOND]
    orders = np.where(np.abs(difference) <= _TIE, 0.0, np.sign(difference))
    return Shapes(_unit(profiles - profiles.mean(axis=-2, keepdims=True)), _unit(_INCIDENCE @ orders), _unit(orders))


def correlations(x: Shapes, h: Shapes) -> Correlations:
    """Pearson, Spearman and Kendall's tau-b of models and groups, draw by draw.

    NaN where a profile is missing or all its ten values are equal.
    """
    return Correlations(*map(_products, x, h))


def residual(u: Floats, n: Floats) -> Floats:
    """What is left of u without its part along n: u - (u.n / n.n) n; values along the axis before the last."""
    along = (u * n).sum(axis=-2, keepdims=True) / (n * n).sum(axis=-2, keepdims=True)
    left: Floats = u - along * n
    return left


def lean(x: Floats, p: Floats, gap: Floats, h_0: Floats) -> Floats:
    """Distinctive lean of models between two groups.

    Args:
        x: models, shape (models, 10, draws).
        p: the raters on the same items, shape (10, draws).
        gap: first group minus second, shape (contrasts, 10, draws).
        h_0: all people, shape (10, draws).

    Returns:
        Cosines, shape (models, contrasts, draws); NaN where a model differs from the raters in size only.
    """
    return _products(_unit(residual(x, p)), _unit(residual(gap, h_0)))


def linked(x: Floats, p: Floats, q: Floats, slope: float) -> Floats:
    """Profiles carried over from the benchmark's items to the PVQ-21: q + (x - p) / slope."""
    return q + (x - p) / slope


def distance(linked_x: Floats, h: Floats, sd: Floats) -> Floats:
    """Root mean square difference of profiles in units of the spread between people.

    Args:
        linked_x: models on the PVQ-21's scale, shape (models, 10, draws).
        h: groups, shape (groups, 10, draws).
        sd: spread between the people of each group, shape (groups, 10).

    Returns:
        Shape (models, groups, draws).
    """
    weight = np.divide(1.0, sd**2, out=np.full(sd.shape, np.nan), where=sd > 0)
    weighted = weight[:, :, None] * h
    square = weight @ linked_x**2 - 2 * _products(linked_x, weighted) + (weighted * h).sum(axis=-2)
    root: Floats = np.sqrt(np.maximum(square, 0.0) / len(VALUES))  # rounding can push identical profiles below zero
    return root


def two_sided(draws: Floats) -> Floats:
    """Two-sided p-values of zero from bootstrap draws: twice the smaller share on either side, one draw more counted.

    Args:
        draws: shape (..., draws), NaN where a draw says nothing.

    Returns:
        Shape (...); NaN with fewer than `MIN_DRAWS` usable draws.
    """
    n = np.isfinite(draws).sum(axis=-1)
    smaller = np.minimum((draws <= 0).sum(axis=-1), (draws >= 0).sum(axis=-1))
    return np.where(n >= MIN_DRAWS, np.minimum(2 * (smaller + 1) / (n + 1), 1.0), np.nan)


def group_draws(group: Group, draws: int) -> Floats:
    """A group's profile, and what it might have been with other people asked, shape (10, 1 + draws).

    Seeded by the group's name: neither the order of groups nor their company matters.
    """
    return group.mean_centred10[:, None] + _noise(group.name, draws) * group.sampling_se[:, None]


@dataclass(frozen=True)
class _People:
    """People as arrays over draws, the point as draw 0.

    Attributes:
        p: raters on the benchmark's items, shape (10, 1 + draws).
        q: raters on the PVQ-21, same shape.
        h: groups, shape (groups, 10, 1 + draws).
        shapes: of the groups and, last, of p.
        h_0: all people, shape (10, 1 + draws).
        sd: spread between people, shape (groups, 10).
        gap: shape (contrasts, 10, 1 + draws).
        compared: positions of the groups that can be nearest, in order of name.
    """

    p: Floats
    q: Floats
    h: Floats
    shapes: Shapes
    h_0: Floats
    sd: Floats
    gap: Floats
    compared: NDArray[np.intp]


def _people(reference: Reference, p: Floats, p_se: Floats | None = None) -> _People:
    draws = p.shape[-1] - 1
    raters = reference.raters
    p = p + _noise("raters/items", draws) * (raters.vp_se if p_se is None else p_se)[:, None]
    groups = {name: group_draws(group, draws) for name, group in reference.groups.items()}
    h = np.stack(list(groups.values()))
    at = {name: g for g, name in enumerate(groups)}
    gaps = [groups[c.toward] - groups[c.against] for c in reference.contrasts]
    return _People(
        p=p,
        q=raters.pvq_human_centred10[:, None] + _noise("raters/pvq", draws) * raters.pvq_se[:, None],
        h=h,
        shapes=shapes(np.concatenate([h, p[None]])),
        h_0=groups[reference.people.name],
        sd=np.stack([group.sd for group in reference.groups.values()]),
        gap=np.stack(gaps) if gaps else np.empty((0, *p.shape)),
        # by name, so that not even a tie depends on the order of the file
        compared=np.array([at[name] for name in sorted({g.name for g in reference.compared})], dtype=np.intp),
    )


@lru_cache(maxsize=64)
def _noise(name: str, draws: int) -> Floats:
    """Standard normal draws that belong to a name, shape (10, 1 + draws); draw 0 is the point: no noise."""
    noise = np.zeros((len(VALUES), 1 + draws))
    noise[:, 1:] = np.random.default_rng([SEED, *name.encode()]).normal(size=(draws, len(VALUES))).T
    noise.flags.writeable = False
    return noise


def with_point(point: Floats, draws: Floats) -> Floats:
    """Profiles centred on the ten values, the point first: shape (models, 10, 1 + draws)."""
    ten = np.empty((len(point), len(VALUES), 1 + len(draws)))
    ten[:, :, 0] = point[:, : len(VALUES)]
    ten[:, :, 1:] = np.moveaxis(draws[:, :, : len(VALUES)], 0, -1)
    ten -= ten.mean(axis=1, keepdims=True)
    return ten


def _chunk(x: Floats, people: _People) -> tuple[LikeRaters, Similarity, Leans, Nearest]:
    alike = correlations(shapes(x), people.shapes)
    point, p_point, q_point = x[..., :1], people.p[:, :1], people.q[:, :1]
    by_slope = [distance(linked(point, p_point, q_point, b), people.h[..., :1], people.sd) for b in SLOPES]
    leaning = lean(x, people.p, people.gap, people.h_0)
    p_lean = two_sided(leaning[..., 1:])
    return (
        LikeRaters(
            spearman=estimate(alike.spearman[:, -1]),
            pearson=estimate(alike.pearson[:, -1]),
            rms=estimate(np.sqrt(np.square(x - people.p).mean(axis=1))),
        ),
        Similarity(
            spearman=estimate(alike.spearman[:, :-1]),
            pearson=estimate(alike.pearson[:, :-1]),
            tau_b=estimate(alike.tau_b[:, :-1]),
            distance=estimate(distance(linked(x, people.p, people.q, SLOPES[0]), people.h, people.sd)),
            distance_by_slope=np.concatenate(by_slope, axis=-1),
        ),
        Leans(estimate(leaning), p_lean, holm(p_lean)),
        _nearest(alike.pearson[:, people.compared], people.compared),
    )


def _nearest(r: Floats, positions: NDArray[np.intp]) -> Nearest:
    """Nearest of the groups at `positions`; r of shape (models, groups, 1 + draws)."""
    models, groups, _ = r.shape
    nothing = np.full(models, np.nan)
    if groups < 2:
        none = np.full((models, 0), np.nan)
        return Nearest(np.full(models, NO_GROUP), nothing, Estimate(nothing, nothing, nothing), none, none)
    known = np.isfinite(r[:, :, 0]).all(axis=1)
    order = np.argsort(-r[:, :, 0], axis=1, kind="stable")[:, :, None]
    leads = np.take_along_axis(r, order[:, :1], axis=1) - np.take_along_axis(r, order[:, 1:], axis=1)
    draws = leads[..., 1:]
    usable = np.isfinite(draws).all(axis=1).sum(axis=1)
    p = two_sided(draws)
    return Nearest(
        group=np.where(known, positions[order[:, 0, 0]], NO_GROUP),
        share=np.where(known, ratio((draws > 0).all(axis=1).sum(axis=1), usable), np.nan),
        lead=estimate(leads[:, 0]),
        p=p,
        p_adjusted=holm(p),
    )


def estimate(both: Floats) -> Estimate:
    """From numbers with the point first, shape (..., 1 + draws)."""
    _, low, high = spread(both[..., 1:].copy())
    value = both[..., 0].copy()  # a view would keep all draws in memory
    known = np.isfinite(value)
    return Estimate(value, np.where(known, low, np.nan), np.where(known, high, np.nan))


def _unit(u: Floats) -> Floats:
    """Vectors along the axis before the last, at length 1; NaN for what has no length."""
    length = np.sqrt(np.square(u).sum(axis=-2, keepdims=True))
    unit: Floats = np.divide(u, length, out=np.full(u.shape, np.nan), where=length > _TIE)
    return unit


def _products(u: Floats, v: Floats) -> Floats:
    """Dot products of (models, k, draws) and (groups, k, draws): (models, groups, draws)."""
    products: Floats = np.einsum("mvb,gvb->mgb", u, v)
    return products


_Arrays = TypeVar("_Arrays", Estimate, LikeRaters, Similarity, Leans, Nearest)


def _shown(where: Bools, parts: Sequence[_Arrays]) -> _Arrays:
    """All models' parts as one record of whole arrays; nothing where a model may not be shown."""

    def joined(field: str) -> Any:
        arrays = [getattr(part, field) for part in parts]
        if not isinstance(arrays[0], np.ndarray):
            return _shown(where, arrays)
        whole = np.concatenate(arrays)
        nothing = np.nan if whole.dtype.kind == "f" else NO_GROUP
        return np.where(where.reshape(-1, *[1] * (whole.ndim - 1)), whole, nothing)

    return type(parts[0])(*(joined(field.name) for field in fields(parts[0])))
