"""One evaluation: ask every prompt, keep every answer, and end with a result or with a reason.

`evaluate` may be ended at any moment, by a signal, a kill or a failing endpoint, and called again with the same folder:
it goes on where it was (see `eval_queue.asking.checkpoint`). Prompts go to workers that share one queue, in the
protocol's order; how many are asked at once is found out on the way (`eval_queue.asking.pacing`). The first one is
asked alone, so that what would go wrong with all of them is found out with one. An answer that stays an error after all
attempts is *unscored: api_error*; when more than 10 % of the prompts end so, or the endpoint is gone, the run ends as
failed, resumable, as soon as that is certain.

Not done: choosing what to evaluate and storing results for others to see (`eval_queue.workers.worker`).
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from data.benchmark import Benchmark
from data.errors import InputError
from eval_queue.asking.checkpoint import MOST_NAMES, Answer, Checkpoint, RunRecord, lock, open_run, possible, save_run
from eval_queue.asking.endpoint import ChatClient, EndpointError, FailureCode, Reply, RetryPolicy
from eval_queue.asking.local_model import endpoint_address
from eval_queue.asking.outcome import Outcome, reading, retest_of, write_outcome
from eval_queue.asking.own_server import ServerStopped, own_server
from eval_queue.asking.serving import served
from eval_queue.personas import Persona
from eval_queue.protocol import Prompt, plan, protocol_id, subsample
from eval_queue.records import BenchmarkRef, Origin, now
from eval_queue.scoring.retest import asked_again
from eval_queue.settings import Endpoint

MAX_ERROR_SHARE: Final = 0.10
"""A run with a greater share of prompts without an answer has failed."""
GONE_AFTER: Final = 3
"""So many prompts in a row without a connection, each after all its attempts: the endpoint is gone."""
LOST_AFTER: Final = 20
"""So many prompts in a row that fail for any reason of the endpoint's: it is not going to recover."""
ALIKE: Final = 3
"""So many prompts that fail alike before any is answered: every other one would, too."""

RETEST_FOLDER: Final = "retest"
"""Folder, inside the run's, of the prompts that are asked a second time."""

_SLOW_SECONDS: Final = 30.0
"""So long the others wait for the first prompt, if nothing goes wrong with it."""
_HELPED: Final = frozenset({"rate_limited", "endpoint_gone", "timeout", "server_error", "bad_response"})
"""Errors that asking again may help. An endpoint that refuses a prompt will refuse it again."""
_TICK: Final = 0.1
_GRACE: Final = 0.5
_PROGRESS_SECONDS: Final = 0.5
_SYNC_SECONDS: Final = 5.0
_RATE_SECONDS: Final = 30.0


_log = logging.getLogger(__name__)


class EvaluationFailed(Exception):
    """A run that cannot go on now. Everything so far is kept; the same call resumes it."""

    def __init__(self, code: FailureCode, message: str, detail: str | None = None) -> None:
        super().__init__(message)
        self.code: FailureCode = code
        self.message = message
        self.detail = detail
        """What the operator alone may read, for it names an address."""


class EvaluationStopped(Exception):
    """A run that was told to stop. Everything so far is kept; the same call resumes it."""


@dataclass(frozen=True)
class Job:
    """What to evaluate."""

    model: str
    """The name to ask for."""
    endpoint: Endpoint
    """Whom to ask, and how: answer mode, concurrency, timeout, token limit."""
    benchmark: Benchmark
    limit: int | None = None
    """Ask only the first so many prompts of the plan; the same folder may be given a greater limit later."""
    revision: str | None = None
    """The model's resolved revision, where known."""
    origin: Origin = "self-reported"
    persona: Persona | None = None
    """Whom the model is asked to be; None for nobody in particular."""
    queries: int | None = None
    """Ask only so many queries (`eval_queue.protocol.subsample`); None for all. Unlike `limit` another question."""

    retest: float = 0.0
    """Share of the prompts that is asked a second time at the end and kept apart."""

    @property
    def protocol(self) -> str:
        """The name of the protocol that decides the prompts."""
        wording = None if self.persona is None else self.persona.wording
        return protocol_id(self.endpoint.answer_mode, wording=wording, queries=self.queries)

    @property
    def asked(self) -> Benchmark:
        """The part of the benchmark that is asked: all of it, or its subsample.

        Raises:
            InputError: it has not so many queries.
        """
        return subsample(self.benchmark, self.queries)


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    done: int
    """Prompts with an answer, and those that ended as an error."""
    total: int
    """Prompts to be asked in this run."""
    rated: int
    """Answers with a rating."""
    errors: int
    """Prompts that ended as an error."""
    rate: float | None
    """Prompts a second over the last half minute; None while unknown."""
    eta_seconds: float | None
    """Time left at this rate; None while unknown."""
    seconds: float
    """Wall time spent asking, summed over resumed parts."""

    @property
    def valid_share(self) -> float | None:
        """Share of the prompts so far that have a rating; None before the first."""
        return self.rated / self.done if self.done else None


