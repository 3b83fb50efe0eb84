"""Seeded crash runs: workers killed at any step, disks that are full, lines that are torn, clocks that jump.

A run is a store in a folder, a few submissions of twelve prompts each, and workers one after the other (or two at
once), each of which meets the run's fault at a step that the seed chooses; a last one meets none. Afterwards nothing
may be lost: every submission is done, its result and its answers are whole. No prompt is asked more than once, but for
those that were in flight when a worker ended.

    python -m tests.faults.crashes --runs 200 [--seed 0]
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from tests.support.forks import Forks, forks, serve
from tests.support.waiting import until
from tests.support.worker_process import PROMPTS, tiny_benchmark

CONCURRENCY: Final = 2
LEASE: Final = 0.6
SECONDS: Final = 120.0
FAULTS: Final = (
    "killed at a step",
    "killed at a time",
    "disk full",
    "torn line",
    "clock jumps",
    "two at once",
    "stopped",
)
FORKED: Final = ("tests.faults.crashes", "serve")
"""What `forks` is told to start the workers here."""
_SKEWS: Final = (-3600.0, 3600.0)


@dataclass(frozen=True)
class Life:
    """What one worker is to meet."""

    folder: str
    chat: str
    step: int = 0
    """At which step it meets the fault; 0 for none."""
    full: int = 0
    """For how many steps the disk is full from there on; 0: it is killed there."""
    skew: float = 0.0
    """By how many seconds its clock is wrong."""


@dataclass
class Report:
    """What came of a run."""

    seed: int
    fault: str
    faults: int = 0
    lost: int = 0
    again: int = 0
    """Prompts that were asked more than once."""
    in_flight: int = 0
    """The most that may have been, over all attempts that ended early: of a kill, a fault or a lease that ran out."""
    requeued: int = 0
    """Failures that an operator would have sent back: a full disk."""


# --- the worker, in a process of its own ----------------------------------------------------------------------------


def work(life: Life) -> None:
    """Evaluate until nothing waits or runs any more."""
    from eval_queue.queue.queue import Queue
    from eval_queue.settings import Endpoint
    from eval_queue.store.local import LocalStore, StoreUnavailable, WriteConflict
    from eval_queue.submission import ACTIVE
    from eval_queue.workers.worker import Benchmarks, Worker

    folder = Path(life.folder)
    store = LocalStore(folder / "store")
    skew = timedelta(seconds=life.skew)
    queue = Queue(store, store, lease=timedelta(seconds=LEASE), clock=lambda: datetime.now(UTC) + skew)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=stop.set).start())
    worker = Worker(
        queue,
        endpoints=[Endpoint(name="chat", base_url=life.chat, concurrency=CONCURRENCY)],  # type: ignore[arg-type]
        benchmarks=Benchmarks("practice", [tiny_benchmark()]),
        work=folder / "store" / "work",
        stop=stop,
        beat=0.05,
    )
    _watch(life)

    def ended() -> bool:
        with contextlib.suppress(StoreUnavailable, WriteConflict):
            worker.drain()
            return stop.is_set() or all(s.state not in ACTIVE for s in queue.submissions())
        return stop.is_set()

    until(ended, SECONDS, longest_pause=0.05)


def _watch(life: Life) -> None:
    """Meet the fault at the step that was chosen: a step is anything that is opened, renamed, made or removed there."""
    if not life.step:
        return
    steps = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal steps
        if event not in ("open", "os.rename", "os.remove", "os.mkdir"):
            return
        if not isinstance(arguments[0], str) or not arguments[0].startswith(life.folder):
            return
        steps += 1
        if steps < life.step:
            return
        if not life.full:
            os.kill(os.getpid(), signal.SIGKILL)
        reads = event == "open" and isinstance(arguments[1], str) and arguments[1].startswith("r")
        if steps < life.step + life.full and not reads:
            raise OSError(28, os.strerror(28))

    sys.addaudithook(hook)


def _serve() -> None:
    import aiohttp  # noqa: F401
    import pandas  # noqa: F401 - by pyarrow, as soon as it is used
    import pyarrow.parquet  # noqa: F401

    import eval_queue.workers.worker  # noqa: F401 - imported for the forks

    tiny_benchmark()
    serve(Life, work)


# --- a run ----------------------------------------------------------------------------------------------------------


def crash_run(seed: int, workers: Forks, folder: Path) -> Report:
    """One run from its seed."""
    from eval_queue.queue.queue import Queue
    from eval_queue.records import BenchmarkRef
    from eval_queue.settings import Endpoint
    from eval_queue.store.local import LocalStore
    from eval_queue.submission import new_submission
    from tests.support.chat_server import ChatServer, rate

    chance = random.Random(seed)
    fault = FAULTS[seed % len(FAULTS)]
    report = Report(seed, fault)
    store = LocalStore(folder / "store")
    queue = Queue(store, store, lease=timedelta(seconds=LEASE))
    models = [f"org/{name}" for name in "abc"[: chance.randint(1, 3)]]
    ref = BenchmarkRef.of(tiny_benchmark())
    with ChatServer(lambda asked: _slowly(rate(asked), chance.uniform(0.0, 0.1))) as chat:
        for model in models:
            endpoint = Endpoint(name="chat", base_url=chat.address)
            submitted = new_submission(model, endpoint=endpoint, benchmark=ref, submitter="ada", at=queue.clock())
            queue.submit(submitted, quota=None)
        for _ in range(chance.randint(1, 4)):
            _one_life(chance, fault, workers, folder, chat.address, report)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            for s in queue.submissions():
                if s.state == "failed":
                    queue.requeue(s.id, by="an operator")
                    report.requeued += 1
            workers.wait(workers.start(Life(str(folder), chat.address)), end - time.monotonic())
            if all(s.state == "done" for s in queue.submissions()):
                break
        asked = Counter((asked.body["model"], asked.prompt) for asked in chat.asked)
    results = {r.model: r for r in queue.results()}
    for model in models:
        rated = results[model].coverage.rated if model in results else 0
        report.lost += PROMPTS - rated
        report.lost += sum(n == 0 for (of, _), n in asked.items() if of == model)
    report.again = sum(asked.values()) - len(asked)
    attempts = (sum(step.state == "running" for step in s.history) for s in queue.submissions())
    report.in_flight += CONCURRENCY * sum(number - 1 for number in attempts)
    return report


def _one_life(chance: random.Random, fault: str, workers: Forks, folder: Path, chat: str, report: Report) -> None:
    base = Life(str(folder), chat, skew=chance.choice(_SKEWS) if fault == "clock jumps" else 0.0)
    if fault in ("killed at a step", "disk full", "torn line"):
        step, full = chance.randint(1, 80), chance.randint(1, 40) if fault == "disk full" else 0
        pids = [workers.start(Life(base.folder, chat, step=step, full=full))]
    else:
        pids = [workers.start(base) for _ in range(2 if fault == "two at once" else 1)]
    time.sleep(chance.uniform(0.05, 1.0))
    for pid in pids:
        # whoever has not met its fault by then is ended in the middle of whatever it does
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM if fault == "stopped" else signal.SIGKILL)
        workers.wait(pid, 30)
        report.faults += 1
    if fault == "torn line":
        for path in (folder / "store" / "work").glob("*/answers.jsonl"):
            content = path.read_bytes()
            whole = content.rfind(b"\n", 0, len(content) - 1) + 1
            if content:
                # the last line had not been written whole: its prompt was in flight
                path.write_bytes(content[: chance.randint(whole, len(content) - 1)])
                report.in_flight += 1


def _slowly(response: Any, delay: float) -> Any:
    from dataclasses import replace

    return replace(response, delay=delay)


app = typer.Typer(add_completion=False)


@app.command("serve")
def serve_forks() -> None:
    """Fork workers for another process."""
    _serve()


@app.command("run")
def run_all(
    runs: Annotated[int, typer.Option(help="How many runs.")] = 200,
    seed: Annotated[int, typer.Option(help="The first run's seed; the others follow.")] = 0,
) -> None:
    """Make crash runs and print what came of them; exit status 1 if anything was lost or asked too often."""
    reports: list[Report] = []
    with forks(*FORKED) as workers:
        for number in range(seed, seed + runs):
            with tempfile.TemporaryDirectory() as folder:
                reports.append(crash_run(number, workers, Path(folder)))
            last = reports[-1]
            if last.lost or last.again > last.in_flight:
                typer.echo(f"seed {number}: {last}")
    bad = 0
    typer.echo("fault              runs  faults  losses  asked again  in flight at most  sent back")
    for fault in FAULTS:
        of = [r for r in reports if r.fault == fault]
        sums = [sum(getattr(r, name) for r in of) for name in ("faults", "lost", "again", "in_flight", "requeued")]
        typer.echo(f"{fault:18} {len(of):4} {sums[0]:7} {sums[1]:7} {sums[2]:12} {sums[3]:18} {sums[4]:10}")
        bad += sum(r.lost > 0 or r.again > r.in_flight for r in of)
    typer.echo(f"{len(reports)} runs, {sum(r.lost for r in reports)} losses, {bad} runs in which something is wrong")
    raise typer.Exit(1 if bad else 0)


if __name__ == "__main__":
    # `--runs 200` is the usual call
    if len(sys.argv) < 2 or sys.argv[1].startswith("--"):
        sys.argv.insert(1, "run")
    app()
