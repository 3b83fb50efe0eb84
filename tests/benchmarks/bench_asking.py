"""What an evaluation costs beyond waiting for the endpoint, and whether it finds out what an endpoint can do.

Run `python tests/benchmarks/bench_asking.py [FOLDER] [--costs | --capacity]`. FOLDER has upstream's layout (default:
`../shared` beside the project); without one, the practice benchmark is asked. Servers of our own on this machine
answer, in processes of their own.

*Costs*: the server answers after 150 ms. Bare loops over aiohttp, `openai` and huggingface_hub's client keep nothing:
no checkpoint, no retries, no reading, no progress. They take turns with `evaluate` in the same run, once as it is and
once with so many requests in flight from the start; a multiple of 1.00 is prompts x latency / slots. One request at a
time is asked a part of the prompts. `inspect-ai` takes part if the environment variable INSPECT_PYTHON names a Python
that has it (and `openai`): with no display, no real-time log and as many connections as slots.

*Capacity*: the server has 16 slots, then 128, then 8, answers after 500 ms +- 25 % and refuses with 429 what is above.
The single run of `evaluate` is measured phase by phase against the best of three fixed numbers of requests in flight
(half as many as there are slots, as many, twice as many), which are tried at each capacity before it and after it, so
that a machine that others use more at one time does not decide. The same law without a machine, where the 85 % and 3 %
are exact, is in `tests/eval_queue/asking/test_pacing.py`. Together they take some ten minutes, `inspect-ai`
apart, where nobody else uses the machine.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from data.benchmark import Benchmark, Key  # noqa: E402 - after the path
from data.sources.loading import load_benchmark  # noqa: E402
from data.sources.practice import practice_benchmark  # noqa: E402
from eval_queue.asking import endpoint  # noqa: E402
from eval_queue.asking.evaluation import EvaluationStopped, Job, evaluate  # noqa: E402
from eval_queue.asking.pacing import Pacing  # noqa: E402
from eval_queue.protocol import Prompt, plan  # noqa: E402
from eval_queue.settings import Endpoint  # noqa: E402
from tests.support.simulated_endpoint import Fixed  # noqa: E402

LATENCY = 0.15
ROUNDS: Final = {16: 1, 64: 2, 256: 3}
"""So often each way is measured, by slots: what takes longer differs less by chance. `inspect-ai` is measured once."""
ALONE = 60
"""Prompts asked one at a time."""

CAPACITIES = (16, 128, 8)
PHASE = 40.0
"""Seconds of each phase."""
TRY = 4.0
"""Seconds of each fixed setting, each time it is tried."""
FIXED = (0.5, 1, 2)
"""Fixed settings, as multiples of the slots that there are."""
MOST = 256
"""The operator's limit in the single run."""
SLOW, JITTER = 0.5, 0.25


class Cost(NamedTuple):
    """Seconds of one pass over all prompts."""

    wall: float
    cpu: float


class Counts(NamedTuple):
    """What a server has answered with 200, and been asked, so far."""

    good: int
    asked: int


def tell(text: str) -> None:
    """Print at once."""
    print(text, flush=True)  # noqa: T201


class Server:
    """A server in a process of its own."""

    def __init__(self, seconds: float, jitter: float = 0.0) -> None:
        command = [sys.executable, "-m", "tests.support.chat_server", str(seconds), str(jitter)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        self.address = self._out.readline().strip()

    def capacity(self, slots: int) -> Counts:
        """Set how many requests it takes at once; what it has answered and been asked so far."""
        self._in.write(f"{slots}\n")
        good, asked = self._out.readline().split()
        return Counts(int(good), int(asked))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()


def body_of(prompt: Prompt) -> dict[str, Any]:
    return {
        "model": "m",
        "messages": [{"role": "user", "content": prompt.text}],
        "temperature": 0,
        "seed": 0,
        "max_tokens": 64,
    }


async def _loop(ask: Callable[[Prompt], Awaitable[str]], prompts: Sequence[Prompt], slots: int) -> None:
    queue = iter(prompts)

    async def work() -> None:
        for prompt in queue:
            assert await ask(prompt) == "like me"

    await asyncio.gather(*(work() for _ in range(slots)))


async def with_aiohttp(address: str, prompts: Sequence[Prompt], slots: int) -> None:
    """The least that can be done."""
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=slots)) as session:

        async def ask(prompt: Prompt) -> str:
            async with session.post(f"{address}/chat/completions", json=body_of(prompt)) as response:
                return str((await response.json())["choices"][0]["message"]["content"])

        await _loop(ask, prompts, slots)


