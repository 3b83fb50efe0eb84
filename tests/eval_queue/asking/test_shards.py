"""An evaluation asked in parts is the evaluation asked in one piece, whatever becomes of the parts."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from data.benchmark import Benchmark
from data.sources.loading import load_benchmark
from eval_queue.asking.checkpoint import Answer
from eval_queue.asking.evaluation import EvaluationFailed, EvaluationStopped, Job, evaluate, prompts_of
from eval_queue.asking.outcome import Outcome
from eval_queue.asking.shards import (
    LOST_SHARDS,
    News,
    Part,
    ShardLost,
    ask_shard,
    evaluate_in_shards,
    part_of,
    prompts_of_part,
    shard_folder,
)
from eval_queue.settings import Endpoint
from tests.support.chat_server import Asked, ChatServer, Response, fail, held_after, rate
from tests.support.folders import write_folder


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    return load_benchmark(write_folder(tmp_path_factory.mktemp("tiny")))


class ThreadShard:
    """A shard in a thread, which dies as a machine does once so many answers have been told."""

    def __init__(
        self, job: Job, folder: Path, part: Part, known: Sequence[Answer], again: Sequence[Answer], dies: int | None
    ) -> None:
        self._halt = threading.Event()
        self._told: queue.Queue[News | Exception] = queue.Queue()
        self._left = dies
        self._over = threading.Event()

        def work() -> None:
            try:
                for news in ask_shard(job, folder, part, known, again, self._halt):
                    self._told.put(news)
            except Exception as error:  # noqa: BLE001 - as Ray, which tells of any error
                self._told.put(error)
            self._over.set()

        self._thread = threading.Thread(target=work)
        self._thread.start()

    def news(self) -> list[News]:
        if self._dying():
            self.stop()
            self._thread.join()
            raise ShardLost("its machine is gone")
        found = []
        while not self._told.empty() and not self._dying():
            news = self._told.get()
            if isinstance(news, Exception):
                raise ShardLost(type(news).__name__)
            found.append(news)
            if self._left is not None:
                self._left -= news.answers.count(b"\n")
        return found

    def _dying(self) -> bool:
        return self._left is not None and self._left <= 0

    def ended(self) -> bool:
        return self._over.is_set() and self._told.empty()

    def stop(self) -> None:
        self._halt.set()


def job_of(chat: ChatServer, benchmark: Benchmark, **changes: Any) -> Job:
    settings: dict[str, Any] = {"concurrency": 8, "shards": 3, **changes}
    endpoint = Endpoint(name="chat", base_url=chat.address, **settings)
    return Job(model="org/a", endpoint=endpoint, benchmark=benchmark, retest=0.1)


def in_shards(
    job: Job,
    out: Path,
    *,
    elsewhere: Path | None = None,
    dies: dict[int, int] | None = None,
    died: threading.Event | None = None,
    **options: Any,
) -> Outcome:
    """Evaluate in threads.

    Args:
        job: what.
        out: where.
        elsewhere: a disk of the shards' own.
        dies: after how many answers of its first life a shard dies, by its number.
        died: is set when one has.
        **options: of `evaluate_in_shards`.
    """
    left, begun = dict(dies or {}), set[Part]()

    def start(job: Job, part: Part, known: Sequence[Answer], again: Sequence[Answer]) -> ThreadShard:
        if part in begun and died is not None:
            died.set()
        begun.add(part)
        return ThreadShard(job, elsewhere or out, part, known, again, left.pop(part.number, None))

    return asyncio.run(evaluate_in_shards(job, out, start=start, **options))


def held_in(job: Job, part: Part, answers: int, go: threading.Event) -> Callable[[Asked], Response]:
    """So many answers to a shard at once and no more until `go` is set; the others are not held."""
    held, texts = held_after(answers, go), {prompt.text for prompt in prompts_of_part(job, part).wanted}
    return lambda asked: (held if asked.prompt in texts else rate)(asked)


def same(one: Outcome, other: Outcome) -> bool:
    """Whether two results are the same but for times."""
    ours, theirs = (o.result.model_copy(update={"created": None, "run": None}).model_dump() for o in (one, other))
    runs = [o.result.run.model_dump(exclude={"started", "finished", "seconds"}) for o in (one, other) if o.result.run]
    tables = [pq.read_table(o.table_file).drop_columns(["seconds"]) for o in (one, other)]
    return ours == theirs and runs[0] == runs[1] and tables[0].equals(tables[1])


def test_ranges_are_the_whole_plan_once(benchmark: Benchmark) -> None:
    job = Job(model="org/a", endpoint=Endpoint(name="chat"), benchmark=benchmark, retest=0.1)
    whole = prompts_of(job)
    for of in (1, 2, 7, 64):
        parts = [prompts_of_part(job, Part(number, of)) for number in range(of)]
        assert [p.id for part in parts for p in part.wanted] == [p.id for p in whole.wanted]
        assert [p.id for part in parts for p in part.again] == [p.id for p in whole.again]
        assert max(len(part.wanted) for part in parts) - min(len(part.wanted) for part in parts) <= 1
    assert part_of("ab", Part(2, 3)) == "b"


def test_the_result_is_that_of_one_piece(tmp_path: Path, benchmark: Benchmark) -> None:
    with ChatServer() as chat:
        job = job_of(chat, benchmark)
        whole = asyncio.run(evaluate(job, tmp_path / "whole"))
        asked = Counter(chat.times)
        chat.asked.clear()
        seen: list[int] = []
        cut = in_shards(job, tmp_path / "cut", on_progress=lambda p: seen.append(p.done))
        assert Counter(a.prompt for a in chat.asked) == asked, "each prompt once, a tenth of them twice"
    assert same(whole, cut)
    assert seen[-1] == sum(asked.values())


@pytest.mark.parametrize("apart", [False, True], ids=["shared disk", "disks of their own"])
@pytest.mark.slow
def test_a_shard_that_dies_loses_nothing_that_was_kept(tmp_path: Path, benchmark: Benchmark, apart: bool) -> None:
    with ChatServer() as chat:
        job, died = job_of(chat, benchmark, concurrency=2), threading.Event()
        chat.behave = held_in(job, Part(1, 3), 10, died)
        node = tmp_path / "node" if apart else None
        cut = in_shards(job, tmp_path / "cut", dies={1: 10}, died=died, elsewhere=node)
        assert died.is_set()
        again = len(prompts_of(job).again)
        # what a machine was answered in its last second is told to nobody if it dies with its disk; here it has one
        assert len(chat.asked) <= len(prompts_of(job).everything) + again + 2, "but for requests in flight"
        chat.behave = rate
        assert same(asyncio.run(evaluate(job, tmp_path / "whole")), cut)


@pytest.mark.slow
def test_a_new_machine_goes_on_with_what_was_told(tmp_path: Path, benchmark: Benchmark) -> None:
    with ChatServer() as chat:
        job, died = job_of(chat, benchmark, concurrency=2), threading.Event()
        chat.behave = held_in(job, Part(1, 3), 10, died)
        homes = iter(tmp_path / f"node-{n}" for n in range(9))
        told: list[int] = []

        def start(job: Job, part: Part, known: Sequence[Answer], again: Sequence[Answer]) -> ThreadShard:
            told.append(len(known))
            if len(told) > 3:
                died.set()
            return ThreadShard(job, next(homes), part, known, again, 10 if part.number == 1 and len(told) < 4 else None)

        asyncio.run(evaluate_in_shards(job, tmp_path / "cut", start=start))
    assert told == [0, 0, 0, 10]
    times = Counter(a.prompt for a in chat.asked)
    twice = sum(n > 1 for n in times.values())
    in_flight, second = 2, len(prompts_of(job).again)
    assert twice <= second + in_flight


@pytest.mark.slow
def test_a_stop_keeps_everything_and_any_number_of_shards_goes_on(tmp_path: Path, benchmark: Benchmark) -> None:
    stop = threading.Event()
    with ChatServer(held_after(40)) as chat:
        job = job_of(chat, benchmark, concurrency=2)

        def note(progress: Any) -> None:
            if progress.done > 30:
                stop.set()

        with pytest.raises(EvaluationStopped):
            in_shards(job, tmp_path / "cut", on_progress=note, stop=stop)
        chat.behave = rate
        two = replace(job, endpoint=job.endpoint.model_copy(update={"shards": 2}))
        in_shards(two, tmp_path / "cut")
        finished = asyncio.run(evaluate(job, tmp_path / "cut"))
        assert same(finished, asyncio.run(evaluate(job, tmp_path / "whole")))


def test_a_finished_run_starts_no_shard(tmp_path: Path, benchmark: Benchmark) -> None:
    with ChatServer() as chat:
        job = job_of(chat, benchmark)
        first = asyncio.run(evaluate(job, tmp_path / "run"))
        n = len(chat.asked)
        assert same(in_shards(job, tmp_path / "run", dies={0: 0, 1: 0, 2: 0}), first)
        assert len(chat.asked) == n


def test_an_endpoint_that_refuses_ends_all_shards(tmp_path: Path, benchmark: Benchmark) -> None:
    def refuse(asked: Asked) -> Response:
        return fail(401, "no such key")

    with ChatServer(refuse) as chat, pytest.raises(EvaluationFailed) as caught:
        in_shards(job_of(chat, benchmark), tmp_path / "cut")
    assert caught.value.code == "auth"


def test_a_shard_that_is_lost_again_and_again_ends_the_evaluation(tmp_path: Path, benchmark: Benchmark) -> None:
    starts: list[Part] = []

    class Gone(ThreadShard):
        def __init__(self, part: Part) -> None:
            starts.append(part)

        def news(self) -> list[News]:
            raise ShardLost("its machine is gone")

        def stop(self) -> None:
            pass

    with ChatServer() as chat, pytest.raises(EvaluationFailed, match="lost 4 times in a row"):
        asyncio.run(
            evaluate_in_shards(job_of(chat, benchmark), tmp_path / "cut", start=lambda _j, part, _k, _a: Gone(part))
        )
    assert max(Counter(starts).values()) == LOST_SHARDS


def test_shards_have_folders_of_their_own(tmp_path: Path, benchmark: Benchmark) -> None:
    with ChatServer() as chat:
        in_shards(job_of(chat, benchmark), tmp_path / "cut")
    for number in range(3):
        assert (shard_folder(tmp_path / "cut", Part(number, 3)) / "answers.jsonl").stat().st_size
