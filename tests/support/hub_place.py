"""A pair of repositories on the test Hub with as many programs on them as one likes, for tests of what lives there."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from eval_queue.queue.queue import Queue
from eval_queue.records import BenchmarkRef, Result
from eval_queue.settings import Endpoint
from eval_queue.store.cards import results_card
from eval_queue.store.collection import encode
from eval_queue.store.compiled import compiled_results, compiled_submissions
from eval_queue.store.hub import HubStore
from eval_queue.store.local import Store
from eval_queue.store.repository import HubRepo
from eval_queue.submission import Submission, new_submission
from tests.support import rows
from tests.support.hub import Hub

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LEASE = timedelta(minutes=10)
CARD = "---\ntags: [test]\n---\n\nA card.\n"
PRACTICE = BenchmarkRef(name="practice", version="1", digest="ab" * 32)
NUMBERS = count()


class Place:
    """A pair of repositories on the test Hub, and as many programs on them as one likes, each with its own copy."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        self.hub = hub
        self.folder = folder
        number = next(NUMBERS)
        self.requests, self.results = f"lab/requests-{number}", f"lab/results-{number}"

    def store(self, repo: str | None = None, *, token: str | None = None, copy: str = "", **options: Any) -> HubStore:
        repo = repo or self.requests
        timeout = options.pop("timeout", 10.0)
        results = repo == self.results
        return HubStore(
            HubRepo(repo, token=token or self.hub.token, endpoint=self.hub.url, timeout=timeout),
            card=results_card(results=self.results, requests=self.requests) if results else CARD,
            copy=self.folder / (copy or f"copy-{next(NUMBERS)}") / repo,
            compiled=compiled_results() if results else compiled_submissions(),
            **{"private": True, **options},
        )

    def queue(self, **options: Any) -> Queue:
        clock = options.pop("clock", lambda: START)
        return Queue(self.store(**options), self.store(self.results, **options), lease=LEASE, clock=clock)

    def routes(self) -> Counter[str]:
        """What was asked of the Hub since the last call."""
        counted = self.hub.requests.by_route()
        self.hub.requests.clear()
        return counted

    def records(self, repo: str | None = None) -> dict[str, bytes]:
        """The records that are truly on the Hub."""
        files = self.hub.files(repo or self.requests)
        return {p: c for p, c in files.items() if p.endswith(".json")}


def asked(model: str = "org/a", minute: float = 0, **changes: object) -> Submission:
    made = new_submission(
        model,
        endpoint=Endpoint(name="vllm"),
        benchmark=PRACTICE,
        submitter="ada",
        at=START + timedelta(minutes=minute),
    )
    return made.model_copy(update=changes)


def result_of(submission: Submission, **changes: object) -> Result:
    made = rows.result(submission.model, [0.1 * i for i in range(10)], half=0.2, origin="space")
    own = {name: getattr(submission, name) for name in ("id", "endpoint", "answer_mode", "protocol", "benchmark")}
    return made.model_copy(update={**own, **changes})


def content(store: Store, prefix: str = "submissions/") -> dict[str, bytes]:
    head = store.head()
    return {path: store.read(path, head) for path in store.list(prefix, head)}


def file_of(submission: Submission) -> dict[str, bytes]:
    return {f"submissions/{submission.id}.json": encode(submission)}


def filled(place: Place, *models: str) -> HubStore:
    """A store with these submissions, put there in one commit."""
    store = place.store()
    files: dict[str, bytes | None] = {}
    for minute, model in enumerate(models):
        files.update(file_of(asked(model, minute)))
    store.commit(files, store.head(), "fill")
    place.routes()
    return store
