"""The running app, and what an attacker has: HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.browser.conftest import fill
from tests.support.apps import app
from tests.support.waiting import until
from tools.live import RunningApp

SECRET = "a-very-secret-key-of-an-endpoint"


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """An app that anybody may use: published rows, a hostile one, a practice run; nobody evaluates."""
    store = tmp_path_factory.mktemp("attacked") / "store"
    fill(store)
    endpoints = [{"name": "vllm", "base_url": "http://127.0.0.1:9/v1", "api_key_env": "SECRET_KEY_FOR_TESTS"}]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET_KEY_FOR_TESTS", SECRET)
        with app(
            store,
            source="practice",
            scheduler="false",
            endpoints=json.dumps(endpoints),
            local_model="false",
            upload_megabytes="4",
        ) as started:
            yield started


@pytest.fixture
def http(served: RunningApp) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=served.url, timeout=60) as client:
        yield client


def worked_out(http: httpx2.Client, address: str) -> httpx2.Response:
    """A page with all that is worked out beside its visitors: on a busy machine it may come a moment later."""

    def whole() -> httpx2.Response | None:
        last, now = http.get(address), http.get(address)
        return now if last.text == now.text and "being computed" not in now.text else None

    return until(whole)


def token(http: httpx2.Client) -> str:
    """What a page of the app would fetch for itself."""
    answer = http.post("/vp/page-token")
    answer.raise_for_status()
    return answer.text


def listeners(http: httpx2.Client, page: str) -> dict[int, Any]:
    """What Gradio's configuration says of a page's listeners, by number."""
    text = http.get(f"/{page}").text
    config, _ = json.JSONDecoder().raw_decode(text.split("window.gradio_config = ", 1)[1])
    return {d["id"]: d for d in config["dependencies"]}
