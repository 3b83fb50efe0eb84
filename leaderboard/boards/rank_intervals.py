"""Rank intervals of a board's rows, for its page: who is ranked, from which answers, and kept until the rows change.

Ranks count among the rows of one board, so they belong to no record: they are worked out from the rows' mean ratings of
each item by `leaderboard.analysis.ranks`. Those of the published models are shipped and need no benchmark at hand.
Where other complete rows stand beside them, all are ranked anew (about half a second for 33 models, once for each new
row). Without the benchmark, or without a row's answers, ranks cover the rows that can be ranked, and `Ranking.n` says
how many.

Not ranked: incomplete rows, rows that give one rating to everything, and practice boards, whose values mean nothing.

Boards of any size are ranked, by parts (`leaderboard.analysis.ranks.ranks_by_parts`): memory grows with the rows, time
with their square, since every pair is compared. Until it is done pages say that it is being worked out.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from data import shipped
from data.benchmark import Benchmark
from data.sources.published_templates import templates_of
from data.values import DIMENSIONS
from eval_queue.records import Result
from eval_queue.scoring.bootstrap import bootstrap_dimension
from eval_queue.scoring.formulas import Floats
from eval_queue.scoring.match import Z, people_draws
from eval_queue.store.local import StoreUnavailable, WriteConflict
from leaderboard.boards.results import Board
from leaderboard.boards.row_answers import RowAnswers, published_means

if TYPE_CHECKING:
    from data.people.templates import ValueTemplates
    from leaderboard.analysis.ranks import Column, Sample

PUBLISHED_RANKS: Final = shipped.PUBLISHED / "ranks.json"
"""The ranks of the published models among themselves."""
PUBLISHED_MATCH_RANKS: Final = shipped.PUBLISHED / "match_ranks.json"
"""The same of their matches on all items."""
_RETRY_SECONDS: Final = 30.0
"""After so long answers that could not be had are asked for again."""

_log = logging.getLogger(__name__)


class RowRanks(BaseModel):
    """One row's intervals as text, e.g. `3-17`, by dimension; a dimension without a score is absent."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    models: dict[str, str]
    """Its places among the ranked rows."""
    values: dict[str, str]
    """Each dimension's places within the row's own scale: its own order."""


class Ranking(BaseModel):
    """All ranked rows of a board."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    benchmark_digest: str
    rows: dict[str, RowRanks]
    """By id of the result."""
    mean_half: dict[str, float] = {}
    """Half width of the 95 % interval of the ranked rows' mean, by dimension, from the same draws: these models, other
    queries (and, by matches, other people)."""

    @property
    def n(self) -> int:
        """How many rows are ranked."""
        return len(self.rows)


def obstacle(result: Result) -> str | None:
    """Why a row can have no rank, in plain words; None if it can."""
    if result.complete is not True:
        return "An incomplete row has no rank."
    if result.flat and result.reliability is None:
        return "This model gives the same rating to everything: there is nothing to rank."
    return None


def rank(benchmark: Benchmark, means: Mapping[str, Floats]) -> Ranking:
    """Rank rows among each other by their scores as published.

    Args:
        benchmark: what all of them answered.
        means: by id of the result, its mean rating of each item, shape (items,), NaN where it has none.
    """
    from leaderboard.analysis.ranks import Column, resample, scored

    x, selected, queries = _stacked(benchmark, means), benchmark.key.selected, benchmark.query_index
    point, clusters = scored(x, selected, queries)

    def column(d: int) -> Column:
        return Column(point[:, d], bootstrap_dimension(x, selected, queries, d), clusters[:, d])

    def some(models: slice) -> tuple[Sample, None]:
        return resample(x[models], selected, queries), None

    return _ranking(benchmark, means, column, some)


def rank_match(benchmark: Benchmark, means: Mapping[str, Floats]) -> Ranking | None:
    """Rank rows by their matches on all items: other queries and other people behind the templates both uncertain.

    Args:
        benchmark: as for `rank`.
        means: as for `rank`.

    Returns:
        None where the benchmark's templates are not at hand.
    """
    from leaderboard.analysis.ranks import Column
    from leaderboard.measurement.readings import match_sample

    templates = templates_of(benchmark)
    if templates is None:
        return None
    x, queries = _stacked(benchmark, means), benchmark.query_index

    def drawn(models: slice, templates: ValueTemplates) -> tuple[Sample, Floats]:
        sample = match_sample(x[models], templates.loadings, queries)
        return sample, np.moveaxis(people_draws(x[models], templates), -1, 0)

    def column(d: int) -> Column:
        sample, people = drawn(slice(None), templates.dimension(d))
        return Column(sample.point[:, 0], sample.draws[:, :, 0], sample.clusters[:, 0], people[:, :, 0])

    return _ranking(benchmark, means, column, lambda models: drawn(models, templates))


def _stacked(benchmark: Benchmark, means: Mapping[str, Floats]) -> Floats:
    return np.array(list(means.values())).reshape(len(means), len(benchmark.items))


def _ranking(
    benchmark: Benchmark,
    ids: Collection[str],
    column: Callable[[int], Column],
    some: Callable[[slice], tuple[Sample, Floats | None]],
) -> Ranking:
    from leaderboard.analysis.ranks import ranks_by_parts

    halves: dict[str, float] = {}

    def noted(d: int) -> Column:
        made = column(d)
        if np.isfinite(half := _mean_half(made)):
            halves[DIMENSIONS[d].name] = round(half, 6)
        return made

    found = ranks_by_parts(len(ids), noted, some)
    rows = {}
    for i, id_ in enumerate(ids):
        texts = [
            {dim.name: text for d, dim in enumerate(DIMENSIONS) if (text := table.text(i, d)) is not None}
            for table in (found.models, found.values)
        ]
        rows[id_] = RowRanks(models=texts[0], values=texts[1])
    return Ranking(benchmark_digest=benchmark.digest, rows=rows, mean_half=halves)


def _mean_half(made: Column) -> float:
    """Half width of the 95 % interval of the models' mean: the same draws for all, so what they share stays in it."""
    there = np.isfinite(made.point)
    if not there.any():
        return float("nan")
    se = [np.nanstd(x[:, there].mean(axis=1), ddof=1) for x in (made.draws, made.people) if x is not None]
    return float(Z * np.linalg.norm(se))


