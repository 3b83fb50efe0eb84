"""Many workers as real processes against a Hub over HTTP: raced, killed, with wrong clocks, and a Hub that fails.

Whatever happens, each submission ends as done exactly once, and its result is written once and never again.
"""

from __future__ import annotations

import io
import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from eval_queue.queue.queue import Queue
from eval_queue.records import BenchmarkRef, Result, now
from eval_queue.settings import Endpoint
from eval_queue.store.cards import requests_card, results_card
from eval_queue.store.compiled import compiled_results, compiled_submissions
from eval_queue.store.hub import HubStore
from eval_queue.store.repository import HubRepo
from eval_queue.submission import Submission, new_submission
from tests.support.chat_server import Asked, ChatServer, Response, held_after, rate
from tests.support.forks import Forks, forks
from tests.support.hub import Fault, HubProcess, hub_process
from tests.support.waiting import until
from tests.support.worker_process import PROMPTS, Kind, tiny_benchmark

SEEDS = 20
NUMBERS = count()


@pytest.fixture(scope="module")
def workers() -> Iterator[Forks]:
    with forks("tests.support.worker_process") as running:
        yield running


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with hub_process(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture
def chat() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


class World:
    """Two repositories, a disk and workers on them."""

    def __init__(self, hub: HubProcess, chat: ChatServer, workers: Forks, folder: Path) -> None:
        self.hub, self.chat, self.workers, self.folder = hub, chat, workers, folder
        self.number = next(NUMBERS)
        self.requests, self.results = f"lab/requests-{self.number}-x", f"lab/results-{self.number}-x"
        self.users, self.models = count(), count()

    @property
    def repositories(self) -> str:
        """Both, as a pattern."""
        return f"lab/*-{self.number}-x"

    def queue(self) -> Queue:
        """This process's own."""
        cards = {
            self.requests: (requests_card(results=self.results), compiled_submissions()),
            self.results: (results_card(results=self.results, requests=self.requests), compiled_results()),
        }
        stores = [
            HubStore(
                HubRepo(repo, token=self.hub.token, endpoint=self.hub.url),
                card=card,
                private=True,
                copy=self.folder / f"reader-{next(NUMBERS)}" / repo,
                compiled=compiled,
            )
            for repo, (card, compiled) in cards.items()
        ]
        return Queue(*stores, lease=timedelta(minutes=1))

    def put(self, number: int) -> list[Submission]:
        """Submit so many models."""
        queue, ref = self.queue(), BenchmarkRef.of(tiny_benchmark())
        queue.results()  # so that both repositories are there before the workers come
        return [
            queue.submit(
                new_submission(
                    f"org/{self.number}-{next(self.models)}",
                    endpoint=Endpoint(name="chat"),
                    benchmark=ref,
                    submitter="ada",
                    at=queue.clock(),
                ),
                quota=99,
            )
            for _ in range(number)
        ]

    def worker(self, *, disk: str = "disk", user: str | None = None, **changes: Any) -> int:
        """Start a worker process; its id."""
        name = user or f"worker-{self.number}-{next(self.users)}"
        kind = Kind(
            hub=self.hub.url,
            token=self.hub.add_user(name, orgs={"lab": "write"}),
            requests=self.requests,
            results=self.results,
            chat=self.chat.address,
            folder=str(self.folder / disk),
            name=name,
            **{"lease": 60.0, "beat": 0.5, **changes},
        )
        return self.workers.start(kind)

    def asked(self) -> Counter[tuple[str, str]]:
        """How often each of this world's models was asked each prompt."""
        mine = [asked for asked in self.chat.asked if asked.body["model"].startswith(f"org/{self.number}-")]
        return Counter((asked.body["model"], asked.prompt) for asked in mine)

    def check_done_once(self, submissions: list[Submission], *, attempts: int | None = 1) -> None:
        """All are done, each with one result that was written once and never changed, and nothing else is there."""
        queue = self.queue()
        found = {s.id: s for s in queue.submissions()}
        assert set(found) == {s.id for s in submissions}, "none is lost, none made up"
        assert {s.state for s in found.values()} == {"done"}
        if attempts is not None:
            assert {s.attempts for s in found.values()} == {attempts}
        assert queue.problems() == []
        assert sorted(r.id for r in queue.results()) == sorted(found)
        written = Counter(path for step in self.hub.history(self.results) for path in step["changes"])
        done = Counter(step["title"] for step in self.hub.history(self.requests))
        for id_ in found:
            assert written[f"results/{id_}.json"] == written[f"answers/{id_}.parquet"] == 1
            assert [step.state for step in found[id_].history].count("done") == 1
            assert done[f"done: {id_}"] <= 1
        files = self.hub.files(self.results)
        table = pq.read_table(io.BytesIO(files["results/all.parquet"])).to_pylist()
        assert {row["id"]: row["record"].encode() for row in table} == {
            id_: files[f"results/{id_}.json"] for id_ in found
        }
        for id_ in found:
            result = Result.model_validate_json(files[f"results/{id_}.json"])
            assert result.coverage.rated == PROMPTS
            assert pq.read_table(io.BytesIO(files[f"answers/{id_}.parquet"])).num_rows == PROMPTS


@pytest.fixture
def world(hub: HubProcess, chat: ChatServer, workers: Forks, tmp_path: Path) -> Iterator[World]:
    made = World(hub, chat, workers, tmp_path)
    yield made
    hub.faults.clear()
    hub.clock(0.0)


# --- races ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "parallel"), [(8, 1), (3, 3)])
def test_many_workers_evaluate_forty_submissions_once_each(world: World, number: int, parallel: int) -> None:
    go = threading.Event()
    world.chat.behave = held_after(0, go)
    submissions = world.put(40)
    running = [world.worker(disk=f"disk-{i}", parallel=parallel) for i in range(number)]
    # nothing is answered before each has claimed all it can evaluate at once
    until(lambda: len({model for model, _ in world.asked()}) == number * parallel)
    go.set()
    assert [world.workers.wait(pid) for pid in running] == [0] * number
    world.check_done_once(submissions)
    assert len(world.asked()) == 40 * PROMPTS
    assert set(world.asked().values()) == {1}, "nothing was asked twice"
    finishers = {step["author"] for step in world.hub.history(world.results) if step["title"].startswith("result")}
    assert len(finishers) == number, "they shared the work"


# --- kills ----------------------------------------------------------------------------------------------------------

LEASE = 6.0
"""Of workers that are killed at one of their commits: the next one has to wait so long."""


WHEN: dict[str, dict[str, Any]] = {
    "and it never arrives": {"delay": 600, "cut": True},
    "and it was done": {"delay": 600, "after": True},
    "and it is done later": {"delay": 600},
}
"""What becomes of the request at which a worker is killed: the Hub holds it until then."""


def kill_at(world: World, pid: int, rule: int) -> bool:
    """Kill a worker at the request that is held by a rule, which then ends; whether it came to that request."""
    ended = False

    def held() -> bool:
        nonlocal ended
        return world.hub.faults.held()[rule] == 1 or (ended := world.workers.ended(pid))

    until(held)
    if not ended:
        world.workers.kill(pid)
    world.hub.faults.clear(rule)
    return not ended


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("commit", ["claim", "result", "done"])
def test_killed_at_each_commit(world: World, commit: str, when: str) -> None:
    submissions = world.put(1)
    user = f"killed-{world.number}"
    to_requests = Fault(route="commit", repo=world.requests, user=user, **WHEN[when])
    to_results = Fault(route="commit", repo=world.results, user=user, **WHEN[when])
    if commit == "done":
        # the first to the requests after the result's, which is held until the trap is set
        hold = world.hub.faults.add(Fault(route="commit", repo=world.results, user=user, delay=600))
        pid = world.worker(user=user, lease=LEASE)
        until(lambda: world.hub.faults.fired()[hold] == 1)
        rule = world.hub.faults.add(to_requests)
        world.hub.faults.clear(hold)
    else:
        rule = world.hub.faults.add(to_requests if commit == "claim" else to_results)
        pid = world.worker(user=user, lease=LEASE)
    assert kill_at(world, pid, rule)
    assert world.workers.wait(world.worker()) == 0
    world.check_done_once(submissions, attempts=None)
    (submission,) = world.queue().submissions()
    if commit == "done" or (commit, when) == ("result", "and it was done"):
        assert submission.attempts == 1, "completed from its result, not begun again"
    assert len(world.asked()) == PROMPTS
    assert set(world.asked().values()) == {1}, "what was answered is on the disk and not asked again"


def go_on(world: World, killed: str, **options: Any) -> int:
    """Let another worker go on once one is known to have ended, whose lease nobody has to wait for."""
    pid, queue = world.worker(**options), world.queue()
    # again and again: what was on its way when it was killed may arrive later
    until(lambda: queue.expire(ended={killed}) or world.workers.ended(pid), longest_pause=0.5)
    return world.workers.wait(pid)


def one_life(world: World, parallel: int) -> int:
    """How many requests to the Hub a worker needs for two submissions, without those that only say that it lives."""
    user = f"counted-{world.number}"
    submissions = world.put(2)
    assert world.workers.wait(world.worker(user=user, beat=600.0, parallel=parallel)) == 0
    world.check_done_once(submissions)
    return sum(line.user == user for line in world.hub.requests.all())


def killed_at_random(world: World, seed: int, requests: int, parallel: int) -> str:
    """A worker with two submissions, killed at a random request or prompt; the next on the same disk goes on.

    It is held there until it is killed, so that it cannot end before.
    """
    dice = random.Random(seed)
    submissions = world.put(2)
    user = f"killed-{world.number}"
    if dice.random() < 0.7:
        number, when = dice.randrange(requests), dice.choice(sorted(WHEN))
        held = Fault(repo=world.repositories, user=user, **WHEN[when])
        rule = world.hub.faults.add(held.model_copy(update={"skip": number}))
        while not kill_at(world, world.worker(user=user, parallel=parallel), rule):
            # two at once may share a commit: it needed fewer than the one whose requests were counted
            submissions += world.put(2)
            number //= 2
            rule = world.hub.faults.add(held.model_copy(update={"skip": number}))
        where = f"request {number}, {when}"
    else:
        number, go = dice.randrange(2 * PROMPTS), threading.Event()
        where = f"prompt {number}"
        world.chat.behave = lambda asked: replace(rate(asked), until=go if len(world.chat.asked) > number else None)
        pid = world.worker(user=user, parallel=parallel)
        until(lambda: len(world.chat.asked) > number)
        assert not world.workers.ended(pid)
        world.workers.kill(pid)
        go.set()
    before = Counter(world.asked())
    assert go_on(world, user, parallel=parallel) == 0
    world.check_done_once(submissions, attempts=None)
    again = sum(times - 1 for times in world.asked().values())
    # an answer that was on its way when the worker died
    assert again <= CONCURRENCY * parallel, f"{where}: {again} prompts were asked again"
    assert len(world.asked()) == len(submissions) * PROMPTS
    assert all(submission.attempts <= 2 for submission in world.queue().submissions())
    return f"{where}, {sum(before.values())} of {len(submissions) * PROMPTS} prompts asked"


CONCURRENCY = Kind.concurrency


@pytest.mark.parametrize("parallel", [1, 2])
def test_killed_at_random_points(hub: HubProcess, workers: Forks, tmp_path: Path, parallel: int) -> None:
    """Twenty lives, several at a time: each with its own repositories, disk and endpoint."""
    with ChatServer() as chat:
        requests = one_life(World(hub, chat, workers, tmp_path / "whole"), parallel)

    def life(seed: int) -> str:
        with ChatServer(lambda asked: replace(rate(asked), delay=0.02)) as chat:
            return killed_at_random(World(hub, chat, workers, tmp_path / str(seed)), seed, requests, parallel)

    try:
        with ThreadPoolExecutor(8) as pool:
            ends = list(pool.map(life, range(SEEDS)))
    finally:
        hub.faults.clear()
    assert len(ends) == SEEDS
    assert len(set(ends)) > SEEDS / 2, "the points differ"


# --- clocks ---------------------------------------------------------------------------------------------------------


def test_clocks_that_are_an_hour_wrong_do_no_harm(world: World) -> None:
    """By the Hub's clock evaluations outlast their leases while others look for silent workers all the time."""
    lease, go, reader = timedelta(minutes=10), threading.Event(), world.queue()
    world.chat.behave = held_after(PROMPTS // 2, go)
    submissions = world.put(4)
    skews = (0.0, 3600.0, -3600.0, 3600.0)
    running = [
        world.worker(disk=f"disk-{i}", lease=lease.total_seconds(), skew=skew, concurrency=1)
        for i, skew in enumerate(skews)
    ]
    until(lambda: len({model for model, _ in world.asked()}) == 4)  # each has one, and nothing is left
    looking = [f"looks-{world.number}-{i}" for i in range(3)]
    running += [world.worker(disk=user, user=user, skew=skew) for user, skew in zip(looking, skews, strict=False)]

    def looks() -> Counter[str]:
        lines = world.hub.requests.all()
        return Counter(line.user for line in lines if (line.route, line.repo) == ("info", world.requests))

    begun = now()
    for half in range(1, 5):
        world.hub.clock(half * lease.total_seconds() / 2)
        # by the new time: what was renewed by the one before ends half a lease earlier
        ends = begun + half * lease / 2 + lease
        until(lambda ends=ends: all(s.lease and s.lease.expires >= ends for s in reader.submissions()))
        seen = looks()
        until(lambda seen=seen: all(looks()[user] > seen[user] + 2 for user in looking))
    assert {s.state for s in reader.submissions()} == {"running"}
    go.set()
    assert [world.workers.wait(pid) for pid in running] == [0] * 7
    world.check_done_once(submissions)
    assert set(world.asked().values()) == {1}
    for submission in world.queue().submissions():
        assert submission.started is not None
        assert submission.finished is not None
        assert submission.finished - submission.started > 2 * lease - timedelta(minutes=1), "the lease was renewed"
        assert abs(submission.started - submission.created) < timedelta(seconds=60), "told by one clock"


# --- a Hub that fails -----------------------------------------------------------------------------------------------


def test_a_hub_that_is_killed_and_comes_back_loses_and_doubles_nothing(
    workers: Forks, chat: ChatServer, tmp_path: Path
) -> None:
    with hub_process(tmp_path / "hub") as hub:
        world = World(hub, chat, workers, tmp_path)
        # no further prompt than these is answered before the Hub is away, once and again
        away = {20: threading.Event(), 45: threading.Event()}

        def behave(asked: Asked) -> Response:
            reached = max((number for number in away if number < len(chat.asked)), default=None)
            return replace(rate(asked), until=None if reached is None else away[reached])

        chat.behave = behave
        submissions = world.put(6)
        running = [world.worker(disk=f"disk-{i}") for i in range(3)]
        for asked, gone in away.items():
            until(lambda asked=asked: sum(world.asked().values()) >= asked)
            hub.kill()
            gone.set()
            hub.missed()
            hub.start()
        assert [workers.wait(pid) for pid in running] == [0] * 3
        world.check_done_once(submissions)
        assert set(world.asked().values()) == {1}


def test_an_outage_when_the_result_is_to_be_stored_costs_no_attempt(world: World) -> None:
    submissions = world.put(1)
    user = f"patient-{world.number}"
    hold = world.hub.faults.add(Fault(route="commit", repo=world.results, user=user, delay=600, cut=True))
    log = world.folder / "log"
    pid = world.worker(user=user, log=str(log))
    until(lambda: world.hub.faults.fired()[hold] == 1)
    away = world.hub.faults.add(Fault(repo=world.repositories, user=user, cut=True, times=None))
    world.hub.faults.clear(hold)
    # the queue has given up, and the worker insists
    until(lambda: "will try again" in log.read_text())
    fired = world.hub.faults.fired()[away]
    until(lambda: world.hub.faults.fired()[away] > fired + 3)
    world.hub.faults.clear(away)
    assert world.workers.wait(pid) == 0
    world.check_done_once(submissions)
    assert set(world.asked().values()) == {1}


def test_faults_of_every_kind_lose_and_double_nothing(world: World) -> None:
    submissions = world.put(8)
    often: dict[str, Any] = {"repo": world.repositories, "times": 6}
    for fault in (
        Fault(route="commit", every=5, skip=1, status=500, after=True, **often),
        Fault(route="commit", every=5, skip=2, status=503, **often),
        Fault(route="commit", every=7, skip=3, cut=True, after=True, **often),
        Fault(route="commit", every=7, skip=4, cut=True, **often),
        Fault(route="commit", every=9, skip=5, status=429, retry_after=1, **often),
        Fault(route="info", every=6, skip=5, stale=1, **often),
        Fault(route="info", every=11, skip=8, status=503, **often),
        Fault(route="tree", every=10, skip=4, torn="entries", **often),
        Fault(route="resolve", every=10, skip=4, torn="text", **often),
        Fault(route="resolve", every=13, skip=6, cut=True, **often),
    ):
        world.hub.faults.add(fault)
    go, fresh = threading.Event(), count()
    world.chat.behave = held_after(0, go)
    running = [world.worker(disk=f"disk-{next(fresh)}") for _ in range(4)]
    until(lambda: len({model for model, _ in world.asked()}) == 4)
    go.set()
    assert [world.workers.wait(pid) for pid in running] == [0] * 4
    while not all(world.hub.faults.fired().values()):  # until each kind has happened
        submissions += world.put(2)
        assert world.workers.wait(world.worker(disk=f"disk-{next(fresh)}")) == 0
    world.hub.faults.clear()
    world.check_done_once(submissions)
    assert set(world.asked().values()) == {1}