async def with_openai(address: str, prompts: Sequence[Prompt], slots: int) -> None:
    """The client as its manual shows it."""
    import openai

    async with openai.AsyncOpenAI(base_url=address, api_key="none", max_retries=0) as client:

        async def ask(prompt: Prompt) -> str:
            reply = await client.chat.completions.create(**body_of(prompt))
            return str(reply.choices[0].message.content)

        await _loop(ask, prompts, slots)


async def with_hub_client(address: str, prompts: Sequence[Prompt], slots: int) -> None:
    """The Hub's client."""
    from huggingface_hub import AsyncInferenceClient

    async with AsyncInferenceClient(base_url=address, api_key="none") as client:

        async def ask(prompt: Prompt) -> str:
            reply = await client.chat_completion(**body_of(prompt))
            return str(reply.choices[0].message.content)

        await _loop(ask, prompts, slots)


INSPECT: Final = """
import sys
from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.solver import generate
address, slots, number = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
task = Task(dataset=MemoryDataset([Sample(input=f"question {n}") for n in range(number)]), solver=generate())
(log,) = eval(task, model="openai-api/bench/m", model_base_url=address, max_connections=slots, max_samples=2 * slots,
              display="none", log_realtime=False, log_dir=sys.argv[4], temperature=0, seed=0, max_tokens=64)
assert log.status == "success", log.error
"""


def with_inspect(python: str, address: str, slots: int, number: int) -> Cost:
    """A process of its own; its start is part of the wall time but not compared."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "BENCH_API_KEY": "none", "BENCH_BASE_URL": address}
        began, before = time.perf_counter(), os.times()
        subprocess.run([python, "-c", INSPECT, address, str(slots), str(number), folder], env=environment, check=True)
        after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(time.perf_counter() - began, cpu)


def measure(work: Callable[[], object]) -> Cost:
    """Wall and CPU seconds of `work`."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def ours(address: str, benchmark: Benchmark, slots: int, *, fixed: bool) -> None:
    """A whole evaluation, its result included."""
    job = Job("m", Endpoint.model_validate({"name": "stub", "base_url": address, "concurrency": slots}), benchmark)
    with tempfile.TemporaryDirectory() as folder, paced(Fixed if fixed else Pacing):
        outcome = asyncio.run(evaluate(job, Path(folder), on_progress=lambda progress: None))
    assert outcome.result.coverage.rated == benchmark.n_prompts


@contextmanager
def paced(pacing: type[Pacing]) -> Iterator[None]:
    """Evaluations are paced by this class."""
    before = endpoint.Pacing
    endpoint.Pacing = pacing  # type: ignore[misc]
    try:
        yield
    finally:
        endpoint.Pacing = before  # type: ignore[misc]


def _line(name: str, slots: int, prompts: Sequence[Prompt], cost: Cost, bare: Cost) -> str:
    ideal = len(prompts) * LATENCY / slots
    share = f"{cost.cpu / len(prompts) * 1000:.2f} ms"
    times = f"{cost.wall / ideal:6.2f} {cost.wall / bare.wall:8.2f}"
    return f"{slots:5}  {ideal:6.1f}s  {name:24} {cost.wall:7.1f}s {times} {share:>13}"


def costs(benchmark: Benchmark) -> None:
    """Print what each way of asking costs."""
    prompts = plan(benchmark)
    python = os.environ.get("INSPECT_PYTHON")
    tell(f"{len(prompts)} prompts of {benchmark.name}, latency {LATENCY * 1000:.0f} ms")
    tell(f"{'slots':>5}  {'ideal':>7}  {'':24} {'wall':>8} {'ideal':>6} {'aiohttp':>8} {'CPU a prompt':>13}")
    with Server(LATENCY) as server:
        address = server.address
        asyncio.run(with_openai(address, prompts[:64], 16))
        alone = measure(lambda: asyncio.run(with_openai(address, prompts[:ALONE], 1)))
        tell(f"one at a time: {alone.wall / ALONE * len(prompts):.0f} s from {ALONE} prompts")
        for slots, rounds in ROUNDS.items():
            for _ in range(rounds):
                ways: dict[str, Callable[[], object]] = {
                    "bare openai": lambda: asyncio.run(with_openai(address, prompts, slots)),  # noqa: B023
                    "bare huggingface_hub": lambda: asyncio.run(with_hub_client(address, prompts, slots)),  # noqa: B023
                    "evaluate": lambda: ours(address, benchmark, slots, fixed=False),  # noqa: B023
                    "evaluate, all from start": lambda: ours(address, benchmark, slots, fixed=True),  # noqa: B023
                }
                bare = measure(lambda: asyncio.run(with_aiohttp(address, prompts, slots)))  # noqa: B023
                tell(_line("bare aiohttp", slots, prompts, bare, bare))
                for name, work in ways.items():
                    tell(_line(name, slots, prompts, measure(work), bare))
            if python:
                tell(_line("inspect-ai", slots, prompts, with_inspect(python, address, slots, len(prompts)), bare))
    if not python:
        tell("inspect-ai left out: INSPECT_PYTHON does not name a Python that has it")


