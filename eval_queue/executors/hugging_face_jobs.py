"""Tasks as Hugging Face Jobs: one a submission, on the hardware that its endpoint names, paid by the minute.

A job runs `python -m eval_queue work --once --submission ID`, with the packages of the settings installed by `uv`, and
the server of the endpoint's `serve` beside it. Jobs belong to the Hub, not to this process: they go on when it ends.
Their labels say which queue, submission and attempt a job is for, and under which name it claims, so that whoever is
started next finds a job instead of starting another. The Hub repeats none by itself: the queue decides that.

What a job's stage says is certain: while it runs its claim holds, however long the queue hears nothing of it, and once
it has ended its claim is gone at once. A job that waits for its hardware for too long is cancelled, and its submission
waits for another one.

What may be secret goes into a job as its secrets, which the Hub keeps encrypted: its token, the endpoint with its
address, and the endpoint's key. Nothing else of this machine's environment does. Of the log of a job that failed, the
last lines are kept beside the store, without these.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from data.errors import InputError
from data.files import write_whole
from data.sources import hub_client
from eval_queue.executors.dispatcher import Workers
from eval_queue.executors.task import Ended, NotStarted, TaskFailed
from eval_queue.settings import PREFIX, Endpoint, Settings
from eval_queue.store.local import StoreUnavailable

if TYPE_CHECKING:
    from huggingface_hub import HfApi, JobInfo

    from eval_queue.submission import Submission

QUEUE_LABEL: Final = "value-portrait-queue"
"""The label by which a queue knows its jobs: a digest of its repositories."""
LOG_LINES: Final = 100
"""How much of the log of a job that failed is kept."""

_CALL_SECONDS: Final = 60.0
_CARRIED: Final = (
    *("source", "requests_repo", "results_repo", "hub_private", "hub_seconds"),
    *("lease_seconds", "beat_seconds", "keep_seconds", "retest", "log_json"),
)
"""Settings that hold inside a job, too."""
_LIVE: Final = ("SCHEDULING", "RUNNING")
_GONE: Final = 404

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class _Refused(StoreUnavailable):
    """The Hub would refuse this again."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class _Job:
    """A job as the Hub last told of it."""

    id: str
    submission: str
    worker: str
    stage: str
    seconds: float
    """How long ago it was made."""

    @property
    def live(self) -> bool:
        return self.stage in _LIVE


