"""What holds wherever evaluations run: in a process, on Ray, on Hugging Face Jobs. The same tests, the command itself.

Each place runs `python -m eval_queue work` as an operator does. What breaks is real: a process, a Ray node or a job's
machine is killed.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.eval_queue.asking.test_own_server import alive, command
from tests.eval_queue.executors.clusters import NO_RAY
from tests.eval_queue.executors.places import PLACES, PLAN, SHORT_LEASE, Here, OnJobs, OnRay, Place, all_done, until
from tests.support.chat_server import Asked, ChatServer, Response, fail, held_after, rate
from tests.support.hub import Hub, hub_server

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with hub_server() as running:
        yield running


@pytest.fixture(params=["here", "jobs", pytest.param("ray", marks=NO_RAY)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with ChatServer(lambda asked: replace(rate(asked), delay=0.12)) as chat:
        made: Place
        if request.param == "here":
            made = Here(tmp_path, chat)
        elif request.param == "jobs":
            made = OnJobs(tmp_path, chat, request.getfixturevalue("hub"))
        else:
            made = OnRay(tmp_path, chat, request.getfixturevalue("cluster"))
        try:
            yield made
        finally:
            made.close()


def test_each_is_done_once_the_failed_one_is_named_and_no_more_are_claimed_than_run(place: Place) -> None:
    def behave(asked: Asked) -> Response:
        return fail(401, "no such key") if asked.body["model"] == "org/bad" else replace(rate(asked), delay=0.08)

    place.chat.behave = behave
    good = place.put("org/a", "org/b")
    (bad,) = place.put("org/bad")
    place.start("--once")
    most = 0
    assert place.command is not None
    while place.command.poll() is None:
        most = max(most, place.running())
        time.sleep(0.1)
    assert place.command.returncode == 0, place.log()
    assert most <= PLACES
    assert all_done(place, good)
    failed = place.queue().get(bad.id)
    assert failed.failure is not None
    assert (failed.state, failed.failure.code) == ("failed", "auth")
    assert {n for (model, _), n in place.asked().items() if model != "org/bad"} == {1}
    said = place.said()
    assert [secret for secret in place.secrets() if secret in said] == []


def test_what_breaks_loses_and_doubles_nothing(place: Place) -> None:
    go, place.lease = threading.Event(), SHORT_LEASE
    place.chat.behave = held_after(10, go)
    submissions = place.put("org/a", "org/b")
    place.start("--once")
    until(lambda: place.running() == PLACES and len(place.kept()) > 15, place)
    kept = place.kept()
    place.lose_one()
    go.set()
    place.finish()
    assert all_done(place, submissions)
    asked = place.asked()
    assert {pair: n for pair, n in asked.items() if pair in kept and n > 1} == {}


def test_a_stop_leaves_nothing_behind_that_a_new_start_does_not_take_up(place: Place) -> None:
    go = threading.Event()
    place.chat.behave = held_after(10, go)
    submissions = place.put("org/a", "org/b")
    place.start()
    until(lambda: place.running() == PLACES and len(place.kept()) > 15, place)
    kept = place.kept()
    assert place.command is not None
    place.command.send_signal(signal.SIGTERM)
    assert place.wait() == 0, place.log()
    if not place.goes_on:
        assert set(place.states().values()) == {"pending"}
    go.set()
    place.drain()
    assert all_done(place, submissions)
    asked = place.asked()
    assert {pair: n for pair, n in asked.items() if pair in kept and n > 1} == {}


def test_who_has_lost_a_claim_asks_no_more_and_stores_nothing(place: Place) -> None:
    go = threading.Event()
    held, other = held_after(10), held_after(10, go)
    place.chat.behave = lambda asked: (held if asked.body["model"] == "org/a" else other)(asked)
    first, second = place.put("org/a", "org/b")
    place.start("--once")
    until(lambda: place.running() == PLACES and len(place.kept()) > 6, place)
    place.queue().cancel(first.id, by="ada")
    go.set()
    assert place.wait() == 0, place.log()
    assert all_done(place, [second])
    assert place.states()["org/a"] == "cancelled"
    assert [r.id for r in place.queue().results()] == [second.id]
    assert sum(n for (model, _), n in place.asked().items() if model == "org/a") < len(PLAN)


def test_a_job_has_the_server_of_its_endpoint_beside_it(hub: Hub, tmp_path: Path) -> None:
    with ChatServer() as nobody:
        place = OnJobs(tmp_path, nobody, hub, base_url=None, serve=command(tmp_path), concurrency=8)
        try:
            submissions = place.put("org/a")
            place.drain()
        finally:
            place.close()
        assert all_done(place, submissions)
        assert not nobody.asked
    pid, _, model = (tmp_path / "started").read_text().strip().partition(" ")
    assert model == "org/a"
    assert not alive(int(pid))
