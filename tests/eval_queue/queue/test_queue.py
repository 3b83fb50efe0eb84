"""The queue on one store, on two and on the Hub: order, claims, fencing, unknown outcomes, records set aside."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from data.errors import InputError
from eval_queue.queue.queue import Claim, Kept, LeaseLost, Queue, Sign
from eval_queue.records import BenchmarkRef, Coverage, Result
from eval_queue.settings import Endpoint
from eval_queue.store.collection import encode
from eval_queue.store.local import LocalStore, Outage, Store, StoreUnavailable, WriteConflict
from eval_queue.store.retrying import again
from eval_queue.submission import MAX_ATTEMPTS, Failure, Progress, Refused, Submission, new_submission
from tests.support import hub_place

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LEASE = timedelta(minutes=2)
BENCHMARK = BenchmarkRef(name="practice", version="1", digest="ab" * 32)
ENDPOINT = Endpoint(name="vllm")
FAILURE = Failure(code="endpoint_gone", message="No connection.")


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, delta: timedelta) -> None:
        self.now += delta


class Faulty:
    """A real store whose commits go wrong on demand, and which counts what it is asked."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.faults: list[str] = []
        """For the next commits: `before` and `after` are errors of unknown outcome, `conflict` says what it says."""
        self.calls: list[str] = []
        self.before_commit: Callable[[], object] = lambda: None

    def head(self) -> str:
        self.calls.append("head")
        return self.store.head()

    def list(self, prefix: str, head: str) -> Mapping[str, str]:
        self.calls.append("list")
        return self.store.list(prefix, head)

    def read(self, path: str, head: str) -> bytes:
        self.calls.append("read")
        return self.store.read(path, head)

    def outage(self) -> Outage | None:
        return self.store.outage()

    def doubt(self) -> None:
        self.store.doubt()

    def commit(self, changes: Mapping[str, bytes | None], expected_head: str, message: str) -> str:
        self.calls.append("commit")
        self.before_commit()
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "before":
            raise StoreUnavailable("cut before it was sent")
        if fault == "conflict":
            raise WriteConflict("somebody was faster")
        if fault == "killed":
            raise Killed
        head = self.store.commit(changes, expected_head, message)
        if fault == "after":
            raise StoreUnavailable("cut before the answer came")
        return head


class Killed(BaseException):
    """The process ends here."""


@dataclasses.dataclass
class Place:
    """One or two stores, and as many queues on them as there are processes."""

    requests: Faulty
    results: Faulty
    clock: Clock

    def queue(self, clock: Callable[[], datetime] | None = None) -> Queue:
        return Queue(self.requests, self.results, lease=LEASE, clock=clock or self.clock)

    def stored(self, path: str) -> bytes | None:
        head = self.results.store.head()
        return self.results.store.read(path, head) if path in self.results.store.list("", head) else None


