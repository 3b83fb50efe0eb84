"""What only a Ray cluster has: resources, and shards of one evaluation on several nodes. The rest: `test_contract`."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from eval_queue.settings import Endpoint, Settings
from tests.eval_queue.executors.clusters import NO_RAY, RayCluster
from tests.eval_queue.executors.places import PLAN, SHORT_LEASE, OnRay, all_done, until
from tests.support import ROOT
from tests.support.chat_server import ChatServer, rate

pytestmark = [pytest.mark.slow]


@pytest.fixture
def chat() -> Iterator[ChatServer]:
    with ChatServer(lambda asked: replace(rate(asked), delay=0.2)) as running:
        yield running


@NO_RAY
def test_an_endpoint_s_places_and_resources_bound_its_tasks(cluster: RayCluster, tmp_path: Path) -> None:
    from eval_queue.executors.ray_cluster import RayTasks

    node = cluster.add_node(4, board=4)
    plain = Endpoint(name="plain", resources={"num_cpus": 1, "board": 2})
    cut = Endpoint(name="cut", resources={"num_cpus": 1, "board": 1}, shards=3)
    tasks = RayTasks(Settings(store=tmp_path), address=cluster.address)
    assert tasks.room_for(plain, [plain])
    assert not tasks.room_for(plain, [plain] * 2)
    assert tasks.room_for(cut, [cut]), "one of its shards can run"
    assert not tasks.room_for(cut, [cut, plain])
    tasks.close()
    cluster.kill(node)


@NO_RAY
def test_a_node_that_is_killed_with_its_shards_loses_and_doubles_nothing(
    cluster: RayCluster, chat: ChatServer, tmp_path: Path
) -> None:
    place = OnRay(tmp_path, chat, cluster, shards=4, resources={"num_cpus": 0.5})
    place.lease = SHORT_LEASE
    try:
        (submission,) = place.put("org/a")
        place.start("--once")
        until(lambda: len(place.kept()) > 12, place)
        kept = place.kept()
        place.lose_one()
        assert place.wait() == 0, place.log()
        assert all_done(place, [submission])
        (cut,) = place.queue().results()
        asked = place.asked()
        assert {pair: n for pair, n in asked.items() if pair in kept and n > 1} == {}
        # the same question in one piece
        chat.behave = rate
        whole = OnRay(tmp_path / "whole", chat, cluster)
        whole.folder.mkdir()
        whole.put("org/a")
        whole.drain()
        (one,) = whole.queue().results()
        whole.close()
    finally:
        place.close()
    times = {"created": None, "run": None}
    assert cut.model_copy(update=times) == one.model_copy(update=times)
    assert cut.run is not None
    assert one.run is not None
    unlike = {"started", "finished", "seconds"}
    assert cut.run.model_dump(exclude=unlike) == one.run.model_dump(exclude=unlike)
    assert Counter(asked.values())[1] >= len(PLAN) - 8, "but for what was in flight"


def test_without_ray_chosen_nothing_of_it_is_imported() -> None:
    code = (
        "import sys, eval_queue.__main__, eval_queue.executors.chosen, eval_queue.executors.ray_cluster, "
        "eval_queue.executors.hugging_face_jobs; assert 'ray' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
