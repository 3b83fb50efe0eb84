"""The served app without a browser: what it offers to programs, how it starts and how it ends."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from eval_queue.asking.local_model import MODEL, available
from eval_queue.queue.intake import configured_endpoints, submit
from eval_queue.queue.queue import open_queue
from eval_queue.records import BenchmarkRef
from eval_queue.settings import Endpoint, Settings
from leaderboard.api import ENDPOINTS
from tests.browser.conftest import HOSTILE
from tests.support import apps
from tests.support.waiting import until
from tools.live import ROOT, RunningApp, app

pytestmark = pytest.mark.browser


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return str(answer.read().decode())


def config(page: str) -> dict[str, Any]:
    found = re.search(r"window\.gradio_config = (.*?);</script>", page)
    assert found is not None
    parsed: dict[str, Any] = json.loads(found[1])
    return parsed


def test_nothing_is_offered_to_programs_by_accident(served: RunningApp) -> None:
    info = json.loads(get(f"{served.url}/gradio_api/info"))
    offered = [method.__name__ for method in ENDPOINTS]
    assert list(info["named_endpoints"]) == [f"/{name}" for name in offered]
    assert info["unnamed_endpoints"] == {}
    configured = [config(get(f"{served.url}/{route}")) for route in ("submit", "queue")]
    for each in (json.loads(get(f"{served.url}/config")), *configured):
        for listener in each["dependencies"]:
            assert (listener["api_visibility"] == "public") == (listener["api_name"] in offered)


@pytest.mark.parametrize("route", ["", "submit", "queue", "about"])
def test_user_text_is_escaped_in_every_page(served: RunningApp, route: str) -> None:
    assert HOSTILE not in get(f"{served.url}/{route}")


def test_secrets_and_addresses_reach_no_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY_FOR_TESTS", "a-very-secret-key")
    endpoint = {"name": "vllm", "base_url": "http://10.9.8.7:6543/v1", "api_key_env": "SECRET_KEY_FOR_TESTS"}
    with apps.app(
        tmp_path / "store", source="practice", scheduler="false", endpoints=json.dumps([endpoint])
    ) as running:
        pages = "".join(get(f"{running.url}/{route}") for route in ("", "submit", "queue", "about", "config"))
        assert '"vllm"' in pages
        assert "10.9.8.7" not in pages
        assert "6543" not in pages
        assert "a-very-secret-key" not in pages
        assert running.stop() == 0
        assert "10.9.8.7" not in running.log.read_text()


def test_a_page_is_as_new_as_its_request(tmp_path: Path) -> None:
    endpoints = (Endpoint(name="other"),)
    with apps.app(
        tmp_path / "store", source="practice", scheduler="false", endpoints=json.dumps([{"name": "other"}])
    ) as running:
        assert "org/just-submitted" not in get(f"{running.url}/queue")
        from data.sources.practice import practice_benchmark

        submit(
            open_queue(Settings(store=tmp_path / "store")),
            "org/just-submitted",
            endpoints=endpoints,
            benchmark=BenchmarkRef.of(practice_benchmark()),
            submitter="local",
            quota=5,
        )
        assert "org/just-submitted" in get(f"{running.url}/queue")


@pytest.mark.parametrize("setting", ["source", "personas"])
def test_a_wrong_setting_is_said_without_a_traceback(tmp_path: Path, setting: str) -> None:
    wrong = {"source": "practice", setting: str(tmp_path / "nowhere")}
    with pytest.raises(RuntimeError) as stopped, app(tmp_path / "store", **wrong):
        pass
    assert "Traceback" not in str(stopped.value)
    assert "nowhere" in str(stopped.value)


def test_a_taken_port_is_said_without_a_traceback(served: RunningApp, tmp_path: Path) -> None:
    port = served.url.rpartition(":")[2]
    command = [sys.executable, "app.py", "--host", "127.0.0.1", "--port", port]
    settings = {"VALUE_PORTRAIT_SOURCE": "practice", "VALUE_PORTRAIT_STORE": str(tmp_path / "store")}
    run = subprocess.run(command, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True, timeout=240)
    assert run.returncode == 2
    assert port in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.local_model
@pytest.mark.skipif(not available(), reason="the small model is not installed: see requirements-local.txt")
def test_the_end_of_the_app_returns_what_was_running(tmp_path: Path) -> None:
    from data.sources.practice import practice_benchmark

    settings = Settings(store=tmp_path / "store")
    queue = open_queue(settings)
    with app(settings.store, source="practice", poll_seconds="1") as running:
        stored = submit(
            queue,
            MODEL,
            endpoints=configured_endpoints(settings),
            benchmark=BenchmarkRef.of(practice_benchmark()),
            submitter="local",
            quota=5,
        )
        asked = until(lambda: (p := queue.get(stored.id).progress) is not None and p.done > 0)
        assert asked
        assert running.stop() == 0
    after = queue.get(stored.id)
    assert (after.state, after.lease, after.attempts) == ("pending", None, 0)
    assert queue.claim("another worker", runnable=lambda _: True) is not None