class JobTasks:
    """Tasks as jobs; see `eval_queue.executors.dispatcher.Tasks`.

    Args:
        settings: the installation's.
        api: the Hub's client; None for one with the settings' token.

    Raises:
        InputError: the settings lack something that jobs need, or this token may not use Jobs.
        StoreUnavailable: the Hub cannot be asked now.
    """

    def __init__(self, settings: Settings, *, api: HfApi | None = None) -> None:
        self._settings = _checked(settings)
        self._api = api or _api(settings)
        assert settings.requests_repo is not None, "checked above"
        self._namespace = settings.jobs_namespace or settings.requests_repo.partition("/")[0]
        repos = f"{settings.requests_repo} {settings.results_repo}"
        self._queue = hashlib.sha256(repos.encode()).hexdigest()[:16]
        self._jobs: dict[str, _Job] = {}
        self._alive: set[str] = set()
        self._ended: set[str] = set()
        self._cancelled: set[str] = set()
        try:
            known = self._list()
        except _Refused as error:
            raise InputError(f"{error}. Its token needs the right to run jobs of {self._namespace}") from None
        # a scheduler before this one may have started them
        self._ended |= {job.worker for job in known if not job.live}
        self._jobs |= {job.submission: job for job in known if job.live}
        if self._jobs:
            _log.info("found %d jobs of this queue", len(self._jobs))

    def running(self) -> Collection[str]:
        """The ids of the submissions that have a job now, whoever started it."""
        return set(self._jobs)

    def ended(self) -> Mapping[str, Ended | Exception]:
        """What came of jobs that have ended since it was asked last.

        Raises:
            StoreUnavailable: the Hub cannot be asked now.
        """
        live = {job.id: job for job in self._list(*_LIVE)}
        self._alive = {job.worker for job in live.values()}
        for job in live.values():
            self._jobs.setdefault(job.submission, job)
        found: dict[str, Ended | Exception] = {}
        for id_, job in list(self._jobs.items()):
            try:
                now = live.get(job.id) or self._inspect(job)
            except StoreUnavailable as error:
                _log.warning("%s: will ask again what became of job %s: %s", id_, job.id, error)
                self._alive.add(job.worker)
                continue
            if now.live:
                self._alive.add(now.worker)
                self._jobs[id_] = now
                if now.stage == "SCHEDULING" and now.seconds > 60 * self._settings.jobs_waiting_minutes:
                    self._cancel(now)
                continue
            del self._jobs[id_]
            self._ended.add(now.worker)
            found[id_] = self._came_of(now)
        return found

    def workers(self) -> Workers:
        """Who runs and who has ended, as of the last look."""
        return Workers(self._alive, self._ended)

    def room_for(self, endpoint: Endpoint, others: Sequence[Endpoint]) -> bool:
        """Always: `parallel` of the endpoint says how many there may be."""
        return True

    def start(self, submission: Submission, endpoint: Endpoint, worker: str) -> None:
        """Start a job, unless the submission has one: this scheduler's forerunner, or another one, may have started it.

        Raises:
            NotStarted: the Hub refuses it.
            StoreUnavailable: the Hub cannot be asked now; a job may have been started, which the next look finds.
        """
        found = [job for job in self._list(*_LIVE, submission=submission.id) if job.live]
        if found:
            self._jobs[submission.id] = found[0]
            return
        try:
            made = self._call(lambda: self._run(submission, endpoint, worker))
        except _Refused as error:
            raise NotStarted(f"{error}. `hf jobs hardware` lists what there is beside {endpoint.flavor}") from None
        self._jobs[submission.id] = _job(made)
        _log.info("%s: job %s on %s", submission.id, made.id, endpoint.flavor)

    def drop(self, id_: str) -> None:
        """Cancel a job that is not needed any more."""
        self._cancel(self._jobs[id_])

    def close(self) -> None:
        """Leave all jobs to themselves; the next scheduler finds them."""
        if self._jobs:
            _log.info("%d jobs go on by themselves", len(self._jobs))

    def _run(self, submission: Submission, endpoint: Endpoint, worker: str) -> JobInfo:
        from huggingface_hub._jobs_api import DEFAULT_UV_IMAGE

        # not `run_uv_job`, which sends the same but uploads every word of a command that happens to be a file's name
        return self._api.run_job(
            image=self._settings.jobs_image or DEFAULT_UV_IMAGE,
            command=_command(self._settings, submission.id, worker),
            env=_environment(self._settings, endpoint),
            secrets=_secrets(self._settings, endpoint, str(self._api.token)),
            flavor=endpoint.flavor,
            timeout=60 * 60 * self._settings.jobs_hours,
            attempts=1,
            labels={
                QUEUE_LABEL: self._queue,
                "submission": _label(submission.id),
                "attempt": str(submission.attempts + 1),
                "worker": worker,
            },
            name=f"evaluate-{_label(submission.id)}",
            namespace=self._namespace,
        )

    def _came_of(self, job: _Job) -> Ended | Exception:
        if job.id in self._cancelled:
            self._cancelled.discard(job.id)
            return Ended(False, f"job {job.id} was cancelled: it got no machine in time, or is not needed any more")
        if job.stage == "COMPLETED":
            return Ended(True, "")
        self._keep_log(job)
        return TaskFailed(f"the job ended with {job.stage}")

    def _keep_log(self, job: _Job) -> None:
        """Keep the end of what a job said, for the operator."""
        with suppress(StoreUnavailable, OSError):
            lines = self._call(
                lambda: list(self._api.fetch_job_logs(job_id=job.id, namespace=self._namespace, tail=LOG_LINES))
            )
            text = "".join(f"{line.rstrip()}\n" for line in lines)
            for value in self._secret_values():
                text = text.replace(value, "***")
            path = self._settings.store / "jobs" / f"{job.id}.log"
            write_whole(path, text.encode())
            _log.warning("%s: what job %s said last is in %s", job.submission, job.id, path)

    def _secret_values(self) -> list[str]:
        """What must not be kept, the longest first."""
        found = {str(self._api.token or "")}
        for endpoint in self._settings.endpoints:
            found |= {str(endpoint.base_url or ""), os.environ.get(endpoint.api_key_env or "", "")}
        return sorted((value for value in found if value), key=len, reverse=True)

    def _cancel(self, job: _Job) -> None:
        if job.id in self._cancelled:
            return
        try:
            self._call(lambda: self._api.cancel_job(job_id=job.id, namespace=self._namespace))
        except _Refused:
            pass  # it has ended meanwhile
        except StoreUnavailable as error:
            _log.warning("%s: will try again to cancel job %s: %s", job.submission, job.id, error)
            return
        self._cancelled.add(job.id)
        _log.warning("%s: job %s is cancelled in stage %s", job.submission, job.id, job.stage)

    def _list(self, *stages: str, submission: str | None = None) -> list[_Job]:
        labels = {QUEUE_LABEL: self._queue} | ({} if submission is None else {"submission": _label(submission)})
        jobs = self._call(
            lambda: list(self._api.list_jobs(status=list(stages) or None, labels=labels, namespace=self._namespace))
        )
        return [_job(job) for job in jobs]

    def _inspect(self, job: _Job) -> _Job:
        try:
            return _job(self._call(lambda: self._api.inspect_job(job_id=job.id, namespace=self._namespace)))
        except _Refused as error:
            if error.status == _GONE:
                return replace(job, stage="DELETED")
            raise

    def _call(self, ask: Callable[[], _T]) -> _T:
        """Ask the Hub within a known time.

        Raises:
            StoreUnavailable: it cannot be asked now, or refuses.
        """
        from huggingface_hub.errors import HfHubHTTPError

        try:
            with hub_client.bounded(_CALL_SECONDS):
                return ask()
        except HfHubHTTPError as error:
            status = hub_client.status(error)
            message = f"Hugging Face Jobs: {hub_client.reason(error)}"
            if status in (408, 429) or status >= 500:
                raise StoreUnavailable(message) from None
            raise _Refused(message, status) from None
        except hub_client.FAILURES as error:
            raise StoreUnavailable(f"Hugging Face Jobs: {hub_client.reason(error)}") from None


