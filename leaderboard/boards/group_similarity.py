"""Proximity of all rows of a board, for its pages: shipped, or worked out where the answers are at hand.

A row's proximity does not depend on which others stand beside it, so each is worked out once and kept. Those of the
published models are shipped under both readings (`data/published/proximity.json` and `match_proximity.json`, written by
`python -m leaderboard groups`) and need no benchmark at hand; another row needs the benchmark, its rating study, the
run's answers and, for matches, templates. A row for which these are missing has none, and `Table.reason` says why.
Practice boards have no table: their raters do not exist.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from data import shipped
from data.benchmark import Benchmark
from data.errors import InputError
from data.people.norms import Reading
from data.people.rater_means import rater_means
from data.people.reference import Reference, load_reference
from data.people.templates import ValueTemplates
from data.ratings import Study
from eval_queue.records import Result
from eval_queue.scoring.formulas import Floats
from eval_queue.store.local import StoreUnavailable, WriteConflict
from leaderboard.boards.results import Board
from leaderboard.boards.row_answers import RowAnswers, published_means
from leaderboard.groups.group_report import (
    MatchReading,
    ModelProximity,
    ProximityReport,
    match_reading,
    report,
    withheld,
)

PUBLISHED_PROXIMITY: Final = shipped.PUBLISHED / "proximity.json"
"""The published models among people: a `ProximityReport`."""
NOT_AT_HAND: Final = "its answers to the single items, or the benchmark's ratings, are not available here"
"""Why a row that could be set against groups is not."""
PUBLISHED_MATCH_PROXIMITY: Final = shipped.PUBLISHED / "match_proximity.json"
"""The same by their matches on all items."""
NO_TEMPLATES: Final = "the benchmark's templates, or its ratings, are not at hand"
"""Why a row that could be set against groups by its matches is not."""

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
        if found is not None:
            return found.reason
        if self.about.reading == "match":
            return NO_TEMPLATES if result.complete else withheld(result)
        return withheld(result) or NOT_AT_HAND


@lru_cache(maxsize=4)
def read_proximity(path: Path = PUBLISHED_PROXIMITY) -> ProximityReport | None:
    """A shipped report; None where there is none or it cannot be read, which is logged."""
    try:
        return ProximityReport.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        _log.exception("%s cannot be read: write it anew with `python -m leaderboard groups`", path.name)
        return None


def shipped_proximity(reading: Reading) -> ProximityReport | None:
    """The published models among people under a reading."""
    return read_proximity(PUBLISHED_PROXIMITY if reading == "published" else PUBLISHED_MATCH_PROXIMITY)


class Proximities:
    """The tables of boards. Threads may share it.

    Args:
        benchmarks: those at hand, by digest.
        answers: what rows answered.
        study: the rating study of a benchmark at hand; raises `InputError` where there is none.
        shipped: the published models' report under a reading.
        reference: the groups.
        templates: of a benchmark by its digest; None where there are none.
    """

    def __init__(
        self,
        benchmarks: Mapping[str, Benchmark],
        answers: RowAnswers,
        study: Callable[[Benchmark], Study],
        shipped: Callable[[Reading], ProximityReport | None] = shipped_proximity,
        reference: Callable[[], Reference] = load_reference,
        templates: Callable[[str], ValueTemplates | None] = lambda _: None,
    ) -> None:
        self._benchmarks = benchmarks
        self._answers = answers
        self._study = study
        self._shipped = shipped
        self._reference = reference
        self._templates = templates
        self._own: dict[tuple[Reading, str, str], ProximityReport | None] = {}
        self._raters: dict[str, Floats] = {}
        self._match: dict[str, MatchReading] = {}
        self._lock = threading.Lock()

    def of(self, board: Board, reading: Reading = "published") -> Table | None:
        """A board's rows among people; None where none of them is."""
        if board.practice:
            return None
        with self._lock:
            return self._find(board, reading)

    def _find(self, board: Board, reading: Reading) -> Table | None:
        shipped = self._shipped(reading)
        if shipped is not None and shipped.benchmark.digest != board.key.digest:
            shipped = None
        by_model = {} if shipped is None else {m.model: m for m in shipped.models}
        rows = {r.id: by_model[r.model] for r in board.results if r.origin == "published" and r.model in by_model}
        about = shipped
        missing = [r for r in board.results if r.id not in rows]
        means = self._published(board, [r for r in missing if _key(reading, r) not in self._own])
        for r in missing:
            if (own := self._of_row(r, reading, means)) is not None:
                rows[r.id] = own.models[0]
                about = about or own
        return None if about is None or not rows else Table(about, rows)

    def _published(self, board: Board, rows: Sequence[Result]) -> Mapping[str, Floats]:
        benchmark = self._benchmarks.get(board.key.digest)
        try:
            return {} if benchmark is None else published_means(benchmark, rows)
        except InputError:
            _log.exception("the published models' mean ratings cannot be used")
            return {}

    def _of_row(self, result: Result, reading: Reading, means: Mapping[str, Floats]) -> ProximityReport | None:
        key = _key(reading, result)
        if key not in self._own:
            try:
                self._own[key] = self._work_out(result, reading, means)
            except InputError:
                self._own[key] = None
            except (StoreUnavailable, WriteConflict) as error:
                _log.warning("the answers of %s cannot be had now, it is not set against groups: %s", result.id, error)
                return None
        return self._own[key]

    def _work_out(self, result: Result, reading: Reading, means: Mapping[str, Floats]) -> ProximityReport | None:
        benchmark = self._benchmarks.get(result.benchmark.digest)
        if benchmark is None or (ratings := self._ratings(result, means)) is None:
            return None
        self._read_study(benchmark, reading)
        match = None
        if reading == "match" and (match := self._match.get(benchmark.digest)) is None:
            return None
        raters = self._raters[benchmark.digest]
        return report([result.model], ratings, [result], benchmark, raters, self._reference(), match)

    def _ratings(self, result: Result, published: Mapping[str, Floats]) -> Floats | None:
        """A row's ratings, prompt by prompt where they are at hand, else their means."""
        means = published.get(result.id)
        if means is None and (means := self._answers.mean(result)) is None:
            return None
        try:
            return self._answers.rated(result).ratings[None]
        except InputError:
            return means[None, None]

    def _read_study(self, benchmark: Benchmark, reading: Reading) -> None:
        """Work out what is needed of a study, which takes long to read and is not kept: its rows are people."""
        digest = benchmark.digest
        templates = self._templates(digest) if reading == "match" and digest not in self._match else None
        if digest in self._raters and templates is None:
            return
        study = self._study(benchmark)
        self._raters[digest] = rater_means(benchmark, study)
        if templates is not None:
            self._match[digest] = match_reading(benchmark, study, templates)


def _key(reading: Reading, result: Result) -> tuple[Reading, str, str]:
    return reading, result.id, result.created.isoformat()