async def evaluate(
    job: Job,
    out: Path,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
    retry: RetryPolicy | None = None,
) -> Outcome:
    """Ask a model all prompts that have no answer yet, and score it.

    A finished run stays finished: prompts that ended as an error are asked again where that can help, and whatever the
    endpoint says now, what was kept and made before is there afterwards.

    Args:
        job: what to evaluate.
        out: the run's folder; made if it is not there, resumed if it holds the same run.
        on_progress: called about twice a second, one call at a time, from another thread, so that it may take its time;
            and once at the end. If it raises, the run stops and the error is passed on.
        stop: set it to stop the run within about a second.
        retry: how long each prompt is tried.

    Raises:
        InputError: the endpoint may not be asked for this model; the benchmark has not so many queries; or `out` holds
            another run, is damaged or in use.
        EvaluationFailed: the endpoint refuses, is gone, or fails for more than 10 % of the prompts.
        EvaluationStopped: `stop` was set.
    """
    prompts = prompts_of(job)
    with lock(out):
        await ask(job, out, prompts, on_progress=on_progress, stop=stop, retry=retry)
        return conclude(job, out, prompts)


class Prompts(NamedTuple):
    """What a run asks."""

    everything: Sequence[Prompt]
    """The whole plan."""
    wanted: Sequence[Prompt]
    """What is asked now: the plan, its beginning, or a part of it."""
    again: Sequence[Prompt]
    """What is asked a second time at the end."""


def prompts_of(job: Job) -> Prompts:
    """What a run asks.

    Raises:
        InputError: the endpoint may not be asked for this model; or the benchmark has not so many queries.
    """
    if not job.endpoint.serves(job.model):
        # llama.cpp, for one, answers under any name
        message = f"the endpoint {job.endpoint.name} is for {', '.join(job.endpoint.models)}, not for {job.model}"
        raise InputError(message, field="model")
    everything = plan(job.asked, system=None if job.persona is None else job.persona.message)
    wanted = everything[: job.limit]
    return Prompts(everything, wanted, asked_again(wanted, job.retest))


async def ask(
    job: Job,
    out: Path,
    prompts: Prompts,
    *,
    known: Sequence[Answer] = (),
    known_again: Sequence[Answer] = (),
    on_progress: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
    retry: RetryPolicy | None = None,
) -> None:
    """The part of `evaluate` that asks, in a folder whose lock is held.

    Args:
        job: what to evaluate.
        out: the run's folder.
        prompts: what to ask.
        known: answers that are known from elsewhere; they are not asked for.
        known_again: likewise, to the second asking.
        on_progress: as for `evaluate`, like the others.
        stop: set it to stop.
        retry: how long each prompt is tried.

    Raises:
        InputError: `out` holds another run, or is damaged.
        EvaluationFailed: the endpoint refuses, is gone, or fails for more than 10 % of the prompts.
        EvaluationStopped: `stop` was set.
    """
    stop = stop or threading.Event()
    with _Address(job, out, stop) as address:
        run = open_run(out, new_run(job))
        with Checkpoint(out, job.model, prompts.everything) as checkpoint:
            checkpoint.take(known)
            asking = _Asking(job, out, run, checkpoint, prompts.wanted, on_progress, stop, retry, address)
            try:
                await asking.run()
            except (EndpointError, EvaluationFailed) as error:
                if not asking.finished:
                    raise EvaluationFailed(error.code, error.message, error.detail) from None
                _log.warning("asking again did not help (%s: %s); the run stays as it was", error.code, error.message)
            if prompts.again:
                await _ask_again(job, out, prompts, known_again, on_progress, stop, retry, address)


