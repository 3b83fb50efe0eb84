"""One evaluation asked in parts, each by a process of its own, on any machine.

A shard is a range of the protocol's plan with a checkpoint of its own: a run's folder like any other, in which
`ask_shard` goes on where it was. What it is answered is told as it comes to the process that holds the claim, where
`evaluate_in_shards` merges it by prompt id into the evaluation's own checkpoint and scores the whole at the end. So a
shard that dies with its machine loses at most what had not been told and is on no disk that its successor sees, and the
result is that of one process.

The share of prompts that is asked a second time is cut along the same ranges. A shard whose endpoint fails for more
than a tenth of its own range ends the evaluation, as an evaluation in one piece ends.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple, Protocol, TypeVar

from eval_queue.asking.checkpoint import (
    ANSWERS_FILE,
    MOST_NAMES,
    Answer,
    Checkpoint,
    RunRecord,
    lock,
    open_run,
    read_run,
    save_run,
    settled_lines,
)
from eval_queue.asking.diagnosis import FailureCode
from eval_queue.asking.evaluation import (
    RETEST_FOLDER,
    EvaluationFailed,
    EvaluationStopped,
    Job,
    Progress,
    Prompts,
    ask,
    conclude,
    new_run,
    prompts_of,
)
from eval_queue.asking.outcome import Outcome, reading
from eval_queue.records import now

SHARDS_FOLDER: Final = "shards"
"""Folder of the shards' own, inside the evaluation's."""
LOST_SHARDS: Final = 4
"""So often in a row a shard may be lost without any news before the evaluation is given up."""

_TICK: Final = 0.2
_PROGRESS_SECONDS: Final = 0.5
_SYNC_SECONDS: Final = 5.0
_STOPPED: Final = "stopped; the same call goes on from here"

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class Part(NamedTuple):
    """Which range of the plan a shard asks."""

    number: int
    """From 0."""
    of: int

    def __str__(self) -> str:
        return f"{self.number + 1}-of-{self.of}"


class Failed(NamedTuple):
    """Why a shard cannot go on."""

    code: FailureCode
    message: str
    detail: str | None


class News(NamedTuple):
    """What a shard tells."""

    answers: bytes = b""
    """Lines of its checkpoint."""
    again: bytes = b""
    """Likewise, of the second asking."""
    run: RunRecord | None = None
    """Its record, at its end."""
    failed: Failed | None = None
    """Why it ended before its range was asked."""


class ShardLost(Exception):
    """A shard is gone with its machine, or has lost its way; another one can go on."""


class Shard(Protocol):
    """A shard that runs somewhere."""

    def news(self) -> list[News]:
        """What it told since it was asked last.

        Raises:
            ShardLost: it is gone.
        """

    def ended(self) -> bool:
        """Whether it has ended and told everything."""

    def stop(self) -> None:
        """Have it end within seconds."""


Start = Callable[[Job, Part, Sequence[Answer], Sequence[Answer]], Shard]
"""Starts a shard, given the answers that are known to its range and to the second asking."""


def part_of(prompts: Sequence[_T], part: Part) -> Sequence[_T]:
    """A range of about equal length."""
    n = len(prompts)
    return prompts[n * part.number // part.of : n * (part.number + 1) // part.of]


def prompts_of_part(job: Job, part: Part) -> Prompts:
    """What a shard asks."""
    whole = prompts_of(job)
    wanted = part_of(whole.wanted, part)
    mine = {prompt.id for prompt in wanted}
    return Prompts(whole.everything, wanted, [prompt for prompt in whole.again if prompt.id in mine])


def shard_folder(folder: Path, part: Part) -> Path:
    """A shard's folder in an evaluation's."""
    return folder / SHARDS_FOLDER / str(part)


def ask_shard(
    job: Job,
    folder: Path,
    part: Part,
    known: Sequence[Answer],
    known_again: Sequence[Answer],
    stop: threading.Event,
) -> Iterator[News]:
    """Ask a range, and tell what is answered about once a second. Its last news holds its record, or why it failed.

    Args:
        job: the whole evaluation.
        folder: the evaluation's, on this machine.
        part: which range.
        known: answers that are known to it.
        known_again: likewise, to the second asking.
        stop: set it to stop within about a second; what was answered is told before the end.

    Raises:
        InputError: the shard's folder is in use, or damaged.
    """
    out = shard_folder(folder, part)
    prompts = prompts_of_part(job, part)
    with lock(out):
        failed: list[Failed] = []
        faults: list[BaseException] = []

        def work() -> None:
            try:
                asyncio.run(ask(job, out, prompts, known=known, known_again=known_again, stop=stop))
            except EvaluationStopped:
                pass
            except EvaluationFailed as error:
                failed.append(Failed(error.code, error.message, error.detail))
            except BaseException as error:  # noqa: BLE001 - raised again below
                faults.append(error)

        thread = threading.Thread(target=work, name=f"shard {part}")
        thread.start()
        answers, again = _Lines(out / ANSWERS_FILE), _Lines(out / RETEST_FOLDER / ANSWERS_FILE)
        try:
            while thread.is_alive():
                thread.join(1.0)
                yield News(answers.new(), again.new())
        finally:
            stop.set()
            thread.join()
        if faults:
            raise faults[0]
        run = read_run(out) if (out / ANSWERS_FILE).exists() else None
        yield News(answers.new(), again.new(), run, failed[0] if failed else None)


class _Lines:
    """Lines of a file that grows, each told once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._told: set[bytes] = set()

    def new(self) -> bytes:
        # read anew: what is in the file may be put in order when it is opened and closed
        content = self._path.read_bytes() if self._path.exists() else b""
        lines = [line for line in content.split(b"\n")[:-1] if line not in self._told]
        self._told.update(lines)
        return b"".join(line + b"\n" for line in lines)


