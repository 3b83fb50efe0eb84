"""Hugging Face Jobs on the test Hub: what `huggingface_hub` 2.4 asks of `/api/jobs`, and machines to run them on.

Without a machine a job stays in SCHEDULING until a test says what becomes of it. With one, the job's command really
runs, as a process of this machine that sees the job's environment and secrets and nothing of the test's own; `uv run`
with its options is left out, since there is nothing to install from. The interface answers as the client's source reads
it (`_jobs_api.py`, `hf_api.py`); which flavours there are is a choice of ours from its list.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import FastAPI, Query
from fastapi.responses import JSONResponse, StreamingResponse

from .routes import Ask, Asking, json_body, next_page
from .world import Refused, now

FLAVOURS: Final = {"cpu-basic": 167, "cpu-upgrade": 500, "l4x1": 13_333, "a100-large": 41_667}
"""Micro-dollars a minute."""
STAGES: Final = ("SCHEDULING", "RUNNING", "COMPLETED", "ERROR", "CANCELED", "DELETED")
LABEL: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")
PAGE: Final = 20

_GRACE: Final = 10.0


@dataclass
class Job:
    """A job; a thread of its own sees to its process."""

    id: str
    namespace: str
    user: str
    spec: dict[str, Any]
    created: str
    begun: float
    stage: str = "SCHEDULING"
    message: str | None = None
    started: str | None = None
    finished: str | None = None
    logs: list[tuple[str, str]] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None

    @property
    def live(self) -> bool:
        return self.stage in ("SCHEDULING", "RUNNING")

    def say(self, line: str) -> None:
        self.logs.append((now(), line))

    def become(self, stage: str, message: str | None = None) -> None:
        # who sees the stage, in another thread, sees what belongs to it
        self.message = message
        if stage == "RUNNING":
            self.started = now()
        elif stage != "SCHEDULING":
            self.finished = now()
        self.stage = stage

    def describe(self) -> dict[str, Any]:
        """As the Hub tells of it. What a secret holds is told to nobody."""
        return {
            "id": self.id,
            "createdAt": self.created,
            "startedAt": self.started,
            "finishedAt": self.finished,
            "dockerImage": self.spec.get("dockerImage"),
            "spaceId": self.spec.get("spaceId"),
            "command": self.spec["command"],
            "arguments": self.spec["arguments"],
            "environment": self.spec["environment"],
            "secrets": dict.fromkeys(self.spec.get("secrets", {})),
            "flavor": self.spec["flavor"],
            "labels": self.spec.get("labels"),
            "retry": self.spec.get("attempts", 1) - 1,
            "status": {"stage": self.stage, "message": self.message},
            "durations": {
                "schedulingSecs": None if self.started is None else 0,
                "runningSecs": None if self.started is None else 0,
                "totalSecs": int(time.monotonic() - self.begun),
            },
            "owner": {"id": "5e9ecfc04957053f60648a3e", "name": self.namespace, "type": "user"},
            "initiator": {"type": "user", "id": "5e9ecfc04957053f60648a3e", "name": self.user},
        }


class Jobs:
    """All jobs, and the machines they run on."""

    def __init__(self) -> None:
        self.all: dict[str, Job] = {}
        self.credit = True
        """Whether anybody can pay."""
        self.machine: dict[str, str] | None = None
        """The environment of the machines; None: there are none."""

    def run(self, namespace: str, user: str, spec: dict[str, Any]) -> Job:
        job = Job(secrets.token_hex(12), namespace, user, spec, now(), time.monotonic())
        self.all[job.id] = job
        if self.machine is not None:
            threading.Thread(target=self._run, args=(job, self.machine), daemon=True).start()
        return job

    def _run(self, job: Job, machine: Mapping[str, str]) -> None:
        with tempfile.TemporaryDirectory(prefix="job-") as folder:
            given = {**job.spec["environment"], **job.spec.get("secrets", {})}
            process = subprocess.Popen(
                without_uv(job.spec["command"], machine["PYTHON"]),
                cwd=folder,
                env={"PATH": os.environ["PATH"], "HOME": folder, "JOB_ID": job.id, **machine, **given},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
            job.process = process
            if job.live:
                job.become("RUNNING")
            else:  # cancelled before it had a machine
                kill(process)
            out_of_time = threading.Event()

            def end() -> None:
                out_of_time.set()
                kill(process)

            timer = threading.Timer(job.spec.get("timeoutSeconds", 1800), end)
            timer.start()
            assert process.stdout is not None
            for line in process.stdout:
                job.say(line.rstrip("\n"))
            status = process.wait()
            timer.cancel()
            if job.live:
                if out_of_time.is_set():
                    job.become("ERROR", "Job timeout")
                elif status:
                    job.become("ERROR", f"Job failed with exit code: {status}")
                else:
                    job.become("COMPLETED")

    def cancel(self, job: Job) -> None:
        if not job.live:
            raise Refused(409, "the job has ended already")
        job.become("CANCELED")
        if job.process is not None:
            os.killpg(job.process.pid, signal.SIGTERM)
            threading.Timer(_GRACE, kill, [job.process]).start()

    def close(self) -> None:
        """End all processes."""
        for job in self.all.values():
            if job.process is not None:
                kill(job.process)


def kill(process: subprocess.Popen[str]) -> None:
    """End a job's process and all it started, as a machine that is switched off."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def without_uv(command: list[str], python: str) -> list[str]:
    """What `uv run` would start once it has installed what it is told to."""
    assert command[:2] == ["uv", "run"], command
    at = 2
    while command[at] in ("--with", "--python"):
        at += 2
    assert command[at] == "python", command
    return [python, *command[at + 1 :]]