async def _ask_again(
    job: Job,
    out: Path,
    prompts: Prompts,
    known: Sequence[Answer],
    on_progress: Callable[[Progress], None] | None,
    stop: threading.Event,
    retry: RetryPolicy | None,
    address: _Address,
) -> None:
    """Ask a share of the prompts a second time, in a run of its own inside the folder; resumed like the first.

    The evaluation is whole without it: where the endpoint fails now, what arrived is what there is.
    """
    folder = out / RETEST_FOLDER
    folder.mkdir(exist_ok=True)

    def report(progress: Progress) -> None:
        if on_progress is not None:
            n = len(prompts.wanted)
            on_progress(replace(progress, done=n + progress.done, total=n + progress.total, rated=n + progress.rated))

    run = open_run(folder, new_run(job))
    with Checkpoint(folder, job.model, prompts.again) as checkpoint:
        checkpoint.take(known)
        with suppress(EndpointError, EvaluationFailed):
            await _Asking(job, folder, run, checkpoint, prompts.again, report, stop, retry, address).run()


def conclude(job: Job, out: Path, prompts: Prompts) -> Outcome:
    """The part of `evaluate` that scores what was answered, in a folder whose lock is held.

    Raises:
        InputError: the folder holds another run, or is damaged.
    """
    run = open_run(out, new_run(job))
    with Checkpoint(out, job.model, prompts.everything) as checkpoint:
        settled = checkpoint.settled
    answers = [settled[p.id] for p in prompts.everything if p.id in settled]
    again: list[Answer] = []
    if prompts.again and (out / RETEST_FOLDER).exists():
        with Checkpoint(out / RETEST_FOLDER, job.model, prompts.again) as checkpoint:
            again = list(checkpoint.answers.values())
    retest = retest_of(answers, again, job.retest)
    return write_outcome(out, run, answers, job.asked, job.endpoint, origin=job.origin, retest=retest)


def new_run(job: Job) -> RunRecord:
    """The record of a run of which nothing was asked yet."""
    moment = now()
    return RunRecord(
        model=job.model,
        revision=job.revision,
        endpoint=job.endpoint.name,
        answer_mode=job.endpoint.answer_mode,
        protocol=job.protocol,
        persona=None if job.persona is None else job.persona.name,
        system=None if job.persona is None else job.persona.message,
        benchmark=BenchmarkRef.of(job.benchmark),
        max_tokens=job.endpoint.max_tokens,
        reasoning_effort=job.endpoint.reasoning_effort,
        started=moment,
        last=moment,
    )


class _Address(ExitStack):
    """Where an evaluation asks: known, or of a server that is started when first asked for, and stopped at the end."""

    def __init__(self, job: Job, out: Path, stop: threading.Event) -> None:
        super().__init__()
        self._job, self._out, self._stop = job, out, stop
        self._known: str | None = None

    def get(self) -> str:
        """The address.

        Raises:
            EndpointError: the server cannot be started.
            EvaluationStopped: while it was waited for.
        """
        if self._known is None:
            endpoint = self._job.endpoint
            if endpoint.serve is None:
                self._known = self.enter_context(endpoint_address(endpoint))
            else:
                try:
                    self._known = self.enter_context(own_server(endpoint, self._job.model, self._out, self._stop))
                except ServerStopped:
                    raise EvaluationStopped("stopped; the same call goes on from here") from None
        return self._known


