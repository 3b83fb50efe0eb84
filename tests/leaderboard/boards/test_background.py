"""Work beside visitors: quick work is there at once, slow work is said to be under way, and each is done once."""

from __future__ import annotations

import threading

from leaderboard.boards.background import WORKING, BackgroundWork
from tests.support.waiting import LIMIT, until


def test_quick_work_is_there_at_once_and_done_once() -> None:
    made: list[int] = []

    def make() -> int:
        made.append(1)
        return 7

    work: BackgroundWork[int] = BackgroundWork(patience=LIMIT)
    assert [work.get("a", 1, make) for _ in range(3)] == [7, 7, 7]
    assert len(made) == 1
    assert work.get("a", 2, make) == 7
    assert len(made) == 2, "another key is other work"


def test_nobody_waits_for_slow_work() -> None:
    go = threading.Event()

    def make() -> int:
        go.wait(LIMIT)
        return 7

    work: BackgroundWork[int] = BackgroundWork(patience=0.01)
    assert work.get("a", 1, make) is WORKING
    assert work.get("a", 1, make) is WORKING
    go.set()
    until(lambda: work.get("a", 1, make) == 7)


def test_work_that_fails_is_none_and_stops_nothing() -> None:
    def make() -> int:
        raise ValueError("not today")

    work: BackgroundWork[int] = BackgroundWork(patience=LIMIT)
    assert work.get("a", 1, make) is None
    assert work.get("b", 1, lambda: 3) == 3
