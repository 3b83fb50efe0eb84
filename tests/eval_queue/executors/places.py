"""Installations whose evaluations run in different places, each with the command that an operator gives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from data.sources.practice import practice_benchmark
from eval_queue.protocol import plan, subsample
from eval_queue.queue.queue import Queue
from eval_queue.records import BenchmarkRef
from eval_queue.settings import Endpoint
from eval_queue.store.local import LocalStore
from eval_queue.submission import Submission, new_submission
from tests.eval_queue.executors.clusters import RayCluster
from tests.support import ROOT, hub_place
from tests.support.chat_server import ChatServer
from tests.support.hub import Hub

QUERIES = 2
PLAN = plan(subsample(practice_benchmark(), QUERIES))
TEXTS = {prompt.id: prompt.text for prompt in PLAN}
LEASE, SHORT_LEASE = 60.0, 6.0
"""Seconds; the short one is of evaluations whose machine breaks, for whose end the next one has to wait."""
PLACES = 2
WAIT = 180.0


class Place(ABC):
    """An installation of two places, with an endpoint, and its command."""

    executor: ClassVar[str]
    goes_on: ClassVar[bool] = False
    """Whether evaluations go on when the command is stopped."""

    def __init__(self, folder: Path, chat: ChatServer, **endpoint: Any) -> None:
        self.folder = folder
        self.chat = chat
        settings: dict[str, Any] = {"base_url": chat.address, "concurrency": 2, "parallel": PLACES, **endpoint}
        self.endpoint = Endpoint(name="chat", **settings)
        self.command: subprocess.Popen[bytes] | None = None
        self.lease = LEASE

    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "VALUE_"))}
        values = {
            "STORE": str(self.folder / "store"),
            "SOURCE": "practice",
            "ENDPOINTS": json.dumps([self.endpoint.model_dump(mode="json", exclude_defaults=True)]),
            "LOCAL_MODEL": "false",
            "EXECUTOR": self.executor,
            "POLL_SECONDS": "0.3",
            "LEASE_SECONDS": f"{self.lease}",
            "BEAT_SECONDS": "0.5",
            "RETEST": "0",
        }
        return {**inherited, **{f"VALUE_PORTRAIT_{name}": value for name, value in values.items()}}

    def queue(self) -> Queue:
        store = LocalStore(self.folder / "store")
        return Queue(store, store, lease=timedelta(seconds=self.lease))

    def put(self, *models: str) -> list[Submission]:
        queue, ref = self.queue(), BenchmarkRef.of(practice_benchmark())
        made = [
            new_submission(m, endpoint=self.endpoint, benchmark=ref, submitter="ada", at=queue.clock(), queries=QUERIES)
            for m in models
        ]
        return list(queue.submit_set(made, quota=None))

    def start(self, *options: str) -> None:
        with (self.folder / "command.log").open("ab") as log:
            self.command = subprocess.Popen(
                [sys.executable, "-m", "eval_queue", "work", *options],
                cwd=ROOT,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def drain(self) -> None:
        """Run the command until nothing waits."""
        self.start("--once")
        assert self.wait() == 0, self.log()

    def wait(self, seconds: float = WAIT) -> int:
        assert self.command is not None
        return self.command.wait(seconds)

    def finish(self) -> None:
        """Wait until everything is done and the command has ended."""
        assert self.wait() == 0, self.log()

    def log(self) -> str:
        return (self.folder / "command.log").read_text()[-4000:]

    def secrets(self) -> list[str]:
        """What nobody may read anywhere."""
        return [self.chat.address]

    def said(self) -> str:
        """Everything that was logged, and all records."""
        records = [path.read_text() for path in (self.folder / "store").rglob("*.json")]
        return "\n".join([(self.folder / "command.log").read_text(), *records])

    @abstractmethod
    def lose_one(self) -> None:
        """Let the machine of some evaluation that runs break."""

    def close(self) -> None:
        if self.command is not None and self.command.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.command.pid, signal.SIGKILL)
            self.command.wait()

    def states(self) -> dict[str, str]:
        return {s.model: s.state for s in self.queue().submissions()}

    def running(self) -> int:
        return list(self.states().values()).count("running")

    def asked(self) -> Counter[tuple[str, str]]:
        return Counter((asked.body["model"], asked.prompt) for asked in self.chat.asked)

    def kept(self) -> set[tuple[str, str]]:
        """Model and prompt of each answer that is where the next worker finds it."""
        found = set()
        for submission in self.queue().submissions():
            for line in self.lines(submission).split(b"\n")[:-1]:
                answer = json.loads(line)
                id_ = answer.get("prompt_variant"), answer.get("portrait_id"), answer.get("option_id")
                if id_ in TEXTS:
                    found.add((submission.model, TEXTS[id_]))
        return found

    def lines(self, submission: Submission) -> bytes:
        path = self.folder / "store" / "work" / submission.id / "answers.jsonl"
        return path.read_bytes() if path.exists() else b""


class Here(Place):
    executor = "here"

    def lose_one(self) -> None:
        assert self.command is not None
        os.killpg(self.command.pid, signal.SIGKILL)
        self.command.wait()
        # with --once it would find nothing that waits, as long as the lease of the dead one lasts
        self.start()

    def finish(self) -> None:
        until(lambda: set(self.states().values()) == {"done"}, self)
        assert self.command is not None
        self.command.send_signal(signal.SIGTERM)
        super().finish()


class OnRay(Place):
    executor = "ray"

    def __init__(self, folder: Path, chat: ChatServer, cluster: RayCluster, **endpoint: Any) -> None:
        super().__init__(folder, chat, **endpoint)
        self.cluster = cluster
        cluster.have_nodes(PLACES)

    def start(self, *options: str) -> None:
        super().start(*options, "--address", self.cluster.address)

    def lose_one(self) -> None:
        self.cluster.kill(self.cluster.nodes.pop())


class OnJobs(Place):
    executor = "jobs"
    goes_on = True

    def __init__(self, folder: Path, chat: ChatServer, hub: Hub, **endpoint: Any) -> None:
        super().__init__(folder, chat, **endpoint)
        self.hub = hub
        self.repos = hub_place.Place(hub, folder)
        machine = {"PYTHON": sys.executable, "PYTHONPATH": str(ROOT), "HF_ENDPOINT": hub.url, "NO_PROXY": "127.0.0.1"}
        hub.machine(machine)
        self.before = len(hub.jobs())

    def environment(self) -> dict[str, str]:
        own = {
            "REQUESTS_REPO": self.repos.requests,
            "RESULTS_REPO": self.repos.results,
            "HUB_SECONDS": "0.2",
            "KEEP_SECONDS": "0.5",
            "JOBS_PACKAGES": '["value-portrait-leaderboard"]',
        }
        named = {f"VALUE_PORTRAIT_{name}": value for name, value in own.items()}
        client = self.hub.environment(self.folder / "home", token=self.hub.token)
        return {**super().environment(), **{n: v for n, v in client.items() if n.startswith("HF_")}, **named}

    def queue(self) -> Queue:
        stores = (self.repos.store(copy="tests"), self.repos.store(self.repos.results, copy="tests"))
        return Queue(*stores, lease=timedelta(seconds=self.lease))

    def lose_one(self) -> None:
        live = [job for job in self.hub.jobs()[self.before :] if job["status"]["stage"] == "RUNNING"]
        self.hub.kill_job(live[0]["id"])

    def secrets(self) -> list[str]:
        return [*super().secrets(), self.hub.token]

    def said(self) -> str:
        logs = [line for job in self.hub.jobs()[self.before :] for line in job["log"]]
        files = (*self.hub.files(self.repos.requests).values(), *self.hub.files(self.repos.results).values())
        return "\n".join([super().said(), *logs, *(content.decode(errors="replace") for content in files)])

    def lines(self, submission: Submission) -> bytes:
        return self.hub.files(self.repos.requests).get(f"unfinished/{submission.id}.jsonl", b"")

    def close(self) -> None:
        super().close()
        for job in self.hub.jobs()[self.before :]:
            if job["status"]["stage"] in ("SCHEDULING", "RUNNING"):
                self.hub.kill_job(job["id"])


def until(condition: Callable[[], object], place: Place) -> None:
    end = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < end, f"this did not happen in time: {place.log()}"
        time.sleep(0.1)


def all_done(place: Place, submissions: list[Submission]) -> bool:
    """Whether each was done once, with all its answers."""
    found = place.queue()
    by_id = {s.id: s for s in found.submissions()}
    results = Counter(r.id for r in found.results())
    return all(
        by_id[s.id].state == "done"
        and [step.state for step in by_id[s.id].history].count("done") == 1
        and results[s.id] == 1
        for s in submissions
    ) and all(r.coverage.rated == len(PLAN) for r in found.results())
