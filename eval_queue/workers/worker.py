"""The worker: claims submissions, evaluates them, stores what came of each, and goes on to the next.

Each endpoint has places of its own (`parallel` in its settings, one by default), so that a slow endpoint never holds up
another one; each evaluation has a thread, and claims are made by one thread alone, never more than there are places.

While it evaluates, a thread keeps the claims of the process alive and writes the progress, however slow the answers
are (`eval_queue.queue.heartbeats`); a claim that was cancelled or lost stops its evaluation. Whatever happens to one
submission, the worker goes on: a failure is recorded with its reason, and a worker that is told to stop returns its
claim. Answers are kept in a work folder, so that the next attempt on the same disk asks only what is left.

A submission that this worker cannot evaluate (another benchmark, an endpoint it does not know) is left waiting for
another one; `Worker.notes` says why.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, Final, Protocol, Self

import orjson

from data.benchmark import Benchmark
from data.errors import InputError
from data.files import write_whole
from data.sources.loading import load_benchmark
from eval_queue.asking import evaluation
from eval_queue.asking.checkpoint import ANSWERS_FILE, RUN_FILE, lock
from eval_queue.asking.evaluation import EvaluationFailed, EvaluationStopped, Job, evaluate
from eval_queue.asking.outcome import Outcome
from eval_queue.logs import about
from eval_queue.personas import WORDING, Persona, Wording, load_wording
from eval_queue.protocol import Protocol as PromptProtocol
from eval_queue.queue.heartbeats import BEATS_PER_LEASE, Pulse
from eval_queue.queue.intake import configured_endpoints
from eval_queue.queue.queue import Claim, Kept, LeaseLost, Queue, Sign
from eval_queue.records import BenchmarkRef, Result
from eval_queue.settings import Endpoint, Settings
from eval_queue.store.local import StoreUnavailable, WriteConflict
from eval_queue.submission import Failure, Progress, Submission, asked_of

BEAT_SECONDS: Final = 3.0
"""How often progress is written, if there is any."""

LOOK_SECONDS: Final = 15.0
"""How often a worker looks for work while some of its places are taken."""

_TICK: Final = 0.2
_RELOAD_SECONDS: Final = 300.0
_INSIST_SECONDS: Final = 1.0
_LONGEST_INSIST_SECONDS: Final = 30.0
KEPT_BYTES: Final = 4_000_000
"""The most answers so far that are stored; beyond it another machine begins where the last smaller ones ended."""
INSIST_LEASES: Final = 12
"""For how many leases a worker tries to store what came of a claim: two hours where a lease has ten minutes."""

_log = logging.getLogger(__name__)


class Benchmarks:
    """The benchmarks of this installation, by digest: the practice one and the one in use, loaded when asked for.

    Args:
        source: where the one in use comes from, as for `load_benchmark`.
        loaded: those that are loaded already.
    """

    def __init__(self, source: str | None = None, loaded: Iterable[Benchmark] = ()) -> None:
        self._source = source
        self._loaded = {b.digest: b for b in loaded}
        self._tried: dict[str | None, float] = {}

    def get(self, ref: BenchmarkRef) -> Benchmark | None:
        """The benchmark with this digest, or None if this installation has another one, or cannot load it now."""
        source = "practice" if ref.name == "practice" else self._source
        tried = self._tried.get(source)
        if ref.digest not in self._loaded and (tried is None or time.monotonic() - tried > _RELOAD_SECONDS):
            self._tried[source] = time.monotonic()
            try:
                benchmark = load_benchmark(source)
            except InputError as error:
                _log.warning("the benchmark cannot be loaded: %s", error)
            else:
                self._loaded[benchmark.digest] = benchmark
        return self._loaded.get(ref.digest)


class Asker(Protocol):
    """Asks a model all prompts that have no answer yet, and scores it; see `eval_queue.asking.evaluation.evaluate`."""

    def __call__(
        self,
        job: Job,
        out: Path,
        *,
        on_progress: Callable[[evaluation.Progress], None] | None = None,
        stop: threading.Event | None = None,
    ) -> Coroutine[Any, Any, Outcome]:
        """Evaluate."""


def made_up_name() -> str:
    """A name for a worker that says nothing about its machine."""
    return secrets.token_hex(4)


class Worker:
    """Evaluates submissions: at each endpoint as many at once as it has places.

    Args:
        queue: where they come from and where results go.
        endpoints: who may be asked.
        benchmarks: what may be asked.
        work: folder for answers of unfinished evaluations.
        stop: set it to stop within about a second.
        beat: how often progress is written, in seconds.
        wording: in which words models are asked to be somebody.
        keep: how often answers so far are stored for a worker on another machine, in seconds; None: never.
        only: the ids of the submissions that are evaluated; None for all.
        retest: share of the prompts that is asked a second time at the end.
        look: how often it looks for work for places that are free while others are taken, in seconds.
        name: under which it claims; None for one that is made up, since records are public and a machine's name is
            nobody's business.
        asker: what asks and scores a model.
    """

    def __init__(
        self,
        queue: Queue,
        *,
        endpoints: Sequence[Endpoint],
        benchmarks: Benchmarks,
        work: Path,
        stop: threading.Event,
        beat: float = BEAT_SECONDS,
        wording: Wording = WORDING,
        keep: float | None = None,
        only: Collection[str] | None = None,
        retest: float = 0.0,
        look: float = LOOK_SECONDS,
        name: str | None = None,
        asker: Asker = evaluate,
    ) -> None:
        self.name = name or made_up_name()
        """Who holds its claims, as records name it."""
        self.notes: dict[str, str] = {}
        """Why submissions are left waiting by this worker, by id; as of its last look."""
        # the same until a claim has come back: one whose outcome was not known is taken up by the next look
        self._nonce = secrets.token_hex(8)
        self._looked = time.monotonic()
        self._at_work: set[str] = set()
        self._queue = queue
        self._endpoints = {e.name: e for e in endpoints}
        self._benchmarks = benchmarks
        self._work = work
        self._stop = stop
        self._wording = wording
        self._keep = keep
        self._only = only
        self._retest = retest
        self._look = look
        self._asker = asker
        self._beat = min(beat, queue.lease.total_seconds() / BEATS_PER_LEASE)

    @property
    def silent_seconds(self) -> float:
        """Since when it has neither looked for work nor worked."""
        return 0.0 if self._at_work else time.monotonic() - self._looked

    def drain(self) -> int:
        """Evaluate until nothing waits that this worker can evaluate, or it is told to stop.

        Returns:
            How many submissions were worked on, whatever came of them.

        Raises:
            InputError: the store is damaged.
            StoreUnavailable: the store cannot be reached, and nothing is being evaluated.
            WriteConflict: others were faster, too many times, likewise.
        """
        worked = 0
        running: dict[Future[None], str] = {}
        places = max(1, sum(e.parallel for e in self._endpoints.values()))
        with ThreadPoolExecutor(places, thread_name_prefix="evaluation") as pool:
            while True:
                claim = None
                if len(running) < places and not self._stop.is_set():
                    try:
                        claim = self._claim(Counter(running.values()))
                    except (StoreUnavailable, WriteConflict) as error:
                        if not running:
                            raise
                        _log.error("will look again: %s", error)
                if claim is not None:
                    running[pool.submit(self._see_to, claim)] = claim.submission.endpoint
                    worked += 1
                elif not running:
                    return worked
                else:
                    self._one_of(running)

    def _one_of(self, running: dict[Future[None], str]) -> None:
        """Wait until an evaluation has ended, or it is time to look for work again."""
        end = time.monotonic() + self._look
        ended: set[Future[None]] = set()
        while not ended and time.monotonic() < end:
            # in short turns: a signal is seen by the main thread between two of them
            ended, _ = wait(running, timeout=_TICK, return_when=FIRST_COMPLETED)
        for evaluation_ in ended:
            del running[evaluation_]
            evaluation_.result()

    def step(self) -> bool:
        """Claim one submission and work on it; false if there is none.

        Raises:
            InputError: the store is damaged.
            StoreUnavailable: the store cannot be reached.
            WriteConflict: others were faster, too many times.
        """
        claim = self._claim(Counter())
        if claim is not None:
            self._see_to(claim)
        return claim is not None

    def _claim(self, taken: Counter[str]) -> Claim | None:
        """Claim a submission for a place that is free; `taken` counts the others by endpoint."""
        notes: dict[str, str] = {}
        self._looked = time.monotonic()

        def runnable(submission: Submission) -> bool:
            if self._only is not None and submission.id not in self._only:
                return False
            why = self._obstacle(submission)
            if why is not None:
                notes[submission.id] = why
                return False
            return taken[submission.endpoint] < self._endpoints[submission.endpoint].parallel

        claim = self._queue.claim(self.name, runnable=runnable, nonce=self._nonce, reached=self._reached)
        self._nonce = secrets.token_hex(8)
        for id_, why in notes.items():
            if self.notes.get(id_) != why:
                _log.warning("%s is left waiting: %s", id_, why)
        self.notes = notes
        return claim

    def _see_to(self, claim: Claim) -> None:
        """Work on a claim, whatever comes of it."""
        id_ = claim.submission.id
        with about(id_):
            _log.info("%s: attempt %d begins", id_, claim.submission.attempts)
            self._at_work.add(id_)
            try:
                self._work_on(claim)
            except LeaseLost as lost:
                _log.warning("%s", lost)
            except (StoreUnavailable, WriteConflict) as error:
                # the lease will end by itself, and the work folder is kept
                _log.error("%s: what came of it could not be stored: %s", id_, error)
            finally:
                self._at_work.discard(id_)
                self._looked = time.monotonic()

    def _obstacle(self, submission: Submission) -> str | None:
        """Why this worker cannot evaluate a submission; None if it can."""
        endpoint = self._endpoints.get(submission.endpoint)
        if endpoint is None:
            return f"this worker has no endpoint named {submission.endpoint}"
        if not endpoint.serves(submission.model):
            return f"this worker's endpoint {endpoint.name} may not be asked for {submission.model}"
        ref = submission.benchmark
        benchmark = self._benchmarks.get(ref)
        if benchmark is None:
            return f"this worker has no benchmark {ref.name} {ref.version} with digest {ref.digest[:12]}"
        try:
            here = asked_of(
                endpoint,
                submission.model,
                benchmark_digest=benchmark.digest,
                revision=submission.revision,
                persona=self._persona(submission),
                queries=PromptProtocol.of(submission.protocol).queries,
            )
        except InputError as error:
            return f"this worker does not know its question: {error}"
        if here != submission.id:
            return "this worker would ask in another way (protocol, answer mode or persona)"
        if _in_use(self._folder(submission)):
            return "another process on this machine still works in its folder"
        return None

    def _persona(self, submission: Submission) -> Persona | None:
        return None if submission.persona is None else self._wording.persona(submission.persona)

    def _folder(self, submission: Submission) -> Path:
        return self._work / submission.id

    def _reached(self, submission: Submission) -> int:
        """How many answers to a submission are in its folder here."""
        try:
            return (self._folder(submission) / ANSWERS_FILE).read_bytes().count(b"\n")
        except OSError:
            return 0

    def _fetch(self, submission: Submission) -> None:
        """Put the answers that a worker on another machine stored into the submission's folder."""
        folder = self._folder(submission)
        try:
            data = self._queue.unfinished(submission.id)
            if data is None:
                return
            run, _, answers = data.partition(b"\n")
            taken = lock(folder)
            try:
                write_whole(folder / RUN_FILE, run + b"\n")
                write_whole(folder / ANSWERS_FILE, answers)
            finally:
                taken.release()
        except (StoreUnavailable, WriteConflict, InputError, OSError) as error:
            _log.warning("%s: what another machine was answered is asked again: %s", submission.id, error)
        else:
            _log.info("%s: goes on with %d answers of another machine", submission.id, submission.kept)

    def _job(self, submission: Submission) -> Job:
        benchmark = self._benchmarks.get(submission.benchmark)
        assert benchmark is not None, "checked before it was claimed"
        return Job(
            model=submission.model,
            endpoint=self._endpoints[submission.endpoint],
            benchmark=benchmark,
            revision=submission.revision,
            origin="space",
            persona=self._persona(submission),
            queries=PromptProtocol.of(submission.protocol).queries,
            retest=self._retest,
        )

    def _work_on(self, claim: Claim) -> None:
        id_, folder = claim.submission.id, self._folder(claim.submission)
        with _Heart(self._queue, claim, folder, self._stop, self._beat, self._keep) as heart:
            try:
                if claim.submission.kept > self._reached(claim.submission):
                    self._fetch(claim.submission)
                outcome = self._evaluate(claim, folder, heart)
                answers = outcome.table_file.read_bytes()
            except EvaluationStopped:
                ending = None
            except EvaluationFailed as error:
                ending = Failure(code=error.code, message=error.message)
            except InputError as error:
                _log.warning("%s: %s", id_, error)
                ending = Failure(code="internal", message="The evaluator's folder cannot be used; see its log.")
            except Exception as error:  # noqa: BLE001 - one submission must never stop the rest
                _log.exception("%s: a fault of this program", id_)
                ending = Failure(code="internal", message=f"A fault of this program ({type(error).__name__}).")
            else:
                result = _with_facts(outcome.result, claim.submission)
                try:
                    # the heart goes on beating: a result that cannot be stored yet is not to be lost with the lease
                    self._insist(lambda: self._queue.finish(claim, result, answers, heart.news()))
                except InputError as error:
                    _log.error("%s: %s", id_, error)
                    message = "Something that cannot be read stands where its result belongs. The operator can move it."
                    ending = Failure(code="internal", message=message)
                else:
                    _log.info("%s: done", id_)
                    shutil.rmtree(folder, ignore_errors=True)
                    return
            self._insist(heart.last)
            if ending is None:
                kept = None if self._keep is None else _kept(folder)
                self._insist(lambda: self._queue.release(claim, why="the worker was stopped", kept=kept))
                _log.info("%s: returned", id_)
            else:
                failure = ending
                self._insist(lambda: self._queue.fail(claim, failure))
                _log.warning("%s: failed, %s: %s", id_, failure.code, failure.message)

    def _insist(self, store: Callable[[], None]) -> None:
        """Store what came of a claim, again and again over many leases: a store that is away may come back."""
        end = time.monotonic() + INSIST_LEASES * self._queue.lease.total_seconds()
        pause = _INSIST_SECONDS
        while True:
            try:
                return store()
            except (StoreUnavailable, WriteConflict) as error:
                if self._stop.is_set() or time.monotonic() > end:
                    raise
                _log.warning("will try again: %s", error)
            self._stop.wait(min(pause, self._queue.lease.total_seconds() / BEATS_PER_LEASE))
            pause = min(2 * pause, _LONGEST_INSIST_SECONDS)

    def _evaluate(self, claim: Claim, folder: Path, heart: _Heart) -> Outcome:
        job = self._job(claim.submission)
        for last_try in (False, True):
            try:
                return asyncio.run(self._asker(job, folder, on_progress=heart.note, stop=heart.halt))
            except InputError as error:
                if last_try or not folder.exists() or _in_use(folder):
                    raise
                # answers of another run (say, with another token limit) or damaged ones: kept, but not in the way
                aside = folder.with_name(f"{folder.name}.{claim.nonce}")
                folder.rename(aside)
                _log.warning("%s: begins anew, what was in its folder is now in %s: %s", folder.name, aside, error)
        raise AssertionError("the second try returns or raises")


