"""What sets models apart from the average of their board, and which of them are alike or unlike in that.

Pure functions over arrays. Models share much: the ten values of the released models' pairs correlate at 0.81 in the
median, by matches on all items at 0.92, and no pair stands out from that. So what all share is taken away first: a
model's deviation is its profile minus the mean profile of the models compared, and the similarity of two models is the
correlation of their deviations over the ten values. It depends on who is compared. Unrelated deviations of n models
correlate at -1 / (n - 1) on average.

**The test.** Is a pair more, or less, alike than the average pair? d = z - mean of z over all pairs, z Fisher's
transform of the similarity, taken anew with all means in each bootstrap draw of queries. Its standard error is that of
its draws; the reference is Student's t. Its degrees of freedom are the harmonic mean of (queries - 1) over the ten
values (15 on the published benchmark), because the values with few queries decide how rough a standard error is.
In the matrix the rate of false discoveries among all pairs is held at 5 % (Benjamini and Hochberg, 1995). For one model
its n - 1 pairs are one family: Holm's correction, and the mean is that of its own pairs.

**Measured** on the real key: 40 boards of 15 equal models (query effect SD 0.5, item noise SD 0.8). 2.5 % of the boards
show any cell, 0.02 % of the cells are shown; 4.3 % of the models are called like, or unlike, any other. The single test
at 5 % rejects 5.7 %. With the number of all queries as degrees of freedom it would be 17.5 % of the boards and 9.8 %
of the models; without Fisher's transform as many.

By matches on all items the board's deviations lie along few lines, since templates overlap, and the test is too free
with the number of queries that carry a template (52 to 66): 30 boards of 15 equal models each, noise as above and less,
show a cell in 7 to 13 % and call 6 to 7 % of the models like any other. With `MATCH_QUERIES` it is 0 to 7 % and 3 %.

An interval of a similarity is that of `leaderboard.analysis.associations`, with the same degrees of freedom.

**Order.** Average linkage on 1 - r, its leaves turned so that neighbours are as alike as a tree allows (optimal leaf
ordering; Bar-Joseph, Gifford and Jaakkola, 2001, in `scipy.cluster.hierarchy`). The models come in the order of their
names, so the same board always has the same order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.values import VALUES
from eval_queue.scoring.formulas import Bools, Floats
from leaderboard.analysis.associations import fisher, freedom, interval
from leaderboard.analysis.ranks import ALPHA, MIN_DRAWS, RESOLUTION, holm

MATCH_QUERIES: Final = 20
"""As how many queries those behind a match count here."""
MIN_MODELS: Final = 4
"""With fewer models there is hardly an average to stand out from."""


@dataclass(frozen=True)
class Similarities:
    """All pairs of models.

    Attributes:
        r: correlation of the deviations, shape (models, models), 1 on the diagonal.
        low: lower ends of the 95 % intervals, likewise, NaN on the diagonal.
        high: upper ends.
        p: two-sided p-values of no difference from the average pair, after Benjamini and Hochberg's correction.
        p_own: the same from the average of the row's own pairs, after Holm's correction within the row.
        mean: similarity of the average pair.
        own: the same of each model's pairs, shape (models,).
        order: positions of the models, like beside like, shape (models,).
    """

    r: Floats
    low: Floats
    high: Floats
    p: Floats
    p_own: Floats
    mean: float
    own: Floats
    order: NDArray[np.int64]

    @property
    def told_apart(self) -> Bools:
        """Pairs that are more or less alike than the average pair, shape (models, models)."""
        return self.p <= ALPHA

    def most_like(self, model: int) -> list[int]:
        """Positions of the models surely more alike to one than its pairs are on average, the nearest first."""
        sure = (self.p_own[model] <= ALPHA) & (self.r[model] > self.own[model])
        return [int(i) for i in np.argsort(-self.r[model], kind="stable") if sure[i] and i != model]


def similarities(point: Floats, draws: Floats, queries: NDArray[np.integer]) -> Similarities | None:
    """Compare all pairs of models.

    Args:
        point: scores on the ten values, shape (models, 10), without gaps.
        draws: the same in every bootstrap draw, paired over models, shape (draws, models, 10).
        queries: how many queries carry each value, shape (10,).

    Returns:
        None with fewer than `MIN_MODELS` models, fewer than two queries of a value, or too few usable draws.
    """
    n = len(point)
    whole = draws[np.isfinite(draws).all(axis=(1, 2))]
    if n < MIN_MODELS or len(whole) < MIN_DRAWS or int(queries.min()) < 2:
        return None
    degrees = freedom(queries)
    # values, models, draws; the point stands as draw 0 so that each formula is written once
    units = _deviations(np.concatenate([point[None], whole]).transpose(2, 1, 0))
    own_z = np.empty((n, units.shape[2]))
    for i in range(n):
        own_z[i] = np.delete(fisher(_products(units, i)), i, axis=0).mean(axis=0)
    mean_z = own_z.mean(axis=0)
    r, low, high, p, p_own = (np.full((n, n), np.nan) for _ in range(5))
    for i in range(n):  # row by row: all pairs in all draws at once would not fit
        alike = _products(units, i)
        r[i] = alike[:, 0]
        z = fisher(alike)
        low[i], high[i] = interval(z, degrees)
        p[i] = _p(z - mean_z, degrees)
        p_own[i] = _p(z - own_z[i], degrees)
    np.fill_diagonal(r, 1.0)
    for cells in (low, high, p, p_own):
        np.fill_diagonal(cells, np.nan)
    upper = np.triu_indices(n, 1)
    p[upper] = p.T[upper] = false_discovery(p[upper])
    own = np.tanh(own_z[:, 0])
    return Similarities(
        r, low, high, p, np.stack([holm(row) for row in p_own]), float(np.tanh(mean_z[0])), own, seriation(r)
    )


def false_discovery(p: Floats) -> Floats:
    """Adjusted p-values of Benjamini and Hochberg (1995), shape (tests,).

    As `scipy.stats.false_discovery_control`, whose package would cost every app 20 MB and a first visitor a third of a
    second.
    """
    falling = np.argsort(-p)
    found = np.empty(len(p))
    found[falling] = np.minimum.accumulate(p[falling] * len(p) / np.arange(len(p), 0, -1))
    return found


def seriation(r: Floats) -> NDArray[np.int64]:
    """An order in which like stands beside like, by similarities of shape (models, models); see the module's text."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    if len(r) < MIN_MODELS:
        return np.arange(len(r))
    apart = np.clip(1 - (r + r.T) / 2, 0, None)
    np.fill_diagonal(apart, 0.0)
    found = np.asarray(leaves_list(linkage(squareform(apart), "average", optimal_ordering=True)), dtype=np.int64)
    # a tree may be read from either end: begin with the one whose model has the earlier name
    return found if found[0] < found[-1] else found[::-1].copy()


def _deviations(profiles: Floats) -> Floats:
    """What sets models apart from their mean, centred, at length 1; none at all stays 0. Shape (10, models, draws)."""
    if len(profiles) != len(VALUES):
        raise ValueError(f"expected {len(VALUES)} values, got {len(profiles)}")
    centred = profiles - profiles.mean(axis=0)
    centred -= centred.mean(axis=1, keepdims=True)
    length = np.sqrt(np.square(centred).sum(axis=0))
    found: Floats = np.divide(centred, length, out=np.zeros(centred.shape), where=length > RESOLUTION)
    return found


def _products(units: Floats, model: int) -> Floats:
    """Similarity of one model to all, shape (models, draws)."""
    found: Floats = np.einsum("vmb,vb->mb", units, units[:, model])
    return found


def _p(difference: Floats, degrees: float) -> Floats:
    """Two-sided p-values by t; differences of shape (models, 1 + draws), the point first."""
    from scipy.special import stdtr

    se = np.maximum(difference[:, 1:].std(axis=1, ddof=1), RESOLUTION)
    found: Floats = 2 * stdtr(degrees, -np.abs(difference[:, 0]) / se)
    return found