def read_ranks(path: Path = PUBLISHED_RANKS) -> Ranking | None:
    """The shipped ranks; None where there are none or they cannot be read, which is logged."""
    try:
        return Ranking.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        _log.exception("%s cannot be read: write it anew with `python -m leaderboard ranks`", path.name)
        return None


class Rankings:
    """The ranks of boards, worked out once for the same rows. Threads may share it.

    Args:
        benchmarks: those at hand, by digest.
        answers: what rows answered.
        shipped: the published models' ranks.
        rank: how rows are ranked: `rank`, or `rank_match` for the other reading; None where it cannot be done.
    """

    def __init__(
        self,
        benchmarks: Mapping[str, Benchmark],
        answers: RowAnswers,
        shipped: Callable[[], Ranking | None] = read_ranks,
        rank: Callable[[Benchmark, Mapping[str, Floats]], Ranking | None] = rank,
    ) -> None:
        self._benchmarks = benchmarks
        self._answers = answers
        self._shipped = shipped
        self._rank = rank
        self._last: dict[tuple[str, ...], tuple[Ranking, float]] = {}
        self._lock = threading.Lock()

    def of(self, board: Board) -> Ranking | None:
        """The ranks of a board; None where nobody on it is ranked."""
        rows = [r for r in board.results if obstacle(r) is None]
        if board.practice or not rows:
            return None
        with self._lock:
            key = (board.key.slug, *(f"{r.id} {r.created.isoformat()}" for r in rows))
            known, until = self._last.get(key, (None, 0.0))
            if known is not None and time.monotonic() < until:
                return known
            found, whole = self._find(board, rows)
            self._last = {k: v for k, v in self._last.items() if k[0] != board.key.slug}
            if found is not None:
                self._last[key] = (found, time.monotonic() + (math.inf if whole else _RETRY_SECONDS))
            return found

    def _find(self, board: Board, rows: Sequence[Result]) -> tuple[Ranking | None, bool]:
        """The ranks, and whether nothing more is to be had by asking again."""
        shipped = self._shipped()
        if shipped is not None and shipped.benchmark_digest != board.key.digest:
            shipped = None
        if shipped is not None and shipped.rows.keys() == {r.id for r in rows}:
            return shipped, True
        benchmark = self._benchmarks.get(board.key.digest)
        if benchmark is None:
            return (shipped if shipped is not None and shipped.rows.keys() <= {r.id for r in rows} else None), True
        means = published_means(benchmark, rows)
        whole = True
        for r in rows:
            try:
                if r.id not in means and (own := self._answers.mean(r)) is not None:
                    means[r.id] = own
            except (StoreUnavailable, WriteConflict) as error:
                _log.warning("the answers of %s cannot be had now, it goes without a rank: %s", r.id, error)
                whole = False
        return (self._rank(benchmark, {r.id: means[r.id] for r in rows if r.id in means}) if means else None), whole