class _Heart:
    """Keeps a claim alive and its progress known, and says when its evaluation has to stop."""

    def __init__(
        self, queue: Queue, claim: Claim, folder: Path, stop: threading.Event, every: float, keep: float | None
    ) -> None:
        self.halt = threading.Event()
        """Set when the evaluation has to stop: the worker is told to, or the claim is gone."""
        self._queue = queue
        self._claim = claim
        self._folder = folder
        self._stop = stop
        self._keep = keep
        self._next_keep = time.monotonic() + (keep or 0.0)
        self._beats = queue.heartbeats(every)
        self._pulse: Pulse | None = None
        self._ended = threading.Event()
        self._latest: evaluation.Progress | None = None
        self._sent: Progress | None = None
        self._thread = threading.Thread(target=self._watch, name=f"watch of {claim.submission.id}", daemon=True)

    def __enter__(self) -> Self:
        self._pulse = self._beats.begin(self._claim, self.sign)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def note(self, progress: evaluation.Progress) -> None:
        """Take the latest progress; it is written at the next beat."""
        self._latest = progress

    def last(self) -> None:
        """Beat no more, after one last time.

        Raises:
            LeaseLost: the claim is gone.
        """
        self._end()
        self._queue.renew(self._claim, self.news())

    def sign(self) -> Sign:
        """A sign of life, now and then with the answers so far."""
        kept = None
        if self._keep is not None and time.monotonic() >= self._next_keep:
            self._next_keep = time.monotonic() + self._keep
            kept = _kept(self._folder)
        return Sign(self._claim, self.news(), kept)

    def news(self) -> Progress | None:
        """The latest progress; the very record sent last if nothing was answered since."""
        latest, sent = self._latest, self._sent
        if latest is not None and (sent is None or (latest.done, latest.rated) != (sent.done, sent.rated)):
            self._sent = Progress(
                done=latest.done,
                total=latest.total,
                rated=latest.rated,
                rate=latest.rate,
                eta_seconds=latest.eta_seconds,
                updated=self._queue.clock(),
            )
        return self._sent

    def _end(self) -> None:
        self._ended.set()
        if self._pulse is not None:
            self._beats.end(self._pulse)
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_TICK):
            if self._stop.is_set() or (self._pulse is not None and self._pulse.lost.is_set()):
                self.halt.set()


