"""Files of a row whose answers are as long as an endpoint may make them: whole, in parts, and within bounded memory."""

from __future__ import annotations

import csv
import io
import os
import select
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.benchmark import VARIANTS
from data.sources.practice import practice_benchmark
from eval_queue.asking.outcome import PAGE_ROWS
from eval_queue.store.collection import encode
from eval_queue.store.local import EMPTY_HEAD, LocalStore
from tests.support.rows import result
from tools.live import RunningApp, app

pytestmark = pytest.mark.slow

PRACTICE = practice_benchmark()
LONG = 150_000
"""Characters of each answer: 54 MB of them, as texts that a program keeps 108 MB."""
ROOM = 60e6
"""Bytes by which the app may grow beside what it keeps of pages and files: half of what the answers take in memory."""
SLOW = 60


def text_of(number: int) -> str:
    return f"{number} \u2013 " + f"{number * 7919 + 7919:x} I would say " * (LONG // 15)


@pytest.fixture(scope="module")
def rambling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """An app with a row of long answers."""
    store = tmp_path_factory.mktemp("rambling") / "store"
    row = result(
        "org/rambles",
        (0.2,) * 10,
        id="rambles",
        digest=PRACTICE.digest,
        name="practice",
        origin="space",
    )
    cells = [(i, v) for v in VARIANTS for i in PRACTICE.items]  # in another order than that of files and pages
    columns = {
        "portrait_id": pa.array([i.query_id for i, _ in cells], pa.int32()),
        "option_id": pa.array([i.option_id for i, _ in cells], pa.int32()),
        "prompt_variant": [v for _, v in cells],
        "raw_response": [text_of(n)[:LONG] for n in range(len(cells))],
        "rating": pa.array([4] * len(cells), pa.int8()),
        "unscored": pa.nulls(len(cells), pa.string()),
    }
    table = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), table, compression="zstd", write_batch_size=PAGE_ROWS)
    files = {"results/rambles.json": encode(row), "answers/rambles.parquet": table.getvalue().to_pybytes()}
    LocalStore(store).commit(files, EMPTY_HEAD, "a row")
    with app(store, source="practice", scheduler="false", local_model="false") as running:
        with httpx2.Client(base_url=running.url, timeout=120) as http:
            for address in ("/", "/model?id=gpt-4o-2024-08-06", "/download/board.csv", "/download/board.parquet"):
                http.get(address)
        yield running


class Memory:
    """The most that an app took while this was open, beyond what it took before."""

    def __init__(self, running: RunningApp) -> None:
        self._pid = running.process.pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.before = self._now()
        self.most = self.before

    def _now(self) -> int:
        return int(Path(f"/proc/{self._pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            self.most = max(self.most, self._now())

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        import sys

        sys.stderr.write(f"grown by {self.grown / 1e6:.0f} MB\n")

    @property
    def grown(self) -> int:
        return self.most - self.before


def fetched(url: str, **headers: str) -> tuple[httpx2.Response, bytes]:
    with httpx2.Client(timeout=120) as http:
        answer = http.get(url, headers=headers)
        return answer, answer.content


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_a_row_of_long_answers_is_had_whole(rambling: RunningApp, form: str) -> None:
    address = f"{rambling.url}/download/answers.{form}?id=rambles"
    csv.field_size_limit(2 * LONG)
    with Memory(rambling) as memory:
        answer, content = fetched(address, **{"Accept-Encoding": "identity"})
        again, same = fetched(address, **{"Accept-Encoding": "identity"})
    assert (answer.status_code, same) == (200, content)
    assert int(answer.headers["content-length"]) == len(content)
    tag = answer.headers["etag"]
    assert again.headers["etag"] == tag
    rows = {
        "csv": lambda: list(csv.DictReader(io.StringIO(content.decode()))),
        "json": lambda: answer.json()["rows"],
        "parquet": lambda: pq.read_table(pa.BufferReader(content)).to_pylist(),
    }[form]()
    assert len(rows) == PRACTICE.n_prompts
    order = [(int(r["portrait_id"]), int(r["option_id"]), VARIANTS.index(r["prompt_variant"])) for r in rows]
    assert order == sorted(order)
    cells = [(i.query_id, i.option_id, v) for v in VARIANTS for i in PRACTICE.items]
    place = {cell: n for n, cell in enumerate(cells)}
    for row, (query, option, variant) in zip(rows, order, strict=True):
        assert row["raw_response"] == text_of(place[query, option, VARIANTS[variant]])[:LONG]
        assert int(row["length"]) == LONG
    assert memory.grown < ROOM
    part, some = fetched(address, Range="bytes=1000-1999")
    assert (part.status_code, some) == (206, content[1000:2000])
    assert fetched(address, **{"If-None-Match": tag})[0].status_code == 304
    assert fetched(address, Range="bytes=0-9", **{"If-Range": '"old"'})[0].status_code == 200
    assert fetched(address, Range=f"bytes={len(content)}-")[0].status_code == 416


def test_pages_and_programs_get_the_beginning_and_the_way_to_the_whole(rambling: RunningApp) -> None:
    with Memory(rambling) as memory, ThreadPoolExecutor(12) as pool:
        addresses = [f"/model?id=rambles&page={n}" for n in (1, 2, 3)] + ["/api/answers?id=rambles&limit=200"]
        answers = list(pool.map(lambda a: fetched(rambling.url + a)[0], addresses * 3))
    assert {a.status_code for a in answers} == {200}
    assert max(len(a.content) for a in answers) < 1_500_000
    assert f"All {LONG:,} characters" in answers[0].text
    told = answers[3].json()
    assert "download/answers.json has it" in told["about"]["cut"]
    assert {len(r["raw_response"]) for r in told["rows"]} == {2000}
    assert {r["length"] for r in told["rows"]} == {LONG}
    assert memory.grown < ROOM


def test_who_asks_and_does_not_read_holds_no_copy(rambling: RunningApp) -> None:
    host = urlsplit(rambling.url)
    # each with another part, which could be a copy of its own
    targets = ["/download/answers.json?id=rambles", "/download/answers.csv?id=rambles", "/download/results.json"]
    whole = {t: fetched(rambling.url + t, **{"Accept-Encoding": "identity"})[1] for t in targets}
    assert len(whole[targets[0]]) > 50e6
    sockets = []
    with Memory(rambling) as memory:
        for number in range(SLOW):
            connection = socket.create_connection((host.hostname or "", host.port or 0), timeout=30)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            target = targets[number % 3]
            connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nRange: bytes={number}-\r\n\r\n".encode())
            sockets.append(connection)
        deadline = time.monotonic() + 120
        waiting = list(sockets)
        while waiting:
            assert time.monotonic() < deadline, "not all were answered"
            answer, _ = fetched(f"{rambling.url}/about")
            assert answer.status_code == 200
            begun, _, _ = select.select(waiting, [], [], 0.1)
            waiting = [c for c in waiting if c not in begun]
    heads = [c.recv(12) for c in sockets]
    for connection in sockets:
        connection.close()
    assert set(heads) == {b"HTTP/1.1 206"}
    assert memory.grown < ROOM
