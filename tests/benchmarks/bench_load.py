"""A crowd: visitors, people who submit, and a worker on one app; what it costs in memory, time and speed of the worker.

Run from the repository root: `python -m tests.benchmarks.bench_load [--minutes 5] [--visitors 200] [--submitters 20]`.
The app is the real one with its evaluator in it; the endpoint and all clients are in this process, on the same
processors. Memory, threads and open files are those of the app's process, from a minute on; the worker's speed is set
against its speed before anybody came.

`python -m tests.benchmarks.bench_load --soak` is an hour of a modest load: it shows that memory, threads and open
files stay as they are, not how fast the app is. Its endpoint takes a second for an answer, so that few rows are added
while it is watched.

`--without arenas` (`pieces`, `arrow`, `giving-back`, or several) runs the app without a limit of
`leaderboard.site.memory`, to see what each of them saves.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import aiohttp
import typer
from prometheus_client.parser import text_string_to_metric_families

from data.sources.practice import practice_benchmark
from eval_queue.queue.queue import open_queue
from eval_queue.records import BenchmarkRef
from eval_queue.settings import Endpoint, Settings
from eval_queue.submission import new_submission
from leaderboard.boards.results import PUBLISHED, load
from tests.support.chat_server import Asked, ChatServer, Response, rate
from tools.live import RunningApp, app

READING = (3.0, 9.0)
"""Seconds a visitor stays on a page."""
ALONE_SECONDS = 20.0
WARM_SECONDS = 60.0
LATENCY = 0.2
HOLDERS = ("used", "free", "mapped", "arrow", "rows")
"""Of the metrics: what are no caches."""
AT_ONCE = 4
SOAK_MINUTES = 60.0
SOAK_VISITORS = 30
SOAK_SUBMITTERS = 5
SOAK_LATENCY = 1.0

WITHOUT = {
    "arenas": {"MALLOC_ARENA_MAX": "16"},
    "pieces": {"MALLOC_MMAP_THRESHOLD_": str(2**25)},
    "arrow": {"ARROW_DEFAULT_MEMORY_POOL": "mimalloc"},
    "giving-back": {"MALLOC_TRIM_THRESHOLD_": str(2**17)},
}
"""What lifts each limit of `leaderboard.site.memory`: what glibc does on two processors, and Arrow, unless told."""


class Crowd:
    """What visitors saw."""

    def __init__(self, running: RunningApp) -> None:
        self.running = running
        self.seconds: list[float] = []
        self.statuses: Counter[str] = Counter()
        rows = [r.id for r in load(PUBLISHED).results]
        self.paths = [
            *("", "queue", "submit", "map", "groups", "benchmark", "about", "take"),
            *(f"model?id={id_}" for id_ in rows),
            *(f"model?id={id_}&page={n}" for n in (2, 3) for id_ in rows),
            *(f"compare?id={a}&id={b}" for a, b in pairwise(rows)),
            *(f"download/answers.csv?id={id_}" for id_ in rows[:10]),
            *("download/board.csv", "download/results.json", "chart/map.svg"),
        ]

    async def visit(self, http: aiohttp.ClientSession, seed: int, until: float) -> None:
        """Read one page after the other."""
        choice = random.Random(seed)
        await asyncio.sleep(choice.uniform(0, READING[1]))
        while time.monotonic() < until:
            begun = time.monotonic()
            await self._ask(http, choice.choice(self.paths))
            self.seconds.append(time.monotonic() - begun)
            await asyncio.sleep(choice.uniform(*READING))

    async def submit(self, http: aiohttp.ClientSession, number: int, listener: int, until: float) -> None:
        """Send the form of the Submit page again and again; all but a few are refused by the quota."""
        async with http.post(f"{self.running.url}/vp/page-token") as answer:
            # a client may not send a form again by itself where the server has just ended a connection that was idle
            headers = {"X-Page-Token": await answer.text(), "Connection": "close"}
        digest, n = practice_benchmark().digest, 0
        while time.monotonic() < until:
            n += 1
            data: list[object] = [f"org/crowd-{number}-{n}", "", "chat", digest, [], None]
            body = {"fn_index": listener, "data": data, "session_hash": f"submitter{number}"}
            try:
                async with http.post(
                    f"{self.running.url}/gradio_api/run/predict", json=body, headers=headers
                ) as answer:
                    await answer.read()
                    self.statuses[f"submit {answer.status}"] += 1
            except (aiohttp.ClientError, TimeoutError) as error:
                self.statuses[f"submit {type(error).__name__}"] += 1
            await asyncio.sleep(5)

    @property
    def errors(self) -> int:
        """Answers that no visitor should have had; a refusal by the quota is none."""
        return sum(n for status, n in self.statuses.items() if not status.endswith(("200", "422")))

    async def _ask(self, http: aiohttp.ClientSession, path: str) -> None:
        try:
            async with http.get(f"{self.running.url}/{path}") as answer:
                await answer.read()
                self.statuses[str(answer.status)] += 1
        except (aiohttp.ClientError, TimeoutError) as error:
            self.statuses[type(error).__name__] += 1


def measured(pid: int) -> tuple[float, int, int]:
    """Resident megabytes, threads and open files of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = {line.split(":")[0]: line.split()[1] for line in status.splitlines() if len(line.split()) > 1}
    return int(found["VmRSS"]) / 1024, int(found["Threads"]), len(os.listdir(f"/proc/{pid}/fd"))


