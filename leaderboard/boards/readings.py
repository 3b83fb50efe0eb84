"""The shipped examination of both readings, for the pages: `data/published/readings.json`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from data import shipped
from leaderboard.analysis.reading_report import ReadingsReport

PUBLISHED_READINGS: Final = shipped.PUBLISHED / "readings.json"
"""The report on the published models; written by `python -m leaderboard readings`."""

_log = logging.getLogger(__name__)


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
