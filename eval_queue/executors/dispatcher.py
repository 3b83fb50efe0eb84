"""Starts a task for each submission that waits, as many as can run, wherever tasks run.

The dispatcher claims nothing: each task claims its own submission when it has begun to run, so that there are never
more claims than tasks. It may be ended and started again at any time, and several may serve one queue: a task that
finds its submission taken ends at once. When a machine dies with its task, the claim is returned when its lease ends,
or at once where it is certain that the task has ended; the submission waits again and gets another task, which goes on
with the answers that were kept.

A submission whose tasks end again and again before they claim it (a node that cannot import the program, say) fails
with that reason: `STARTS` of them are enough.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from eval_queue.executors.task import Ended, NotStarted, TaskFailed
from eval_queue.queue.queue import Queue
from eval_queue.settings import Endpoint
from eval_queue.store.local import StoreUnavailable, WriteConflict
from eval_queue.submission import ACTIVE, Failure, Submission
from eval_queue.workers.worker import made_up_name

AGAIN_SECONDS: Final = 60.0
"""When a submission that a task could not work on gets another one."""
STARTS: Final = 3
"""So many tasks of a submission in a row that end before they claim it: no other one would."""

_log = logging.getLogger(__name__)


class Workers(NamedTuple):
    """What is known for certain of tasks, by the names under which they claim."""

    alive: Collection[str] = ()
    ended: Collection[str] = ()


class Tasks(Protocol):
    """Where tasks run."""

    def running(self) -> Collection[str]:
        """The ids of the submissions that have a task now."""

    def ended(self) -> Mapping[str, Ended | Exception]:
        """What came of tasks that have ended since it was asked last.

        Raises:
            StoreUnavailable: where tasks run cannot be asked now.
        """

    def workers(self) -> Workers:
        """Who is known to run and to have ended, as of the last call of `ended`."""

    def room_for(self, endpoint: Endpoint, others: Sequence[Endpoint]) -> bool:
        """Whether another task for `endpoint` could run now, beside those for `others`."""

    def start(self, submission: Submission, endpoint: Endpoint, worker: str) -> None:
        """Start a task that claims the submission under this name.

        Raises:
            NotStarted: it cannot be started now.
            StoreUnavailable: where tasks run cannot be asked now.
        """

    def drop(self, id_: str) -> None:
        """A submission's task is not needed any more; one that notices that by itself may be left alone."""

    def close(self) -> None:
        """The dispatcher ends: tasks that end with it return their claims; others go on by themselves."""


class Dispatcher:
    """Keeps a place where tasks run busy.

    Args:
        queue: where submissions come from.
        endpoints: who may be asked.
        tasks: where tasks run.
        stop: set it to stop.
        look: seconds between two looks at the queue.
        again: seconds until a submission whose task did not work on it gets another one.
        only: the ids of the submissions that are evaluated; None for all.
    """

    def __init__(
        self,
        queue: Queue,
        *,
        endpoints: Sequence[Endpoint],
        tasks: Tasks,
        stop: threading.Event,
        look: float,
        again: float = AGAIN_SECONDS,
        only: Collection[str] | None = None,
    ) -> None:
        self._queue = queue
        self._endpoints = {e.name: e for e in endpoints}
        self._tasks = tasks
        self._stop = stop
        self._look = look
        self._again = again
        self._only = only
        self._not_before: dict[str, float] = {}
        self._before: dict[str, Submission] = {}
        """Submissions as they were when their last task was started."""
        self._unclaimed: Counter[str] = Counter()
        """How many tasks in a row ended before they claimed a submission."""
        self.started: Counter[str] = Counter()
        """How many tasks each submission was given."""

    def run(self, *, once: bool = False) -> None:
        """Start tasks until told to stop; with `once`, until none waits or runs that could be evaluated here."""
        try:
            while not self._stop.is_set():
                try:
                    left = self._turn()
                except (StoreUnavailable, WriteConflict) as error:
                    _log.error("will try again: %s", error)
                else:
                    if once and not left:
                        return
                self._stop.wait(self._look)
        finally:
            self._tasks.close()

    def _turn(self) -> bool:
        """Start what can be started; whether anything is left to wait for."""
        ended = self._tasks.ended()
        self._queue.expire(**self._tasks.workers()._asdict())
        for id_, what in ended.items():
            self._note_end(id_, what)
        running = set(self._tasks.running())
        submissions = self._queue.submissions()
        for cancelled in (s.id for s in submissions if s.id in running and s.state == "cancelled"):
            self._tasks.drop(cancelled)
        for submission in self._waiting(submissions, running):
            endpoint = self._endpoints[submission.endpoint]
            others = [self._endpoints[s.endpoint] for s in submissions if s.id in running and self._serves(s)]
            if sum(other.name == endpoint.name for other in others) >= endpoint.parallel:
                continue
            if not self._tasks.room_for(endpoint, others):
                continue
            try:
                self._tasks.start(submission, endpoint, made_up_name())
            except NotStarted as error:
                self._not_before[submission.id] = time.monotonic() + self._again
                _log.error("%s: no task can be started: %s", submission.id, error)
                continue
            self._before[submission.id] = submission
            self.started[submission.id] += 1
            running.add(submission.id)
            _log.info("%s: task %d begins", submission.id, self.started[submission.id])
        mine = (s for s in submissions if s.state in ACTIVE and self._serves(s) and s.state != "proposed")
        return bool(running) or any(True for _ in mine)

    def _waiting(self, submissions: Sequence[Submission], running: Collection[str]) -> list[Submission]:
        moment = time.monotonic()
        waiting = [
            s
            for s in submissions
            if s.state == "pending"
            and s.id not in running
            and self._serves(s)
            and self._not_before.get(s.id, 0.0) <= moment
        ]
        return sorted(waiting, key=lambda s: self._queue.position(s.id) or 0)

    def _serves(self, submission: Submission) -> bool:
        endpoint = self._endpoints.get(submission.endpoint)
        chosen = self._only is None or submission.id in self._only
        return chosen and endpoint is not None and endpoint.serves(submission.model)

    def _note_end(self, id_: str, what: Ended | Exception) -> None:
        before = self._before.pop(id_, None)
        if isinstance(what, Ended):
            if what.worked:
                self._unclaimed.pop(id_, None)
            else:
                self._not_before[id_] = time.monotonic() + self._again
                _log.warning("%s is left waiting: %s", id_, what.why)
            return
        # its machine may be gone: the queue knows what to do with the claim
        why = str(what) if isinstance(what, TaskFailed) else f"its task ended with {type(what).__name__}"
        _log.warning("%s: %s", id_, why)
        now = self._queue.get(id_)
        if before is None or now.state != "pending" or now.attempts != before.attempts:
            self._unclaimed.pop(id_, None)
            return
        self._unclaimed[id_] += 1
        if self._unclaimed[id_] >= STARTS:
            self._give_up(id_, why)
        elif isinstance(what, TaskFailed):
            self._not_before[id_] = time.monotonic() + self._again

    def _give_up(self, id_: str, why: str) -> None:
        tries = self._unclaimed.pop(id_)
        claim = self._queue.claim(made_up_name(), runnable=lambda s: s.id == id_)
        if claim is not None:
            message = f"{tries} tasks ended before the evaluation had begun; of the last one: {why}."
            self._queue.fail(claim, Failure(code="not_started", message=message))
            _log.error("%s: failed, %s", id_, message)
