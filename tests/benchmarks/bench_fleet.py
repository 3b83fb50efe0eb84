"""How many workers the Hub's limits carry: 10,000 models and 50 workers, in simulated time.

Run from the repository root: `python -m tests.benchmarks.bench_fleet [--models N] [--workers N]`. The queue is the real
one: who claims what, whose lease ends, and how often signs of life are due is decided by `eval_queue.queue` on a clock
of the simulation. Only the Hub is simulated: a store in memory that counts, and refuses what is above a limit until the
time at which it is allowed again, as the Hub's 429 does. What an operation costs in requests was counted with the real
client (`bench_hub`, 10,000 on record): most of it is the list of records, in pages of 1,000.

Limits. Requests: the Hub's page on rate limits, 1,000 requests of the API in five minutes for a free account, 2,500
for PRO, 6,000 for Enterprise (hub-docs#1958, of 2025-09). Commits: 128 an hour is what the Hub's own error says
(huggingface_hub#3010, braindecode#947); its documentation has no number, and none for other accounts is known. Here it
holds for both repositories of an account together, which is the careful reading.

The first hours are simulated, and the time until nothing waits follows from the pace in the second half of them.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import logging
import math
import random
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, NamedTuple

import typer

from eval_queue.queue.heartbeats import lease_for
from eval_queue.queue.queue import Claim, LeaseLost, Queue, Sign
from eval_queue.records import BenchmarkRef, Result
from eval_queue.settings import Endpoint
from eval_queue.store.collection import encode
from eval_queue.store.local import EMPTY_HEAD, Outage, WriteConflict
from eval_queue.submission import Progress, Submission, new_submission
from tests.support import rows

COMMITS_AN_HOUR: Final = 128
HOUR, FIVE_MINUTES = 3600.0, 300.0
PLANS: Final = {"free": 1000, "PRO": 2500, "Enterprise": 6000}
"""Requests in five minutes."""
PAGE: Final = 1000
"""Records in one answer of the Hub's list."""
MINUTES: Final = 20.0
"""One evaluation, more or less a quarter: 3,120 prompts at 2.6 a second."""
BEAT: Final = 60.0
POLL: Final = 15.0
START: Final = datetime(2026, 11, 1, tzinfo=UTC)


