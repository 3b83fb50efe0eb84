"""The worker inside the app: looks for work every few seconds, in a thread, until it is told to end.

APScheduler runs it: one run at a time, missed runs made up for by one. A run ends when nothing is left to do, so it
may take hours; the looks in between are skipped. `close` tells the worker to stop, which returns its claim, and waits
for it.

In the app's main thread, before the server is launched::

    stop = threading.Event()
    stop_on_signals(stop)
    evaluator = start(settings, queue)
    ...  # launch without blocking
    stop.wait()
    evaluator.close()
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, cast

from data.errors import InputError
from eval_queue.queue.queue import Queue
from eval_queue.settings import Settings
from eval_queue.store.local import StoreUnavailable, WriteConflict
from eval_queue.workers.worker import Worker, worker_of

if TYPE_CHECKING:
    from apscheduler.events import JobEvent
    from apscheduler.schedulers.background import BackgroundScheduler

    from data.benchmark import Benchmark

_log = logging.getLogger(__name__)


class Evaluator:
    """The running evaluator of an app.

    Args:
        worker: who evaluates; None where nobody does in this process.
        stop: the worker's.
        scheduler: what runs it, started.
    """

    def __init__(self, worker: Worker | None, stop: threading.Event, scheduler: BackgroundScheduler | None) -> None:
        self._worker = worker
        self._stop = stop
        self._scheduler = scheduler

    @property
    def notes(self) -> dict[str, str]:
        """Why submissions are left waiting here, by id."""
        return {} if self._worker is None else dict(self._worker.notes)

    @property
    def silent_seconds(self) -> float | None:
        """Since when it has neither looked for work nor worked; None where that is not done in this process."""
        return None if self._worker is None else self._worker.silent_seconds

    def close(self) -> None:
        """Stop evaluating: what runs is returned to the queue within seconds. May be called again."""
        self._stop.set()
        if self._scheduler is not None and self._scheduler.running:
            self._scheduler.shutdown(wait=True)


def start(
    settings: Settings,
    queue: Queue,
    *,
    benchmarks: Iterable[Benchmark] = (),
    elsewhere: Callable[[threading.Event], None] | None = None,
) -> Evaluator:
    """Start evaluating what waits in `queue`, unless the setting `scheduler` switches it off.

    Args:
        settings: endpoints, pace, work folder.
        queue: the queue.
        benchmarks: those that the app has loaded already.
        elsewhere: what has it evaluated on other machines until the event is set, in place of a worker in this process.
    """
    stop = threading.Event()
    if not settings.scheduler:
        return Evaluator(None, stop, None)
    from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.schedulers.background import BackgroundScheduler

    worker = None if elsewhere else worker_of(settings, queue, stop=stop, benchmarks=benchmarks)
    # a look that falls into a long evaluation is skipped as it should be: not worth a warning every few seconds, and
    # errors are told by `_report`
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
    scheduler = BackgroundScheduler(
        timezone=UTC,
        executors={"default": ThreadPoolExecutor(1)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    scheduler.add_listener(_report, EVENT_JOB_ERROR | EVENT_JOB_MISSED)
    scheduler.add_job(
        partial(elsewhere, stop) if worker is None and elsewhere else cast(Worker, worker).drain,
        "interval",
        seconds=settings.poll_seconds,
        id="evaluate",
        replace_existing=True,
        next_run_time=datetime.now(UTC),
    )
    scheduler.start()
    return Evaluator(worker, stop, scheduler)


def stop_on_signals(stop: threading.Event) -> None:
    """Set `stop` at SIGTERM and SIGINT. Only in the main thread, which then waits with `until`."""

    def handle(number: int, frame: FrameType | None) -> None:
        # not here: the main thread, which runs this, may hold the event's lock at this moment and would wait for itself
        threading.Thread(target=_leave, args=(stop,)).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)


def _leave(stop: threading.Event) -> None:
    stop.set()
    # only where the Hub's client is in use: calls that hang there must not keep the program from ending
    if client := sys.modules.get("data.sources.hub_client"):
        client.leave()


def until(stop: threading.Event) -> None:
    """Wait for `stop` in the main thread."""
    # a signal that the system hands to another thread does not wake this one; it is seen at the next turn
    while not stop.wait(1.0):
        pass


def _report(event: JobEvent) -> None:
    """Say what went wrong with a run; the next one comes all the same."""
    error = getattr(event, "exception", None)
    if error is None:
        _log.warning("the evaluator missed its time; the machine may be too busy")
    elif isinstance(error, InputError | StoreUnavailable | WriteConflict):
        _log.error("the evaluator stumbled and will try again: %s", error)
    else:
        _log.error("a fault of this program; the evaluator will try again", exc_info=error)
