"""Evaluations as tasks on a real Ray cluster of two nodes on this machine, one of which is killed in the middle."""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from data.sources.loading import load_benchmark
from eval_queue.executors.dispatcher import Dispatcher
from eval_queue.protocol import plan
from eval_queue.queue.queue import Queue
from eval_queue.records import BenchmarkRef
from eval_queue.settings import Endpoint, Settings
from eval_queue.store.local import LocalStore
from eval_queue.submission import Submission, new_submission
from tests.support import ROOT
from tests.support.chat_server import ChatServer, rate
from tests.support.folders import write_folder

pytestmark = [pytest.mark.slow]
ray = pytest.importorskip("ray", reason="requirements-ray.txt is not installed")

PROMPTS = 144
HERE = "127.0.0.1"
STORE_BYTES = 100_000_000
LEASE = 8.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster with a head that runs no tasks; everything listens on this machine alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_DISABLE_IMPORT_WARNING", "1")
        patch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
        from ray._private import services
        from ray.cluster_utils import Cluster

        # Ray would choose the machine's own address, and then wait for it for minutes
        for name in [m for m in sys.modules if m.startswith("ray")]:
            module = importlib.import_module(name)
            if getattr(module, "get_node_ip_address", None) is services.get_node_ip_address:
                patch.setattr(module, "get_node_ip_address", lambda *_: HERE)
        patch.setattr(services, "get_node_ip_address", lambda *_: HERE)
        patch.setattr(services, "resolve_ip_for_localhost", lambda host: host)
        made = Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 0,
                "node_ip_address": HERE,
                "object_store_memory": STORE_BYTES,
                "include_dashboard": False,
            },
        )
        try:
            yield made
        finally:
            ray.shutdown()
            made.shutdown()


def add_node(cluster: Any, cpus: int) -> Any:
    return cluster.add_node(num_cpus=cpus, node_ip_address=HERE, object_store_memory=STORE_BYTES)


class Place:
    """A store, an endpoint, and dispatchers on them."""

    def __init__(self, tmp_path: Path, chat: ChatServer, **endpoint: Any) -> None:
        self.folder = write_folder(tmp_path / "tiny")
        self.chat = chat
        self.stop = threading.Event()
        self.endpoint = Endpoint(name="chat", base_url=chat.address, concurrency=4, **endpoint)
        self.settings = Settings(
            store=tmp_path / "store",
            source=str(self.folder),
            endpoints=[self.endpoint],
            local_model=False,
            retest=0,
            lease_seconds=LEASE,
            beat_seconds=0.5,
        )

    def queue(self) -> Queue:
        store = LocalStore(self.settings.store)
        return Queue(store, store, lease=timedelta(seconds=LEASE))

    def put(self, *models: str) -> list[Submission]:
        queue, ref = self.queue(), BenchmarkRef.of(load_benchmark(self.folder))
        return [
            queue.submit(
                new_submission(m, endpoint=self.endpoint, benchmark=ref, submitter="ada", at=queue.clock()), quota=99
            )
            for m in models
        ]

    def dispatcher(self, cluster: Any) -> Dispatcher:
        from eval_queue.executors.ray_cluster import RayTasks

        tasks = RayTasks(self.settings, address=cluster.address, _node_ip_address=HERE)
        return Dispatcher(
            self.queue(), endpoints=self.settings.endpoints, tasks=tasks, stop=self.stop, look=0.2, again=0.5
        )

    def states(self) -> dict[str, str]:
        return {s.model: s.state for s in self.queue().submissions()}

    def asked(self) -> Counter[tuple[str, str]]:
        return Counter((asked.body["model"], asked.prompt) for asked in self.chat.asked)


def until(condition: Callable[[], object], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "this did not happen in time"
        time.sleep(0.05)


def test_a_node_that_is_killed_loses_and_doubles_nothing(cluster: Any, tmp_path: Path) -> None:
    first, second = add_node(cluster, 1), add_node(cluster, 2)
    most = 0
    with ChatServer(lambda asked: replace(rate(asked), delay=0.15)) as chat:
        place = Place(tmp_path, chat, parallel=10)
        submissions = place.put(*(f"org/{n}" for n in range(5)))
        dispatcher = place.dispatcher(cluster)
        thread = threading.Thread(target=dispatcher.run, kwargs={"once": True})
        thread.start()
        try:
            until(lambda: list(place.states().values()).count("running") == 3)
            most = 3
            until(lambda: len({model for model, _ in place.asked()}) == 3 and len(place.chat.asked) > 100)
            kept = on_disk(place)
            cluster.remove_node(second, allow_graceful=False)
            while thread.is_alive():
                # a dead node's claims look alive until their leases end
                most = max(most, list(place.states().values()).count("running"))
                thread.join(0.2)
        finally:
            place.stop.set()
            thread.join(60)
    assert most <= 3, "never more claims than tasks that can run"
    found = place.queue()
    assert {s.state for s in found.submissions()} == {"done"}
    assert sorted(r.id for r in found.results()) == sorted(s.id for s in submissions)
    assert all(r.coverage.rated == PROMPTS for r in found.results())
    assert all([step.state for step in s.history].count("done") == 1 for s in found.submissions())
    assert max(dispatcher.started.values()) == 2, "those of the dead node had another task"
    asked = place.asked()
    assert kept
    assert all(asked[pair] == 1 for pair in kept), "no answer that was kept is asked for again"
    cluster.remove_node(first)


def on_disk(place: Place) -> set[tuple[str, str]]:
    """Model and prompt of each answer that is in a whole line of a work folder."""
    texts = {p.id: p.text for p in plan(load_benchmark(place.folder))}
    found = set()
    for submission in place.queue().submissions():
        path = place.settings.store / "work" / submission.id / "answers.jsonl"
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        for line in map(json.loads, lines):
            found.add((submission.model, texts[line["prompt_variant"], line["portrait_id"], line["option_id"]]))
    return found


def test_a_stop_returns_the_claims(cluster: Any, tmp_path: Path) -> None:
    node = add_node(cluster, 2)
    with ChatServer(lambda asked: replace(rate(asked), delay=0.3)) as chat:
        place = Place(tmp_path, chat, parallel=10)
        place.put("org/a", "org/b", "org/c")
        thread = threading.Thread(target=place.dispatcher(cluster).run)
        thread.start()
        until(lambda: len({model for model, _ in place.asked()}) == 2)
        place.stop.set()
        thread.join(60)
        assert not thread.is_alive()
    assert set(place.states().values()) == {"pending"}
    cluster.remove_node(node)


def test_an_endpoint_s_places_and_resources_bound_its_tasks(cluster: Any, tmp_path: Path) -> None:
    from eval_queue.executors.ray_cluster import RayTasks

    node = cluster.add_node(num_cpus=4, resources={"board": 2}, node_ip_address=HERE, object_store_memory=STORE_BYTES)
    with ChatServer() as chat:
        place = Place(tmp_path, chat, resources={"num_cpus": 1, "board": 1})
        tasks = RayTasks(place.settings, address=cluster.address, _node_ip_address=HERE)
        assert tasks.room_for(place.endpoint, [place.endpoint])
        assert not tasks.room_for(place.endpoint, [place.endpoint] * 2)
    cluster.remove_node(node)


def test_without_ray_chosen_nothing_of_it_is_imported() -> None:
    import subprocess

    code = "import sys, eval_queue.__main__, eval_queue.executors.ray_cluster; assert 'ray' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
