"""A few of the crash runs; `python -m tests.faults.crashes --runs 200` makes many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.crashes import FAULTS, FORKED, crash_run
from tests.support.forks import Forks, forks

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def workers() -> Iterator[Forks]:
    with forks(*FORKED) as made:
        yield made


@pytest.mark.parametrize("seed", range(len(FAULTS)), ids=FAULTS)
def test_nothing_is_lost_and_little_is_asked_again(workers: Forks, tmp_path: Path, seed: int) -> None:
    report = crash_run(seed, workers, tmp_path)
    assert report.faults
    assert report.lost == 0
    assert report.again <= report.in_flight
