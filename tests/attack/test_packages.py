"""Rows that others hand in, over HTTP: who may, how much, how long it takes, and under which name."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.benchmark import RATING_PHRASES
from data.sources.loading import load_benchmark
from data.sources.practice import practice_benchmark
from eval_queue.asking.checkpoint import ANSWERS_FILE, RUN_FILE, Answer, save_run
from eval_queue.asking.evaluation import Job, evaluate
from eval_queue.asking.replies import MAX_ANSWER
from eval_queue.protocol import plan
from eval_queue.queue.apart import accept_apart
from eval_queue.queue.package import ANSWERS_MEMBER, make_package
from eval_queue.queue.queue import open_queue
from eval_queue.records import now
from eval_queue.settings import Endpoint, Settings
from eval_queue.submission import Refused
from tests.attack.conftest import token
from tests.eval_queue.queue.test_package import members, resealed, with_lines
from tests.support.apps import app
from tests.support.chat_server import ChatServer
from tests.support.rows import run_record
from tests.support.waiting import LIMIT, until
from tools.live import RunningApp

pytestmark = pytest.mark.slow

PRACTICE = practice_benchmark()
HUGE = "\ufdfa" * 6_000_000
"""Each of these letters becomes 18 where a reader normalises it."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run over HTTP."""
    folder = tmp_path_factory.mktemp("runs") / "mine"
    with ChatServer() as server:
        endpoint = Endpoint.model_validate({"name": "my-vllm", "base_url": server.address})
        asyncio.run(evaluate(Job("org/model-7B", endpoint, PRACTICE), folder))
    return folder


@pytest.fixture
def packed(run: Path) -> Callable[..., bytes]:
    return lambda name="org/model-7B", endpoint=None: make_package(run, PRACTICE, name=name, endpoint=endpoint)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Callable[..., RunningApp]]:
    """An app with an empty store and settings of one's own."""
    opened = []

    def start(**settings: str) -> RunningApp:
        endpoints = [{"name": "vllm", "base_url": "http://127.0.0.1:9/v1"}]
        common = {"source": "practice", "scheduler": "false", "local_model": "false", "upload_megabytes": "4"}
        context = app(tmp_path / "store", endpoints=json.dumps(endpoints), **{**common, **settings})
        opened.append(context)
        return context.__enter__()

    yield start
    for context in opened:
        context.__exit__(None, None, None)


def send(url: str, content: bytes, **headers: str) -> httpx2.Response:
    with httpx2.Client(base_url=url, timeout=60) as http:
        return http.post("/submit/package", content=content, headers={"X-Page-Token": token(http), **headers})


def handed_in(url: str, content: bytes) -> str:
    """What the page says in the end; where there is a row now, its link comes last, and no code for a reason before."""
    sent = send(url, content)
    said: dict[str, Any] = sent.json()
    if "ticket" not in said:
        return f"{said['message']} {said['code']}"
    with httpx2.Client(base_url=url, timeout=60) as http:

        def told() -> dict[str, Any] | None:
            answer: dict[str, Any] = http.get(f"/submit/package?ticket={said['ticket']}").json()
            return answer if answer["done"] else None

        end = until(told)
    return f"{end['message']} {end['code']} {end['link']}"


def accepted(said: str) -> bool:
    """Whether a package became a row: there is no reason against it, and a link."""
    return re.search(r" None \S*model=\S+$", said) is not None


def names(running: RunningApp) -> list[str]:
    queue = open_queue(Settings(store=running.log.with_suffix("")))
    return sorted(r.model for r in queue.results())


# --- what it costs --------------------------------------------------------------------------------------------------


