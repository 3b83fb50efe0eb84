"""What is known of both readings of a board's rows beside their records: for its page, and for a row's own.

The examination of the published models is shipped (`data/published/readings.json`), as is how far each column tells
them apart (`validation.json`); both speak of the benchmark they name only. Where other rows stand among people is
worked out from their answers, if the benchmark, its templates and its norms are at hand.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, NamedTuple

import numpy as np
from pydantic import ValidationError

from data import shipped
from data.benchmark import Benchmark
from data.errors import InputError
from data.people.norms import READINGS, Reading, percentiles
from data.people.validation import ColumnReliability
from data.sources.published_templates import templates_of
from data.sources.published_validity import norms_of, read_validation
from data.values import Dimension
from eval_queue.records import Result
from eval_queue.scoring.formulas import Floats
from eval_queue.store.local import StoreUnavailable, WriteConflict
from leaderboard.boards.results import Board
from leaderboard.boards.row_answers import RowAnswers
from leaderboard.measurement.reading_report import AmongPeople, ReadingsReport, among_people

PUBLISHED_READINGS: Final = shipped.PUBLISHED / "readings.json"
"""The report on the published models; written by `python -m leaderboard readings`."""
TELLS_APART: Final = 0.5
"""A column whose reliability between models is lower cannot tell them apart."""

AddressReading = Literal["published", "all"]
"""What the field `reading` of an address says."""
ADDRESS_READINGS: Final[tuple[AddressReading, ...]] = ("published", "all")
NO_TEMPLATES: Final = "Its record has no match on all items: it was made before there were any."

_CHUNK: Final = 50
"""Rows whose percentiles are worked out at once: each needs 0.3 MB."""

_log = logging.getLogger(__name__)


def reading_of(asked: str | None) -> Reading:
    """The reading that an address asks for; as published where it names none that is known."""
    return "match" if asked == "all" else "published"


def no_match(result: Result) -> str | None:
    """Why a row has no match at all, as a sentence; None where it has one."""
    if result.match is not None:
        return None
    return f"No match: {result.match_reason}." if result.match_reason else NO_TEMPLATES


class Cell(NamedTuple):
    """A row on a dimension, under a reading."""

    score: float
    """Rating points around its own average, or a match."""
    low: float | None
    """Lower end of the 95 % interval."""
    high: float | None
    n: int | None
    """Responses with a rating that count; null for a match, for which all do."""


def cell_of(result: Result, d: Dimension, reading: Reading) -> Cell | None:
    """A row on a dimension; None where it has no number there."""
    if reading == "match":
        m = (result.match or {}).get(d.scale, {}).get(d.name)
        return None if m is None or m.match is None else Cell(m.match, m.low, m.high, None)
    profile = result.scales.get(d.scale)
    s = profile.dimensions.get(d.name) if profile else None
    return None if s is None or s.score is None else Cell(s.score, s.low, s.high, s.n)


@lru_cache(maxsize=4)
def read_readings(digest: str, path: Path = PUBLISHED_READINGS) -> ReadingsReport | None:
    """The shipped report; None where there is none for this benchmark, or it cannot be read, which is logged.

    Args:
        digest: of the benchmark in use.
        path: the file.
    """
    try:
        report = ReadingsReport.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        _log.exception("%s cannot be read: write it anew with `python -m leaderboard readings`", path.name)
        return None
    return report if report.benchmark_digest == digest else None


class Columns(NamedTuple):
    """How far columns tell models apart."""

    models: int
    """How many models that was seen between."""
    columns: Mapping[Reading, Mapping[str, ColumnReliability]]
    """By reading and dimension."""


@lru_cache(maxsize=4)
def read_columns(digest: str) -> Columns | None:
    """The reliability of a board's columns between the published models; None for any other benchmark."""
    try:
        report = read_validation()
    except InputError:
        _log.exception("how far columns tell models apart cannot be read")
        return None
    if report is None or report.benchmark.digest != digest or not report.columns:
        return None
    return Columns(len(report.models), report.columns)


Standing = Mapping[Reading, Mapping[str, Mapping[str, AmongPeople]]]
"""Where rows stand among the people who rated the same responses: by reading, id of the row and dimension."""


class Standings:
    """Boards' rows among the people who rated the same responses.

    Args:
        benchmarks: those at hand, by digest.
        answers: what rows answered.
    """

    def __init__(self, benchmarks: Mapping[str, Benchmark], answers: RowAnswers) -> None:
        self._benchmarks = benchmarks
        self._answers = answers

    def of(self, board: Board) -> Standing | None:
        """All rows of a board that can be set among people; None where nobody rated its benchmark, as in practice."""
        if board.practice:
            return None
        report = read_readings(board.key.digest)
        found: dict[Reading, dict[str, Mapping[str, AmongPeople]]] = {reading: {} for reading in READINGS}
        others: list[Result] = []
        for r in board.results:
            if report is not None and r.origin == "published" and r.model in report.among_people["published"]:
                for reading in READINGS:
                    found[reading][r.id] = report.among_people[reading][r.model]
            elif r.complete:
                others.append(r)
        benchmark = self._benchmarks.get(board.key.digest)
        if benchmark is not None:
            for start in range(0, len(others), _CHUNK):
                for reading, rows in self._compute(benchmark, others[start : start + _CHUNK]).items():
                    found[reading] |= rows
        return found if any(found.values()) else None

    def _compute(
        self, benchmark: Benchmark, rows: Sequence[Result]
    ) -> Mapping[Reading, dict[str, dict[str, AmongPeople]]]:
        templates, norms = templates_of(benchmark), norms_of(benchmark)
        means = self._means(rows)
        if templates is None or norms is None or not means:
            return {}
        ids = [item.id for item in benchmark.items]
        standing = percentiles(np.array(list(means.values())), ids, norms, templates.loadings, benchmark.key.selected)
        return {
            reading: {id_: among_people(percentile, m) for m, id_ in enumerate(means)}
            for reading, percentile in standing.items()
        }

    def _means(self, rows: Sequence[Result]) -> dict[str, Floats]:
        found = {}
        for r in rows:
            try:
                mean = self._answers.mean(r)
            except (StoreUnavailable, WriteConflict) as error:
                _log.warning("the answers of %s cannot be had now, it is not set among people: %s", r.id, error)
                continue
            if mean is not None:
                found[r.id] = mean
        return found
