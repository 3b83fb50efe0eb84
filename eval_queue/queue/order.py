"""Submissions in the orders that workers and pages ask for, carried on from one state of the queue to the next.

With thousands on record a sort costs more than all the rest of a claim. One change moves a few submissions, so that
only these are put in their places.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from typing import Any, Self, TypeVar

from eval_queue.store.collection import Snapshot
from eval_queue.submission import Submission

P = TypeVar("P", bound=tuple[Any, ...])
Place = tuple[int, float, str]
"""Sorts as submissions are evaluated: by priority, then by age. Numbers compare several times faster than times."""


class Order:
    """One state of the queue. Nothing here changes; threads may share it.

    Args:
        snapshot: the records.
        before: the order at an earlier state, of which this one takes over what it can.
    """

    def __init__(self, snapshot: Snapshot[Submission], before: Self | None = None) -> None:
        self.version = snapshot.version
        self._records = records = snapshot.records
        changed = None if before is None else snapshot.changed_since(before.version)
        if before is None or changed is None:
            self._waiting = sorted(_place(s) for s in records.values() if s.state == "pending")
            self._ages = sorted(_place(s)[1:] for s in records.values())
            self.running: Collection[str] = {s.id for s in records.values() if s.state == "running"}
            """Ids of those that are being evaluated."""
            return
        old = [before._records[id_] for id_ in changed if id_ in before._records]
        new = [records[id_] for id_ in changed if id_ in records]
        self._waiting = _moved(
            before._waiting,
            [_place(s) for s in old if s.state == "pending"],
            [_place(s) for s in new if s.state == "pending"],
        )
        self._ages = _moved(before._ages, [_place(s)[1:] for s in old], [_place(s)[1:] for s in new])
        self.running = {*before.running, *changed} - {id_ for id_ in changed if not _runs(records.get(id_))}

    @cached_property
    def by_age(self) -> list[Submission]:
        """All of them, the oldest first."""
        return [self._records[id_] for _, id_ in self._ages]

    @cached_property
    def workers(self) -> int:
        """How many workers hold claims."""
        leases = (self._records[id_].lease for id_ in self.running)
        return len({lease.worker for lease in leases if lease is not None})

    def place(self, id_: str) -> int | None:
        """The place of a waiting submission, 1 for the next; None if it does not wait."""
        submission = self._records.get(id_)
        if submission is None or submission.state != "pending":
            return None
        return bisect_left(self._waiting, _place(submission)) + 1

    def waiting(self, changes: Mapping[str, Submission]) -> Iterator[Submission]:
        """Those that wait in the order of evaluation, as they will be after some changes."""
        returned = sorted(_place(s) for s in changes.values() if s.state == "pending")
        kept = (place for place in self._waiting if place[2] not in changes)
        for *_, id_ in heapq.merge(kept, returned):
            yield changes[id_] if id_ in changes else self._records[id_]


def _place(s: Submission) -> Place:
    return -s.priority, s.created.timestamp(), s.id


def _runs(s: Submission | None) -> bool:
    return s is not None and s.state == "running"


def _moved(places: list[P], gone: list[P], come: list[P]) -> list[P]:
    """A sorted list without some of its entries, and with others."""
    made = places.copy()
    for place in gone:
        del made[bisect_left(made, place)]
    for place in come:
        insort(made, place)
    return made
