"""The queue: who asks what, who evaluates it, what came of it.

Every change is the same three steps: read, decide by a pure function, commit on the head that was read. If somebody
else was faster, or the outcome of the write is not known, all three are done again, a bounded number of times.

Submissions and results may live in two stores. A result is written first and `done` afterwards; until then it is not
shown. A worker that dies between the two is completed by the next one: a stored result whose own fields give the
submission's id is its result, whoever wrote it. A result is never overwritten.

A worker that lost its claim (it was silent for longer than its lease, or the submission was cancelled) is told so by
`LeaseLost` at its next write, which is not made.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Container, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from data.errors import InputError
from eval_queue.queue.heartbeats import Claim as Claim
from eval_queue.queue.heartbeats import Heartbeats, lease_for, shared_pace
from eval_queue.queue.heartbeats import Kept as Kept
from eval_queue.queue.heartbeats import Sign as Sign
from eval_queue.queue.order import Order
from eval_queue.queue.reported import Reported
from eval_queue.records import Result
from eval_queue.settings import Settings
from eval_queue.store.collection import Collection, Problem, Snapshot, encode
from eval_queue.store.local import LocalStore, Outage, Store, WriteConflict
from eval_queue.store.retrying import again
from eval_queue.store.shown import ShownStore
from eval_queue.submission import (
    ACTIVE,
    WEEK,
    Failure,
    IllegalTransition,
    Lease,
    Progress,
    Refused,
    Submission,
    approved,
    cancelled,
    claimed,
    counted,
    done,
    expired,
    failed,
    held,
    identity_of,
    overdue,
    prioritised,
    released,
    renewed,
    requeued,
    wishes,
)

_log = logging.getLogger(__name__)

_LATEST: Final = 1.5
"""So many leases from now any lease must have ended, by a clock that is right."""
TRIES: Final = 3
"""How many times as often as evaluations may be asked for, they may be submitted, cancelled ones included."""

Changes = Mapping[str, Submission]
"""Submissions to write, by id."""


class LeaseLost(Exception):
    """The claim is gone: cancelled, or taken by another worker. Nothing was written; stop working on it."""


def now() -> datetime:
    """The present in UTC, fine enough to keep the order in which people ask."""
    return datetime.now(UTC)


class Queue:
    """The queue on any store. Threads may share it.

    Args:
        requests: where submissions live.
        results: where results and raw answers live; may be the same store.
        lease: how long a claim holds without a sign of life.
        clock: the present, in UTC.
    """

    def __init__(
        self, requests: Store, results: Store, *, lease: timedelta, clock: Callable[[], datetime] = now
    ) -> None:
        self.lease = lease
        self.clock = clock
        self._stores = (requests, results)
        self._submissions = Collection(requests, "submissions", Submission)
        self._results = Collection(results, "results", Result)
        self.reported = Reported(results, clock=lambda: self.clock())
        """Rows whose answers others collected."""
        self._heartbeats: Heartbeats | None = None
        self._doubtful: dict[tuple[str, Lease], float] = {}
        self._order: Order | None = None
        self._most_processes = 1
        self._shown: tuple[Mapping[str, Submission], Mapping[str, Result], Mapping[str, Result], list[Result]]
        self._shown = ({}, {}, {}, [])
        self._doubted: Mapping[str, Submission] | None = None

    @property
    def stores(self) -> Mapping[str, Store]:
        """Where submissions (`requests`) and results are; may be the same store."""
        return dict(zip(("requests", "results"), self._stores, strict=True))

    # --- reading ----------------------------------------------------------------------------------------------------

    def submissions(self) -> list[Submission]:
        """All readable submissions, the oldest first. Cheap while nothing changes."""
        return self._ordered(self._read()).by_age.copy()

    def get(self, id_: str) -> Submission:
        """One submission.

        Raises:
            InputError: there is none of this id, or its record cannot be read.
        """
        return _find(self._read(), id_)

    def position(self, id_: str) -> int | None:
        """The place of a waiting submission in the order of evaluation, 1 for the next; None if it does not wait."""
        return self._ordered(self._read()).place(id_)

    def results(self) -> list[Result]:
        """All results that may be shown: of submissions that are done, without a submission, and self-reported ones.

        Cheap while nothing changes. The records are shared: do not change them.
        """
        # in this order: whatever is done here has its result there
        asked = self._read().records
        stored = self._with_all_done(asked)
        reported = self.reported.records()
        if self._shown[0] is not asked or self._shown[1] is not stored or self._shown[2] is not reported:
            shown = [r for id_, r in sorted(stored.items()) if id_ not in asked or asked[id_].state == "done"]
            shown += [r for id_, r in sorted(reported.items()) if id_ not in stored]
            self._shown = (asked, stored, reported, shown)
        return list(self._shown[3])

    @property
    def on_hub(self) -> bool:
        """Whether results live on the Hub, which comes back by itself; a folder that is damaged does not."""
        return getattr(self._results.store, "repo", None) is not None

    def published_at(self) -> tuple[str, str] | None:
        """Repository on the Hub and its commit that hold exactly the results shown; None where they are in a folder."""
        repo = getattr(self._results.store, "repo", None)
        return None if repo is None else (repo.id, self._read_results().head)

    def answers(self, id_: str) -> bytes:
        """The raw answers behind a result, as a Parquet file.

        Raises:
            InputError: there are none.
        """
        store = self._results.store

        def read() -> bytes:
            return store.read(_answers_path(id_), store.head())

        try:
            return self.reported.answers(id_) if id_ in self.reported.records() else again()(read)
        except KeyError:
            raise InputError(f"No raw answers are stored for {id_}.") from None

    def rewrite(self, results: Sequence[Result]) -> int:
        """Put records in the place of those of the same ids, all or none: the same results, described more fully.

        Args:
            results: of ids that are stored; others are left out.

        Returns:
            How many were replaced.

        Raises:
            StoreUnavailable: the store cannot be reached.
            WriteConflict: others were faster, too many times.
        """

        def once() -> int:
            stored = self._results.read()
            changes: dict[str, bytes | None] = {
                self._results.path(r.id): encode(r) for r in results if r.id in stored.records
            }
            if changes:
                self._results.store.commit(changes, stored.head, f"{len(changes)} results described more fully")
            return len(changes)

        return again()(once)

    def problems(self) -> list[Problem]:
        """Files that are set aside because they are no readable records."""
        kept = (self._read().problems.values(), self._read_results().problems.values(), self.reported.problems())
        found = [problem for problems in kept for problem in problems]
        return sorted(found, key=lambda p: p.path)

    def outage(self) -> Outage | None:
        """Why what is shown may be old, and from when it is; None while the stores can be reached."""
        found = [outage for store in self._stores if (outage := store.outage()) is not None]
        return min(found, key=lambda o: (o.readable, o.since or datetime.min.replace(tzinfo=UTC)), default=None)

    # --- people -----------------------------------------------------------------------------------------------------

    def submit(self, submission: Submission, *, quota: int | None, per_week: int | None = None) -> Submission:
        """Add a submission that waits, as `submit_set` adds several.

        Raises:
            Refused: `duplicate` or `quota`.
        """
        self.submit_set([submission], quota=quota, per_week=per_week)
        return submission

    def submit_set(
        self, submissions: Sequence[Submission], *, quota: int | None, per_week: int | None = None
    ) -> tuple[Submission, ...]:
        """Add one person's submissions in one piece: all that were not asked before, or none.

        Args:
            submissions: from `new_submission`, of one submitter, at least one.
            quota: how many submissions the submitter may have waiting or running, these included; None: any.
            per_week: how many evaluations the submitter may ask for within a week, these included; None: any.

        Returns:
            Each as it now stands in the queue, in the same order: what was asked before is as it was.

        Raises:
            Refused: `duplicate` where all were asked before, or `quota`; nothing is stored then.
        """
        submitter = submissions[0].submitter
        found: dict[str, Submission] = {}

        def decide(now: Snapshot[Submission]) -> Changes:
            found.clear()
            found.update({s.id: now.records.get(s.id, s) for s in submissions})
            for s in submissions:
                if s.id in now.problems:
                    message = f"The record {s.id} exists but cannot be read. Ask the operator to look at it."
                    raise Refused("duplicate", message, existing=s.id)
            new = {s.id: s for s in submissions if s.id not in now.records}
            if not new:
                first = found[submissions[0].id]
                more = f" The same holds for {len(found) - 1} more." if len(found) > 1 else ""
                raise Refused("duplicate", _already(first) + more, existing=first.id)
            _check_quota(now, submitter, quota, len(new))
            _check_week(now, submitter, per_week, self.clock(), len(new))
            return new

        models = {s.model for s in submissions}
        of = submissions[0].model if len(models) == 1 else f"{len(models)} models"
        what = submissions[0].id if len(submissions) == 1 else f"{len(submissions)} of {of}"
        self._change(decide, f"submit {what}")
        return tuple(found[s.id] for s in submissions)

    def cancel(self, id_: str, *, by: str) -> Submission:
        """Cancel a waiting or running submission. Its worker notices at its next sign of life.

        Raises:
            InputError: there is none of this id, or it has ended.
        """
        return self._one(id_, f"cancel {id_}", lambda s: cancelled(s, at=self.clock(), by=by))

    def requeue(
        self, id_: str, *, by: str, quota: int | None = None, per_week: int | None = None, approval: bool = False
    ) -> Submission:
        """Let a failed or cancelled submission wait again.

        Args:
            id_: which one.
            by: who wishes it.
            quota: how many submissions its submitter may have waiting or running, this one included; None: any.
            per_week: how many evaluations its submitter may ask for within a week, this one included; None: any.
            approval: whether an administrator must approve it first.

        Raises:
            InputError: there is none of this id, or it is in another state; `Refused` with `quota`.
        """

        def check(now: Snapshot[Submission]) -> None:
            submitter = now.records[id_].submitter
            _check_quota(now, submitter, quota)
            _check_week(now, submitter, per_week, self.clock())

        return self._one(id_, f"requeue {id_}", lambda s: requeued(s, at=self.clock(), by=by, approval=approval), check)

    def approve(self, id_: str, *, by: str) -> Submission:
        """Let a submission that waits for approval be evaluated.

        Raises:
            InputError: there is none of this id, or it is in another state.
        """
        return self._one(id_, f"approve {id_}", lambda s: approved(s, at=self.clock(), by=by))

    def prioritise(self, id_: str, priority: int, *, by: str) -> Submission:
        """Have a waiting submission evaluated sooner (a higher priority) or later; 0 is usual.

        Raises:
            InputError: there is none of this id, it does not wait, or there is no such priority.
        """
        message = f"priority {priority} for {id_}"
        return self._one(id_, message, lambda s: prioritised(s, priority, at=self.clock(), by=by))

    def set_aside(self, path: str) -> str:
        """Move a file that is no readable record out of the way; returns where to.

        Raises:
            InputError: it is none of the `problems`.
        """

        def once() -> str:
            stores = ((self._submissions.store, self._read()), (self._results.store, self._read_results()))
            for store, now in (*stores, self.reported.look()):
                if any(problem.path == path for problem in now.problems.values()):
                    to = f"set-aside/{path}"
                    try:
                        content = store.read(path, now.head)
                    except InputError:  # nothing of it can be read
                        content = b""
                    store.commit({path: None, to: content}, now.head, f"set {path} aside")
                    return to
            raise InputError("is none of the records that cannot be read; `list` names them", file=path)

        return again()(once)

    def _one(
        self,
        id_: str,
        message: str,
        change: Callable[[Submission], Submission],
        check: Callable[[Snapshot[Submission]], None] = lambda _: None,
    ) -> Submission:
        """Change one submission on somebody's wish, if its state allows it and nothing else forbids it."""

        def decide(now: Snapshot[Submission]) -> Changes:
            found = _find(now, id_)
            try:
                changed = change(found)
            except IllegalTransition as error:
                raise InputError(f"This is not possible: {error}.") from None
            check(now)
            return {id_: changed}

        return self._change(decide, message)[id_]

    # --- workers ----------------------------------------------------------------------------------------------------

    def claim(
        self,
        worker: str,
        *,
        runnable: Callable[[Submission], bool],
        nonce: str | None = None,
        reached: Callable[[Submission], int] = lambda _: 0,
    ) -> Claim | None:
        """Claim the next submission that waits, after returning those whose workers fell silent.

        Args:
            worker: the worker's name.
            runnable: whether this worker can evaluate a submission.
            nonce: made up by the caller for one claim. The same again after an error: the claim may have been made.
            reached: how many answers to a submission this worker has already, from an attempt before.

        Returns:
            The claim, or None if there is nothing to do for this worker.
        """
        nonce = nonce or secrets.token_hex(8)
        made: list[Submission] = []

        def decide(now: Snapshot[Submission]) -> Changes:
            order = self._ordered(now)
            made[:] = [s for id_ in order.running if held(s := now.records[id_], nonce)]
            if made:
                return {}
            at, results = self.clock(), self._results.read().records
            changes = self._settled(now, results, at)
            for waiting in order.waiting(changes.copy()):
                answered = _answers(results.get(waiting.id))
                if not answered and not runnable(waiting):
                    continue
                found = reached(waiting)
                mine = claimed(waiting, worker=worker, nonce=nonce, at=at, lease=self.lease, reached=found)
                if not answered:
                    return {**changes, waiting.id: mine}
                changes[waiting.id] = done(mine, at=at, why="its result was stored already")
            return changes

        changed = self._change(decide, f"claim by {worker}")
        return next((Claim(s, nonce) for s in (*made, *changed.values()) if held(s, nonce)), None)

    def expire(self, *, alive: Container[str] = (), ended: Container[str] = ()) -> None:
        """Return submissions whose workers fell silent, as each `claim` does.

        Args:
            alive: names of workers that are known to run: their claims hold, however long they are silent.
            ended: names of workers that are known to have ended: their claims are gone at once.
        """
        self._change(
            lambda now: self._settled(now, self._results.read().records, self.clock(), alive, ended),
            "return what silent workers held",
        )

    def renew(self, claim: Claim, progress: Progress | None) -> None:
        """Give a sign of life. Nothing is written while there is no news and most of the lease is left.

        Raises:
            LeaseLost: the claim is gone.
        """
        if self.renew_all([Sign(claim, progress)]):
            _held(self._submissions.read(), claim)
            raise LeaseLost(f"{claim.submission.id}: the claim does not hold any more")

    def renew_all(self, signs: Sequence[Sign]) -> list[Claim]:
        """Give signs of life for several claims in one commit, each as in `renew`.

        Returns:
            Those of the claims that are gone.
        """
        lost: list[Claim] = []

        def decide(now: Snapshot[Submission]) -> Changes:
            lost.clear()
            changes: dict[str, Submission] = {}
            at = self.clock()
            self._ordered(now)
            for claim, progress, kept in signs:
                try:
                    mine = _held(now, claim)
                except LeaseLost:
                    lost.append(claim)
                    continue
                left = timedelta(0) if mine.lease is None else mine.lease.expires - at
                fresh = self.lease * 2 / 3 < left <= _LATEST * self.lease
                if not fresh or kept is not None or not (progress is None or progress == mine.progress):
                    count = None if kept is None else kept.number
                    changes[mine.id] = renewed(mine, at=at, lease=self.lease, progress=progress, kept=count)
            return changes

        what = signs[0].claim.submission.id if len(signs) == 1 else f"{len(signs)} evaluations"
        kept = {sign.claim.submission.id: sign.kept for sign in signs}
        self._change(decide, f"progress of {what}", kept)
        return lost

    def unfinished(self, id_: str) -> bytes | None:
        """The answers so far that were stored with the last sign of life; None where there are none."""
        store = self._submissions.store

        def read() -> bytes | None:
            try:
                return store.read(_unfinished_path(id_), store.head())
            except KeyError:
                return None

        return again()(read)

    def heartbeats(self, every: float) -> Heartbeats:
        """What keeps the claims of this process alive, shared by all its evaluations.

        Two signs of life are as many seconds apart as the fastest pace asked for says.
        """
        self._heartbeats = self._heartbeats or Heartbeats(self.renew_all, every, self.pace)
        self._heartbeats.every = min(self._heartbeats.every, every)
        return self._heartbeats

    def pace(self, every: float) -> float:
        """Seconds between two signs of life of this process; `every`: of one by itself.

        On the Hub, all that hold claims share its commits.
        """
        if not self.on_hub:
            return every
        lease = self.lease.total_seconds()
        processes = max(1, 0 if self._order is None else self._order.workers)
        pace = shared_pace(every, processes, lease)
        if pace < every * processes and processes >= 2 * self._most_processes:
            self._most_processes = processes
            _log.warning(
                "%d processes hold claims: their signs of life alone are %.0f commits an hour. With a lease of %.0f "
                "seconds (VALUE_PORTRAIT_LEASE_SECONDS, the same everywhere) they would be %.0f",
                *(processes, 3600 * processes / pace, lease_for(every, processes), 3600 / every),
            )
        return pace

    def finish(self, claim: Claim, result: Result, answers: bytes, progress: Progress | None = None) -> None:
        """Store the result, then say `done`.

        Args:
            claim: the worker's claim.
            result: what the model's answers say; its id must be the submission's.
            answers: the raw answers as a Parquet file.
            progress: how far it came in the end.

        Raises:
            LeaseLost: the claim is gone.
            InputError: something else is stored in the result's place.
            ValueError: the result answers another question.
        """
        id_ = claim.submission.id
        if result.id != id_ or identity_of(result) != id_:
            raise ValueError(f"this result does not answer {id_}")
        changes = {self._results.path(id_): encode(result), _answers_path(id_): answers}

        def store() -> None:
            # the one write that its own head does not fence: the claim is in the other store
            self._submissions.store.doubt()
            _held(self._submissions.read(), claim)
            stored = self._results.read()
            if id_ not in stored.files:
                self._results.store.commit(changes, stored.head, f"result of {id_}")
            elif not _answers(stored.records.get(id_)):
                raise InputError("stands where a result belongs. Move it away.", file=self._results.path(id_))

        def decide(now: Snapshot[Submission]) -> Changes:
            same = now.records.get(id_)
            if same is not None and same.state == "done":  # stored after all, or completed by another worker
                return {}
            at = self.clock()
            return {id_: done(renewed(_held(now, claim), at=at, lease=self.lease, progress=progress), at=at)}

        again()(store)
        self._change(decide, f"done: {id_}")

    def fail(self, claim: Claim, failure: Failure) -> None:
        """Say why the evaluation failed.

        Raises:
            LeaseLost: the claim is gone.
        """
        self._end(claim, lambda s: failed(s, at=self.clock(), failure=failure), "failed")

    def release(self, claim: Claim, *, why: str, kept: Kept | None = None) -> None:
        """Return a claim that was not worked to its end; the attempt is not counted.

        Args:
            claim: the worker's claim.
            why: for people.
            kept: answers so far, for the next worker.

        Raises:
            LeaseLost: the claim is gone.
        """

        def change(mine: Submission) -> Submission:
            returned = released(mine, at=self.clock(), why=why)
            return returned if kept is None else returned.model_copy(update={"kept": kept.number})

        self._end(claim, change, "released", kept)

    # --- the one way to change anything -----------------------------------------------------------------------------

    def _change(
        self,
        decide: Callable[[Snapshot[Submission]], Changes],
        message: str,
        kept: Mapping[str, Kept | None] | None = None,
    ) -> Changes:
        """Read, decide, commit; again where somebody was faster. Returns what was changed.

        Answers so far are stored with the change that speaks of them, and removed with the one that needs no more.
        """
        unsure: list[Changes] = []

        def once() -> Changes:
            now = self._submissions.read()
            for changes in unsure:
                # a commit is one piece, and no two are alike: they carry the time, a claim its nonce
                if any(now.records.get(id_) == s for id_, s in changes.items()):
                    return changes
            changes = decide(now)
            if changes:
                unsure.append(changes)
                files: dict[str, bytes | None] = {}
                for id_, s in changes.items():
                    files[self._submissions.path(id_)] = encode(s)
                    answers = (kept or {}).get(id_)
                    if answers is not None and s.kept == answers.number:
                        files[_unfinished_path(id_)] = answers.data
                    elif not s.kept and id_ in now.records and now.records[id_].kept:
                        files[_unfinished_path(id_)] = None
                try:
                    self._submissions.store.commit(files, now.head, message)
                except WriteConflict:
                    unsure.pop()
                    raise
            return changes

        return again()(once)

    def _end(
        self, claim: Claim, change: Callable[[Submission], Submission], what: str, kept: Kept | None = None
    ) -> None:
        id_ = claim.submission.id
        self._change(lambda now: {id_: change(_held(now, claim))}, f"{what}: {id_}", {id_: kept})

    def _ordered(self, now: Snapshot[Submission]) -> Order:
        order = self._order
        if order is None or order.version != now.version:
            self._order = order = Order(now, order)
        return order

    def _with_all_done(self, asked: Mapping[str, Submission]) -> Mapping[str, Result]:
        """The stored results, among them those of all submissions that are done.

        What is read of two stores may be of different age: one that was last asked before the result was written is
        asked anew, once for each state of the submissions, since a result may also have been taken away by hand.
        """
        stored = self._read_results()
        if asked is self._shown[0] or asked is self._doubted:
            return stored.records
        if any(s.state == "done" and id_ not in stored.files for id_, s in asked.items()):
            self._doubted = asked
            self._results.store.doubt()
            stored = self._read_results()
        return stored.records

    def _settled(
        self,
        now: Snapshot[Submission],
        results: Mapping[str, Result],
        at: datetime,
        alive: Container[str] = (),
        ended: Container[str] = (),
    ) -> dict[str, Submission]:
        """Where the submissions of workers that are gone go: `done` if the result is there, else back, or failed."""
        why = "its worker fell silent after storing the result"
        running = [now.records[id_] for id_ in self._ordered(now).running]
        gone = [s for s in running if s.lease is not None and s.lease.worker in ended]
        silent = (s for s in self._silent(now, at) if s.lease is None or s.lease.worker not in alive)
        left = {s.id: expired(s, at=at) for s in silent}
        left |= {s.id: expired(s, at=at, why="the worker ended without a word") for s in gone}
        return {
            id_: done(now.records[id_], at=at, why=why) if _answers(results.get(id_)) else s for id_, s in left.items()
        }

    def _silent(self, now: Snapshot[Submission], at: datetime) -> list[Submission]:
        """Those whose workers gave no sign of life for longer than their lease.

        No lease ends later than one lease from now. One that says so was written by a clock that was ahead, or that has
        been set back since: then what counts is for how long this process has seen it unchanged.
        """
        moment = time.monotonic()
        silent, doubtful = [], {}
        for id_ in self._ordered(now).running:
            s = now.records[id_]
            if overdue(s, at):
                silent.append(s)
            elif s.lease is not None and s.lease.expires - at > _LATEST * self.lease:
                since = doubtful[s.id, s.lease] = self._doubtful.get((s.id, s.lease), moment)
                if moment - since > self.lease.total_seconds():
                    silent.append(s)
        self._doubtful = doubtful
        return silent

    def _read(self) -> Snapshot[Submission]:
        return again()(self._submissions.read)

    def _read_results(self) -> Snapshot[Result]:
        return again()(self._results.read)


