"""Self-reported results: rows whose answers somebody else collected and handed in.

They live beside the results of this installation, in a folder of their own (`self-reported/<id>.json` and
`self-reported/<id>.parquet`), so that neither can ever stand for the other. What is stored was scored here from the raw
answers (`eval_queue.queue.package`); that the answers are the model's is the word of the person who handed them in.
Administrators remove rows; nothing is overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from data.errors import InputError
from eval_queue.records import Result
from eval_queue.store.collection import Collection, Problem, Snapshot, encode
from eval_queue.store.local import Store
from eval_queue.store.retrying import again
from eval_queue.submission import WEEK, Refused

FOLDER: Final = "self-reported"


class Reported:
    """The self-reported results of a store. Threads may share it.

    Args:
        results: where the results of this installation live, too.
        clock: the present, in UTC.
    """

    def __init__(self, results: Store, *, clock: Callable[[], datetime]) -> None:
        self._records = Collection(results, FOLDER, Result)
        self._clock = clock

    def records(self) -> Mapping[str, Result]:
        """All of them by id; the same object as before while nothing changes. Do not change them."""
        return self._read().records

    def problems(self) -> list[Problem]:
        """Files that are set aside because they are no readable records."""
        return list(self._read().problems.values())

    def look(self) -> tuple[Store, Snapshot[Result]]:
        """The store, and what it holds now."""
        return self._records.store, self._read()

    def answers(self, id_: str) -> bytes:
        """The raw answers behind a row, as a Parquet file.

        Raises:
            KeyError: there are none.
        """
        store = self._records.store
        return again()(lambda: store.read(_answers_path(id_), store.head()))

    def publish(self, result: Result, answers: bytes, *, per_week: int | None = None) -> None:
        """Store a row and the answers behind it.

        Args:
            result: with origin `self-reported` and the person who reports it.
            answers: the raw answers as a Parquet file.
            per_week: how many rows one person may hand in within a week; None for any number.

        Raises:
            Refused: `duplicate` or `quota`.
        """
        changes = {self._records.path(result.id): encode(result), _answers_path(result.id): answers}

        def decide(now: Snapshot[Result]) -> Mapping[str, bytes | None]:
            if now.records.get(result.id) == result:  # an attempt whose outcome was not known
                return {}
            if result.id in now.files:
                message = "Answers to exactly this question were handed in already. An administrator can remove them."
                raise Refused("duplicate", message, existing=result.id)
            _check_week(now, result, self._clock(), per_week)
            return changes

        self._change(decide, f"self-reported: {result.id}")

    def remove(self, id_: str) -> None:
        """Remove a row and its answers.

        Raises:
            InputError: there is none of this id.
        """
        tried = False

        def decide(now: Snapshot[Result]) -> Mapping[str, bytes | None]:
            nonlocal tried
            if id_ not in now.files:
                if tried:  # removed by the attempt whose outcome was not known, or by somebody else since
                    return {}
                raise InputError(f"There is no self-reported row {id_!r} here.")
            tried = True
            return {self._records.path(id_): None, _answers_path(id_): None}

        self._change(decide, f"remove {id_}")

    def _change(self, decide: Callable[[Snapshot[Result]], Mapping[str, bytes | None]], message: str) -> None:
        def once() -> None:
            now = self._records.read()
            changes = decide(now)
            if changes:
                self._records.store.commit(changes, now.head, message)

        again()(once)

    def _read(self) -> Snapshot[Result]:
        return again()(self._records.read)


def _answers_path(id_: str) -> str:
    return f"{FOLDER}/{id_}.parquet"


def _check_week(now: Snapshot[Result], result: Result, at: datetime, per_week: int | None) -> None:
    mine = sum(r.submitter == result.submitter and r.created > at - WEEK for r in now.records.values())
    if per_week is not None and mine >= per_week:
        raise Refused("quota", f"You have handed in {mine} rows within a week; at most {per_week} may be.")
