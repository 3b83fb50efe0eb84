"""What all pages know: the benchmark in use, the queue, who may be asked, and the results to show."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from data.benchmark import Benchmark
from eval_queue.intake import Rules
from eval_queue.queue import Queue
from eval_queue.records import Result
from eval_queue.settings import Endpoint
from leaderboard.ranking import Rankings
from leaderboard.results import PUBLISHED, Board, Loaded, boards, load


@dataclass(frozen=True)
class Site:
    """Everything the pages read; nothing here changes while the app runs, except what the queue holds."""

    benchmark: Benchmark
    """The benchmark in use."""
    practice: Benchmark
    """The practice benchmark, which may be the one in use."""
    queue: Queue
    endpoints: tuple[Endpoint, ...]
    """Who may be asked here."""
    quota: int
    """How many submissions one person may have waiting or running."""
    scheduler_seconds: float | None
    """How often this app looks for work; None where another process evaluates."""
    notes: Callable[[], Mapping[str, str]] = dict
    """Why submissions are left waiting here, by id."""
    source: str | None = None
    """Where the benchmark in use was loaded from, as the settings name it."""
    rules: Rules = field(default_factory=Rules)
    """What the operator allows visitors to do."""
    signs_in: bool = False
    """Whether visitors sign in here; else everybody is `local`."""
    published_file: Path = PUBLISHED

    @cached_property
    def published(self) -> Loaded:
        """The released models' results that come with the project."""
        return load(self.published_file)

    @cached_property
    def choices(self) -> Mapping[str, Benchmark]:
        """Benchmarks a visitor may choose, by digest: the one in use first."""
        return {b.digest: b for b in (self.benchmark, self.practice)}

    @cached_property
    def rankings(self) -> Rankings:
        """The ranks of the boards' rows."""
        return Rankings(self.choices, self.queue.answers)

    def results(self) -> list[Result]:
        """All results that may be shown."""
        return [*self.published.results, *self.queue.results()]

    def boards(self) -> tuple[Board, ...]:
        """All results as boards; the published models' board opens."""
        return boards(self.results(), first=[r.id for r in self.published.results])

    def revision(self) -> str:
        """A short name for exactly the results that are shown now, for citations."""
        rows = sorted(f"{r.id} {r.created.isoformat()}" for r in self.results())
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:12]
