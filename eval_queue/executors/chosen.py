"""The one place that knows which executors there are. Only the one that is chosen is imported."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection
from typing import Final, get_args

from data.errors import InputError
from eval_queue.executors.dispatcher import Dispatcher, Tasks
from eval_queue.queue.intake import configured_endpoints
from eval_queue.queue.queue import Queue
from eval_queue.settings import Executor, Settings
from eval_queue.store.local import StoreUnavailable, WriteConflict
from eval_queue.workers.worker import worker_of

EXECUTORS: Final[tuple[Executor, ...]] = get_args(Executor)
"""Where evaluations can run."""


def evaluate_what_waits(
    settings: Settings,
    queue: Queue,
    stop: threading.Event,
    *,
    once: bool,
    only: Collection[str] | None = None,
    address: str = "auto",
    name: str | None = None,
) -> None:
    """Evaluate what waits in the queue, where `settings.executor` says, until told to stop.

    Args:
        settings: the installation's.
        queue: the queue.
        stop: set it to stop. Evaluations here and on Ray are returned to the queue; jobs go on by themselves.
        once: end when nothing waits or runs.
        only: the ids of the submissions that are evaluated, then end; None for all.
        address: of the Ray cluster; `auto` for this machine's.
        name: under which evaluations here claim; None for one that is made up.

    Raises:
        InputError: the store is damaged, the executor lacks something, or of `only` nothing could be evaluated.
        StoreUnavailable: the store cannot be reached.
    """
    if settings.executor == "here":
        _here(settings, queue, stop, once=once, only=only, name=name)
        return
    Dispatcher(
        queue,
        endpoints=configured_endpoints(settings),
        tasks=_tasks(settings, address),
        stop=stop,
        look=settings.poll_seconds,
        only=only,
    ).run(once=once or only is not None)


def _here(
    settings: Settings,
    queue: Queue,
    stop: threading.Event,
    *,
    once: bool,
    only: Collection[str] | None,
    name: str | None,
) -> None:
    """Evaluate in this process; returns within about a second once it is told to stop."""
    worker = worker_of(settings, queue, stop=stop, only=only, name=name)
    names = ", ".join(e.name for e in configured_endpoints(settings)) or "none"
    logging.info("worker %s begins; endpoints: %s", worker.name, names)
    if once or only:
        worked = worker.drain()
        logging.info("worked on %d, left %d waiting", worked, len(worker.notes))
        if only and not worked and not stop.is_set():
            why = "; ".join(worker.notes.values()) or "another worker has it"
            raise InputError(f"Nothing was evaluated: {why}.")
        return
    while not stop.is_set():
        try:
            worker.drain()
        except (StoreUnavailable, WriteConflict) as error:
            logging.error("will try again: %s", error)
        stop.wait(settings.poll_seconds)
    logging.info("worker %s ends", worker.name)


def _tasks(settings: Settings, address: str) -> Tasks:
    if settings.executor == "jobs":
        from eval_queue.executors.hugging_face_jobs import JobTasks

        return JobTasks(settings)
    from eval_queue.executors.ray_cluster import RayTasks

    # nodes have working directories of their own
    return RayTasks(settings.model_copy(update={"store": settings.store.resolve()}), address=address)