class _Asking:
    """The part of a run that asks: its workers, its reporter, and what they count."""

    def __init__(
        self,
        job: Job,
        out: Path,
        run: RunRecord,
        checkpoint: Checkpoint,
        wanted: Sequence[Prompt],
        on_progress: Callable[[Progress], None] | None,
        stop: threading.Event,
        retry: RetryPolicy | None,
        address: _Address,
    ) -> None:
        self._job = job
        self._address = address
        self._out = out
        self._run = run
        self._checkpoint = checkpoint
        self._wanted = wanted
        self._on_progress = on_progress
        self._stop = stop
        self._retry = retry
        self._began = time.monotonic()
        settled = checkpoint.settled
        failed = [p for p in wanted if p.id in checkpoint.failed]
        self.finished = all(p.id in settled for p in wanted) and len(failed) <= MAX_ERROR_SHARE * len(wanted)
        """Whether the run came to its end before; then nothing can end it otherwise."""
        self._left = [
            p
            for p in wanted
            if p.id not in checkpoint.answers and not (self.finished and not _helped(checkpoint.failed[p.id]))
        ]
        self._arrived = 0
        self._answered = asyncio.Event()
        self._begun = asyncio.Event()
        self._alike: Counter[tuple[FailureCode, str]] = Counter()
        given = [checkpoint.answers[p.id] for p in wanted if p.id in checkpoint.answers]
        self._done = len(wanted) - len(self._left)
        self._rated = sum(reading(answer).rating is not None for answer in given)
        self._errors: Counter[FailureCode] = Counter()
        self._failed_in_a_row = 0
        self._unconnected_in_a_row = 0
        self._samples: deque[tuple[float, int]] = deque()
        self._saving = threading.Lock()

    async def run(self) -> RunRecord:
        """Ask what is left. Whatever happens, all that arrived is on disk afterwards."""
        if self._left:
            address = self._address.get()
            async with ChatClient(
                self._job.endpoint, address, self._job.model, retry=self._retry, parameters=self._run.request
            ) as client:
                await self._ask_all(client, self._left)
                if self._run.served is None and self._arrived:
                    self._run.served = await served(self._job.endpoint, address, self._job.model)
                    save_run(self._out, self._run)
        await self._report()
        return self._run

    async def _ask_all(self, client: ChatClient, prompts: Sequence[Prompt]) -> None:
        queue = iter(prompts)
        slots = min(self._job.endpoint.concurrency, len(prompts))
        workers = [asyncio.create_task(self._work(client, queue, first=n == 0)) for n in range(slots)]
        asked = asyncio.Event()
        everything = asyncio.gather(*workers)
        reporter = asyncio.create_task(self._keep_reporting(client, asked))
        stopped = asyncio.create_task(self._stopped())
        first = asyncio.create_task(self._first_answer(client))
        try:
            ends: set[asyncio.Future[Any]] = {everything, reporter, stopped}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for task in (everything, reporter):
                if task.done():
                    task.result()
            if everything.done():
                asked.set()
                await reporter
            else:
                await asyncio.wait(workers, timeout=_GRACE)
        finally:
            for task in (*workers, reporter, stopped, first):
                task.cancel()
            await asyncio.gather(everything, *workers, reporter, stopped, first, return_exceptions=True)
            self._save(client)
        if self._done < len(self._wanted):
            raise EvaluationStopped("stopped; the same call goes on from here")

    async def _stopped(self) -> None:
        while not self._stop.is_set():
            await asyncio.sleep(_TICK)

    async def _work(self, client: ChatClient, queue: Iterator[Prompt], *, first: bool) -> None:
        if not first:
            await self._begun.wait()
        await self._work_through(client, queue)
        # whatever came of them, the others need not wait any longer
        self._answered.set()

    async def _first_answer(self, client: ChatClient) -> None:
        """Hold the others back until one prompt has an answer, but not long where the endpoint is only slow."""
        while not self._answered.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._answered.wait(), _SLOW_SECONDS)
            if not client.setbacks:
                break
        self._begun.set()

    async def _work_through(self, client: ChatClient, queue: Iterator[Prompt]) -> None:
        while True:
            turn = await client.gate.enter()
            prompt = None if self._stop.is_set() else next(queue, None)
            if prompt is None:
                client.gate.leave(turn, "failed")
                return
            try:
                reply = await client.ask(prompt, turn)
            except EndpointError as error:
                if error.fatal:
                    raise
                self._keep(failed_answer(self._job.model, prompt, error))
                self._end_if_hopeless(error)
            else:
                self._failed_in_a_row = self._unconnected_in_a_row = 0
                self._answered.set()
                remember_names(self._run, reply)
                self._keep(answer_of(self._job.model, prompt, reply))

    def _keep(self, answer: Answer) -> None:
        self._checkpoint.append(answer)
        self._done += 1
        self._arrived += answer.error is None
        self._rated += reading(answer).rating is not None

    def _end_if_hopeless(self, error: EndpointError) -> None:
        self._errors[error.code] += 1
        if not self._answered.is_set():
            self._end_if_alike(error)
        # a prompt that the endpoint rejects says nothing about the others
        lost = error.code != "rejected"
        self._failed_in_a_row = self._failed_in_a_row + 1 if lost else 0
        self._unconnected_in_a_row = self._unconnected_in_a_row + 1 if error.code == "endpoint_gone" else 0
        if self._unconnected_in_a_row >= GONE_AFTER or self._failed_in_a_row >= LOST_AFTER:
            raise EvaluationFailed(error.code, f"{self._failed_in_a_row} prompts in a row failed: {error.message}")
        if self._errors.total() > MAX_ERROR_SHARE * len(self._wanted):
            counts = ", ".join(f"{n} {code}" for code, n in self._errors.most_common())
            message = f"more than {MAX_ERROR_SHARE:.0%} of the prompts failed ({counts}); the last: {error.message}"
            raise EvaluationFailed("too_many_errors", message)

    def _end_if_alike(self, error: EndpointError) -> None:
        """End a run that has had no answer yet where every prompt would fail as these did."""
        kind = error.alike or error.code
        # digits may be those of the prompt: its length, the request's number
        self._alike[kind, re.sub(r"[0-9]+", "0", error.message) if error.code == "rejected" else ""] += 1
        n = max(self._alike.values())
        few = len(self._left) <= MAX_ERROR_SHARE * len(self._wanted)
        if few and not self.finished:
            return
        if n >= ALIKE or error.code == "endpoint_gone":
            count = f"the first {n} prompts failed alike: " if n > 1 else ""
            raise EvaluationFailed(kind, f"{count}{error.message}", error.detail)

    async def _keep_reporting(self, client: ChatClient, asked: asyncio.Event) -> None:
        saved = time.monotonic()
        while not asked.is_set():
            await self._report()
            if time.monotonic() - saved >= _SYNC_SECONDS:
                await asyncio.to_thread(self._save, client)
                saved = time.monotonic()
            with suppress(TimeoutError):
                await asyncio.wait_for(asked.wait(), _PROGRESS_SECONDS)

    async def _report(self) -> None:
        if self._on_progress:
            # in a thread: it may write to a store far away, while answers keep coming in
            await asyncio.to_thread(self._on_progress, self._progress())

    def _progress(self) -> Progress:
        moment = time.monotonic()
        self._samples.append((moment, self._done))
        while moment - self._samples[0][0] > _RATE_SECONDS:
            self._samples.popleft()
        since, before = self._samples[0]
        rate = (self._done - before) / (moment - since) if self._done > before else None
        return Progress(
            done=self._done,
            total=len(self._wanted),
            rated=self._rated,
            errors=self._errors.total(),
            rate=rate,
            eta_seconds=(len(self._wanted) - self._done) / rate if rate else None,
            seconds=self._run.seconds + moment - self._began,
        )

    def _save(self, client: ChatClient) -> None:
        """Force answers to disk, and the run's record with them."""
        # a run that is cut short saves while the reporter's thread may still be at it
        with self._saving:
            self._checkpoint.sync()
            if self.finished and not self._arrived:
                return
            moment = time.monotonic()
            self._run.seconds += moment - self._began
            self._began = moment
            self._run.request = client.parameters
            self._run.last = now()
            self._run.started = possible(self._run).started
            save_run(self._out, self._run)