def open_queue(settings: Settings, *, shown: bool = False) -> Queue:
    """The queue that the settings name: on the Hub where they name repositories, else in a folder.

    Args:
        settings: where.
        shown: whether people look at it all the time, so that the last known state of a folder that cannot be read is
            better than an error. On the Hub it always is.
    """
    if settings.on_hub:
        # the Hub's client takes a third of a second to import
        from eval_queue.store.hub import open_hub

        requests, results, clock = open_hub(settings)
        return Queue(requests, results, lease=settings.lease, clock=clock.now)
    folder = LocalStore(settings.store)
    store: Store = ShownStore(folder) if shown else folder
    return Queue(store, store, lease=settings.lease)


def _answers_path(id_: str) -> str:
    return f"answers/{id_}.parquet"


def _unfinished_path(id_: str) -> str:
    return f"unfinished/{id_}.jsonl"


def _answers(result: Result | None) -> bool:
    """Whether a result is this installation's own answer to the question that its own fields ask."""
    return result is not None and result.origin == "space" and identity_of(result) == result.id


def _find(now: Snapshot[Submission], id_: str) -> Submission:
    if id_ in now.problems:
        raise InputError(now.problems[id_].message, file=now.problems[id_].path)
    try:
        return now.records[id_]
    except KeyError:
        raise InputError(f"There is no submission {id_!r} here.") from None


