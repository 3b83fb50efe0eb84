"""The profile that all models share, its strength in one model, and what is the model's own.

With m the ten matches of a model (`data.people.templates`), each divided by the square root of the reliability of its
item means over wordings (`match.wording_reliability`), so that a model that answers inconsistently does not look weak:

    c        mean direction of the models of all *other* families: mean of their m at unit length, at unit length again
    s = m.c  strength: how strongly this model shows the common profile. It is no value
    o = m-sc own profile: what the common one does not explain, at right angles to it

Intervals are estimate +- 1.96 se, from two sources as for a match: draws over queries (matches, reliabilities and the
common direction all drawn anew) and templates of resampled people. The ten own values are tested jointly first
(Hotelling's T squared with the covariance of both sources; nine dimensions, as o has no part along c) and one by one,
with Holm's correction, only where that holds.

With fewer than `MIN_FAMILIES` other families there is no common profile worth the name, and nothing is said. Noise and
how widely a model spreads its ratings can look like strength: simulated models with one identical profile show a false
difference in strength where noise does not grow with the spread (`docs/methodology.md`).

Pure functions over arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.people.psychometrics import coefficient_interval
from data.people.templates import ValueTemplates, template_match
from data.values import VALUES
from eval_queue.scoring.bootstrap import query_weights
from eval_queue.scoring.formulas import Floats, item_means
from eval_queue.scoring.match import Z, match_draws, people_draws, wording_reliability
from leaderboard.analysis.ranks import ALPHA, holm

MIN_FAMILIES: Final = 10
"""Other families that a common profile needs."""

_TEN: Final = len(VALUES)
_FREE: Final = _TEN - 1


@dataclass(frozen=True)
class CommonProfile:
    """Of all models; arrays over models first, NaN where nothing can be said.

    Attributes:
        disattenuated: the ten matches corrected for the model's consistency, shape (models, 10).
        disattenuated_se: their standard errors, same shape.
        reliability: of the item means over wordings, shape (models,).
        reliability_low: lower end of its 95 % interval, queries resampled, same shape.
        reliability_high: upper end.
        direction: the common profile of the other families, unit length, shape (models, 10).
        strength: shape (models,).
        strength_se: shape (models,).
        own: shape (models, 10).
        own_se: same shape.
        own_p: p-value of the joint test that there is no own profile, shape (models,).
        own_holm: p-values of its ten values, Holm-adjusted, NaN where the joint test does not hold, shape (models, 10).
        families: how many other families stand behind the direction, shape (models,).
    """

    disattenuated: Floats
    disattenuated_se: Floats
    reliability: Floats
    reliability_low: Floats
    reliability_high: Floats
    direction: Floats
    strength: Floats
    strength_se: Floats
    own: Floats
    own_se: Floats
    own_p: Floats
    own_holm: Floats
    families: NDArray[np.int64]

    def interval(self, estimate: Floats, se: Floats) -> tuple[Floats, Floats]:
        """Both ends of the 95 % interval of an estimate."""
        return estimate - Z * se, estimate + Z * se


def common_profile(
    ratings: Floats, families: Sequence[str], templates: ValueTemplates, query_index: NDArray[np.intp]
) -> CommonProfile:
    """Common profile, strength and own profile of every model of a board.

    Args:
        ratings: shape (models, 6 variants, items), NaN where there is no rating.
        families: of each model; a model is never part of its own common profile, nor are its family's others.
        templates: of the benchmark.
        query_index: position of each item's query, shape (items,).
    """
    x = item_means(ratings)
    n_queries = int(query_index.max(initial=-1)) + 1
    weights = query_weights(n_queries)[:, query_index]
    reliability = wording_reliability(ratings)
    drawn_reliability = wording_reliability(ratings, weights=weights)
    ten = templates.loadings[:, :_TEN]
    point = template_match(x, ten) / np.sqrt(reliability)[:, None]
    queries = match_draws(x, ten, query_index) / np.sqrt(drawn_reliability)[:, None]
    people = people_draws(x, templates)[:, :_TEN] / np.sqrt(reliability)[:, None, None]

    n = len(x)
    low, high = coefficient_interval(reliability, drawn_reliability.T, n_queries - 1)
    found = CommonProfile(
        disattenuated=point,
        disattenuated_se=np.hypot(_se(queries), _se(people)),
        reliability=reliability,
        reliability_low=low,
        reliability_high=high,
        direction=np.full((n, _TEN), np.nan),
        strength=np.full(n, np.nan),
        strength_se=np.full(n, np.nan),
        own=np.full((n, _TEN), np.nan),
        own_se=np.full((n, _TEN), np.nan),
        own_p=np.full(n, np.nan),
        own_holm=np.full((n, _TEN), np.nan),
        families=np.zeros(n, dtype=np.int64),
    )
    named = np.array(families)
    usable = np.asarray(np.isfinite(point).all(axis=1), dtype=np.bool_)
    for m in range(n):
        others = (named != named[m]) & usable
        found.families[m] = len(set(named[others]))
        if not usable[m] or found.families[m] < MIN_FAMILIES:
            continue
        found.direction[m], found.strength[m], found.own[m] = (
            part[..., 0] for part in _parts(point[m][:, None], point[others][..., None])
        )
        spread = [_parts(draws[m], draws[others]) for draws in (queries, people)]
        found.strength_se[m] = np.sqrt(sum(np.nanvar(strength, ddof=1) for _, strength, _ in spread))
        covariance = sum((_covariance(own) for _, _, own in spread), np.zeros((_TEN, _TEN)))
        found.own_se[m] = np.sqrt(np.diag(covariance))
        found.own_p[m] = _joint(found.own[m], found.direction[m], covariance, n_queries)
        if found.own_p[m] <= ALPHA:
            found.own_holm[m] = holm(_two_sided(found.own[m] / found.own_se[m], n_queries))
    return found


def _parts(mine: Floats, theirs: Floats) -> tuple[Floats, Floats, Floats]:
    """Direction, strength and own profile in every draw: (10, draws) and (others, 10, draws)."""
    unit = theirs / np.linalg.norm(theirs, axis=1, keepdims=True)
    direction = np.nansum(unit, axis=0)
    direction = direction / np.linalg.norm(direction, axis=0)
    strength = (mine * direction).sum(axis=0)
    return direction, strength, mine - strength * direction


def _se(draws: Floats) -> Floats:
    return np.asarray(np.nanstd(draws, axis=-1, ddof=1))


def _covariance(own: Floats) -> Floats:
    return np.atleast_2d(np.cov(own[:, np.isfinite(own).all(axis=0)]))


def _joint(own: Floats, direction: Floats, covariance: Floats, clusters: int) -> float:
    """p-value of Hotelling's T squared in the nine dimensions at right angles to the common direction."""
    from scipy.special import fdtrc

    basis = np.linalg.svd(direction[None], full_matrices=True)[2][1:]
    there, spread = basis @ own, basis @ covariance @ basis.T
    t2 = float(there @ np.linalg.solve(spread, there))
    return float(fdtrc(_FREE, clusters - _FREE, t2 * (clusters - _FREE) / (_FREE * (clusters - 1))))


def _two_sided(t: Floats, clusters: int) -> Floats:
    from scipy.special import stdtr

    return np.asarray(2.0 * stdtr(clusters - 1, -np.abs(t)))
