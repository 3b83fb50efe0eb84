"""The two tiers of tests: the fast one, which every change runs (`python3 tools/run.py test --fast`), and the whole.

A test is slow if it says so (`@pytest.mark.slow`, also on a module or on one parameter), stands in one of `FOLDERS`, or
asks for one of `FIXTURES`. Every other test is fast and is held to that whenever it runs: it fails if it starts a
process or sleeps for longer than `LONGEST_SLEEP`. Work that is merely long is shown by `--durations`.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

SLOW = ("slow", "browser", "local_model")
"""Markers of tests that are not in the fast tier."""
FAST = " and ".join(f"not {marker}" for marker in SLOW)
"""The fast tier as an expression for `-m`."""
FOLDERS = ("tests/browser", "tests/eval_queue/workers", "tests/support/hub")
"""Folders where each test starts an app, a worker, a browser or a Hub."""
FIXTURES = frozenset({"store_hub", "_store_hub", "hub", "away", "running", "browser", "served"})
"""Fixtures that start a Hub, an app or a browser."""
LONGEST = (
    "tests/eval_queue/workers/test_many_workers.py",
    "tests/browser/test_board.py",
    "tests/browser/test_accessibility.py",
    "tests/browser/test_end_to_end.py",
    "tests/browser",  # together: a process that has a browser open goes on with it
    "tests/faults/test_hub.py",
    "tests/eval_queue/store/test_hub.py",
    "tests/eval_queue/workers/test_worker.py",
    "tests/eval_queue/store/test_limits.py",
    "tests/eval_queue/executors/test_contract.py",
    "tests/eval_queue/reading/test_reader.py",
    "tests/eval_queue/queue/test_queue.py",
    "tests/attack/test_packages.py",
    "tests/leaderboard/groups/test_proximity.py",
    "tests/eval_queue/test_personas.py",
    "tests/support/hub/test_faults.py",
    "tests/attack/test_operations.py",
    "tests/eval_queue/asking/test_shards.py",
    "tests/eval_queue/workers/test_endpoint_check.py",
    "tests/eval_queue/scoring/test_publishing.py",
    "tests/eval_queue/offline/test_batch.py",
    "tests/eval_queue/queue/test_persona_sets.py",
    "tests/faults/test_pages.py",
    "tests/leaderboard/test_api.py",
    "tests/leaderboard/exports/test_static_copy.py",
    "tests/leaderboard/measurement/test_short_form.py",
    "tests/eval_queue/asking/test_local_model.py",
    "tests/data/sources/test_loading.py",
    "tests/test_docs.py",
    "tests/test_installation.py",
)
"""Files and folders that take longest: begun first, no core waits for them at the end."""
LONGEST_SLEEP = 0.25
"""Longest single sleep of a fast test, in seconds; polling sleeps for less."""
_STARTS = frozenset({"multiprocessing", "subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"})


class Watch:
    """What the fast test that runs now does that it should not."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._active = False
        self._sleep = time.sleep
        start = BaseProcess.start

        def starting(process: BaseProcess) -> None:  # `multiprocessing` says it by no audit event
            self._event("multiprocessing", ())
            start(process)

        BaseProcess.start = starting  # type: ignore[method-assign]
        sys.addaudithook(self._event)

    @contextmanager
    def over(self, test: pytest.Item) -> Generator[None, None, None]:
        """Watch this test if it is a fast one."""
        self.seen.clear()
        self._active = is_fast(test)
        if self._active:
            time.sleep = self._sleeping
        try:
            yield
        finally:
            self._active = False
            time.sleep = self._sleep

    def _event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._active and event in _STARTS and _of_the_test():
            command = f" {arguments[1]}" if event == "subprocess.Popen" else ""
            if list(arguments[1:2]) == [["uname", "-p"]]:
                return  # Python's own `platform`, once for whoever imports a library that asks
            self.seen.append(f"starts a process ({event}{command})")

    def _sleeping(self, seconds: float) -> None:  # Python says it by an audit event only from 3.13 on
        if seconds > LONGEST_SLEEP and _of_the_test():
            self.seen.append(f"sleeps for {seconds:.2f} s")
        self._sleep(seconds)


def _of_the_test() -> bool:
    return threading.current_thread() is threading.main_thread()


_watch = Watch()


def is_fast(item: pytest.Item) -> bool:
    """Whether a collected test is in the fast tier."""
    return not any(item.get_closest_marker(marker) for marker in SLOW)


def _within(path: Path, root: Path, folders: Iterable[str]) -> bool:
    return any(path.is_relative_to(root / folder) for folder in folders)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer `--fast`."""
    parser.addoption("--fast", action="store_true", help=f"only the fast tier: -m '{FAST}'")


def pytest_configure(config: pytest.Config) -> None:
    """Select the fast tier, and within it what `-m` selects."""
    own = config.option.markexpr
    if config.option.fast and not own.endswith(FAST):  # also in a worker of xdist, whether it is told of this or not
        config.option.markexpr = f"({own}) and {FAST}" if own else FAST


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without looking for garbage, neither now nor later in what stays: that took a third of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


# before `-m` selects by these markers
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, None, None]:
    """Mark what is slow by where it stands and what it asks for; with several workers begin with the longest files."""
    for item in items:
        asked = FIXTURES.intersection(getattr(item, "fixturenames", ()))
        if asked or _within(item.path, config.rootpath, FOLDERS):
            item.add_marker(pytest.mark.slow)
    if hasattr(config, "workerinput"):
        turns = {config.rootpath / name: turn for turn, name in enumerate(LONGEST)}
        items.sort(key=lambda item: turns.get(item.path, turns.get(item.path.parent, len(LONGEST))))
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Watch a fast test from its first fixture to its last."""
    with _watch.over(item):
        return (yield)


def _held(item: pytest.Item) -> None:
    seen, _watch.seen = list(dict.fromkeys(_watch.seen)), []
    if seen:
        pytest.fail(f"This test is in the fast tier but {'; '.join(seen)}. Mark it `slow`.", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a fast test whose fixtures start a process or wait."""
    yield
    _held(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a fast test that starts a process or waits."""
    yield
    _held(item)