@pytest.fixture(autouse=True)
def _no_flushing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried here is the order of events, not power cuts (see test_store): flushing would only take longer."""
    monkeypatch.setattr("eval_queue.store.local.os.fsync", lambda descriptor: None)


@pytest.fixture(params=["one store", "two stores", pytest.param("the Hub", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "the Hub":
        there = hub_place.Place(request.getfixturevalue("store_hub"), tmp_path)
        return Place(Faulty(there.store()), Faulty(there.store(there.results)), Clock())
    return make_place(tmp_path, two=request.param == "two stores")


@pytest.fixture
def two_folders(tmp_path: Path) -> Place:
    return make_place(tmp_path, two=True)


def make_place(folder: Path, *, two: bool) -> Place:
    requests = Faulty(LocalStore(folder / "requests"))
    return Place(requests, Faulty(LocalStore(folder / "results")) if two else requests, Clock())


@pytest.fixture
def queue(place: Place) -> Queue:
    return place.queue()


def asked(
    model: str = "org/a",
    minute: float = 0,
    submitter: str = "ada",
    priority: int = 0,
    benchmark: BenchmarkRef = BENCHMARK,
) -> Submission:
    made = new_submission(
        model,
        endpoint=ENDPOINT,
        benchmark=benchmark,
        submitter=submitter,
        at=START + timedelta(minutes=minute),
    )
    return made.model_copy(update={"priority": priority})


def put(queue: Queue, *models: str) -> list[Submission]:
    return [queue.submit(asked(model, minute), quota=99) for minute, model in enumerate(models)]


def result_of(submission: Submission, **changes: object) -> Result:
    return Result(
        id=submission.id,
        model=submission.model,
        endpoint=submission.endpoint,
        answer_mode=submission.answer_mode,
        protocol=submission.protocol,
        benchmark=submission.benchmark,
        origin="space",
        coverage=Coverage(prompts=6, rated=6),
        scales={},
        created=START,
    ).model_copy(update=changes)


def anything(_: Submission) -> bool:
    return True


def take(queue: Queue, worker: str = "w1") -> Claim:
    claim = queue.claim(worker, runnable=anything)
    assert claim is not None
    return claim


def counted(queue: Queue, done: int) -> Progress:
    return Progress(done=done, total=720, rated=done, updated=queue.clock())


# --- an ordinary life -----------------------------------------------------------------------------------------------


def test_a_submission_from_first_to_last(place: Place, queue: Queue) -> None:
    (submitted,) = put(queue, "org/a")
    assert queue.position(submitted.id) == 1
    claim = take(queue)
    assert queue.get(submitted.id) == claim.submission
    assert queue.position(submitted.id) is None
    queue.renew(claim, counted(queue, 6))
    assert queue.get(submitted.id).progress == counted(queue, 6)
    result = result_of(submitted)
    queue.finish(claim, result, b"PAR1")
    finished = place.queue().get(submitted.id)
    assert (finished.state, finished.attempts, finished.lease) == ("done", 1, None)
    assert [step.state for step in finished.history] == ["pending", "running", "done"]
    assert place.queue().results() == [result]
    assert place.queue().answers(submitted.id) == b"PAR1"
    assert queue.claim("w1", runnable=anything) is None
    with pytest.raises(InputError, match="No raw answers"):
        queue.answers("nothing")


def test_the_order_is_priority_then_age(queue: Queue) -> None:
    models = [("org/third", 5, 0), ("org/second", 3, 0), ("org/first", 9, 2), ("org/last", 6, -1)]
    for model, minute, priority in models:
        queue.submit(asked(model, minute, priority=priority), quota=99)
    ids = {s.model: s.id for s in queue.submissions()}
    assert [s.model for s in queue.submissions()] == ["org/second", "org/third", "org/last", "org/first"]
    assert {m: queue.position(i) for m, i in ids.items()} == {
        "org/first": 1, "org/second": 2, "org/third": 3, "org/last": 4
    }  # fmt: skip
    assert [take(queue).submission.model for _ in models] == ["org/first", "org/second", "org/third", "org/last"]


def test_a_worker_takes_only_what_it_can_evaluate(queue: Queue) -> None:
    put(queue, "org/a", "org/b")
    claim = queue.claim("w", runnable=lambda s: s.model == "org/b")
    assert claim is not None
    assert claim.submission.model == "org/b"
    assert queue.claim("w", runnable=lambda s: s.model == "org/b") is None
    assert queue.submissions()[0].state == "pending"


def test_a_failure_is_told_and_can_be_requeued(queue: Queue) -> None:
    (submitted,) = put(queue, "org/a")
    queue.fail(take(queue), FAILURE)
    failed = queue.get(submitted.id)
    assert (failed.state, failed.failure) == ("failed", FAILURE)
    again = queue.requeue(submitted.id, by="ada")
    assert (again.state, again.failure, again.attempts) == ("pending", None, 0)
    assert again.history[-1].why == "requeued by ada"


def test_a_stopping_worker_returns_its_claim_uncounted(queue: Queue) -> None:
    (submitted,) = put(queue, "org/a")
    for _ in range(MAX_ATTEMPTS + 2):
        queue.release(take(queue), why="the worker was stopped")
    assert (queue.get(submitted.id).state, queue.get(submitted.id).attempts) == ("pending", 0)


@pytest.mark.parametrize("change", ["cancel", "requeue"])
def test_what_cannot_be_is_explained(queue: Queue, change: str) -> None:
    (submitted,) = put(queue, "org/a")
    queue.finish(take(queue), result_of(submitted), b"")
    with pytest.raises(InputError, match="done"):
        getattr(queue, change)(submitted.id, by="ada")
    with pytest.raises(InputError, match="no submission 'nothing'"):
        getattr(queue, change)("nothing", by="ada")


# --- duplicates and quotas ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "state", "words"),
    [
        (lambda q: None, "pending", "is pending"),
        (lambda q: take(q), "running", "is running"),
        (lambda q: q.finish(c := take(q), result_of(c.submission), b""), "done", "is done"),
        (lambda q: q.fail(take(q), FAILURE), "failed", "No connection. It can be requeued"),
        (lambda q: q.cancel(q.submissions()[0].id, by="ada"), "cancelled", "requeued"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_the_same_question_is_refused_and_shown_where_it_is(
    queue: Queue, end: Callable[[Queue], object], state: str, words: str
) -> None:
    (submitted,) = put(queue, "org/a")
    end(queue)
    before = queue.submissions()
    with pytest.raises(Refused, match=words) as caught:
        queue.submit(asked("org/a", 9, submitter="bob"), quota=99)
    assert (caught.value.code, caught.value.existing) == ("duplicate", submitted.id)
    assert queue.submissions() == before
    assert before[0].state == state


def test_another_benchmark_is_another_question(queue: Queue) -> None:
    put(queue, "org/a")
    queue.submit(asked("org/a", benchmark=BENCHMARK.model_copy(update={"digest": "cd" * 32})), quota=99)
    assert len(queue.submissions()) == 2


def test_the_quota_counts_what_waits_or_runs_and_one_person_only(queue: Queue) -> None:
    first, second, _ = (queue.submit(asked(f"org/{i}", i), quota=3) for i in range(3))
    take(queue)
    for _ in range(2):
        with pytest.raises(Refused, match="3 of your submissions") as caught:
            queue.submit(asked("org/x"), quota=3)
        assert caught.value.code == "quota"
        queue.submit(asked("org/y", submitter="bob"), quota=3) if not _seen(queue, "org/y") else None
    queue.cancel(second.id, by="ada")
    queue.submit(asked("org/x"), quota=3)
    with pytest.raises(Refused) as caught:
        queue.requeue(second.id, by="ada", quota=3)
    assert caught.value.code == "quota"
    queue.cancel(first.id, by="ada")
    queue.requeue(second.id, by="ada", quota=3)


def _seen(queue: Queue, model: str) -> bool:
    return any(s.model == model for s in queue.submissions())


def test_submissions_at_the_same_moment_pass_neither_quota_nor_duplicates(place: Place) -> None:
    accepted, refused = [], []

    def send(number: int) -> None:
        while True:
            try:
                accepted.append(place.queue().submit(asked(f"org/{number % 6}"), quota=4))
            except Refused as error:
                refused.append(error.code)
            except (WriteConflict, StoreUnavailable):
                continue  # so many at once that it gave up: a person would send it again
            return

    with ThreadPoolExecutor(12) as threads:
        for sent in [threads.submit(send, i) for i in range(12)]:
            sent.result()
    assert len(accepted) == 4
    assert len({s.id for s in accepted}) == 4
    assert len(refused) == 8
    assert len(place.queue().submissions()) == 4


# --- leases and fencing ---------------------------------------------------------------------------------------------


def test_silence_returns_a_submission_to_the_next_worker(place: Place, queue: Queue) -> None:
    (submitted,) = put(queue, "org/a")
    silent = take(queue)
    place.clock.pass_(LEASE)
    assert queue.claim("w2", runnable=anything) is None, "the lease holds to its last second"
    place.clock.pass_(timedelta(seconds=1))
    second = take(place.queue(), "w2")
    assert (second.submission.id, second.submission.attempts) == (submitted.id, 2)
    assert second.nonce != silent.nonce


def test_a_sign_of_life_keeps_the_claim(place: Place, queue: Queue) -> None:
    put(queue, "org/a")
    claim = take(queue)
    for _ in range(10):
        place.clock.pass_(LEASE * 0.9)
        queue.renew(claim, None)
        place.queue().expire()
    assert queue.submissions()[0].attempts == 1


def test_without_news_a_sign_of_life_is_not_written_each_time(place: Place, queue: Queue) -> None:
    put(queue, "org/a")
    claim = take(queue)
    place.requests.calls.clear()
    for _ in range(30):
        place.clock.pass_(timedelta(seconds=3))
        queue.renew(claim, None)
    assert place.requests.calls.count("commit") == 2


def test_three_silent_attempts_are_a_failure_with_a_reason(place: Place, queue: Queue) -> None:
    (submitted,) = put(queue, "org/a")
    for _ in range(MAX_ATTEMPTS):
        take(queue)
        place.clock.pass_(LEASE * 2)
    assert queue.claim("w", runnable=anything) is None
    failed = queue.get(submitted.id)
    assert failed.failure is not None
    assert (failed.state, failed.failure.code) == ("failed", "lease_lost")


def test_silent_attempts_that_got_on_are_not_counted(place: Place, queue: Queue) -> None:
    """Killed three times, a submission failed although it had got on each time."""
    (submitted,) = put(queue, "org/a")
    for round_ in range(1, 3 * MAX_ATTEMPTS):
        queue.renew(take(queue), counted(queue, 50 * round_))
        place.clock.pass_(LEASE * 2)
    again = take(queue)
    assert (again.submission.stalled, again.submission.attempts) == (0, 3 * MAX_ATTEMPTS)
    for _ in range(MAX_ATTEMPTS):
        # another machine, which begins anew and never comes as far
        queue.renew(again, counted(queue, 10))
        place.clock.pass_(LEASE * 2)
        assert queue.claim("w", runnable=lambda _: False) is None
        if queue.get(submitted.id).state == "pending":
            again = take(queue)
    assert queue.get(submitted.id).state == "failed"
    assert queue.requeue(submitted.id, by="ada").stalled == 0


def test_a_clock_that_is_set_back_holds_nobody_up_and_takes_nothing_away(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = 0.0
    monkeypatch.setattr("eval_queue.queue.queue.time", SimpleNamespace(monotonic=lambda: moment))
    queue = place.queue()
    queue.lease = timedelta(seconds=2)
    put(queue, "org/a", "org/b")
    alive, killed = take(queue), take(queue)
    place.clock.pass_(timedelta(hours=-1))
    other = place.queue()
    other.lease = queue.lease
    again = None
    while again is None and moment < 20:
        queue.renew(alive, None)
        again = other.claim("w2", runnable=anything)
        moment += 0.5
    assert again is not None
    assert 2 < moment < 4, "once it has been silent for its lease, by this process's own clock"
    assert again.submission.id == killed.submission.id, "the living worker keeps its claim"
    queue.renew(alive, None)
    with pytest.raises(LeaseLost):
        queue.renew(killed, None)


def test_what_a_worker_finds_at_the_start_speaks_for_the_last_attempt(place: Place, queue: Queue) -> None:
    put(queue, "org/a")
    for round_ in range(2 * MAX_ATTEMPTS):
        # killed before its first sign of life; its answers are on the disk
        assert queue.claim("w", runnable=anything, reached=lambda _, n=round_: 50 * n) is not None  # type: ignore[misc]
        place.clock.pass_(LEASE * 2)
    assert queue.claim("w", runnable=anything) is not None


def test_signs_of_life_of_many_are_one_commit(place: Place, queue: Queue) -> None:
    put(queue, *(f"org/{i}" for i in range(9)))
    claims = [take(queue, f"w{i}") for i in range(9)]
    place.queue().cancel(claims[4].submission.id, by="ada")
    place.requests.calls.clear()
    gone = queue.renew_all([Sign(claim, counted(queue, 5)) for claim in claims])
    assert place.requests.calls.count("commit") == 1
    assert gone == [claims[4]]
    assert sum(s.progress is not None for s in queue.submissions()) == 8


@pytest.mark.parametrize("end", ["finish", "cancel", "fail", "release"])
def test_answers_so_far_are_stored_with_a_sign_of_life_until_nobody_needs_them(
    place: Place, queue: Queue, end: str
) -> None:
    put(queue, "org/a")
    claim = take(queue)
    id_ = claim.submission.id
    assert queue.unfinished(id_) is None
    queue.renew_all([Sign(claim, None, Kept(2, b"run\n1\n2\n"))])
    other = place.queue()
    assert (other.get(id_).kept, other.unfinished(id_)) == (2, b"run\n1\n2\n")
    queue.renew_all([Sign(claim, counted(queue, 5))])
    assert other.get(id_).kept == 2
    if end == "cancel":
        other.cancel(id_, by="ada")
    elif end == "release":
        queue.release(claim, why="stopped", kept=Kept(3, b"run\n1\n2\n3\n"))
    else:
        LATE[end](queue, claim)
    left = {"fail": (2, b"run\n1\n2\n"), "release": (3, b"run\n1\n2\n3\n")}.get(end, (0, None))
    assert (other.get(id_).kept, other.unfinished(id_)) == left


LATE: dict[str, Callable[[Queue, Claim], object]] = {
    "renew": lambda q, c: q.renew(c, counted(q, 700)),
    "finish": lambda q, c: q.finish(c, result_of(c.submission), b"late"),
    "fail": lambda q, c: q.fail(c, FAILURE),
    "release": lambda q, c: q.release(c, why="late"),
}


@pytest.mark.parametrize("write", LATE)
@pytest.mark.parametrize("lost", ["cancelled", "taken", "returned", "deleted"])
def test_a_worker_that_lost_its_claim_writes_nothing(place: Place, queue: Queue, write: str, lost: str) -> None:
    (submitted,) = put(queue, "org/a")
    late = take(queue)
    if lost == "cancelled":
        place.queue().cancel(submitted.id, by="ada")
    elif lost == "deleted":
        place.requests.store.commit({f"submissions/{submitted.id}.json": None}, place.requests.store.head(), "gone")
    else:
        place.clock.pass_(LEASE * 2)
        place.queue().expire() if lost == "returned" else take(place.queue(), "w2")
    heads = place.requests.store.head(), place.results.store.head()
    with pytest.raises(LeaseLost, match=submitted.id):
        LATE[write](queue, late)
    assert (place.requests.store.head(), place.results.store.head()) == heads


def test_a_claim_lost_while_the_result_is_being_written_stops_that_too(place: Place, queue: Queue) -> None:
    (submitted,) = put(queue, "org/a")
    claim = take(queue)
    other = Queue(place.requests.store, place.results.store, lease=LEASE, clock=place.clock)
    place.results.before_commit = lambda: other.cancel(submitted.id, by="ada") if not _is(other, "cancelled") else None
    with pytest.raises(LeaseLost):
        queue.finish(claim, result_of(submitted), b"late")
    assert other.get(submitted.id).state == "cancelled"
    assert other.results() == []


def _is(queue: Queue, state: str) -> bool:
    return queue.submissions()[0].state == state


# --- the result first, then `done` ----------------------------------------------------------------------------------


def killed_between_result_and_done(place: Place) -> Submission:
    queue = place.queue()
    (submitted,) = put(queue, "org/a")
    claim = take(queue)
    # the second of its two commits, in either store
    place.requests.faults = ["", "killed"] if place.requests is place.results else ["killed"]
    with pytest.raises(Killed):
        queue.finish(claim, result_of(submitted), b"answers")
    return submitted


def test_a_result_is_shown_only_once_its_submission_is_done(place: Place) -> None:
    submitted = killed_between_result_and_done(place)
    assert place.stored(f"results/{submitted.id}.json") is not None
    assert place.queue().get(submitted.id).state == "running"
    assert place.queue().results() == []


def test_a_worker_that_died_after_its_result_is_completed_by_the_next(place: Place) -> None:
    submitted = killed_between_result_and_done(place)
    place.clock.pass_(LEASE * 2)
    assert place.queue().claim("w2", runnable=anything) is None, "there is nothing left to evaluate"
    assert place.queue().get(submitted.id).state == "done"
    assert [r.id for r in place.queue().results()] == [submitted.id]


def test_completed_even_after_the_last_attempt(place: Place) -> None:
    queue = place.queue()
    (submitted,) = put(queue, "org/a")
    for _ in range(MAX_ATTEMPTS - 1):
        take(queue)
        place.clock.pass_(LEASE * 2)
    claim = take(queue)
    place.requests.faults = ["", "killed"] if place.requests is place.results else ["killed"]
    with pytest.raises(Killed):
        queue.finish(claim, result_of(submitted), b"answers")
    place.clock.pass_(LEASE * 2)
    place.queue().expire()
    assert place.queue().get(submitted.id).state == "done"


def test_cancelled_in_between_and_requeued_it_is_done_without_asking_again(place: Place) -> None:
    submitted = killed_between_result_and_done(place)
    queue = place.queue()
    queue.cancel(submitted.id, by="ada")
    assert queue.results() == []
    queue.requeue(submitted.id, by="ada")
    assert queue.claim("w2", runnable=lambda s: pytest.fail("it has its result")) is None
    assert queue.get(submitted.id).state == "done"
    assert len(queue.results()) == 1


@pytest.mark.parametrize(
    "other",
    [{"origin": "self-reported"}, {"benchmark": BENCHMARK.model_copy(update={"digest": "00"})}, {"endpoint": "other"}],
    ids=["self-reported", "another benchmark", "another endpoint"],
)
def test_no_other_result_is_taken_for_the_answer(place: Place, queue: Queue, other: dict[str, object]) -> None:
    (submitted,) = put(queue, "org/a")
    path = f"results/{submitted.id}.json"
    foreign = encode(result_of(submitted, **other))
    place.results.store.commit({path: foreign}, place.results.store.head(), "by hand")
    claim = take(queue)
    assert claim.submission.id == submitted.id
    with pytest.raises(InputError, match="Move it away") as caught:
        queue.finish(claim, result_of(submitted), b"answers")
    assert caught.value.file == path
    assert place.stored(path) == foreign, "nothing is overwritten"
    assert place.queue().get(submitted.id).state == "running"


def test_a_result_for_another_question_is_a_programming_error(queue: Queue) -> None:
    (submitted,) = put(queue, "org/a")
    claim = take(queue)
    for wrong in ({"id": "other"}, {"model": "org/b"}, {"persona": "a nurse"}):
        with pytest.raises(ValueError, match="does not answer"):
            queue.finish(claim, result_of(submitted, **wrong), b"")


def test_the_first_result_stays(place: Place, queue: Queue) -> None:
    submitted = killed_between_result_and_done(place)
    first = place.stored(f"results/{submitted.id}.json")
    place.clock.pass_(timedelta(seconds=1))
    # the worker was only slow: it still holds its claim and finishes once more, with other numbers
    held = place.queue().get(submitted.id)
    assert held.lease is not None
    place.queue().finish(Claim(held, held.lease.nonce), result_of(submitted, note="second"), b"other answers")
    assert place.queue().get(submitted.id).state == "done"
    assert place.stored(f"results/{submitted.id}.json") == first
    assert place.queue().answers(submitted.id) == b"answers"


def test_results_without_a_submission_are_shown(place: Place, queue: Queue) -> None:
    imported = result_of(asked("org/imported"))
    path = f"results/{imported.id}.json"
    place.results.store.commit({path: encode(imported)}, place.results.store.head(), "import")
    assert queue.results() == [imported]


# --- conflicts and outcomes that are not known ----------------------------------------------------------------------

STEPS: dict[str, Callable[[Queue], object]] = {
    "submit": lambda q: q.submit(asked("org/new", 5), quota=99),
    "claim": lambda q: take(q),
    "renew": lambda q: q.renew(take(q), counted(q, 3)),
    "finish": lambda q: q.finish(c := take(q), result_of(c.submission), b"x"),
    "fail": lambda q: q.fail(take(q), FAILURE),
    "release": lambda q: q.release(take(q), why="stopped"),
    "cancel": lambda q: q.cancel(q.submissions()[0].id, by="ada"),
    "requeue": lambda q: (q.cancel(q.submissions()[0].id, by="ada"), q.requeue(q.submissions()[0].id, by="ada")),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", ["before", "after", "conflict"])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_each_step_happens_exactly_once_whatever_the_store_says(
    tmp_path: Path, place: Place, step: str, fault: str, at: int
) -> None:
    calm = make_place(tmp_path / "calm", two=place.requests is not place.results)
    for there in (calm, place):
        put(there.queue(), "org/a", "org/b")
    STEPS[step](calm.queue())
    place.requests.faults = [""] * at + [fault]
    place.results.faults = place.requests.faults if place.requests is place.results else [""] * at + [fault]
    STEPS[step](place.queue())
    assert _without_nonces(place) == _without_nonces(calm)


def _without_nonces(place: Place) -> list[object]:
    listed = [s.model_dump(exclude={"lease"}) for s in place.queue().submissions()]
    return [*listed, *(r.model_dump() for r in place.queue().results())]


@pytest.mark.slow
def test_trying_again_is_bounded(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval_queue.store.retrying._CONFLICTS", 6)
    for fault, error, times in (("conflict", WriteConflict, 6), ("before", StoreUnavailable, 4)):
        place.requests.faults = [fault] * 99
        place.requests.calls.clear()
        with pytest.raises(error):
            place.queue().submit(asked(), quota=9)
        assert place.requests.calls.count("commit") == times
    place.requests.faults = []
    assert place.queue().submissions() == []


def test_who_was_too_slow_waits_in_proportion_to_what_an_attempt_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval_queue.store.retrying._CONFLICTS", 5)
    monkeypatch.setattr("eval_queue.store.retrying._LONGEST_PAUSE", 5.0)
    longest: list[float] = []
    monkeypatch.setattr("eval_queue.store.retrying.random.uniform", lambda low, high: longest.append(high) or low)

    def slow() -> None:
        time.sleep(0.05)
        raise WriteConflict

    with pytest.raises(WriteConflict):
        again()(slow)
    assert len(longest) == 5, "the last is worked out, and not waited for"
    assert all(pause >= 0.05 * 2**number for number, pause in enumerate(longest, start=1))
    monkeypatch.setattr("eval_queue.store.retrying._LONGEST_PAUSE", 0.2)
    longest.clear()
    with pytest.raises(WriteConflict):
        again()(slow)
    assert max(longest) == 0.2


@pytest.mark.slow
def test_a_store_that_fails_once_among_many_conflicts_is_asked_again(place: Place) -> None:
    place.requests.faults = ["conflict"] * 6 + ["before"] + ["conflict"] * 2
    submitted = place.queue().submit(asked(), quota=9)
    assert place.queue().submissions() == [submitted]


def test_a_decision_is_made_anew_when_somebody_was_faster(place: Place, queue: Queue) -> None:
    put(queue, "org/a", "org/b")
    other = Queue(place.requests.store, place.results.store, lease=LEASE, clock=place.clock)
    taken: list[Claim] = []
    place.requests.before_commit = lambda: taken or taken.append(take(other, "faster"))
    mine = take(queue)
    assert taken[0].submission.model == "org/a"
    assert mine.submission.model == "org/b"


# --- records that cannot be read ------------------------------------------------------------------------------------

BAD = {
    "not-json": b"{",
    "empty": b"",
    "a-list": b"[]",
    "newer": None,
    "no-time-zone": None,
    "running-without-lease": None,
    "someone-else": None,
    "binary": b"\xff\xfe\x00",
}


def bad_files() -> dict[str, bytes | None]:
    good = encode(asked("org/good")).decode()
    text = {
        "newer": good.replace('"schema_version": 1', '"schema_version": 2'),
        "no-time-zone": good.replace('12:00:00Z"', '12:00:00"'),
        "running-without-lease": good.replace('"state": "pending",\n  "att', '"state": "running",\n  "att'),
        "someone-else": good,
    }
    return {f"submissions/{n}.json": text[n].encode() if b is None else b for n, b in BAD.items()}


def test_bad_records_are_set_aside_with_a_note_and_stop_nothing(place: Place, queue: Queue) -> None:
    place.requests.store.commit(bad_files(), place.requests.store.head(), "by hand")
    place.results.store.commit({"results/odd.json": b"{}"}, place.results.store.head(), "by hand")
    put(queue, "org/a")
    notes = {p.path: p.message for p in queue.problems()}
    assert set(notes) == {f"submissions/{n}.json" for n in BAD} | {"results/odd.json"}
    assert "use a newer one" in notes["submissions/newer.json"]
    assert "lease" in notes["submissions/running-without-lease.json"]
    assert "another id" in notes["submissions/someone-else.json"]
    assert "created" in notes["submissions/no-time-zone.json"]
    assert notes["results/odd.json"] == "coverage: Field required (and 8 more)"
    claim = take(queue)
    queue.finish(claim, result_of(claim.submission), b"")
    assert [s.state for s in queue.submissions()] == ["done"]
    assert len(queue.results()) == 1
    for path, content in bad_files().items():
        head = place.requests.store.head()
        assert place.requests.store.read(path, head) == content, "nothing is lost"
    with pytest.raises(InputError, match="newer"):
        queue.get("newer")


def test_a_damaged_file_is_set_aside_too(two_folders: Place) -> None:
    place = two_folders
    good, bad = put(place.queue(), "org/a", "org/b")
    store = place.requests.store
    oid = store.list("", store.head())[f"submissions/{bad.id}.json"]
    (store.folder / "objects" / oid).write_bytes(b"rot")
    queue = place.queue()
    assert [s.id for s in queue.submissions()] == [good.id]
    assert [p.path for p in queue.problems()] == [f"submissions/{bad.id}.json"]


def test_a_record_that_cannot_be_read_is_not_written_over(place: Place, queue: Queue) -> None:
    path = f"submissions/{asked().id}.json"
    place.requests.store.commit({path: b"{"}, place.requests.store.head(), "by hand")
    with pytest.raises(Refused, match="cannot be read") as caught:
        queue.submit(asked(), quota=9)
    assert caught.value.code == "duplicate"
    assert place.requests.store.read(path, place.requests.store.head()) == b"{"


def test_a_mended_record_is_read_again(place: Place, queue: Queue) -> None:
    path = f"submissions/{asked().id}.json"
    place.requests.store.commit({path: b"{"}, place.requests.store.head(), "by hand")
    assert len(queue.problems()) == 1
    place.requests.store.commit({path: encode(asked())}, place.requests.store.head(), "mended")
    assert queue.problems() == []
    assert queue.submissions() == [asked()]
    place.requests.store.commit({path: None}, place.requests.store.head(), "removed")
    assert queue.submissions() == []


# --- what a look costs ----------------------------------------------------------------------------------------------


def test_a_look_that_finds_nothing_new_asks_for_the_head_only(place: Place, queue: Queue) -> None:
    put(queue, *(f"org/{i}" for i in range(20)))
    queue.submissions()
    queue.results()
    place.requests.calls.clear()
    place.results.calls.clear()
    for _ in range(5):
        queue.submissions()
        queue.results()
        queue.problems()
        queue.position(queue.submissions()[3].id)
    assert set(place.requests.calls) | set(place.results.calls) == {"head"}


def test_a_look_reads_only_what_changed(place: Place, queue: Queue) -> None:
    put(place.queue(), *(f"org/{i}" for i in range(20)))
    assert len(queue.submissions()) == 20
    claim = take(place.queue())
    place.requests.calls.clear()
    assert queue.get(claim.submission.id).state == "running"
    assert place.requests.calls.count("read") == 1


# --- any order of events --------------------------------------------------------------------------------------------


class AnyOrder(RuleBasedStateMachine):
    """Two workers, one of whom may fall silent, die or be late, and people who change their minds, in any order."""

    @initialize(two=st.booleans())
    def begin(self, two: bool) -> None:
        self.place = make_place(self.folder / str(next(self.numbers)), two=two)
        self.workers = [self.place.queue(), self.place.queue()]
        self.people = self.place.queue()
        self.claims: list[tuple[Queue, Claim]] = []
        self.first_results: dict[str, bytes] = {}
        self.submitted: set[str] = set()

    @rule(model=st.sampled_from(["org/a", "org/b", "org/c"]))
    def submit(self, model: str) -> None:
        if asked(model).id in self.submitted:
            with pytest.raises(Refused, match="asked"):
                self.people.submit(asked(model), quota=9)
        else:
            self.submitted.add(self.people.submit(asked(model), quota=9).id)

    @rule(worker=st.integers(0, 1))
    def claim(self, worker: int) -> None:
        queue = self.workers[worker]
        claim = queue.claim(f"w{worker}", runnable=anything)
        if claim is not None:
            assert f"results/{claim.submission.id}.json" not in self.first_results, "asked again though answered"
            self.claims.append((queue, claim))

    @rule(seconds=st.sampled_from([1, 100, 200]))
    def wait(self, seconds: int) -> None:
        self.place.clock.pass_(timedelta(seconds=seconds))

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), what=st.sampled_from(["renew", "finish", "fail", "release", "die"]), fault=st.sampled_from(
        ["", "", "before", "after", "conflict"]))  # fmt: skip
    def work(self, data: st.DataObject, what: str, fault: str) -> None:
        queue, claim = data.draw(st.sampled_from(self.claims))
        self.place.requests.faults = [fault] if fault else []
        try:
            if what == "die":
                self.place.requests.faults = ["", "killed"] if self.place.requests is self.place.results else ["killed"]
                queue.finish(claim, result_of(claim.submission), b"x")
            else:
                LATE[what](queue, claim)
        except (LeaseLost, Killed):
            pass
        self.place.requests.faults = []

    @precondition(lambda self: self.submitted)
    @rule(data=st.data(), what=st.sampled_from(["cancel", "requeue"]))
    def change(self, data: st.DataObject, what: str) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.submitted)))
        before = self.people.get(id_).state
        try:
            after = getattr(self.people, what)(id_, by="ada").state
        except InputError:
            assert before not in (("pending", "running") if what == "cancel" else ("failed", "cancelled"))
        else:
            assert after == ("cancelled" if what == "cancel" else "pending")

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        queue = self.place.queue()
        found = {s.id: s for s in queue.submissions()}
        assert set(found) == self.submitted
        assert queue.problems() == []
        head = self.place.results.store.head()
        stored = {p: self.place.results.store.read(p, head) for p in self.place.results.store.list("results/", head)}
        for path, content in self.first_results.items():
            assert stored[path] == content, "a result never changes"
        self.first_results = stored
        shown = [r.id for r in queue.results()]
        assert sorted(shown) == sorted(i for i, s in found.items() if s.state == "done")
        for submission in found.values():
            assert submission.stalled <= MAX_ATTEMPTS
            assert (submission.state == "failed") >= (submission.stalled == MAX_ATTEMPTS)
            holders = [c for _, c in self.claims if submission.lease and c.nonce == submission.lease.nonce]
            assert len(holders) == (submission.state == "running")


def test_nothing_is_lost_or_doubled_in_any_order(tmp_path_factory: pytest.TempPathFactory) -> None:
    AnyOrder.folder = tmp_path_factory.mktemp("any-order")
    AnyOrder.numbers = iter(range(10**6))
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