def large() -> Benchmark:
    """The practice benchmark with its queries again and again: more prompts than can be asked here."""
    whole = practice_benchmark()
    copies = range(45)
    step = 1 + max(q.id for q in whole.queries)
    queries = tuple(replace(q, id=q.id + n * step, text=f"{q.text} ({n})") for n in copies for q in whole.queries)
    items = tuple(replace(i, query_id=i.query_id + n * step) for n in copies for i in whole.items)
    key = Key(rho=np.tile(whole.key.rho, (len(copies), 1)), p=np.tile(whole.key.p, (len(copies), 1)))
    return replace(whole, queries=queries, items=items, key=key)


@contextmanager
def running(server: Server, benchmark: Benchmark, slots: int, pacing: type[Pacing]) -> Iterator[None]:
    """An evaluation in a thread, stopped at the end."""
    job = Job("m", Endpoint.model_validate({"name": "s", "base_url": server.address, "concurrency": slots}), benchmark)
    stop = threading.Event()

    def work() -> None:
        with tempfile.TemporaryDirectory() as folder, suppress(EvaluationStopped):
            asyncio.run(evaluate(job, Path(folder), stop=stop))
            raise AssertionError("there were too few prompts")

    with paced(pacing):
        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def begun(server: Server, slots: int, before: Counts) -> None:
    """Wait until an evaluation has its first answer, and a little."""
    while server.capacity(slots).good == before.good:
        time.sleep(0.05)
    time.sleep(2 * SLOW)


def load() -> str:
    """How busy the machine is, by everybody."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores" if hasattr(os, "getloadavg") else ""


def fixed_settings(server: Server, benchmark: Benchmark, found: dict[int, dict[int, list[float]]]) -> None:
    """Try each fixed setting at each capacity, and add its answers a second."""
    for slots in CAPACITIES:
        cells = []
        for fixed in (int(slots * times) for times in FIXED):
            time.sleep(2 * SLOW)  # nothing of the one before is left
            with running(server, benchmark, fixed, Fixed):
                begun(server, slots, server.capacity(slots))
                before = server.capacity(slots)
                time.sleep(TRY)
                after = server.capacity(slots)
            good, asked = after.good - before.good, after.asked - before.asked
            found[slots].setdefault(fixed, []).append(good / TRY)
            cells.append(f"{fixed}: {good / TRY:.0f} ({1 - good / max(asked, 1):.0%})")
        tell(f"capacity {slots:3}   " + "   ".join(cells))


def capacity() -> None:
    """Print what one evaluation makes of a capacity that changes, next to the best fixed settings."""
    benchmark = large()
    found: dict[int, dict[int, list[float]]] = {slots: {} for slots in CAPACITIES}
    tell(f"\n{SLOW:g} s +- {JITTER:.0%}, 429 above capacity; {load()}")
    rates: list[tuple[int, float, int]] = []
    with Server(SLOW, JITTER) as server:
        tell("answers a second (refused) with a fixed number in flight")
        fixed_settings(server, benchmark, found)
        time.sleep(2 * SLOW)
        before = server.capacity(CAPACITIES[0])
        with running(server, benchmark, MOST, Pacing):
            begun(server, CAPACITIES[0], before)
            for slots in CAPACITIES:
                began = server.capacity(slots)
                time.sleep(PHASE)
                after = server.capacity(slots)
                good = after.good - began.good
                rates.append((slots, good / PHASE, after.asked - began.asked - good))
        total = after.asked - before.asked
        tell(f"again, after the run of `evaluate`; {load()}")
        fixed_settings(server, benchmark, found)
    for slots, rate, refused in rates:
        best = max(sum(tries) / len(tries) for tries in found[slots].values())
        share = f"{rate / best:.2f} of the best fixed"
        tell(f"capacity {slots:3}   evaluate: {rate:.1f} a second, {share}; asked and not answered {refused}")
    tell(f"refused in the whole run: {1 - (after.good - before.good) / total:.2%} of {total}")


def main() -> None:
    """Print both."""
    default = ROOT.parent / "shared/valueportrait/upstream"
    named = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    if "--capacity" not in sys.argv:
        costs(load_benchmark(named[0] if named else str(default) if default.is_dir() else "practice"))
    if "--costs" not in sys.argv:
        capacity()


if __name__ == "__main__":
    main()
