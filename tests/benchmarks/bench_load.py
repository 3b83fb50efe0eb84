"""A crowd: visitors, people who submit, and a worker on one app; what it costs in memory, time and speed of the worker.

Run from the repository root: `python -m tests.benchmarks.bench_load [--minutes 5] [--visitors 200] [--submitters 20]`;
`--minutes 60` is the soak. The app is the real one with its evaluator in it; the endpoint and all clients are in this
process, on the same processors. Memory, threads and open files are those of the app's process, from a minute on; the
worker's speed is set against its speed before anybody came. `--set NAME=VALUE` sets an environment variable of the
app, e.g. `MALLOC_ARENA_MAX=64`, to see what holds the memory.
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
AT_ONCE = 4


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
            headers = {"X-Page-Token": await answer.text()}
        digest, n = practice_benchmark().digest, 0
        while time.monotonic() < until:
            n += 1
            data = [f"org/crowd-{number}-{n}", "", "chat", digest, [], None]
            body = {"fn_index": listener, "data": data, "session_hash": f"submitter{number}"}
            try:
                async with http.post(
                    f"{self.running.url}/gradio_api/run/predict", json=body, headers=headers
                ) as answer:
                    await answer.read()
                    self.statuses[f"submit {answer.status}"] += 1
            except (aiohttp.ClientError, TimeoutError) as error:
                self.statuses[type(error).__name__] += 1
            await asyncio.sleep(5)

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


async def crowd_of(running: RunningApp, seen: Crowd, visitors: int, submitters: int, seconds: float) -> list[str]:
    until = time.monotonic() + seconds
    lines: list[str] = []
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(60)) as http:
        async with http.get(f"{running.url}/submit") as answer:
            config, _ = json.JSONDecoder().raw_decode((await answer.text()).split("window.gradio_config = ", 1)[1])
        listener = next(d["id"] for d in config["dependencies"] if len(d["inputs"]) == 6)

        async def watch() -> None:
            begun, every = time.monotonic(), max(10.0, seconds / 20)
            while time.monotonic() < until:
                mb, threads, files = measured(running.process.pid)
                lines.append(f"{time.monotonic() - begun:7.0f} s {mb:8.0f} MB {threads:4} threads {files:4} files")
                typer.echo(lines[-1])
                await asyncio.sleep(every)

        await asyncio.gather(
            watch(),
            *(seen.visit(http, n, until) for n in range(visitors)),
            *(seen.submit(http, n, listener, until) for n in range(submitters)),
        )
    return lines


def main(
    minutes: float = 5.0,
    visitors: int = 200,
    submitters: int = 20,
    set_: Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE in the app's environment.")] = None,
) -> None:
    """Measure, and print ratios and counts."""
    os.environ |= dict(pair.split("=", 1) for pair in set_ or [])

    def behave(asked: Asked) -> Response:
        if len(chat.asked) > 1000:
            chat.asked.clear()
        said = rate(asked)
        return Response(said.body, delay=LATENCY)

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
            asyncio.run(crowd_of(running, seen, visitors, submitters, WARM_SECONDS))
            warm = measured(running.process.pid)
            seen.seconds.clear()
            before, begun = answered(), time.monotonic()
            asyncio.run(crowd_of(running, seen, visitors, submitters, minutes * 60))
            crowded = (answered() - before) / (time.monotonic() - begun)
            end = measured(running.process.pid)
            metrics = asyncio.run(_metrics(running))
            log = running.log.read_text()
    errors = sum(n for status, n in seen.statuses.items() if not status.endswith(("200", "422")))
    cuts = statistics.quantiles(seen.seconds, n=100)
    typer.echo(f"memory after a minute {warm[0]:.0f} MB, at the end {end[0]:.0f} MB: ratio {end[0] / warm[0]:.3f}")
    typer.echo(f"threads {warm[1]} to {end[1]}, open files {warm[2]} to {end[2]}")
    typer.echo(f"held by: {', '.join(f'{name} {size / 1e6:.0f} MB' for name, size in metrics.items())}")
    typer.echo(f"pages {len(seen.seconds)}, p50 {cuts[49]:.2f} s, p99 {cuts[98]:.2f} s")
    typer.echo(f"answers {dict(seen.statuses)}; errors {errors}; tracebacks in the log {log.count('Traceback')}")
    typer.echo(f"worker {alone:.1f} prompts/s alone, {crowded:.1f} in the crowd: share {crowded / alone:.2f}")


async def _metrics(running: RunningApp) -> dict[str, float]:
    async with aiohttp.ClientSession() as http, http.get(f"{running.url}/metrics") as answer:
        text = await answer.text()
    families = {f.name: f for f in text_string_to_metric_families(text)}
    names = ("value_portrait_memory_bytes", "value_portrait_cache_bytes")
    return {next(iter(s.labels.values())): s.value for name in names for s in families[name].samples}


if __name__ == "__main__":
    typer.run(main)
