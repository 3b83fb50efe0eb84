"""Rows' answers as numbers: ratings, mean rating of each item, bootstrap draws, each worked out once and kept.

A model's draws do not depend on who else is drawn (`leaderboard.analysis.ranks.resample`), so every row is drawn by
itself and any two can be paired. Neither a network nor the benchmark's texts are needed: only the row's answers and
its benchmark's key. Mean ratings of the published models are shipped. A page that needs those of a thousand rows reads
them over several views, so that nobody waits for all of them: `Found.finished` says whether there are more to come.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from cachetools import LRUCache

from data.errors import InputError
from data.people.item_means import Items, read_item_means
from data.sources.key_file import KeyTable
from eval_queue.records import Result
from eval_queue.scoring.formulas import Floats, item_means
from eval_queue.scoring.match import people_draws
from eval_queue.scoring.stored import ratings_of
from eval_queue.store.local import StoreUnavailable, WriteConflict
from leaderboard.boards.results import Board

if TYPE_CHECKING:
    import pyarrow as pa

    from data.people.templates import ValueTemplates
    from leaderboard.analysis.ranks import Sample

KEPT: Final = 128
"""How many rows' ratings and draws are kept, about 0.4 MB each; mean ratings are kept of all, about 4 kB each."""
AT_ONCE: Final = 60
"""How many rows' answers are read for one view."""

_log = logging.getLogger(__name__)


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


class Found(NamedTuple):
    """What could be had."""

    means: dict[str, Floats]
    """By id of the row, shape (items,), NaN where it has no rating; rows without answers at hand are absent."""
    finished: bool
    """Whether nothing more is to be had by asking again."""


class RowAnswers:
    """What rows answered. Threads may share it.

    Args:
        key: a benchmark's key by its digest; None where it is not known.
        table: a row's answers, with the columns that `eval_queue.scoring.stored` names; raises `InputError` where
            there are none, `StoreUnavailable` or `WriteConflict` where they cannot be had now.
    """

    def __init__(self, key: Callable[[str], KeyTable | None], table: Callable[[Result], pa.Table]) -> None:
        self._key = key
        self._table = table
        self._rated: LRUCache[tuple[str, str], Rated] = LRUCache(KEPT)
        self._drawn: LRUCache[tuple[str, str], Sample] = LRUCache(KEPT)
        self._means: dict[tuple[str, str], Floats | None] = {}
        self._lock = threading.Lock()

    def rated(self, result: Result) -> Rated:
        """A row's ratings.

        Raises:
            InputError: its answers or its benchmark's key are not at hand, or do not belong together.
            StoreUnavailable: its answers cannot be had now.
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
                    self._drawn[name] = resample(rated.means[None, :], rated.key.selected, rated.key.query_index)
                parts.append(self._drawn[name])
        point, draws, clusters = zip(*parts, strict=True)
        return Sample(np.concatenate(point), np.concatenate(draws, axis=1), np.concatenate(clusters))

    def match_sample(self, results: Sequence[Result], templates: ValueTemplates) -> tuple[Sample, Floats]:
        """Matches of rows on one benchmark with their paired draws, in the order given; errors as for `rated`.

        Returns:
            The sample over queries, and what other people behind the templates would give, shape (sets, rows, 19).
        """
        from leaderboard.measurement.readings import match_sample

        rated = [self.rated(r) for r in results]
        x = np.array([r.means for r in rated])
        people = np.moveaxis(people_draws(x, templates), -1, 0)
        return match_sample(x, templates.loadings, rated[0].key.query_index), people

    def mean(self, result: Result) -> Floats | None:
        """A row's mean rating of each item, shape (items,), NaN where it has none.

        Returns:
            None where its answers are not at hand or cannot be used, which is logged; that is not tried again.

        Raises:
            StoreUnavailable: its answers cannot be had now; likewise `WriteConflict`.
        """
        with self._lock:
            return self._mean(result)

    def means(self, board: Board, first: Sequence[str] = ()) -> Found:
        """Mean ratings of a board's rows, of some at a time; those of the ids in `first` do not wait."""
        key = self._key(board.key.digest)
        if key is None:
            return Found({}, finished=True)
        with self._lock:
            unread = [r for r in board.results if _name(r) not in self._means]
            shipped = published_means(key, unread)
            self._means |= {_name(r): shipped[r.id] for r in unread if r.id in shipped}
            waiting = sorted((r for r in unread if r.id not in shipped), key=lambda r: (r.id not in first, r.id))
            finished = len(waiting) <= AT_ONCE
            for result in waiting[:AT_ONCE]:
                try:
                    self._mean(result)
                except (StoreUnavailable, WriteConflict) as error:
                    _log.warning("the answers of %s cannot be had now: %s", result.id, error)
                    finished = False
            known = {r.id: self._means.get(_name(r)) for r in board.results}
        return Found({id_: means for id_, means in known.items() if means is not None}, finished)

    def _mean(self, result: Result) -> Floats | None:
        name = _name(result)
        if name not in self._means:
            try:
                self._means[name] = self._of(result).means
            except InputError:
                self._means[name] = None
            except (ValueError, KeyError, OSError):  # a damaged table must not cost the others their place
                _log.exception("the stored answers of %s cannot be used", result.id)
                self._means[name] = None
        return self._means[name]

    def _of(self, result: Result) -> Rated:
        name = _name(result)
        if name not in self._rated:
            key = self._key(result.benchmark.digest)
            if key is None:
                raise InputError("which responses count for which value is not known here for its benchmark")
            ratings = ratings_of(self._table(result), key)
            self._rated[name] = Rated(key, ratings, item_means(ratings[None])[0])
        return self._rated[name]


def published_means(benchmark: Items, results: Sequence[Result]) -> dict[str, Floats]:
    """Mean rating of each item by the published rows among `results`, by id."""
    if not any(r.origin == "published" for r in results):
        return {}  # asked for row by row, so the file must not be read for each
    found = read_item_means(benchmark)
    if found is None:
        return {}
    at = {model: i for i, model in enumerate(found.models)}
    return {r.id: found.means[at[r.model]] for r in results if r.origin == "published" and r.model in at}


def _name(result: Result) -> tuple[str, str]:
    return result.id, result.created.isoformat()