def _checked(settings: Settings) -> Settings:
    """Settings that jobs can be started with."""
    if not settings.on_hub:
        message = "is needed for `--executor jobs`: a job reaches no other queue than one on the Hub"
        raise InputError(message, field=f"{PREFIX}REQUESTS_REPO")
    if not settings.jobs_packages:
        message = "is needed for `--executor jobs`: what `uv` installs in a job, this program among it"
        raise InputError(message, field=f"{PREFIX}JOBS_PACKAGES")
    if settings.personas is not None:
        raise InputError("is a file of this machine, which a job does not have", field=f"{PREFIX}PERSONAS")
    if settings.source is not None and Path(settings.source).is_dir():
        raise InputError("is a folder of this machine, which a job does not have", field=f"{PREFIX}SOURCE")
    return settings


def _api(settings: Settings) -> HfApi:
    from huggingface_hub import HfApi, get_token

    token = os.environ.get(settings.hub_token_env) or get_token()
    if not token:
        raise InputError("holds no token, which `--executor jobs` needs", field=settings.hub_token_env)
    return HfApi(token=token)


def _command(settings: Settings, id_: str, worker: str) -> list[str]:
    packages = [word for package in settings.jobs_packages for word in ("--with", package)]
    work = ["python", "-m", "eval_queue", "work", "--once", "--submission", id_, "--worker", worker]
    return ["uv", "run", *packages, *work]


def _environment(settings: Settings, endpoint: Endpoint) -> dict[str, str]:
    """What anybody who may see the job may know."""
    values = settings.model_dump(mode="json", include=set(_CARRIED), exclude_none=True)
    values |= {"local_model": endpoint not in settings.endpoints, "executor": "here"}
    return {
        f"{PREFIX}{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
    }


def _secrets(settings: Settings, endpoint: Endpoint, token: str) -> dict[str, str]:
    """What nobody else may know: an endpoint has an address."""
    endpoints = [e.model_dump(mode="json", exclude_defaults=True) for e in (endpoint,) if e in settings.endpoints]
    found = {"HF_TOKEN": token, f"{PREFIX}ENDPOINTS": json.dumps(endpoints)}
    if endpoint.api_key_env and (key := os.environ.get(endpoint.api_key_env)):
        found[endpoint.api_key_env] = key
    return found


def _label(id_: str) -> str:
    """An id as a label, which may have no dots; ids have no underscores."""
    return id_.replace(".", "_")


def _job(info: JobInfo) -> _Job:
    labels = info.labels or {}
    made = info.created_at or datetime.now(UTC)
    told = None if info.durations is None else info.durations.total_secs
    return _Job(
        id=info.id,
        submission=labels.get("submission", "").replace("_", "."),
        worker=labels.get("worker", ""),
        stage=str(info.status.stage),
        seconds=(datetime.now(UTC) - made).total_seconds() if told is None else float(told),
    )
