"""How the app is: for `/health`, `/metrics` and administrators. Numbers and states only, nothing that is private."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from data.errors import InputError
from eval_queue.store.collection import Problem
from eval_queue.store.local import StoreUnavailable, WriteConflict
from eval_queue.submission import Submission
from eval_queue.workers.scheduler import Vitals
from leaderboard.site.citation import version
from leaderboard.site.site import Site

SILENT_LOOKS: Final = 10
"""An evaluator that has missed so many looks for work does not live any more."""
SILENT_SECONDS: Final = 120.0
"""But never less than this."""
SIZE_SECONDS: Final = 60.0
"""How old the store's size may be: counting it reads the folder."""


_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Status:
    """How the app is at a moment."""

    trouble: tuple[str, ...]
    """Why it cannot serve its purpose, a sentence each; empty while it can."""
    version: str
    benchmark: str
    """Its name."""
    digest: str
    store_since: datetime | None
    """What is shown is of then, because the store cannot be reached; None while it can."""
    evaluator: Vitals | None
    """How this app's evaluator is; None where another process evaluates."""
    states: Mapping[str, int]
    """Submissions by state."""
    failures: Mapping[str, int]
    """Failed submissions by code."""
    oldest_seconds: float | None
    """For how long the oldest waiting submission waits."""
    running: tuple[Submission, ...]
    """With their leases."""
    rows: int
    """Results that are shown."""
    problems: tuple[Problem, ...]
    """Records that are set aside."""

    @property
    def fine(self) -> bool:
        """Whether the app can serve its purpose."""
        return not self.trouble


def status(site: Site) -> Status:
    """How the app is now. Cheap while nothing changes."""
    queue, trouble = site.queue, []
    submissions: list[Submission] = []
    rows, problems = 0, []
    try:
        submissions, rows, problems = queue.submissions(), len(site.results()), queue.problems()
    except (StoreUnavailable, WriteConflict):
        trouble.append("the store cannot be read")
    except InputError as error:
        trouble.append("the store is damaged; the log says where")
        _log.error("the store is damaged: %s", error)
    outage = queue.outage()
    if outage is not None and outage.since is None and not trouble:
        trouble.append("the store cannot be reached, and nothing of it was read before")
    elif outage is not None and not trouble and not queue.on_hub:
        trouble.append("the store cannot be " + ("written" if outage.readable else "read"))
    evaluator = site.evaluator()
    patience = max(SILENT_SECONDS, SILENT_LOOKS * (site.scheduler_seconds or 0))
    if evaluator is not None and evaluator.trouble is not None:
        trouble.append(evaluator.trouble)
    elif evaluator is not None and evaluator.silent_seconds > patience:
        trouble.append(f"the evaluator has not looked for work for {evaluator.silent_seconds:.0f} seconds")
    waiting = [s.created for s in submissions if s.state == "pending"]
    return Status(
        trouble=tuple(trouble),
        version=version(),
        benchmark=site.benchmark.name,
        digest=site.benchmark.digest,
        store_since=None if outage is None else outage.since,
        evaluator=evaluator,
        states=Counter(s.state for s in submissions),
        failures=Counter(s.failure.code for s in submissions if s.state == "failed" and s.failure),
        oldest_seconds=(queue.clock() - min(waiting)).total_seconds() if waiting else None,
        running=tuple(s for s in submissions if s.state == "running"),
        rows=rows,
        problems=tuple(problems),
    )


class FolderSize:
    """Bytes and files of a folder, counted at most once a minute. Threads may share it."""

    def __init__(self, folder: Path | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._clock = folder, clock
        self._lock = threading.Lock()
        self._counted: tuple[float, int, int] | None = None

    def __call__(self) -> tuple[int, int]:
        """Bytes and files; zeros where there is no folder."""
        with self._lock:
            if self._counted is None or self._clock() - self._counted[0] > SIZE_SECONDS:
                self._counted = (self._clock(), *self._count())
            return self._counted[1:]

    def _count(self) -> tuple[int, int]:
        size = files = 0
        for place, _, names in os.walk(self._folder) if self._folder else ():
            for name in names:
                try:
                    size += os.lstat(os.path.join(place, name)).st_size
                except OSError:  # gone meanwhile
                    continue
                files += 1
        return size, files
