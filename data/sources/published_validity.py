"""The published benchmark's validity report and norms as files, and which belong to the benchmark in use.

Only aggregates are in it. Numbers are rounded to `DECIMALS`, far below what any reading changes, so that the file is
the same on every machine. It is written whole or not at all, and believed only for the digest it names.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Final, TypeVar

from cachetools import cached
from pydantic import BaseModel, ValidationError

from data import shipped
from data.benchmark import Benchmark
from data.errors import InputError
from data.files import write_whole
from data.people.item_means import read_item_means
from data.people.norms import Norms, norms
from data.people.validation import ValidationReport, validate
from data.sources.loading import load_study

PUBLISHED: Final = shipped.PUBLISHED / "validation.json"
"""The file of the published benchmark."""
NORMS: Final = shipped.PUBLISHED / "norms.json"
"""The file of its norms: how people's scores are spread, group by group."""
DECIMALS: Final = 9

_T = TypeVar("_T", bound=BaseModel)


def encode(report: ValidationReport) -> bytes:
    """A report as the bytes of its file."""
    rounded = ValidationReport.model_validate(_rounded(report.model_dump()))
    return rounded.model_dump_json().encode() + b"\n"


def write_validation(report: ValidationReport, path: Path = PUBLISHED) -> None:
    """Write the file, in place of an older one."""
    write_whole(path, encode(report))


def write_norms(found: Norms, path: Path = NORMS) -> None:
    """Write the file of the norms, in place of an older one."""
    write_whole(path, found.model_dump_json().encode() + b"\n")


def read_validation(path: Path = PUBLISHED) -> ValidationReport | None:
    """Read the file; None where there is none.

    Raises:
        InputError: it is not such a file.
    """
    return _read(path, ValidationReport, "a validity report")


@cached({}, key=lambda benchmark, _=None: benchmark.digest, condition=threading.Condition())
def validation_of(benchmark: Benchmark, source: str | Path | None = None) -> ValidationReport:
    """The report of a benchmark: from the file if that is its digest, else computed once and kept.

    Args:
        benchmark: as loaded.
        source: where it was loaded from; the ratings behind its key lie there too.

    Raises:
        InputError: the ratings cannot be had, or the file is damaged.
    """
    found = read_validation()
    if found is not None and found.benchmark.digest == benchmark.digest:
        return found
    study = load_study("practice" if benchmark.is_practice else source)
    return validate(benchmark, study, read_item_means(benchmark))


@cached({}, key=lambda benchmark: benchmark.digest, condition=threading.Condition())
def norms_of(benchmark: Benchmark) -> Norms | None:
    """The norms of a benchmark: from the file if that is its digest, else computed from its ratings once and kept.

    Returns:
        None where neither can be had.

    Raises:
        InputError: the file is damaged.
    """
    found = _read(NORMS, Norms, "norms")
    if found is not None and found.digest == benchmark.digest:
        return found
    source = "practice" if benchmark.is_practice else benchmark.source
    if source is None:
        return None
    try:
        return norms(load_study(source), [item.id for item in benchmark.items], benchmark.digest)
    except InputError:  # published without ratings, or of other items
        return None


def _read(path: Path, shape: type[_T], what: str) -> _T | None:
    """A file; None where there is none."""
    try:
        return shape.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise InputError(f"expected {what}; {shipped.REWRITE}", file=path) from error


def _rounded(x: Any) -> Any:
    if isinstance(x, dict):
        return {name: _rounded(value) for name, value in x.items()}
    if isinstance(x, list):
        return [_rounded(value) for value in x]
    return round(x, DECIMALS) if isinstance(x, float) else x
