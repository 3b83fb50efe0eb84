"""What operators see: health, metrics, the log, and that none of it tells a secret or grows without bound."""

from __future__ import annotations

import html
import json
import logging
import shutil
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from data.sources.practice import practice_benchmark
from eval_queue.logs import Bounded, JsonFormatter, TextFormatter, about
from eval_queue.queue.queue import open_queue
from eval_queue.records import BenchmarkRef
from eval_queue.settings import Endpoint, Settings
from eval_queue.store.shown import will_last
from eval_queue.submission import new_submission
from eval_queue.workers.place import NO_REPOSITORIES
from tests.attack.conftest import SECRET
from tests.support.apps import app
from tests.support.chat_server import ChatServer
from tests.support.waiting import until
from tools.live import RunningApp

pytestmark = pytest.mark.slow


def health(url: str) -> tuple[int, dict[str, object]]:
    answer = httpx2.get(f"{url}/health", timeout=60)
    return answer.status_code, answer.json()


def test_health_says_how_the_app_is(served: RunningApp) -> None:
    code, told = health(served.url)
    assert (code, told["status"], told["trouble"]) == (200, "ok", [])
    assert told["benchmark"]["digest"] == practice_benchmark().digest  # type: ignore[index]
    assert told["evaluator"] == {"here": False, "silent_seconds": None, "restarts": 0}
    assert told["store"]["rows"] == 35  # type: ignore[index]
    assert told["version"]


def said_on(url: str, page: str) -> str:
    return html.unescape(httpx2.get(f"{url}/{page}", timeout=60).text)


def test_health_is_503_when_the_store_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a Space whose disk forgets, which Submit and Queue say, as they say that its folder cannot be written."""
    store = tmp_path / "store"
    monkeypatch.setenv("SPACE_ID", "lab/board")
    queue = open_queue(Settings(store=store))
    one = new_submission(
        "org/m",
        endpoint=Endpoint(name="e"),
        benchmark=BenchmarkRef.of(practice_benchmark()),
        submitter="a",
        at=queue.clock(),
    )
    queue.submit(one, quota=3)
    with app(store, source="practice", scheduler="false", oauth="false") as running:
        assert health(running.url)[0] == 200
        forgets = not will_last(tmp_path)
        for page in ("submit", "queue"):
            assert (NO_REPOSITORIES in said_on(running.url, page)) == forgets
            assert "cannot be written" not in said_on(running.url, page)
        (store / "HEAD").write_text("nonsense")
        code, told = health(running.url)
        assert (code, told["status"]) == (503, "failing")
        assert str(tmp_path) not in json.dumps(told)
        assert httpx2.get(f"{running.url}/metrics", timeout=60).status_code == 200
        shutil.rmtree(store)
    store.write_text("in the way of a folder")
    with app(store, source="practice", scheduler="false", oauth="false") as running:
        assert health(running.url)[0] == 503
        for page in ("submit", "queue"):
            assert "cannot be written" in said_on(running.url, page)
            assert str(tmp_path) not in said_on(running.url, page)


def test_metrics_can_be_scraped_and_tell_no_secret(served: RunningApp) -> None:
    with httpx2.Client(base_url=served.url, timeout=60) as http:
        http.get("/about")
        http.get(f"/{'a' * 50}")
        text = http.get("/metrics").text
    found = {f.name: f for f in text_string_to_metric_families(text)}
    assert found["value_portrait_up"].samples[0].value == 1
    assert found["value_portrait_rows"].samples[0].value == 35
    assert found["value_portrait_store_bytes"].samples[0].value > 0
    assert {s.labels["cache"] for s in found["value_portrait_cache_bytes"].samples} == {
        *("pages", "files", "compressed", "answers")
    }
    kinds = {s.labels["kind"] for s in found["value_portrait_requests"].samples}
    assert kinds <= {"page", "file", "asset", "call", "stream", "login"}
    assert "process_resident_memory_bytes" in found
    for secret in (SECRET, "127.0.0.1:9", str(served.log.parent)):
        assert secret not in text


def test_the_log_is_json_with_ids_and_the_evaluator_gives_signs_of_life(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with ChatServer() as chat:
        endpoints = json.dumps([{"name": "chat", "base_url": chat.address}])
        settings = {"endpoints": endpoints, "poll_seconds": "0.5", "log_json": "true", "local_model": "false"}
        with app(store, source="practice", **settings) as running:
            queue = open_queue(Settings(store=store))
            wish = new_submission(
                "org/m",
                endpoint=Endpoint.model_validate({"name": "chat", "base_url": chat.address}),
                benchmark=BenchmarkRef.of(practice_benchmark()),
                submitter="local",
                at=queue.clock(),
            )
            queue.submit(wish, quota=3)
            # what is done is in the store first, and then said
            until(lambda: f"{wish.id}: done" in running.log.read_text())
            assert queue.get(wish.id).state == "done"
            code, told = health(running.url)
            assert (code, told["evaluator"]["here"]) == (200, True)  # type: ignore[index]
            log = running.log.read_text()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    ours = [line for line in lines if line.get("submission") == wish.id]
    assert {"time", "level", "logger", "message", "submission"} <= set(ours[0])
    assert [line["message"] for line in ours if line["message"].endswith("done")] == [f"{wish.id}: done"]
    assert chat.address not in log


def test_nothing_that_visitors_repeat_fills_the_log(served: RunningApp) -> None:
    before = served.log.stat().st_size
    with httpx2.Client(base_url=served.url, timeout=60) as http:
        for n in range(300):
            http.get(f"/gradio_api/startup-events?{n}")
            http.post("/gradio_api/queue/join", content=b"{" * 100)
            http.post("/gradio_api/mcp/", content=b"nonsense", headers={"Content-Type": "application/json"})
            http.get(f"/download/answers.csv?id={n}")
            http.request("PROPFIND", "/about")
    assert served.log.stat().st_size - before < 20_000


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_a_line_is_one_line_of_bounded_length(formatter: logging.Formatter) -> None:
    record = logging.makeLogRecord({"msg": "said %s", "args": ("a\nFAKE line\x1b[31m" + "x" * 50_000,)})
    with about("org-m-1"):
        line = formatter.format(record)
    assert "\n" not in line
    assert "\x1b" not in line
    assert "org-m-1" in line
    assert len(line) < 20_000


def test_of_lines_that_say_the_same_few_a_minute_are_written() -> None:
    now = [0.0]
    bounded = Bounded(same=3, all_=5, clock=lambda: now[0])

    def written(kind: str) -> bool:
        return bounded.filter(record := logging.makeLogRecord({"msg": kind})) and record.__dict__["left_out"] >= 0

    assert [written("a") for _ in range(10)] == [True] * 3 + [False] * 7
    assert [written("b") for _ in range(4)] == [True, True, False, False]
    now[0] = 61
    record = logging.makeLogRecord({"msg": "a"})
    assert bounded.filter(record)
    assert record.__dict__["left_out"] == 7