def add_jobs(app: FastAPI) -> None:
    """The routes."""

    @app.get("/api/jobs/hardware", name="jobs-hardware")
    async def hardware(ask: Asking) -> JSONResponse:
        return JSONResponse(
            [
                {
                    "name": name,
                    "prettyName": name,
                    "cpu": "2 vCPU",
                    "ram": "16 GB",
                    "unitCostMicroUSD": cost,
                    "unitCostUSD": cost / 1e6,
                    "unitLabel": "minute",
                }
                for name, cost in FLAVOURS.items()
            ]
        )

    @app.post("/api/jobs/{namespace}", name="job-run")
    async def run(ask: Asking) -> JSONResponse:
        jobs = _jobs(ask)
        spec = await json_body(ask.request)
        if not jobs.credit:
            raise Refused(402, "Pre-paid credit balance is insufficient")
        if spec["flavor"] not in FLAVOURS:
            raise Refused(400, f"unknown flavor {spec['flavor']}")
        if not spec.get("dockerImage") and not spec.get("spaceId"):
            raise Refused(400, "an image is needed")
        _check_labels(spec.get("labels", {}))
        return JSONResponse(jobs.run(ask.params["namespace"], ask.user().name, spec).describe())

    @app.get("/api/jobs/{namespace}", name="jobs")
    async def listed(
        ask: Asking,
        stage: Annotated[list[str] | None, Query()] = None,
        label: Annotated[list[str] | None, Query()] = None,
        skip: int = 0,
    ) -> JSONResponse:
        wanted = [tuple(pair.split("=", 1)) for pair in label or []]
        found = [
            job
            for job in reversed(_jobs(ask).all.values())
            if job.namespace == ask.params["namespace"]
            and (not stage or job.stage in stage)
            and all(job.spec.get("labels", {}).get(key) == value for key, value in wanted)
        ]
        page = [job.describe() for job in found[skip : skip + PAGE]]
        more = [("skip", skip + PAGE), *(("stage", s) for s in stage or []), *(("label", one) for one in label or [])]
        return JSONResponse(page, headers=next_page(ask, more) if skip + PAGE < len(found) else None)

    @app.get("/api/jobs/{namespace}/{id}", name="job")
    async def one(ask: Asking) -> JSONResponse:
        return JSONResponse(_job(ask).describe())

    @app.post("/api/jobs/{namespace}/{id}/cancel", name="job-cancel")
    async def cancel(ask: Asking) -> JSONResponse:
        job = _job(ask)
        _jobs(ask).cancel(job)
        return JSONResponse(job.describe())

    @app.put("/api/jobs/{namespace}/{id}/labels", name="job-labels")
    async def labels(ask: Asking) -> JSONResponse:
        job = _job(ask)
        new = (await json_body(ask.request))["labels"]
        _check_labels(new)
        job.spec["labels"] = new
        return JSONResponse(job.describe())

    @app.get("/api/jobs/{namespace}/{id}/logs", name="job-logs")
    async def logs(ask: Asking, tail: int | None = None) -> StreamingResponse:
        lines = list(_job(ask).logs)[-tail if tail else 0 :]

        def events() -> Iterator[str]:
            for moment, line in lines:
                yield f"data: {json.dumps({'timestamp': moment, 'data': line})}\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")


def _jobs(ask: Ask) -> Jobs:
    """All jobs, for somebody who may see to those of the namespace."""
    namespace = ask.params["namespace"]
    ask.user()
    if not ask.world.may_write(ask.token, f"{namespace}/jobs"):
        raise Refused(403, f"this token may not use the jobs of {namespace}")
    jobs = ask.request.app.state.jobs
    assert isinstance(jobs, Jobs)
    return jobs


def _job(ask: Ask) -> Job:
    job = _jobs(ask).all.get(ask.params["id"])
    if job is None or job.namespace != ask.params["namespace"]:
        raise Refused(404, "no such job")
    return job


def _check_labels(labels: Mapping[str, str]) -> None:
    for word in (*labels, *labels.values()):
        if not LABEL.fullmatch(word):
            raise Refused(400, f"not a label: {word!r}")


def aged(job: Job, seconds: float) -> None:
    """Make a job older."""
    job.begun -= seconds
    made = datetime.fromisoformat(job.created).timestamp() - seconds
    job.created = datetime.fromtimestamp(made, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