class Watch:
    """A visitor who reads a page again and again, and how much memory the app takes meanwhile."""

    def __init__(self, running: RunningApp) -> None:
        self._running = running
        self._done = threading.Event()
        self._visitor = threading.Thread(target=self._visit)
        self.slowest = 0.0
        self.before = self.most = self._resident()

    def _visit(self) -> None:
        with httpx2.Client(base_url=self._running.url, timeout=60) as http:
            while not self._done.wait(0.05):
                begun = time.monotonic()
                http.get("/about").raise_for_status()
                self.slowest = max(self.slowest, time.monotonic() - begun)
                self.most = max(self.most, self._resident())

    def _resident(self) -> int:
        pages = Path(f"/proc/{self._running.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def __enter__(self) -> Watch:
        self._visitor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._visitor.join()

    def held(self) -> None:
        """The app neither grew nor froze."""
        assert self.most < self.before + 150e6
        assert self.slowest < 20


def test_one_huge_answer_neither_freezes_the_app_nor_stays_whole(
    fresh: Callable[..., RunningApp], packed: Callable[..., bytes]
) -> None:
    content = with_lines(packed(), lambda lines: lines[0].update(raw_response=HUGE[:1_500_000]))
    assert len(content) < 500_000
    running = fresh()
    with Watch(running) as watch:
        said = handed_in(running.url, content)
    assert accepted(said)
    watch.held()
    _is_cut(running)


def test_six_million_letters_are_more_than_a_small_benchmark_may_have(
    fresh: Callable[..., RunningApp], packed: Callable[..., bytes]
) -> None:
    content = with_lines(packed(), lambda lines: lines[0].update(raw_response=HUGE))
    running = fresh()
    with Watch(running) as watch:
        assert "too large once unpacked" in handed_in(running.url, content)
    watch.held()
    assert names(running) == []


def test_six_million_letters_in_a_run_of_the_whole_benchmark(
    fresh: Callable[..., RunningApp], upstream_dir: Path, tmp_path: Path
) -> None:
    """The package that froze the app for 55 s and took 2.5 GB: 234 kB, found good, with its answer cut."""
    benchmark = load_benchmark(upstream_dir)
    folder, at = tmp_path / "run", now()
    run = run_record(benchmark, at, "org/huge", "mine")
    folder.mkdir()
    save_run(folder, run)
    phrases = list(RATING_PHRASES.values())
    said = [HUGE if n == 7 else phrases[n % 6] for n in range(benchmark.n_prompts)]
    answers = [
        Answer("org/huge", p.variant, p.portrait_id, p.option_id, text, None, p.digest)
        for p, text in zip(plan(benchmark), said, strict=True)
    ]
    (folder / ANSWERS_FILE).write_bytes(b"".join(orjson.dumps(a) + b"\n" for a in answers))
    content = make_package(folder, benchmark)
    assert len(content) < 250_000
    running = fresh(source=str(upstream_dir))
    with Watch(running) as watch:
        told = handed_in(running.url, content)
    assert accepted(told)
    watch.held()
    _is_cut(running)


def _is_cut(running: RunningApp) -> None:
    """The row's longest answer is kept cut, shown shortened, and had as it is kept."""
    queue = open_queue(Settings(store=running.log.with_suffix("")))
    (row,) = queue.reported.records()
    table = pq.read_table(pa.BufferReader(queue.reported.answers(row))).to_pylist()
    longest = max(table, key=lambda line: len(line["raw_response"] or ""))
    assert (len(longest["raw_response"]), longest["unscored"], longest["finish_reason"]) == (
        MAX_ANSWER,
        "truncated",
        "length",
    )
    with httpx2.Client(base_url=running.url, timeout=60) as http:
        page = http.get(f"/model?id={row}&q={longest['portrait_id']}-{longest['option_id']}").text
        assert len(page) < 500_000
        assert f"All {MAX_ANSWER:,} characters" in page
        whole = page.split("download/answers.json")[1].split('"')[0].replace("&amp;", "&")
        rows = http.get(f"/download/answers.json{whole}").json()["rows"]
        assert max(len(r["raw_response"]) for r in rows) == MAX_ANSWER


@pytest.mark.parametrize("limit", [{"memory": 1_000_000}, {"seconds": 0.5}])
def test_a_package_that_takes_too_much_is_refused(packed: Callable[..., bytes], limit: dict[str, Any]) -> None:
    here = {PRACTICE.digest: PRACTICE}
    with pytest.raises(Refused, match="could not be checked within") as error:
        accept_apart(packed(), here, submitter="ada", limit=5_000_000, **limit)
    assert error.value.code == "bad_package"


def test_the_process_that_checks_has_no_secret_of_the_app(
    packed: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from eval_queue.queue import apart

    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("SOME_KEY", "sk-secret")
    assert "secret" not in str(apart._environment(Path("/tmp")))


# --- who, and how many ----------------------------------------------------------------------------------------------


def test_uploads_need_a_page_are_bounded_and_are_never_served(served: RunningApp, http: httpx2.Client) -> None:
    assert http.post("/submit/package", content=b"x").status_code == 403
    assert send(served.url, b"x" * 4_100_000).status_code == 413
    assert http.post("/gradio_api/upload", files={"files": ("a.zip", b"x")}).status_code == 404
    assert http.post("/gradio_api/upload", files=[("files", (f"{n}.zip", b"x")) for n in range(3)]).status_code == 404
    assert "no package" in handed_in(served.url, b"x")
    assert http.get("/submit/package?ticket=").status_code == 404
    assert send(served.url, b"").json()["code"] == "bad_package"


def test_one_visitor_has_one_package_under_way_and_all_have_few(served: RunningApp) -> None:
    with httpx2.Client(base_url=served.url, timeout=60) as http:
        held = token(http)

    release, began = threading.Event(), threading.Event()

    def first() -> None:
        with httpx2.Client(base_url=served.url, timeout=60) as http:

            def body() -> Iterator[bytes]:
                yield b"x" * 100_000
                began.set()
                release.wait(LIMIT)

            http.post("/submit/package", content=body(), headers={"X-Page-Token": held})

    sending = threading.Thread(target=first)
    sending.start()
    try:
        assert began.wait(LIMIT)
        until(lambda: send(served.url, b"y").raise_for_status().json()["code"] == "busy")
    finally:
        release.set()
        sending.join()


def test_the_weekly_limit_is_looked_at_before_anything_is_read(
    fresh: Callable[..., RunningApp], packed: Callable[..., bytes]
) -> None:
    running = fresh(submissions_per_week="1")
    assert accepted(handed_in(running.url, packed("org/first")))
    refused = send(running.url, b"not even a package")
    assert (refused.status_code, "quota" in refused.json()["code"]) == (200, True)


def test_rows_wait_where_an_administrator_must_approve(
    fresh: Callable[..., RunningApp], packed: Callable[..., bytes]
) -> None:
    running = fresh(approval="true", submissions_per_week="1")
    assert "waits for an administrator" in handed_in(running.url, packed("org/mine"))
    assert names(running) == []
    queue = open_queue(Settings(store=running.log.with_suffix("")))
    (waiting,) = queue.reported.waiting()
    refused = send(running.url, packed("org/other"))
    assert refused.json()["code"] == "quota"  # it counts
    queue.reported.approve(waiting)
    assert (names(running), dict(queue.reported.waiting())) == (["org/mine"], {})
    assert queue.answers(waiting)


# --- as whom --------------------------------------------------------------------------------------------------------


def test_half_of_the_answers_must_be_readable(served: RunningApp, packed: Callable[..., bytes]) -> None:
    def spoil(lines: list[dict[str, Any]]) -> None:
        for line in lines[: len(lines) // 2 + 1]:
            line["raw_response"] = "what do you mean?"

    said = handed_in(served.url, with_lines(packed("org/unreadable"), spoil))
    assert "unreadable" in said
    assert "at least half" in said


def test_names_of_others_cannot_be_taken_and_copies_are_named(
    fresh: Callable[..., RunningApp], packed: Callable[..., bytes]
) -> None:
    running = fresh()
    said = handed_in(running.url, packed("org/mine", "vllm"))
    assert ("name_taken" in said, "--endpoint local-vllm" in said) == (True, True)
    said = handed_in(running.url, packed("gpt-4o-2024-08-06"))  # a published row
    assert ("name_taken" in said, "--as local/gpt-4o-2024-08-06" in said) == (True, True)
    assert "name_taken" in handed_in(running.url, packed("GPT-4O-2024-08-06"))
    assert accepted(handed_in(running.url, packed("org/mine")))
    assert "duplicate" in handed_in(running.url, packed("org/mine"))
    assert "name_taken" in handed_in(running.url, packed("org/mine", "another"))
    said = handed_in(running.url, packed("org/copy"))
    assert "Each of its answers is read as that of org/mine" in said
    queue = open_queue(Settings(store=running.log.with_suffix("")))
    copy = next(r for r in queue.results() if r.model == "org/copy")
    assert copy.note is not None
    assert "org/mine" in copy.note
    assert names(running) == ["org/copy", "org/mine"]


def test_a_package_can_be_made_under_another_name(run: Path, packed: Callable[..., bytes]) -> None:
    content = members(packed("ada/model-7B", "ada-vllm"))
    told = json.loads(content[RUN_FILE])
    assert (told["model"], told["endpoint"]) == ("ada/model-7B", "ada-vllm")
    lines = gzip.decompress(content[ANSWERS_MEMBER]).splitlines()
    assert {orjson.loads(line)["model"] for line in lines} == {"ada/model-7B"}
    assert (run / ANSWERS_FILE).exists()
    assert resealed(content)
