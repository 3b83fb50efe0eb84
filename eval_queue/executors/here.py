"""Evaluations in this process: a worker that looks for work until it is told to stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection

from data.errors import InputError
from eval_queue.queue.intake import configured_endpoints
from eval_queue.queue.queue import Queue
from eval_queue.settings import Settings
from eval_queue.store.local import StoreUnavailable, WriteConflict
from eval_queue.workers.worker import worker_of


def work(
    settings: Settings,
    queue: Queue,
    stop: threading.Event,
    *,
    once: bool,
    only: Collection[str] | None = None,
    name: str | None = None,
) -> None:
    """Evaluate what waits, until told to stop.

    Args:
        settings: the installation's.
        queue: the queue.
        stop: set it to stop within about a second; claims are returned.
        once: end when nothing waits.
        only: the ids of the submissions that are evaluated, then end; None for all.
        name: under which it claims; None for one that is made up.

    Raises:
        InputError: the store is damaged, or of `only` nothing could be evaluated.
        StoreUnavailable: the store cannot be reached, where it is to end when nothing waits.
    """
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
