"""Tasks on a Ray cluster: one a submission, or one a shard of it, wherever there is what its endpoint asks for.

The only module that knows Ray (`requirements-ray.txt`). Ray never repeats a task here: the queue decides what is asked
again. A task needs the project, the benchmark's source and the store on its node (a shared folder, or the Hub), and
the keys of endpoints in that node's environment; no key goes through Ray.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import signal
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from data.errors import InputError
from eval_queue.asking.checkpoint import Answer
from eval_queue.asking.evaluation import Job, Progress, evaluate
from eval_queue.asking.outcome import Outcome
from eval_queue.asking.shards import News, Part, ShardLost, ask_shard, evaluate_in_shards, shard_folder
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


def _options(endpoint: Endpoint) -> dict[str, Any]:
    """The same as Ray's options of a task."""
    asked = needs(endpoint)
    own = {name: amount for name, amount in asked.items() if name not in _RESOURCES.values()}
    return {name: asked[theirs] for name, theirs in _RESOURCES.items() if theirs in asked} | {"resources": own}


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
        handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            ray.init(address=address, ignore_reinit_error=True, log_to_driver=False, **options)
        except ConnectionError as error:
            raise InputError(f"no Ray cluster can be reached ({error})", field="--address") from None
        # Ray takes SIGTERM for itself and would abort; this program returns its claims first
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():
                signal.signal(number, handler)
        # max_retries: the queue alone decides what is done again
        self._task = ray.remote(max_retries=0)(_task)
        # an interrupted task would be reported as ended before it has returned its claim: each is asked to stop instead
        self._stops: Any = ray.remote(num_cpus=0)(_StopSignal).remote()
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
        """Whether the cluster, as it is now, could run another task at once, or at least one of its shards."""
        needed: Counter[str] = Counter(needs(endpoint))
        for other in others:
            for _ in range(other.shards):
                needed.update(needs(other))
        total = self._ray.cluster_resources()
        return all(total.get(name, 0.0) >= amount for name, amount in needed.items())

    def workers(self) -> Workers:
        """Nothing: a node that the cluster has lost may still be there, so that the lease alone ends a claim."""
        return Workers()

    def start(self, submission: Submission, endpoint: Endpoint, worker: str) -> None:
        """Start a task."""
        # one that only merges what its shards are answered takes next to nothing
        options = _options(endpoint) if endpoint.shards == 1 else {"num_cpus": 0}
        task = self._task.options(**options, name=f"evaluate {submission.id}")
        self._refs[task.remote(self._settings, submission.id, worker, self._stops)] = submission.id

    def drop(self, id_: str) -> None:
        """Nothing: a task whose claim is gone ends by itself, and one that has not begun finds nothing to claim."""

    def close(self) -> None:
        """Stop all tasks; each returns its claim."""
        if self._refs:
            self._ray.get(self._stops.set.remote())
            _, left = self._ray.wait(list(self._refs), num_returns=len(self._refs), timeout=STOP_SECONDS)
            for ref in left:
                _log.warning("%s: its task does not end; its claim will lapse", self._refs[ref])
                self._ray.cancel(ref, force=True)
        self._refs.clear()
        self._ray.kill(self._stops)


class _StopSignal:
    """Says who has to stop; lives on one of the nodes."""

    def __init__(self) -> None:
        self._all = False
        self._some: set[str] = set()

    def set(self) -> None:
        """All tasks."""
        self._all = True

    def set_for(self, name: str) -> None:
        """One shard."""
        self._some.add(name)

    def is_set(self, name: str = "") -> bool:
        return self._all or name in self._some


def _told_to_stop(stops: Any, name: str = "") -> bool:
    # where that is gone with its node, nobody tells this task to stop. Not `ray.get`: a task waiting there gives
    # its resources away, and others would be placed beside it
    with suppress(Exception):
        return bool(stops.is_set.remote(name).future().result(timeout=_SIGNAL_SECONDS))
    return False


def _task(settings: dict[str, Any], id_: str, worker: str, stops: Any) -> tuple[bool, str]:
    """What runs on a node."""
    stop = threading.Event()
    done: list[Ended | BaseException] = []
    ours = Settings.model_validate(settings)
    asker = partial(_evaluate, settings=ours, stops=stops)

    def work() -> None:
        try:
            done.append(evaluate_one(ours, id_, stop, worker=worker, asker=asker))
        except BaseException as error:  # noqa: BLE001 - raised again below
            done.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        thread.join(_SIGNAL_SECONDS)
        if _told_to_stop(stops):
            stop.set()
    if isinstance(done[0], BaseException):
        raise done[0]
    return done[0].worked, done[0].why


# --- shards ---------------------------------------------------------------------------------------------------------


async def _evaluate(
    job: Job,
    out: Path,
    *,
    settings: Settings,
    stops: Any,
    on_progress: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
) -> Outcome:
    """Evaluate in this process, or in shards on the cluster where the endpoint's settings say so."""
    if job.endpoint.shards == 1:
        return await evaluate(job, out, on_progress=on_progress, stop=stop)
    import ray

    shared: Any = ray.put(job)

    def start(job: Job, part: Part, known: Sequence[Answer], again: Sequence[Answer]) -> _RayShard:
        name = f"{out.name} {part} {secrets.token_hex(4)}"
        task: Any = ray.remote(_shard)
        options = {**_options(job.endpoint), "max_retries": 0, "num_returns": "streaming", "name": f"evaluate {name}"}
        told = task.options(**options).remote(shared, str(out), part, known, again, name, stops, settings.on_hub)
        return _RayShard(ray, told, lambda: stops.set_for.remote(name))

    return await evaluate_in_shards(job, out, start=start, on_progress=on_progress, stop=stop)


class _RayShard:
    """A shard as a task of the task that holds the claim, with which Ray ends it.

    Args:
        ray: the library.
        told: what the task yields.
        stop: tells it to stop.
    """

    def __init__(self, ray: Any, told: Any, stop: Callable[[], object]) -> None:
        self._ray = ray
        self._told = told
        self._stop = stop
        self._ended = False
        self._lost: ShardLost | None = None

    def news(self) -> list[News]:
        """What it told since it was asked last.

        Raises:
            ShardLost: it is gone.
        """
        if self._lost is not None:
            raise self._lost
        found: list[News] = []
        while not self._ended and self._ray.wait([self._told], timeout=0)[0]:
            try:
                found.append(self._ray.get(next(self._told)))
            except StopIteration:
                self._ended = True
            except Exception as error:  # noqa: BLE001 - whatever ended one shard, another one can go on
                self._lost = ShardLost(type(error).__name__)
                break
        return found

    def ended(self) -> bool:
        """Whether it has ended and told everything."""
        return self._ended

    def stop(self) -> None:
        """Have it end within seconds."""
        self._stop()


def _shard(
    job: Job,
    folder: str,
    part: Part,
    known: Sequence[Answer],
    again: Sequence[Answer],
    name: str,
    stops: Any,
    alone: bool,
) -> Iterator[News]:
    """What runs on a node for a shard; `alone` says that nobody else sees its disk."""
    stop = threading.Event()
    for news in ask_shard(job, Path(folder), part, known, again, stop):
        yield news
        if _told_to_stop(stops, name):
            stop.set()
    if alone:
        shutil.rmtree(shard_folder(Path(folder), part), ignore_errors=True)