def _helped(answer: Answer) -> bool:
    return (answer.error or "").partition(":")[0] in _HELPED


def remember_names(run: RunRecord, reply: Reply) -> None:
    """Keep which model and which provider a reply says that it is from."""
    for known, name in ((run.endpoint_models, reply.model), (run.providers, reply.provider)):
        if name and name not in known and len(known) < MOST_NAMES:
            known.append(name)


def answer_of(model: str, prompt: Prompt, reply: Reply) -> Answer:
    """What is kept of a reply."""
    return Answer(
        model=model,
        prompt_variant=prompt.variant,
        portrait_id=prompt.portrait_id,
        option_id=prompt.option_id,
        raw_response=reply.text,
        error=None,
        prompt_digest=prompt.digest,
        finish_reason=reply.finish_reason,
        reasoning=reply.reasoning,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        seconds=round(reply.seconds, 4),
        filter_message=reply.filter_message,
    )


def failed_answer(model: str, prompt: Prompt, error: EndpointError) -> Answer:
    """What is kept of a prompt that stays without an answer."""
    return Answer(
        model=model,
        prompt_variant=prompt.variant,
        portrait_id=prompt.portrait_id,
        option_id=prompt.option_id,
        raw_response=None,
        error=f"{error.code}: {error.message}",
        prompt_digest=prompt.digest,
    )
