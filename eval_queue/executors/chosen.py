"""The one place that knows which executors there are. Only the one that is chosen is imported."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Final, get_args

from eval_queue.executors.dispatcher import Dispatcher, Tasks
from eval_queue.queue.intake import configured_endpoints
from eval_queue.queue.queue import Queue
from eval_queue.settings import Executor, Settings

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
        InputError: the store is damaged, or the executor lacks something.
        StoreUnavailable: the store cannot be reached.
    """
    if settings.executor == "here":
        from eval_queue.executors.here import work

        work(settings, queue, stop, once=once, only=only, name=name)
        return
    Dispatcher(
        queue,
        endpoints=configured_endpoints(settings),
        tasks=_tasks(settings, address),
        stop=stop,
        look=settings.poll_seconds,
        only=only,
    ).run(once=once or only is not None)


def _tasks(settings: Settings, address: str) -> Tasks:
    if settings.executor == "jobs":
        from eval_queue.executors.hugging_face_jobs import JobTasks

        return JobTasks(settings)
    from eval_queue.executors.ray_cluster import RayTasks

    # nodes have working directories of their own
    return RayTasks(settings.model_copy(update={"store": settings.store.resolve()}), address=address)
