"""How the dimensions of a scale go together over the models of a board: which are neighbours here, which opposites.

Pure functions over arrays. Between two dimensions stands Pearson's correlation of their scores over models, with a 95 %
interval: on Fisher's scale, with the standard error of the bootstrap draws of queries and Student's t, whose degrees of
freedom are the harmonic mean of (queries - 1) of both columns. (Percentiles of the draws would not do: resampling adds
noise once more and draws every correlation towards zero, away from its point.) The models are those that were asked and
no sample of any others: the interval says what other questions might have given for these models, nothing about other
models. Noise in the scores draws the correlations themselves towards zero.

Scores are relative to a model's own mean on the scale. So the columns of k unrelated dimensions of equal spread
correlate at -1 / (k - 1), not at 0: `unrelated` is what a correlation is read against. Matches are not; but templates
overlap, and the matches of models that rate at random correlate as the templates do: `overlap` is read against there.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.values import SCALE_COLUMNS, SCALES, Scale
from eval_queue.scoring.formulas import Floats
from leaderboard.analysis.ranks import MIN_DRAWS

MIN_MODELS: Final = 5
"""With fewer models no correlation is given."""


_MOST_ALIKE: Final = 0.999


class Association(NamedTuple):
    """Two dimensions over the models of a board."""

    dimension: str
    """The other one, by the name people write."""
    r: float | None
    """Pearson's correlation; None with too few models, or where one of the two does not vary."""
    low: float | None
    """Lower end of the 95 % interval."""
    high: float | None
    """Upper end."""
    models: int
    """How many models have both."""
    chance: float
    """The correlation that means nothing: that of unrelated columns, or of models that rate at random."""


def unrelated(scale: Scale) -> float:
    """The correlation of two dimensions of a scale that have nothing to do with each other."""
    return -1.0 / (len(SCALES[scale]) - 1)


def overlap(loadings: Floats) -> Floats:
    """How matches of models that rate at random correlate: the correlations of the templates, shape (19, 19).

    Args:
        loadings: templates, shape (items, 19), NaN where there is none.
    """
    from data.people.templates import template_match

    return template_match(loadings.T, loadings)


def fisher(r: Floats) -> Floats:
    """Fisher's transform; it has no end, so that correlations are cut at 0.999."""
    found: Floats = np.arctanh(np.clip(r, -_MOST_ALIKE, _MOST_ALIKE))
    return found


def freedom(queries: NDArray[np.integer]) -> float:
    """Degrees of freedom of what rests on several columns: the harmonic mean of (queries - 1)."""
    return len(queries) / float((1.0 / np.maximum(queries - 1, 1)).sum())


def interval(z: Floats, degrees: float) -> tuple[Floats, Floats]:
    """95 % intervals of correlations.

    Args:
        z: on Fisher's scale, the point first, shape (..., 1 + draws); NaN where a draw says nothing.
        degrees: of freedom.
    """
    from scipy.special import stdtrit

    half = float(stdtrit(degrees, 0.975)) * np.nanstd(z[..., 1:], axis=-1, ddof=1)
    return np.tanh(z[..., 0] - half), np.tanh(z[..., 0] + half)


def associations(
    point: Floats, draws: Floats, queries: NDArray[np.integer], scale: Scale, chance: Floats | None = None
) -> dict[str, tuple[Association, ...]]:
    """Every dimension of a scale with every other one.

    Args:
        point: scores on `data.values.DIMENSIONS`, shape (models, 19), NaN where there is none.
        draws: the same in every bootstrap draw, paired over models, shape (draws, models, 19).
        queries: how many queries carry each dimension, shape (19,).
        scale: whose dimensions.
        chance: what a correlation is read against, shape (19, 19), as `overlap` gives it; None for `unrelated`.

    Returns:
        By dimension the others, in the scale's order.
    """
    columns, names = SCALE_COLUMNS[scale], [d.name for d in SCALES[scale]]
    x, drawn, carried = point[:, columns], draws[:, :, columns], queries[columns]
    against = np.full((len(names), len(names)), unrelated(scale)) if chance is None else chance[columns, columns]
    found: dict[str, list[Association]] = {name: [] for name in names}
    for i, name in enumerate(names):
        for j, other in enumerate(names):
            if i != j:
                found[name].append(
                    _pair(other, x[:, [i, j]], drawn[:, :, [i, j]], carried[[i, j]], float(against[i, j]))
                )
    return {name: tuple(others) for name, others in found.items()}


def _pair(other: str, x: Floats, drawn: Floats, queries: NDArray[np.integer], chance: float) -> Association:
    both = np.isfinite(x).all(axis=1)
    n = int(both.sum())
    r = _pearson(x[None, both])[0] if n >= MIN_MODELS else np.nan
    if not np.isfinite(r):
        return Association(other, None, None, None, n, chance)
    again = _pearson(drawn[:, both])
    if np.isfinite(again).sum() < MIN_DRAWS or int(queries.min()) < 2:
        return Association(other, float(r), None, None, n, chance)
    low, high = interval(fisher(np.concatenate([[r], again])), freedom(queries))
    return Association(other, float(r), float(low), float(high), n, chance)


def _pearson(pairs: Floats) -> Floats:
    """Correlations over models; pairs of shape (draws, models, 2), NaN where a draw lacks a score."""
    centred = pairs - pairs.mean(axis=1, keepdims=True)
    product = (centred[..., 0] * centred[..., 1]).sum(axis=1)
    size = np.sqrt(np.square(centred).sum(axis=1).prod(axis=1))
    found: Floats = np.divide(product, size, out=np.full(size.shape, np.nan), where=size > 0)
    return found
