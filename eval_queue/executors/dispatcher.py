"""Starts a task for each submission that waits, as many as can run, wherever tasks run.

The dispatcher claims nothing: each task claims its own submission when it has begun to run, so that there are never
more claims than tasks. It may be ended and started again at any time, and several may serve one queue: a task that
finds its submission taken ends at once. When a machine dies with its task, the claim's lease ends, the submission waits
again and gets another task, which goes on with the answers that were kept.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final, Protocol

from eval_queue.executors.task import Ended
from eval_queue.queue.queue import Queue
from eval_queue.settings import Endpoint
from eval_queue.store.local import StoreUnavailable, WriteConflict
from eval_queue.submission import ACTIVE, Submission

AGAIN_SECONDS: Final = 60.0
"""When a submission that a task could not work on gets another one."""

_log = logging.getLogger(__name__)


class Tasks(Protocol):
    """Where tasks run."""

    def running(self) -> Collection[str]:
        """The ids of the submissions that have a task now."""

    def ended(self) -> Mapping[str, Ended | Exception]:
        """What came of tasks that have ended since it was asked last."""

    def room_for(self, endpoint: Endpoint, others: Sequence[Endpoint]) -> bool:
        """Whether another task for `endpoint` could run now, beside those for `others`."""

    def start(self, submission: Submission, endpoint: Endpoint) -> None:
        """Start a task."""

    def close(self) -> None:
        """Stop all tasks; each returns its claim."""


class Dispatcher:
    """Keeps a place where tasks run busy.

    Args:
        queue: where submissions come from.
        endpoints: who may be asked.
        tasks: where tasks run.
        stop: set it to stop.
        look: seconds between two looks at the queue.
        again: seconds until a submission whose task did not work on it gets another one.
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
    ) -> None:
        self._queue = queue
        self._endpoints = {e.name: e for e in endpoints}
        self._tasks = tasks
        self._stop = stop
        self._look = look
        self._again = again
        self._not_before: dict[str, float] = {}
        self._endpoint_of: dict[str, Endpoint] = {}
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
        for id_, what in self._tasks.ended().items():
            self._note_end(id_, what)
        self._queue.expire()
        running = set(self._tasks.running())
        submissions = self._queue.submissions()
        for submission in self._waiting(submissions, running):
            endpoint = self._endpoints[submission.endpoint]
            others = [self._endpoint_of[id_] for id_ in running if id_ in self._endpoint_of]
            if sum(other.name == endpoint.name for other in others) >= endpoint.parallel:
                continue
            if not self._tasks.room_for(endpoint, others):
                continue
            self._endpoint_of[submission.id] = endpoint
            self._tasks.start(submission, endpoint)
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
        return endpoint is not None and endpoint.serves(submission.model)

    def _note_end(self, id_: str, what: Ended | Exception) -> None:
        if isinstance(what, Ended) and what.worked:
            return
        self._not_before[id_] = time.monotonic() + self._again
        if isinstance(what, Ended):
            _log.warning("%s is left waiting: %s", id_, what.why)
        else:
            # its machine may be gone: the queue knows what to do with the claim
            self._not_before.pop(id_)
            _log.warning("%s: its task ended with %s", id_, type(what).__name__)
