"""The running app while threads of its evaluator die, or its endpoint becomes another model."""

from __future__ import annotations

import html
import itertools
import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import httpx2
import pytest

from data.sources.practice import practice_benchmark
from eval_queue.queue.queue import open_queue
from eval_queue.records import BenchmarkRef
from eval_queue.settings import Endpoint, Settings
from eval_queue.submission import new_submission
from tests.support.chat_server import Asked, ChatServer, Response, rate
from tests.support.waiting import until
from tools.live import RunningApp, app

pytestmark = pytest.mark.slow

SWAPPED = "org/swapped"
"""A model in whose place the endpoint loads another one in the middle."""


@pytest.fixture(scope="module")
def chat() -> Iterator[ChatServer]:
    swapped = itertools.count()

    def behave(request: Asked) -> Response:
        said = rate(request)
        if request.body["model"] == SWAPPED and next(swapped) >= 100:
            return replace(said, body=said.body.replace(b"served-model-0001", b"served-model-0002"))
        return said

    with ChatServer(behave) as server:
        yield server


@pytest.fixture(scope="module")
def mortal(chat: ChatServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    store = tmp_path_factory.mktemp("mortal") / "store"
    endpoints = json.dumps([{"name": "chat", "base_url": chat.address}])
    settings = {"source": "practice", "endpoints": endpoints, "local_model": "false", "poll_seconds": "0.2"}
    with app(store, program=("-m", "tests.support.mortal_app"), **settings) as running:
        yield running


def health(running: RunningApp) -> tuple[int, dict[str, object]]:
    answer = httpx2.get(f"{running.url}/health", timeout=30)
    return answer.status_code, answer.json()


def restarts(running: RunningApp) -> int:
    return health(running)[1]["evaluator"]["restarts"]  # type: ignore[index, no-any-return]


def evaluated(running: RunningApp, chat: ChatServer, model: str) -> str:
    """Submit a model and wait until the app has evaluated it; its id."""
    queue = open_queue(Settings(store=running.log.with_suffix("")))
    endpoint = Endpoint.model_validate({"name": "chat", "base_url": chat.address})
    ref = BenchmarkRef.of(practice_benchmark())
    made = new_submission(model, endpoint=endpoint, benchmark=ref, submitter="ada", at=queue.clock())
    id_ = queue.submit(made, quota=None).id
    until(lambda: queue.get(id_).state == "done")
    return id_


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2], ids=["who looks", "who works"])
def test_a_thread_that_dies_is_said_and_started_again(
    mortal: RunningApp, chat: ChatServer, number: signal.Signals
) -> None:
    evaluated(mortal, chat, f"org/before-{number}")
    before = restarts(mortal)
    mortal.process.send_signal(number)
    until(lambda: restarts(mortal) == before + 1)
    until(lambda: "a thread of the evaluator has died; it is started again" in mortal.log.read_text())
    evaluated(mortal, chat, f"org/after-{number}")
    assert health(mortal)[0] == 200
    assert f"value_portrait_evaluator_restarts {before + 1}.0" in httpx2.get(f"{mortal.url}/metrics", timeout=30).text


def test_one_that_cannot_be_started_again_is_503_and_said_on_the_pages(mortal: RunningApp, chat: ChatServer) -> None:
    mortal.process.send_signal(signal.SIGHUP)
    mortal.process.send_signal(signal.SIGUSR1)
    until(lambda: health(mortal)[0] == 503)
    (said,) = cast("list[str]", health(mortal)[1]["trouble"])
    trouble, _, _ = said.partition(";")
    assert "thread" in trouble
    for route in ("queue", "submit"):
        page = httpx2.get(f"{mortal.url}/{route}", timeout=30)
        assert page.status_code == 200
        assert trouble in page.text, route
    said = "the evaluator cannot be started again: can't start new thread; restart the app"
    until(lambda: said in mortal.log.read_text())
    mortal.process.send_signal(signal.SIGHUP)
    until(lambda: health(mortal)[0] == 200)
    evaluated(mortal, chat, "org/at-last")
    assert trouble not in httpx2.get(f"{mortal.url}/queue", timeout=30).text


def test_an_endpoint_that_becomes_another_model_is_said_wherever_its_row_stands(
    mortal: RunningApp, chat: ChatServer
) -> None:
    id_ = evaluated(mortal, chat, SWAPPED)
    reason = "its answers came from more than one model (served-model-0001, served-model-0002)"
    with httpx2.Client(base_url=mortal.url, timeout=60) as http:
        record = http.get("/download/result.json", params={"id": id_}).json()
        assert (record["complete"], record["incomplete_reason"]) == (False, reason)
        told = http.get("/api/model", params={"id": id_}).json()
        assert reason in told["caveats"]
        assert reason in html.unescape(http.get("/model", params={"id": id_}).text)
        other = evaluated(mortal, chat, "org/steady")
        compared = http.get("/api/compare", params={"ids": [id_, other]}).json()
        assert [m["incomplete"] for m in compared["members"]] == [reason, None], "said beside every comparison"
