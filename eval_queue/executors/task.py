"""What runs elsewhere: a worker that evaluates one submission, then ends."""

from __future__ import annotations

import threading
from typing import NamedTuple

from eval_queue.personas import load_wording
from eval_queue.queue.intake import configured_endpoints
from eval_queue.queue.queue import open_queue
from eval_queue.settings import Settings
from eval_queue.workers.worker import KEEP_SECONDS, Benchmarks, Worker


class Ended(NamedTuple):
    """What came of a task."""

    worked: bool
    """Whether the submission was worked on, whatever came of that."""
    why: str
    """Why it was not."""


def evaluate_one(settings: Settings, id_: str, stop: threading.Event) -> Ended:
    """Claim one submission and evaluate it.

    Args:
        settings: the installation's. Keys of endpoints and the Hub's token are in this machine's environment.
        id_: the submission's.
        stop: set it to stop within about a second; the claim is returned.

    Raises:
        InputError: the store is damaged.
        StoreUnavailable: the store cannot be reached.
    """
    worker = Worker(
        open_queue(settings),
        endpoints=configured_endpoints(settings),
        benchmarks=Benchmarks(settings.source),
        work=settings.store / "work",
        stop=stop,
        beat=settings.beat,
        wording=load_wording(settings.personas),
        keep=KEEP_SECONDS if settings.on_hub else None,
        only={id_},
        retest=settings.retest,
    )
    worked = worker.step()
    return Ended(worked, "" if worked else worker.notes.get(id_, "another worker has it"))
