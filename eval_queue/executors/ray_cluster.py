"""Tasks on a Ray cluster: one a submission, on whatever node has what its endpoint asks for.

The only module that knows Ray (`requirements-ray.txt`). Ray never repeats a task here: the queue decides what is asked
again. A task needs the project, the benchmark's source and the store on its node (a shared folder, or the Hub), and
the keys of endpoints in that node's environment; no key goes through Ray.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from data.errors import InputError
from eval_queue.executors.dispatcher import Workers
from eval_queue.executors.task import Ended, evaluate_one
from eval_queue.settings import Endpoint, Settings

if TYPE_CHECKING:
    from eval_queue.submission import Submission

STOP_SECONDS: Final = 30.0
"""How long tasks that are told to stop are waited for."""

_SIGNAL_SECONDS: Final = 1.0
_RESOURCES: Final = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}

_log = logging.getLogger(__name__)


def needs(endpoint: Endpoint) -> dict[str, float]:
    """What a task for an endpoint takes, in Ray's names."""
    asked = {_RESOURCES.get(name, name): amount for name, amount in endpoint.resources.items()}
    return {"CPU": 1.0, **asked}


class RayTasks:
    """Tasks on a cluster; see `eval_queue.executors.dispatcher.Tasks`.

    Args:
        settings: the installation's, given to each task.
        address: the cluster's; `auto` for the one of this machine, None to start one here.
        **options: for `ray.init`.

    Raises:
        InputError: Ray is not installed, or the cluster cannot be reached.
    """

    def __init__(self, settings: Settings, *, address: str | None = "auto", **options: Any) -> None:
        try:
            import ray
        except ImportError:
            raise InputError("Ray is not installed; install requirements-ray.txt", field="--executor") from None
        self._ray: Any = ray
        self._settings = settings.model_dump(mode="json")
        try:
            ray.init(address=address, ignore_reinit_error=True, log_to_driver=False, **options)
        except ConnectionError as error:
            raise InputError(f"no Ray cluster can be reached ({error})", field="--address") from None
        # max_retries: the queue alone decides what is done again
        self._task = ray.remote(max_retries=0)(_task)
        # an interrupted task would be reported as ended before it has returned its claim: each is asked to stop instead
        self._signal: Any = ray.remote(num_cpus=0)(_StopSignal).remote()
        self._refs: dict[Any, str] = {}

    def running(self) -> Collection[str]:
        """The ids of the submissions that have a task now."""
        return set(self._refs.values())

    def ended(self) -> Mapping[str, Ended | Exception]:
        """What came of tasks that have ended since it was asked last."""
        if not self._refs:
            return {}
        ready, _ = self._ray.wait(list(self._refs), num_returns=len(self._refs), timeout=0)
        found: dict[str, Ended | Exception] = {}
        for ref in ready:
            id_ = self._refs.pop(ref)
            try:
                found[id_] = Ended(*self._ray.get(ref))
            except Exception as error:  # noqa: BLE001 - whatever ended one task, the others go on
                found[id_] = error
        return found

    def room_for(self, endpoint: Endpoint, others: Sequence[Endpoint]) -> bool:
        """Whether the cluster, as it is now, could run another task at once."""
        needed: Counter[str] = Counter()
        for one in (*others, endpoint):
            needed.update(needs(one))
        total = self._ray.cluster_resources()
        return all(total.get(name, 0.0) >= amount for name, amount in needed.items())

    def workers(self) -> Workers:
        """Nothing: a node that the cluster has lost may still be there, so that the lease alone ends a claim."""
        return Workers()

    def start(self, submission: Submission, endpoint: Endpoint, worker: str) -> None:
        """Start a task."""
        asked = needs(endpoint)
        own = {name: amount for name, amount in asked.items() if name not in _RESOURCES.values()}
        options = {name: asked[ray_name] for name, ray_name in _RESOURCES.items() if ray_name in asked}
        task = self._task.options(**options, resources=own, name=f"evaluate {submission.id}")
        self._refs[task.remote(self._settings, submission.id, worker, self._signal)] = submission.id

    def drop(self, id_: str) -> None:
        """Nothing: a task whose claim is gone ends by itself, and one that has not begun finds nothing to claim."""

    def close(self) -> None:
        """Stop all tasks; each returns its claim."""
        if self._refs:
            self._ray.get(self._signal.set.remote())
            _, left = self._ray.wait(list(self._refs), num_returns=len(self._refs), timeout=STOP_SECONDS)
            for ref in left:
                _log.warning("%s: its task does not end; its claim will lapse", self._refs[ref])
                self._ray.cancel(ref, force=True)
        self._refs.clear()
        self._ray.kill(self._signal)


class _StopSignal:
    """Says to all tasks whether they have to stop; lives on one of the nodes."""

    def __init__(self) -> None:
        self._set = False

    def set(self) -> None:
        self._set = True

    def is_set(self) -> bool:
        return self._set


def _task(settings: dict[str, Any], id_: str, worker: str, signal: Any) -> tuple[bool, str]:
    """What runs on a node."""
    stop = threading.Event()
    done: list[Ended | BaseException] = []

    def work() -> None:
        try:
            done.append(evaluate_one(Settings.model_validate(settings), id_, stop, worker=worker))
        except BaseException as error:  # noqa: BLE001 - raised again below
            done.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        thread.join(_SIGNAL_SECONDS)
        # where the signal is gone with its node, nobody tells this task to stop. Not `ray.get`: a task waiting there
        # gives its resources away, and others would be placed beside it
        with suppress(Exception):
            if signal.is_set.remote().future().result(timeout=_SIGNAL_SECONDS):
                stop.set()
    if isinstance(done[0], BaseException):
        raise done[0]
    return done[0].worked, done[0].why