async def evaluate_in_shards(
    job: Job,
    out: Path,
    *,
    start: Start,
    on_progress: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
) -> Outcome:
    """What `evaluate` does, with its arguments, in as many shards as the endpoint's settings say; `start` starts one.

    Raises:
        InputError: as for `evaluate`.
        EvaluationFailed: as for `evaluate`, or a shard was lost again and again.
        EvaluationStopped: `stop` was set.
    """
    prompts = prompts_of(job)
    with lock(out):
        await _Merging(job, out, prompts, start, on_progress, stop or threading.Event()).run()
        return conclude(job, out, prompts)


class _Merging:
    """What comes of the shards, and who of them still runs."""

    def __init__(
        self,
        job: Job,
        out: Path,
        prompts: Prompts,
        start: Start,
        on_progress: Callable[[Progress], None] | None,
        stop: threading.Event,
    ) -> None:
        self._job = job
        self._out = out
        self._start = start
        self._on_progress = on_progress
        self._stop = stop
        self._began = time.monotonic()
        self._run = open_run(out, new_run(job))
        parts = [Part(number, job.endpoint.shards) for number in range(job.endpoint.shards)]
        self._ranges = {part: prompts_of_part(job, part) for part in parts}
        self._digests = {prompt.id: prompt.digest for prompt in prompts.everything}
        self._total = len(prompts.wanted) + len(prompts.again)
        self._lost = dict.fromkeys(self._ranges, 0)
        self._shards: dict[Part, Shard] = {}
        self._files = ExitStack()
        (out / RETEST_FOLDER).mkdir(exist_ok=True)
        open_run(out / RETEST_FOLDER, new_run(job))
        self._answers = self._files.enter_context(Checkpoint(out, job.model, prompts.everything))
        self._again = self._files.enter_context(Checkpoint(out / RETEST_FOLDER, job.model, prompts.again))
        answers = (*self._answers.answers.values(), *self._again.answers.values())
        self._rated = sum(reading(answer).rating is not None for answer in answers)
        self._before = self._done()
        self._asking_since = self._began

    async def run(self) -> None:
        """Ask what is left. Whatever happens, all that was told is on disk afterwards."""
        with self._files:
            try:
                for part, prompts in self._ranges.items():
                    if not self._is_answered(prompts):
                        self._begin(part)
                await self._watch()
            finally:
                await self._end()
            settled = self._answers.settled
            if any(prompt.id not in settled for range_ in self._ranges.values() for prompt in range_.wanted):
                # somebody else told the shards to stop
                raise EvaluationStopped(_STOPPED)
        if self._on_progress:
            await asyncio.to_thread(self._on_progress, self._progress())

    def _is_answered(self, prompts: Prompts) -> bool:
        return all(p.id in self._answers.answers for p in prompts.wanted) and all(
            p.id in self._again.answers for p in prompts.again
        )

    def _begin(self, part: Part) -> None:
        known = [a for p in self._ranges[part].wanted if (a := self._answers.answers.get(p.id))]
        again = [a for p in self._ranges[part].again if (a := self._again.answers.get(p.id))]
        self._shards[part] = self._start(self._job, part, known, again)

    async def _watch(self) -> None:
        reported = synced = time.monotonic()
        while self._shards:
            for part in list(self._shards):
                self._hear(part)
            if self._stop.is_set():
                raise EvaluationStopped(_STOPPED)
            moment = time.monotonic()
            if moment - reported >= _PROGRESS_SECONDS and self._on_progress:
                reported = moment
                await asyncio.to_thread(self._on_progress, self._progress())
            if moment - synced >= _SYNC_SECONDS:
                synced = moment
                await asyncio.to_thread(self._save)
            await asyncio.sleep(_TICK)

    def _hear(self, part: Part) -> None:
        shard = self._shards[part]
        try:
            self._merge(part, shard.news())
            if shard.ended():
                del self._shards[part]
        except ShardLost as error:
            self._lost[part] += 1
            _log.warning("shard %s is lost (%s)", part, error)
            if self._lost[part] >= LOST_SHARDS:
                message = f"shard {part} of it was lost {self._lost[part]} times in a row with its machine or server"
                raise EvaluationFailed("endpoint_gone", message, str(error)) from None
            self._begin(part)

    def _merge(self, part: Part, told: Sequence[News]) -> None:
        for news in told:
            for lines, checkpoint in ((news.answers, self._answers), (news.again, self._again)):
                found = settled_lines(lines, self._job.model, self._digests).values()
                new = [answer for answer in found if answer.prompt_id not in checkpoint.answers]
                if new:
                    self._lost[part] = 0
                    checkpoint.take(new)
                    self._rated += sum(reading(answer).rating is not None for answer in new)
            if news.run is not None:
                _learn(self._run, news.run)
            if news.failed is not None:
                raise EvaluationFailed(*news.failed)

    async def _end(self) -> None:
        """Stop whoever still runs, and keep what they told until then."""
        for shard in self._shards.values():
            shard.stop()
        end = time.monotonic() + _SYNC_SECONDS
        while self._shards and time.monotonic() < end:
            for part, shard in list(self._shards.items()):
                try:
                    self._merge(part, shard.news())
                    gone = shard.ended()
                except (ShardLost, EvaluationFailed):
                    gone = True
                if gone:
                    del self._shards[part]
            await asyncio.sleep(_TICK)
        self._save()

    def _done(self) -> int:
        return len(self._answers.settled) + len(self._again.answers)

    def _progress(self) -> Progress:
        moment, done = time.monotonic(), self._done()
        rate = (done - self._before) / (moment - self._asking_since) if done > self._before else None
        return Progress(
            done=done,
            total=self._total,
            rated=self._rated,
            errors=len(self._answers.failed),
            rate=rate,
            eta_seconds=(self._total - done) / rate if rate else None,
            seconds=self._run.seconds + moment - self._began,
        )

    def _save(self) -> None:
        self._answers.sync()
        self._again.sync()
        moment = time.monotonic()
        self._run.seconds += moment - self._began
        self._began = moment
        self._run.last = now()
        save_run(self._out, self._run)


def _learn(run: RunRecord, shard: RunRecord) -> None:
    """Keep what a shard learned of its endpoint."""
    run.request = shard.request or run.request
    run.served = run.served or shard.served
    for known, names in ((run.endpoint_models, shard.endpoint_models), (run.providers, shard.providers)):
        known.extend(name for name in names if name not in known and len(known) < MOST_NAMES)
