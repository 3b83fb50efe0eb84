"""The worker inside the app: looks for work every few seconds, in a thread, until it is told to end.

APScheduler runs it: one run at a time, missed runs made up for by one. A run ends when nothing is left to do, so it
may take hours; the looks in between are skipped. `close` tells the worker to stop, which returns its claim, and waits
for it. A thread of it that dies (memory, a fault of a library) is seen within a second by the main thread, said, and
started again; an evaluation that is under way goes on meanwhile.

In the app's main thread, before the server is launched::

    stop = threading.Event()
    stop_on_signals(stop)
    evaluator = start(settings, queue)
    ...  # launch without blocking
    until(stop, evaluator.look_after)
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
from typing import TYPE_CHECKING, Final, NamedTuple

from data.errors import InputError
from eval_queue.queue.queue import Queue
from eval_queue.settings import Settings
from eval_queue.store.local import StoreUnavailable, WriteConflict
from eval_queue.workers.worker import Worker, worker_of

if TYPE_CHECKING:
    from apscheduler.events import JobEvent
    from apscheduler.schedulers.blocking import BlockingScheduler

    from data.benchmark import Benchmark

START_SECONDS: Final = 10.0
"""How long the scheduler's thread may take to begin."""
DIED: Final = "a thread of the evaluator has died and is started again; if this stays, restart the app"

_log = logging.getLogger(__name__)


class Vitals(NamedTuple):
    """How the evaluator in an app is."""

    silent_seconds: float
    """Since when it has neither looked for work nor worked; 0 where that is done on other machines."""
    restarts: int
    """How often one of its threads died and was started again."""
    trouble: str | None
    """Why it does not work now, in words for people; None while it does."""


class Evaluator:
    """The running evaluator of an app.

    Args:
        worker: who evaluates; None where nobody does in this process.
        stop: the worker's.
        run: evaluates what waits; None where the setting switches it off.
        schedule: a scheduler that has not begun and calls what it is given now and then.
    """

    def __init__(
        self,
        worker: Worker | None,
        stop: threading.Event,
        run: Callable[[], object] | None,
        schedule: Callable[[Callable[[], None]], BlockingScheduler] | None,
    ) -> None:
        self._worker = worker
        self._stop = stop
        self._run = run
        self._schedule = schedule
        self._restarts = 0
        self._looking = threading.Lock()
        self._scheduler: BlockingScheduler | None = None
        self._threads: list[threading.Thread] = []
        if schedule is not None:
            self._begin(schedule)

    @property
    def notes(self) -> dict[str, str]:
        """Why submissions are left waiting here, by id."""
        return {} if self._worker is None else dict(self._worker.notes)

    @property
    def vitals(self) -> Vitals | None:
        """How it is; None where the setting switches it off."""
        if self._run is None:
            return None
        silent = 0.0 if self._worker is None else self._worker.silent_seconds
        return Vitals(silent, self._restarts, None if self._lives else DIED)

    def look_after(self) -> None:
        """Start it again where one of its threads has died. To be called now and then by one thread that lives."""
        if self._schedule is None or self._stop.is_set() or self._lives:
            return
        _log.error("a thread of the evaluator has died; it is started again")
        try:
            if self._scheduler is not None and self._scheduler.running:
                self._scheduler.shutdown(wait=False)
            self._begin(self._schedule)
        except (RuntimeError, MemoryError, OSError) as error:
            _log.error("the evaluator cannot be started again: %s; restart the app", error)
        else:
            self._restarts += 1

    def close(self) -> None:
        """Stop evaluating: what runs is returned to the queue within seconds. May be called again."""
        self._stop.set()
        if self._scheduler is not None and self._scheduler.running:
            self._scheduler.shutdown(wait=True)
        # an evaluation that outlived its scheduler
        with self._looking:
            pass

    @property
    def _lives(self) -> bool:
        return all(thread.is_alive() for thread in self._threads)

    def _begin(self, schedule: Callable[[Callable[[], None]], BlockingScheduler]) -> None:
        from apscheduler.events import EVENT_SCHEDULER_STARTED

        began = threading.Event()
        self._scheduler = schedule(self._look)
        self._scheduler.add_listener(lambda _: began.set(), EVENT_SCHEDULER_STARTED)
        thread = threading.Thread(target=self._scheduler.start, name="evaluator", daemon=True)
        self._threads = [thread]
        thread.start()
        began.wait(START_SECONDS)

    def _look(self) -> None:
        """Evaluate what waits, unless an evaluation that outlived its scheduler is still at it."""
        if self._run is None or not self._looking.acquire(blocking=False):
            return
        try:
            self._threads = [self._threads[0], threading.current_thread()]
            self._run()
        finally:
            self._looking.release()


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
        return Evaluator(None, stop, None, None)
    from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.schedulers.blocking import BlockingScheduler

    worker = None if elsewhere else worker_of(settings, queue, stop=stop, benchmarks=benchmarks)
    run = partial(elsewhere, stop) if elsewhere else None if worker is None else worker.drain
    # a look that falls into a long evaluation is skipped as it should be: not worth a warning every few seconds, and
    # errors are told by `_report`
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)

    def schedule(look: Callable[[], None]) -> BlockingScheduler:
        scheduler = BlockingScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        scheduler.add_listener(_report, EVENT_JOB_ERROR | EVENT_JOB_MISSED)
        scheduler.add_job(
            look,
            "interval",
            seconds=settings.poll_seconds,
            id="evaluate",
            replace_existing=True,
            next_run_time=datetime.now(UTC),
        )
        return scheduler

    return Evaluator(worker, stop, run, schedule)


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


def until(stop: threading.Event, look_after: Callable[[], None] = lambda: None) -> None:
    """Wait for `stop` in the main thread, and look after something every second meanwhile."""
    # a signal that the system hands to another thread does not wake this one; it is seen at the next turn
    while not stop.wait(1.0):
        look_after()


def _report(event: JobEvent) -> None:
    """Say what went wrong with a run; the next one comes all the same."""
    error = getattr(event, "exception", None)
    if error is None:
        _log.warning("the evaluator missed its time; the machine may be too busy")
    elif isinstance(error, InputError | StoreUnavailable | WriteConflict):
        _log.error("the evaluator stumbled and will try again: %s", error)
    else:
        _log.error("a fault of this program; the evaluator will try again", exc_info=error)