def worker_of(
    settings: Settings,
    queue: Queue,
    *,
    stop: threading.Event,
    benchmarks: Iterable[Benchmark] = (),
    only: Collection[str] | None = None,
    name: str | None = None,
    asker: Asker = evaluate,
) -> Worker:
    """A worker with an installation's settings; `benchmarks`: those that are loaded already; the rest as `Worker`."""
    return Worker(
        queue,
        endpoints=configured_endpoints(settings),
        benchmarks=Benchmarks(settings.source, benchmarks),
        work=settings.store / "work",
        stop=stop,
        beat=settings.beat,
        wording=load_wording(settings.personas),
        keep=settings.keep_seconds if settings.on_hub else None,
        only=only,
        retest=settings.retest,
        look=settings.poll_seconds,
        name=name,
        asker=asker,
    )


def _kept(folder: Path) -> Kept | None:
    """The answers so far in a run's folder: a line with the run's record, then one an answer."""
    try:
        run = orjson.dumps(orjson.loads((folder / RUN_FILE).read_bytes()))
        answers = (folder / ANSWERS_FILE).read_bytes()
    except (OSError, ValueError):
        return None
    answers = answers[: answers.rfind(b"\n") + 1]
    if not answers:
        return None
    if len(answers) > KEPT_BYTES:
        _log.warning("%s: its answers so far are too long to be stored for another machine", folder.name)
        return None
    return Kept(answers.count(b"\n"), run + b"\n" + answers)


def _with_facts(result: Result, submission: Submission) -> Result:
    """The result with what the Hub said of the model when it was submitted."""
    if not (submission.revision or submission.licence or submission.parameters):
        return result
    facts = {name: getattr(submission, name) for name in ("licence", "parameters", "base_model", "released")}
    return result.model_copy(update={**facts, "open_weights": True})


def _in_use(folder: Path) -> bool:
    """Whether a living process works in a run's folder."""
    if not folder.exists():
        return False
    try:
        lock(folder).release()
    except InputError:
        return True
    return False