def fill(store: Path, chat: ChatServer, n: int) -> None:
    """Enough work for the worker."""
    queue = open_queue(Settings(store=store))
    endpoint = Endpoint.model_validate({"name": "chat", "base_url": chat.address})
    benchmark = BenchmarkRef.of(practice_benchmark())
    wishes = [
        new_submission(f"org/m-{i}", endpoint=endpoint, benchmark=benchmark, submitter="bench", at=queue.clock())
        for i in range(n)
    ]
    queue.submit_set(wishes, quota=n)


class Watch:
    """Samples of the app's process, and what it says of itself."""

    def __init__(self, running: RunningApp, seen: Crowd, answered: Callable[[], int]) -> None:
        self.running, self.seen, self.answered = running, seen, answered
        self.begun = time.monotonic()
        self.samples: list[Sample] = []

    async def watch(self, http: aiohttp.ClientSession, until: float, every: float) -> None:
        """Take samples until the time is over."""
        while time.monotonic() < until:
            held = await metrics(http, self.running.url)
            mb, threads, files = measured(self.running.process.pid)
            asked = sum(self.seen.statuses.values())
            self.samples.append(
                Sample(
                    time.monotonic() - self.begun, mb, threads, files, held, asked, self.seen.errors, self.answered()
                )
            )
            typer.echo(self.samples[-1].line())
            await asyncio.sleep(min(every, max(0.0, until - time.monotonic())))


@dataclass(frozen=True)
class Sample:
    """The app at a moment."""

    seconds: float
    megabytes: float
    threads: int
    files: int
    held: dict[str, float]
    requests: int
    errors: int
    prompts: int

    def line(self) -> str:
        """For people."""
        cached = sum(size for name, size in self.held.items() if name not in HOLDERS) / 1e6
        rows, used = self.held["rows"], (self.held.get("used", 0) + self.held.get("mapped", 0)) / 1e6
        return (
            f"{self.seconds:7.0f} s {self.megabytes:6.0f} MB, in use {used:4.0f}, caches {cached:4.0f}, "
            f"free {self.held.get('free', 0) / 1e6:4.0f}; {self.threads:3} threads {self.files:3} files "
            f"{rows:4.0f} rows {self.requests:6} requests {self.errors:2} errors {self.prompts:6} prompts"
        )


async def crowd_of(watch: Watch, visitors: int, submitters: int, seconds: float, every: float) -> None:
    """Let visitors and submitters at the app for so long."""
    running, seen, until = watch.running, watch.seen, time.monotonic() + seconds
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(60)) as http:
        async with http.get(f"{running.url}/submit") as answer:
            config, _ = json.JSONDecoder().raw_decode((await answer.text()).split("window.gradio_config = ", 1)[1])
        listener = next(d["id"] for d in config["dependencies"] if len(d["inputs"]) == 6)
        await asyncio.gather(
            watch.watch(http, until, every),
            *(seen.visit(http, n, until) for n in range(visitors)),
            *(seen.submit(http, n, listener, until) for n in range(submitters)),
        )


