"""From people's ratings to a key, and how far the key can be trusted.

Pure functions on `data.ratings.Study`. Nothing that leaves this module speaks of a person or of a group of fewer than
`MIN_GROUP` people.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.benchmark import Key
from data.errors import InputError
from data.ratings import MIN_GROUP, Study
from data.values import DIMENSIONS

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Correlations:
    """Rank correlations of the columns of two arrays over the same people.

    Attributes:
        rho: Spearman correlations, shape (columns of x, columns of y), NaN where a column does not vary.
        p: two-sided p-values of Student's t with n - 2 degrees of freedom, same shape.
    """

    rho: Floats
    p: Floats


def average_ranks(x: Floats) -> Floats:
    """Ranks from 1 within each column; equal numbers share the mean of their ranks.

    Numbers are compared exactly as they are: two spellings of 2/3 that differ in the last bit are two ranks.

    Args:
        x: shape (people, columns).

    Returns:
        Ranks, same shape. A column with a missing number is NaN throughout.
    """
    n = len(x)
    order = np.argsort(x, axis=0, kind="stable")
    ordered = np.take_along_axis(x, order, axis=0)
    position = np.arange(n)[:, None]
    differs = ordered[1:] != ordered[:-1]
    edge = np.ones((1, x.shape[1]), dtype=bool)
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


def p_values(rho: Floats, n: int) -> Floats:
    """Two-sided p-values of correlations among `n` people (Student's t, n - 2 degrees of freedom)."""
    from scipy.special import stdtr  # slow to import

    df = n - 2
    if df < 1:
        return np.full(rho.shape, np.nan)
    with np.errstate(divide="ignore"):
        t = rho * np.sqrt(df / ((1.0 + rho) * (1.0 - rho)))
    p: Floats = 2.0 * stdtr(df, -np.abs(t))
    return p


def spearman(x: Floats, y: Floats) -> Correlations:
    """Spearman correlation of every column of `x` with every column of `y`, by one matrix product.

    Equal to `scipy.stats.spearmanr` of each pair of columns to 1e-12.

    Args:
        x: shape (people, a).
        y: shape (people, b), rows of the same people in the same order.
    """
    rho = np.clip(_unit(average_ranks(x)).T @ _unit(average_ranks(y)), -1.0, 1.0)
    return Correlations(rho, p_values(rho, len(x)))


def spearman_key(study: Study, items: tuple[tuple[int, int], ...]) -> Key:
    """The key that a study's ratings give: per item and dimension the correlation within the group that rated it.

    Args:
        study: whose groups rated different items; no item is rated by two groups.
        items: ids of the rows of the key, (`portrait_id`, `option_id`).

    Returns:
        The key, shape (items, 19). NaN for an item that nobody rated, that a group of fewer than `MIN_GROUP` people
        rated, or that has no variance.

    Raises:
        InputError: An item is rated by two groups, or is not among `items`.
    """
    row = {item: i for i, item in enumerate(items)}
    rho = np.full((len(items), len(DIMENSIONS)), np.nan)
    p = np.full_like(rho, np.nan)
    seen: set[tuple[int, int]] = set()
    for group in study.groups:
        for item in group.items:
            if item not in row:
                raise InputError(f"item {item} was rated but is not in the benchmark", field="ratings")
            if item in seen:
                raise InputError(f"item {item} was rated by two groups; join their people into one", field="ratings")
            seen.add(item)
        if group.n_people < MIN_GROUP:
            continue
        found = spearman(group.ratings, group.values)
        rows = [row[item] for item in group.items]
        rho[rows], p[rows] = found.rho, found.p
    return Key(rho, p)
