"""What an evaluation costs beyond waiting for the endpoint, next to a bare loop over the same client.

Run `python tests/benchmarks/bench_asking.py [FOLDER]`. FOLDER has upstream's layout (default: `../shared` beside the
project); without one, the practice benchmark is asked. A server of our own on this machine answers after 150 ms, in a
process of its own. The bare loop keeps nothing: no checkpoint, no retries, no reading, no progress. Both take turns in
the same run; a multiple of 1.00 is prompts x latency / slots.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from data.sources.loading import load_benchmark  # noqa: E402 - after the path
from eval_queue.asking.evaluation import Job, evaluate  # noqa: E402
from eval_queue.protocol import Prompt, plan  # noqa: E402
from eval_queue.settings import Endpoint  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

LATENCY = 0.15
SLOTS = (16, 64)
REPEATS = 2


class Cost(NamedTuple):
    """Seconds of one pass over all prompts."""

    wall: float
    cpu: float


@contextmanager
def server() -> Iterator[str]:
    """The address of a server that answers after `LATENCY`."""
    command = [sys.executable, "-m", "tests.support.chat_server", str(LATENCY)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


async def bare_loop(address: str, prompts: tuple[Prompt, ...], slots: int) -> None:
    """The client as its manual shows it."""
    import openai

    queue = iter(prompts)

    async with openai.AsyncOpenAI(base_url=address, api_key="none", max_retries=0) as client:

        async def work() -> None:
            for prompt in queue:
                reply = await client.chat.completions.create(
                    model="m",
                    messages=[{"role": "user", "content": prompt.text}],
                    temperature=0,
                    seed=0,
                    max_tokens=64,
                )
                assert reply.choices[0].message.content == "like me"

        await asyncio.gather(*(work() for _ in range(slots)))


def measure(work: Callable[[], object]) -> Cost:
    """Wall and CPU seconds of `work`."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def main() -> None:
    """Print both costs at each number of slots."""
    default = ROOT.parent / "shared/valueportrait/upstream"
    benchmark = load_benchmark(sys.argv[1] if len(sys.argv) > 1 else str(default) if default.is_dir() else "practice")
    prompts = plan(benchmark)

    def ours(address: str, slots: int) -> None:
        endpoint = Endpoint.model_validate({"name": "stub", "base_url": address, "concurrency": slots})
        with tempfile.TemporaryDirectory() as folder:
            outcome = asyncio.run(
                evaluate(Job("m", endpoint, benchmark), Path(folder), on_progress=lambda progress: None)
            )
        assert outcome.result.coverage.rated == len(prompts)

    print(f"{len(prompts)} prompts of {benchmark.name}, latency {LATENCY * 1000:.0f} ms")  # noqa: T201
    print(f"{'slots':>5}  {'ideal':>7}  {'':10} {'wall':>8} {'multiple':>9} {'CPU a prompt':>13}")  # noqa: T201
    with server() as address:
        asyncio.run(bare_loop(address, prompts[:64], 16))
        for slots in SLOTS:
            ideal = len(prompts) * LATENCY / slots
            for _ in range(REPEATS):
                costs = {
                    "bare loop": measure(lambda: asyncio.run(bare_loop(address, prompts, slots))),  # noqa: B023
                    "evaluate": measure(lambda: ours(address, slots)),  # noqa: B023
                }
                for name, cost in costs.items():
                    share = f"{cost.cpu / len(prompts) * 1000:.2f} ms"
                    figures = f"{cost.wall:7.1f}s {cost.wall / ideal:9.2f} {share:>13}"
                    print(f"{slots:5}  {ideal:6.1f}s  {name:10} {figures}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
