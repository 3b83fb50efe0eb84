"""An endpoint's key that comes back inside answers is nowhere to be found: neither on disk nor in anything served."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.sources.practice import practice_benchmark
from eval_queue.queue.queue import Queue, open_queue
from eval_queue.records import BenchmarkRef
from eval_queue.settings import Endpoint, Settings
from eval_queue.submission import ACTIVE, new_submission
from leaderboard.api import ENDPOINTS
from leaderboard.vocabulary.downloads import DOWNLOADS, FORMATS
from tests.support.apps import app
from tests.support.chat_server import Asked, ChatServer, Response, fail, rate, say
from tests.support.waiting import until
from tools.live import RunningApp

pytestmark = pytest.mark.slow

KEY = "sk-live-0123456789-abcdefghij"
AT = 40
"""Which request of a run is answered with the key: what came before it is kept."""

LEAKS: dict[str, Callable[[], Response]] = {
    "text": lambda: say(f"Like me. {KEY}"),
    "reasoning": lambda: say("Like me", reasoning_content=f"I was asked with {KEY}."),
    "name": lambda: say("Like me", model=f"model-{KEY}"),
    "finish-reason": lambda: say("Like me", finish_reason=KEY),
    "refusal": lambda: say(None, refusal=f"Not with {KEY}."),
    "cut": lambda: say("x" * ((1 << 18) - len(KEY) + 1) + KEY),
}
ERRORS = "errors"
"""A model of whose prompts some end as errors that repeat the key: these are cleaned, and the run goes on."""
GOOD = "good"
MORE = ("/queue", "/submit", "/health", "/metrics", "/news.atom", "/chart/card.png")


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningApp, Queue]]:
    """An app whose evaluator has asked an endpoint that repeats its key everywhere."""
    asked: dict[str, int] = {}

    def behave(request: Asked) -> Response:
        model = str(request.body["model"]).removeprefix("org/")
        asked[model] = asked.get(model, 0) + 1
        if model == ERRORS and asked[model] in (AT, AT + 1):
            return fail(400, f"The key {KEY} may not ask this: Bearer {KEY}.")
        return LEAKS[model]() if model in LEAKS and asked[model] == AT else rate(request)

    store = tmp_path_factory.mktemp("leaking") / "store"
    with ChatServer(behave) as chat, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEAKING_KEY", KEY)
        endpoint = {"name": "leaky", "base_url": chat.address, "api_key_env": "LEAKING_KEY", "concurrency": 4}
        settings = {"source": "practice", "local_model": "false", "poll_seconds": "0.3", "log_json": "true"}
        with app(store, endpoints=json.dumps([endpoint]), **settings) as running:
            queue = open_queue(Settings(store=store))
            ref, of = BenchmarkRef.of(practice_benchmark()), Endpoint.model_validate(endpoint)
            wishes = [
                new_submission(f"org/{name}", endpoint=of, benchmark=ref, submitter="ada", at=queue.clock())
                for name in (*LEAKS, ERRORS, GOOD)
            ]
            queue.submit_set(wishes, quota=len(wishes))
            until(lambda: all(s.state not in ACTIVE for s in queue.submissions()))
            yield running, queue


def test_the_run_ends_with_a_reason_to_the_operator(leaking: tuple[RunningApp, Queue]) -> None:
    running, queue = leaking
    found = {s.model.removeprefix("org/"): s for s in queue.submissions()}
    for name in LEAKS:
        failure = found[name].failure
        assert failure is not None, name
        assert failure.code == "key_in_answer", name
        assert "key" in failure.message
        feed = httpx2.get(f"{running.url}/submission.atom?id={found[name].id}", timeout=60).text
        assert failure.message in html.unescape(feed), name
    # terms in the sentence may be buttons
    page = re.sub(r"\\u003c.*?\\u003e", "", httpx2.get(f"{running.url}/queue", timeout=60).text)
    assert page.count(failure.message) == len(LEAKS)
    assert {found[ERRORS].state, found[GOOD].state} == {"done"}


def _mcp(http: httpx2.Client, method: str, **params: Any) -> str:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    accept = {"Accept": "application/json, text/event-stream"}
    return http.post("/mcp", json=body, headers=accept).raise_for_status().text


def test_no_file_and_no_answer_holds_it(leaking: tuple[RunningApp, Queue]) -> None:
    running, queue = leaking
    texts: dict[str, bytes] = {"log": running.log.read_bytes()}
    store = running.log.with_suffix("")
    kept = 0
    for path in (p for p in store.rglob("*") if p.is_file()):
        content = path.read_bytes()
        texts[str(path.relative_to(store))] = content
        kept += path.name == "answers.jsonl"
        if content.startswith(b"PAR1"):
            texts[f"{path} unpacked"] = repr(pq.read_table(pa.BufferReader(content)).to_pylist()).encode()
    assert kept == len(LEAKS), "what was answered before is kept"
    rows = {s.model: s.id for s in queue.submissions()}
    id_ = rows[f"org/{ERRORS}"]
    with httpx2.Client(base_url=running.url, timeout=60) as http:
        listed = re.findall(r"<loc>[a-z]+://[^/<]+([^<]*)</loc>", http.get("/sitemap.xml").text)
        assert len(listed) > 20
        pages = [html.unescape(address) for address in listed] + [
            f"/{page}?id={i}" for i in rows.values() for page in ("submit", "submission.atom")
        ]
        files = [f"/download/{n}.{f}?id={id_}" for n in DOWNLOADS for f in FORMATS]
        files += [f"/download/result.json?id={id_}", f"/download/card.md?id={id_}", "/download/all-answers.parquet"]
        calls = [f"/api/{e.__name__}?id={id_}" for e in ENDPOINTS] + [f"/api/{e.__name__}" for e in ENDPOINTS]
        for address in (*pages, f"/model?id={id_}", *files, *calls, *MORE):
            answer = http.get(address)
            assert answer.status_code < 500, address
            texts[address] = answer.content
            if answer.content.startswith(b"PAR1"):
                texts[f"{address} unpacked"] = repr(pq.read_table(pa.BufferReader(answer.content)).to_pylist()).encode()
        texts["tools"] = _mcp(http, "tools/list").encode()
        for e in ENDPOINTS:
            for given in ({}, {"id": id_}):
                texts[f"tool {e.__name__} {given}"] = _mcp(
                    http, "tools/call", name=e.__name__, arguments=given
                ).encode()
    unpacked = [t for name, t in texts.items() if name.endswith("unpacked")]
    assert any(b"[hidden]" in text for text in unpacked), "the errors of a run are among what is searched"
    secret = KEY[:-1].encode()
    assert [name for name, text in texts.items() if secret in text] == []