def _held(now: Snapshot[Submission], claim: Claim) -> Submission:
    submission = now.records.get(claim.submission.id)
    if submission is None or not held(submission, claim.nonce):
        state = "gone" if submission is None else submission.state
        raise LeaseLost(f"{claim.submission.id} is {state}: the claim does not hold any more")
    return submission


def _check_quota(now: Snapshot[Submission], submitter: str, quota: int | None, new: int = 1) -> None:
    if quota is None:
        return
    mine = sum(s.submitter == submitter and s.state in ACTIVE for s in now.records.values())
    if mine + new <= quota:
        return
    if new == 1:
        message = f"{mine} of your submissions are waiting or running; the limit is {quota}. Wait, or cancel one."
    else:
        message = (
            f"These are {new} submissions and {mine} of yours are waiting or running; the limit is {quota}. "
            "Nothing was stored: ask for fewer, or wait."
        )
    raise Refused("quota", message)


def _check_week(now: Snapshot[Submission], submitter: str, per_week: int | None, at: datetime, new: int = 1) -> None:
    if per_week is None:
        return
    since = at - WEEK
    theirs = [s for s in now.records.values() if s.submitter == submitter]
    mine = sum(asked > since for s in theirs for asked in counted(s))
    if mine + new > per_week:
        if new == 1:
            message = f"You have asked for {mine} evaluations within the last week; the limit is {per_week}."
            raise Refused("quota", f"{message} Try again later.")
        message = (
            f"You have asked for {mine} evaluations within the last week and this adds {new}; the limit is {per_week}. "
            "Nothing was stored: ask for fewer, or try again later."
        )
        raise Refused("quota", message)
    tried, most = sum(wish.at > since for s in theirs for wish in wishes(s)), per_week * TRIES
    if tried + new > most:
        message = (
            f"You have submitted {tried} times within the last week, cancelled submissions included; the limit is "
            f"{most}. Try again later."
        )
        raise Refused("quota", message)


def _already(same: Submission) -> str:
    if same.state == "failed" and same.failure is not None:
        return f"This was asked before as {same.id} and failed: {same.failure.message} It can be requeued."
    if same.state == "cancelled":
        return f"This was asked before as {same.id} and cancelled. It can be requeued."
    return f"This was asked already: {same.id} is {same.state}."