class Memory:
    """A store in memory; see `eval_queue.store.local.Store`."""

    repo = object()
    """As a store on the Hub has one."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}
        self._lists: dict[str, dict[str, str]] = {}
        self._number = 0
        self.commits = 0

    def head(self) -> str:
        return str(self._number) if self._number else EMPTY_HEAD

    def list(self, prefix: str, head: str) -> Mapping[str, str]:
        self._lists.setdefault(prefix, {p: _oid(data) for p, data in self._files.items() if p.startswith(prefix)})
        return self._lists[prefix]

    def read(self, path: str, head: str) -> bytes:
        return self._files[path]

    def commit(self, changes: Mapping[str, bytes | None], expected_head: str, message: str) -> str:
        if expected_head != self.head():
            raise WriteConflict("moved on")
        for path, data in changes.items():
            if data is None:
                self._files.pop(path, None)
            else:
                self._files[path] = data
        for prefix, listed in self._lists.items():
            of = {p: data for p, data in changes.items() if p.startswith(prefix)}
            if of:
                kept = {p: oid for p, oid in listed.items() if p not in of}
                self._lists[prefix] = kept | {p: _oid(data) for p, data in of.items() if data is not None}
        self._number += 1
        self.commits += 1
        return self.head()

    def outage(self) -> Outage | None:
        return None

    def doubt(self) -> None:
        return None


def _oid(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Window:
    """At most so many within so many seconds."""

    def __init__(self, most: float, seconds: float) -> None:
        self.most, self.seconds = most, seconds
        self._used: deque[tuple[float, int]] = deque()
        self._sum = 0

    def free_at(self, n: int, now: float) -> float:
        """When `n` more are allowed."""
        while self._used and self._used[0][0] <= now - self.seconds:
            self._sum -= self._used.popleft()[1]
        over = self._sum + n - self.most
        if over <= 0:
            return now
        for at, used in self._used:
            over -= used
            if over <= 0:
                return at + self.seconds
        return now + self.seconds

    def use(self, n: int, now: float) -> None:
        self._used.append((now, n))
        self._sum += n


class Fleet(NamedTuple):
    """How workers are arranged."""

    name: str
    processes: int
    places: int
    """Evaluations at once in each process."""
    lease: float
    shared: bool
    """Whether signs of life follow `Queue.pace`, or go out every `BEAT` seconds."""


@dataclass
class Process:
    number: int
    claims: dict[str, Claim] = field(default_factory=dict)
    seen: int = 0
    """The state of the queue that it knows."""
    beating: bool = False


@dataclass
class Came:
    """What came of a simulation."""

    done: Counter[int] = field(default_factory=Counter)
    """Evaluations by hour."""
    commits: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    """Operations that had to wait, by the limit that was reached."""
    first: str = "nothing"
    """The limit that was reached first, and when."""
    lost: int = 0
    """Evaluations whose claim was gone at the end."""


class Simulation:
    """Args: how workers are arranged, how many models wait, requests in five minutes, hours to simulate."""

    def __init__(self, fleet: Fleet, models: int, requests: int, hours: float) -> None:
        self.fleet, self.hours, self.models = fleet, hours, models
        self.now = 0.0
        self.came = Came()
        self._dice = random.Random(0)
        self._store = (Memory(), Memory())
        lease = timedelta(seconds=fleet.lease)
        self.queue = Queue(*self._store, lease=lease, clock=lambda: START + timedelta(seconds=self.now))
        self._commits, self._requests = Window(COMMITS_AN_HOUR, HOUR), Window(requests, FIVE_MINUTES)
        self._events: list[tuple[float, int, str, Process, str]] = []
        self._count = itertools.count()
        self._begun: dict[str, float] = {}
        benchmark, endpoint = BenchmarkRef(name="practice", version="1", digest="0" * 64), Endpoint(name="bench")
        made = [
            new_submission(
                f"org/model-{i}",
                endpoint=endpoint,
                benchmark=benchmark,
                submitter="bench",
                at=START - timedelta(days=1),
            )
            for i in range(models)
        ]
        self._store[0].commit({f"submissions/{s.id}.json": encode(s) for s in made}, EMPTY_HEAD, "fill")
        self._store[0].commits = 0

    def run(self) -> Came:
        for n in range(self.fleet.processes):
            process = Process(n)
            for _ in range(self.fleet.places):
                self._later(self._dice.uniform(0, POLL), "claim", process)
        while self._events and self.now < self.hours * HOUR:
            self.now, _, what, process, id_ = heapq.heappop(self._events)
            commits, requests = self._cost(what, process)
            waits = {
                "commits an hour": self._commits.free_at(commits, self.now),
                "requests in five minutes": self._requests.free_at(requests, self.now),
            }
            until = max(waits.values())
            if until > self.now:
                limit = max(waits, key=waits.__getitem__)
                if not self.came.refused:
                    self.came.first = f"{limit}, after {self.now / HOUR:.1f} h"
                self.came.refused[limit] += 1
                # whoever waits for the same moment does not come at the same time
                self._later(until - self.now + self._dice.uniform(0, 5), what, process, id_)
                continue
            before = self._store[0].commits + self._store[1].commits
            self._do(what, process, id_)
            made = self._store[0].commits + self._store[1].commits - before
            self._commits.use(made, self.now)
            self._requests.use(requests, self.now)
            self.came.commits[what] += made
            process.seen = self._store[0].commits
        return self.came

    def _cost(self, what: str, process: Process) -> tuple[int, int]:
        """Commits and requests of an operation, as `bench_hub` counts them."""
        look = 2
        if process.seen != self._store[0].commits:
            look += 3 + math.ceil(self.models / PAGE) + 1
        return {"claim": (1, look + 2), "beat": (1, look + 2), "finish": (2, look + 15)}[what]

    def _do(self, what: str, process: Process, id_: str) -> None:
        if what == "claim":
            claim = self.queue.claim(f"process {process.number}", runnable=lambda s: True)
            if claim is None:
                self._later(POLL, "claim", process)
                return
            process.claims[claim.submission.id] = claim
            self._begun[claim.submission.id] = self.now
            self._later(MINUTES * 60 * self._dice.uniform(0.75, 1.25), "finish", process, claim.submission.id)
            if not process.beating:
                process.beating = True
                self._later(self._pace(), "beat", process)
        elif what == "beat":
            process.beating = bool(process.claims)
            if process.claims:
                for lost in self.queue.renew_all([self._sign(c) for c in process.claims.values()]):
                    self._lose(process, lost.submission.id)
                self._later(self._pace(), "beat", process)
        else:
            claim = process.claims.pop(id_, None)
            if claim is not None:
                try:
                    self.queue.finish(claim, _result(claim.submission), b"PAR1")
                    self.came.done[int(self.now // HOUR)] += 1
                except LeaseLost:
                    self.came.lost += 1
                self._later(0.0, "claim", process)

    def _lose(self, process: Process, id_: str) -> None:
        if process.claims.pop(id_, None) is not None:
            self.came.lost += 1
            self._later(0.0, "claim", process)

    def _pace(self) -> float:
        return self.queue.pace(BEAT) if self.fleet.shared else BEAT

    def _sign(self, claim: Claim) -> Sign:
        number = int(self.now - self._begun[claim.submission.id])
        return Sign(claim, Progress(done=number, total=10**6, rated=number, updated=self.queue.clock()))

    def _later(self, seconds: float, what: str, process: Process, id_: str = "") -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._count), what, process, id_))


def _result(submission: Submission) -> Result:
    own = {name: getattr(submission, name) for name in ("id", "endpoint", "answer_mode", "protocol", "benchmark")}
    return rows.result(submission.model, [0.1] * 10, half=0.2, origin="space").model_copy(update=own)


def fleets(workers: int) -> list[Fleet]:
    """The arrangements that are compared."""
    lease = lease_for(BEAT, workers)
    return [
        Fleet("3 processes, a sign of life a minute each", 3, 1, 600.0, shared=False),
        Fleet("3 processes, shared", 3, 1, lease_for(BEAT, 3), shared=True),
        Fleet(f"{workers} processes, a sign of life a minute each", workers, 1, 600.0, shared=False),
        Fleet(f"{workers} processes, shared, lease 10 min", workers, 1, 600.0, shared=True),
        Fleet(f"{workers} processes, shared, lease {lease / HOUR:.1f} h", workers, 1, lease, shared=True),
        Fleet(f"1 process, {workers} at once, lease 10 min", 1, workers, 600.0, shared=True),
        Fleet(f"1 process, {workers} at once, lease {lease / HOUR:.1f} h", 1, workers, lease, shared=True),
    ]


def main(
    models: Annotated[int, typer.Option(help="How many wait.")] = 10_000,
    workers: Annotated[int, typer.Option(help="How many evaluations run at once.")] = 50,
    hours: Annotated[float, typer.Option(help="How many are simulated.")] = 24.0,
    plan: Annotated[str, typer.Option(help="Whose requests in five minutes: free, PRO or Enterprise.")] = "free",
) -> None:
    """Print the table."""
    logging.getLogger("eval_queue").setLevel(logging.ERROR)
    typer.echo(
        f"{models:,} models, {MINUTES:g} min each; {COMMITS_AN_HOUR} commits an hour, {PLANS[plan]:,} requests in five "
        f"minutes ({plan}); {hours:g} h simulated"
    )
    typer.echo(
        f"{'':44}{'commits/h':>10}{'of life':>8}{'done/h':>8}{'ideal':>7}{'lost':>6}{'drained':>10}  reached first"
    )
    for fleet in fleets(workers):
        came = Simulation(fleet, models, PLANS[plan], hours).run()
        half = [came.done[h] for h in range(int(hours // 2), int(hours))]
        pace = sum(half) / len(half)
        ideal = fleet.processes * fleet.places * 60 / MINUTES
        drained = f"{models / pace / 24:.0f} days" if pace else "never"
        typer.echo(
            f"{fleet.name:44}{came.commits.total() / hours:10.0f}{came.commits['beat'] / hours:8.0f}{pace:8.1f}"
            f"{ideal:7.0f}{came.lost:6}{drained:>10}  {came.first}"
        )


if __name__ == "__main__":
    typer.run(main)
