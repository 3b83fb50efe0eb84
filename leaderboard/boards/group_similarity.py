"""Proximity of all rows of a board, for its pages: shipped, or worked out where the answers are at hand.

A row's proximity does not depend on which others stand beside it, so each is worked out once and kept. Those of the
published models are shipped (`data/published/proximity.json`, written by `python -m leaderboard groups`) and need no
benchmark at hand; another row needs the benchmark, its rating study and the run's answers. A row for which these are
missing has none, and `Table.reason` says why. Practice boards have no table: their raters do not exist.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import ValidationError

from data import shipped
from data.benchmark import Benchmark
from data.errors import InputError
from data.people.rater_means import rater_means
from data.people.reference import Reference, load_reference
from data.ratings import Study
from eval_queue.records import Result
from eval_queue.scoring.formulas import Floats
from eval_queue.store.local import StoreUnavailable, WriteConflict
from leaderboard.analysis.group_report import GroupClaims, ModelProximity, ProximityReport, report, withheld
from leaderboard.boards.results import Board
from leaderboard.boards.row_answers import RowAnswers, published_means

PUBLISHED_PROXIMITY: Final = shipped.PUBLISHED / "proximity.json"
"""The published models among people: a `ProximityReport`."""
NOT_AT_HAND: Final = "its answers to the single items, or the benchmark's ratings, are not available here"
"""Why a row that could be set against groups is not."""
PUBLISHED_CLAIMS: Final = shipped.PUBLISHED / "group_claims.json"
"""What is said of them and groups under the other reading, and in each prompt alone."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Table:
    """A board's rows among people.

    Attributes:
        about: the report they come from, for its sources and caveats.
        rows: by id of the result; a row that is not at hand is absent.
    """

    about: ProximityReport
    rows: Mapping[str, ModelProximity]

    def reason(self, result: Result) -> str | None:
        """Why a row is not set against groups; None where it is."""
        found = self.rows.get(result.id)
        return found.reason if found is not None else withheld(result) or NOT_AT_HAND


def among_people(
    results: Sequence[Result], means: Mapping[str, Floats], benchmark: Benchmark, study: Study, reference: Reference
) -> ProximityReport:
    """Set rows against people.

    Args:
        results: the rows.
        means: by id of the result, its mean rating of each item, shape (items,), NaN where it has none.
        benchmark: what all of them answered.
        study: the benchmark's rating study.
        reference: the groups.
    """
    rows = [r for r in results if r.id in means]
    each = np.array([means[r.id] for r in rows]).reshape(len(rows), len(benchmark.items))
    return report([r.model for r in rows], each, rows, benchmark, rater_means(benchmark, study), reference)


def read_proximity(path: Path = PUBLISHED_PROXIMITY) -> ProximityReport | None:
    """The shipped report; None where there is none or it cannot be read, which is logged."""
    try:
        return ProximityReport.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        _log.exception("%s cannot be read: write it anew with `python -m leaderboard groups`", path.name)
        return None


@lru_cache(maxsize=4)
def read_claims(digest: str, path: Path = PUBLISHED_CLAIMS) -> GroupClaims | None:
    """The published models and groups under the other reading; None for any other benchmark, or a damaged file."""
    try:
        found = GroupClaims.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        _log.exception("%s cannot be read: write it anew with `python -m leaderboard groups`", path.name)
        return None
    return found if found.benchmark.digest == digest else None


class Proximities:
    """The tables of boards. Threads may share it.

    Args:
        benchmarks: those at hand, by digest.
        answers: what rows answered.
        study: the rating study of a benchmark at hand; raises `InputError` where there is none.
        shipped: the published models' report.
        reference: the groups.
    """

    def __init__(
        self,
        benchmarks: Mapping[str, Benchmark],
        answers: RowAnswers,
        study: Callable[[Benchmark], Study],
        shipped: Callable[[], ProximityReport | None] = read_proximity,
        reference: Callable[[], Reference] = load_reference,
    ) -> None:
        self._benchmarks = benchmarks
        self._answers = answers
        self._study = study
        self._shipped = shipped
        self._reference = reference
        self._own: dict[tuple[str, str], ProximityReport | None] = {}
        self._lock = threading.Lock()

    def of(self, board: Board) -> Table | None:
        """A board's rows among people; None where none of them is."""
        if board.practice:
            return None
        with self._lock:
            return self._find(board)

    def _find(self, board: Board) -> Table | None:
        shipped = self._shipped()
        if shipped is not None and shipped.benchmark.digest != board.key.digest:
            shipped = None
        by_model = {} if shipped is None else {m.model: m for m in shipped.models}
        rows = {r.id: by_model[r.model] for r in board.results if r.origin == "published" and r.model in by_model}
        about = shipped
        for r in board.results:
            if r.id not in rows and (own := self._of_row(r)) is not None:
                rows[r.id] = own.models[0]
                about = about or own
        return None if about is None or not rows else Table(about, rows)

    def _of_row(self, result: Result) -> ProximityReport | None:
        key = (result.id, result.created.isoformat())
        if key not in self._own:
            try:
                self._own[key] = self._work_out(result)
            except InputError:
                self._own[key] = None
            except (StoreUnavailable, WriteConflict) as error:
                _log.warning("the answers of %s cannot be had now, it is not set against groups: %s", result.id, error)
                return None
        return self._own[key]

    def _work_out(self, result: Result) -> ProximityReport | None:
        benchmark = self._benchmarks.get(result.benchmark.digest)
        if benchmark is None:
            return None
        means = published_means(benchmark, [result]).get(result.id)
        if means is None and (means := self._answers.mean(result)) is None:
            return None
        return among_people([result], {result.id: means}, benchmark, self._study(benchmark), self._reference())
