"""What runs elsewhere: a worker that evaluates one submission, then ends."""

from __future__ import annotations

import threading
from typing import NamedTuple

from eval_queue.asking.evaluation import evaluate
from eval_queue.queue.queue import open_queue
from eval_queue.settings import Settings
from eval_queue.workers.worker import Asker, worker_of


class Ended(NamedTuple):
    """What came of a task."""

    worked: bool
    """Whether the submission was worked on, whatever came of that."""
    why: str
    """Why it was not."""


class TaskFailed(Exception):
    """A task that ended otherwise than it should have; the message is for people."""


class NotStarted(Exception):
    """A task that cannot be started now; the message is for the operator."""


def evaluate_one(settings: Settings, id_: str, stop: threading.Event, *, worker: str, asker: Asker = evaluate) -> Ended:
    """Claim one submission, under the name `worker`, and evaluate it; the claim is returned when `stop` is set.

    Keys of endpoints and the Hub's token are in this machine's environment.

    Raises:
        InputError: the store is damaged.
        StoreUnavailable: the store cannot be reached.
    """
    made = worker_of(settings, open_queue(settings), stop=stop, only={id_}, name=worker, asker=asker)
    worked = made.step()
    return Ended(worked, "" if worked else made.notes.get(id_, "another worker has it"))
