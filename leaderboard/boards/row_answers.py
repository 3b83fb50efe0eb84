"""A row's ratings, means and bootstrap draws, worked out once and kept: what pages compare models with.

A model's draws do not depend on who else is drawn (`leaderboard.analysis.ranks.resample`), so every row is drawn by
itself and any two can be paired. Neither a network nor the benchmark's texts are needed: only the row's answers and
its benchmark's key.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from data.errors import InputError
from data.sources.key_file import KeyTable
from eval_queue.records import Result
from eval_queue.scoring.formulas import Floats, item_means
from eval_queue.scoring.stored import ratings_of

if TYPE_CHECKING:
    import pyarrow as pa

    from leaderboard.analysis.ranks import Sample

_T = TypeVar("_T")

KEPT: Final = 128
"""How many rows are kept: about 0.4 MB each."""


@dataclass(frozen=True, eq=False)
class Rated:
    """A row's ratings.

    Attributes:
        key: the items.
        ratings: shape (6 variants, items), NaN where there is none.
        means: mean rating of each item, shape (items,), NaN likewise.
    """

    key: KeyTable
    ratings: Floats
    means: Floats


class Samples:
    """The ratings and draws of rows. Threads may share it.

    Args:
        key: a benchmark's key by its digest; None where it is not known.
        table: a row's answers; raises `InputError` where there are none.
    """

    def __init__(self, key: Callable[[str], KeyTable | None], table: Callable[[Result], pa.Table]) -> None:
        self._key = key
        self._table = table
        self._rated: OrderedDict[tuple[str, str], Rated] = OrderedDict()
        self._drawn: OrderedDict[tuple[str, str], Sample] = OrderedDict()
        self._lock = threading.Lock()

    def rated(self, result: Result) -> Rated:
        """A row's ratings.

        Raises:
            InputError: its answers or its benchmark's key are not at hand, or do not belong together.
        """
        with self._lock:
            return self._of(result)

    def sample(self, results: Sequence[Result]) -> Sample:
        """Scores of rows on one benchmark with their paired draws, in the order given; errors as for `rated`."""
        from leaderboard.analysis.ranks import Sample, resample

        parts = []
        for result in results:
            name = _name(result)
            with self._lock:
                if name not in self._drawn:
                    rated = self._of(result)
                    _keep(self._drawn, name, resample(rated.means[None, :], rated.key.selected, rated.key.query_index))
                self._drawn.move_to_end(name)
                parts.append(self._drawn[name])
        point, draws, clusters = zip(*parts, strict=True)
        return Sample(np.concatenate(point), np.concatenate(draws, axis=1), np.concatenate(clusters))

    def _of(self, result: Result) -> Rated:
        name = _name(result)
        if name not in self._rated:
            key = self._key(result.benchmark.digest)
            if key is None:
                raise InputError("which responses count for which value is not known here for its benchmark")
            ratings = ratings_of(self._table(result), key)
            _keep(self._rated, name, Rated(key, ratings, item_means(ratings[None])[0]))
        self._rated.move_to_end(name)
        return self._rated[name]


def _name(result: Result) -> tuple[str, str]:
    return result.id, result.created.isoformat()


def _keep(kept: OrderedDict[tuple[str, str], _T], name: tuple[str, str], made: _T) -> None:
    kept[name] = made
    while len(kept) > KEPT:
        kept.popitem(last=False)