def main(
    minutes: float = 5.0,
    visitors: int = 200,
    submitters: int = 20,
    soak: Annotated[bool, typer.Option("--soak", help="An hour of a modest load.")] = False,
    without: Annotated[list[str] | None, typer.Option(help="A limit of the app's memory to lift.")] = None,
) -> None:
    """Measure, and print ratios and counts."""
    latency = LATENCY
    if soak:
        minutes, visitors, submitters, latency = SOAK_MINUTES, SOAK_VISITORS, SOAK_SUBMITTERS, SOAK_LATENCY
    for limit in without or ():
        os.environ |= WITHOUT[limit]

    def behave(asked: Asked) -> Response:
        if len(chat.asked) > 1000:
            chat.asked.clear()
        return Response(rate(asked).body, delay=latency)

    with ChatServer(behave) as chat, tempfile.TemporaryDirectory() as place:
        store = Path(place) / "store"
        fill(store, chat, int(50 + minutes * 10))
        endpoint = {"name": "chat", "base_url": chat.address, "concurrency": AT_ONCE}
        settings = {"endpoints": json.dumps([endpoint]), "local_model": "false", "poll_seconds": "1"}
        with app(store, source="practice", **settings) as running:
            seen = Crowd(running)

            def answered() -> int:
                return sum(chat.answered.values())

            time.sleep(5)
            before = answered()
            time.sleep(ALONE_SECONDS)
            alone = (answered() - before) / ALONE_SECONDS
            watch = Watch(running, seen, answered)
            asyncio.run(crowd_of(watch, visitors, submitters, WARM_SECONDS, WARM_SECONDS / 6))
            seen.seconds.clear()
            before, begun, first = answered(), time.monotonic(), len(watch.samples)
            asyncio.run(crowd_of(watch, visitors, submitters, minutes * 60, max(10.0, minutes * 1.5)))
            crowded = (answered() - before) / (time.monotonic() - begun)
            after = [*watch.samples[first:], asyncio.run(_last(watch))]
            log = running.log.read_text()
    cuts = statistics.quantiles(seen.seconds, n=100)
    warm, end = after[0], after[-1]
    for name in ("megabytes", "threads", "files"):
        of = [float(getattr(s, name)) for s in after]
        third = max(1, len(of) // 3)
        early, late = statistics.mean(of[:third]), statistics.mean(of[-third:])
        typer.echo(
            f"{name}: after a minute {of[0]:.0f}, at the end {of[-1]:.0f}: ratio {of[-1] / of[0]:.3f}; "
            f"at most {max(of):.0f}; first third {early:.1f}, last third {late:.1f}: ratio {late / early:.3f}"
        )
    typer.echo(f"held by, after a minute: {_names(warm)}")
    typer.echo(f"held by, at the end: {_names(end)}")
    typer.echo(f"pages {len(seen.seconds)}, p50 {cuts[49]:.2f} s, p99 {cuts[98]:.2f} s")
    typer.echo(f"answers {dict(seen.statuses)}; errors {seen.errors}; tracebacks in the log {log.count('Traceback')}")
    typer.echo(f"worker {alone:.1f} prompts/s alone, {crowded:.1f} in the crowd: share {crowded / alone:.2f}")


def _names(sample: Sample) -> str:
    return ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in sample.held.items() if name != "rows")


async def _last(watch: Watch) -> Sample:
    async with aiohttp.ClientSession() as http:
        await watch.watch(http, time.monotonic() + 0.1, 1)
    return watch.samples[-1]


async def metrics(http: aiohttp.ClientSession, url: str) -> dict[str, float]:
    """Bytes by what holds them in the app, the allocator and each cache, and `rows`."""
    async with http.get(f"{url}/metrics") as answer:
        text = await answer.text()
    families = {f.name: f for f in text_string_to_metric_families(text)}
    names = ("value_portrait_memory_bytes", "value_portrait_cache_bytes")
    found = {next(iter(s.labels.values())): s.value for name in names for s in families[name].samples}
    return {**found, "rows": families["value_portrait_rows"].samples[0].value}


if __name__ == "__main__":
    typer.run(main)
