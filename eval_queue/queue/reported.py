"""Self-reported results: rows whose answers somebody else collected and handed in.

They live beside the results of this installation, in a folder of their own (`self-reported/<id>.json` and
`self-reported/<id>.parquet`), so that neither can ever stand for the other. What is stored was scored here from the raw
answers (`eval_queue.queue.package`); that the answers are the model's is the word of the person who handed them in.
Where an administrator must approve what is handed in, rows wait in another folder and are no results until then.
Administrators remove rows; nothing is overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from data.errors import InputError
from eval_queue.records import Result
from eval_queue.store.collection import Collection, Problem, Snapshot, encode
from eval_queue.store.local import Store, WriteConflict
from eval_queue.store.retrying import again
from eval_queue.submission import WEEK, Refused

FOLDER: Final = "self-reported"
WAITING: Final = "awaiting-approval"
"""Folder of rows that an administrator has not approved yet."""


class Reported:
    """The self-reported results of a store. Threads may share it.

    Args:
        results: where the results of this installation live, too.
        clock: the present, in UTC.
    """

    def __init__(self, results: Store, *, clock: Callable[[], datetime]) -> None:
        self._records = Collection(results, FOLDER, Result)
        self._waiting = Collection(results, WAITING, Result)
        self._clock = clock

    def records(self) -> Mapping[str, Result]:
        """All of them by id; the same object as before while nothing changes. Do not change them."""
        return self._read().records

    def waiting(self) -> Mapping[str, Result]:
        """Rows that wait for an administrator, by id. Do not change them."""
        return again()(self._waiting.read).records

    def check_week(self, submitter: str, per_week: int | None) -> None:
        """See before anything is scored whether a person may hand in one more row.

        Raises:
            Refused: `quota`.
        """
        now, waiting = again()(self._both)
        _check_week(now, waiting, submitter, self._clock(), per_week)

    def problems(self) -> list[Problem]:
        """Files that are set aside because they are no readable records."""
        return list(self._read().problems.values())

    def look(self) -> tuple[Store, Snapshot[Result]]:
        """The store, and what it holds now."""
        return self._records.store, self._read()

    def waiting_problems(self) -> list[Problem]:
        """The same of rows that wait."""
        return list(again()(self._waiting.read).problems.values())

    def answers(self, id_: str) -> bytes:
        """The raw answers behind a row, as a Parquet file.

        Raises:
            KeyError: there are none.
        """
        store = self._records.store
        return again()(lambda: store.read(_answers_path(id_), store.head()))

    def publish(self, result: Result, answers: bytes, *, per_week: int | None = None, approval: bool = False) -> None:
        """Store a row and the answers behind it.

        Args:
            result: with origin `self-reported` and the person who reports it.
            answers: the raw answers as a Parquet file.
            per_week: how many rows one person may hand in within a week; None for any number.
            approval: whether it waits for an administrator first.

        Raises:
            Refused: `duplicate` or `quota`.
        """
        folder = WAITING if approval else FOLDER
        changes = {f"{folder}/{result.id}.json": encode(result), _answers_path(result.id, folder): answers}

        def decide(now: Snapshot[Result], waiting: Snapshot[Result]) -> Mapping[str, bytes | None]:
            # equal: an attempt whose outcome was not known
            if (waiting if approval else now).records.get(result.id) == result:
                return {}
            if result.id in now.files:
                message = "The same evaluation was submitted before. An administrator can remove its row."
                raise Refused("duplicate", message, existing=result.id)
            if result.id in waiting.files:
                raise Refused("duplicate", "The same evaluation already waits for an administrator's approval.")
            _check_week(now, waiting, result.submitter, self._clock(), per_week)
            return changes

        self._change(decide, f"{folder}: {result.id}")

    def approve(self, id_: str) -> None:
        """Put a row that waits on the board.

        Raises:
            InputError: none of this id waits.
        """

        def decide(now: Snapshot[Result], waiting: Snapshot[Result]) -> Mapping[str, bytes | None]:
            if id_ in now.files:  # by the attempt whose outcome was not known, or by somebody else
                return {}
            if id_ not in waiting.records:
                raise InputError(f"No row {id_!r} waits for approval here.")
            store, table = self._records.store, _answers_path(id_, WAITING)
            return {
                self._records.path(id_): encode(waiting.records[id_]),
                _answers_path(id_): store.read(table, waiting.head),
                self._waiting.path(id_): None,
                table: None,
            }

        self._change(decide, f"approve {id_}")

    def remove(self, id_: str) -> None:
        """Remove a row and its answers, on the board or waiting.

        Raises:
            InputError: there is none of this id.
        """
        tried = False

        def decide(now: Snapshot[Result], waiting: Snapshot[Result]) -> Mapping[str, bytes | None]:
            nonlocal tried
            if id_ not in now.files and id_ not in waiting.files:
                if tried:  # removed by the attempt whose outcome was not known, or by somebody else since
                    return {}
                raise InputError(f"There is no self-reported row {id_!r} here.")
            tried = True
            folder = FOLDER if id_ in now.files else WAITING
            return {f"{folder}/{id_}.json": None, _answers_path(id_, folder): None}

        self._change(decide, f"remove {id_}")

    def _change(
        self, decide: Callable[[Snapshot[Result], Snapshot[Result]], Mapping[str, bytes | None]], message: str
    ) -> None:
        def once() -> None:
            now, waiting = self._both()
            changes = decide(now, waiting)
            if changes:
                self._records.store.commit(changes, now.head, message)

        again()(once)

    def _both(self) -> tuple[Snapshot[Result], Snapshot[Result]]:
        """Rows on the board and rows that wait, as they are at one head."""
        now, waiting = self._records.read(), self._waiting.read()
        if now.head != waiting.head:
            raise WriteConflict("the store moved on between two looks")
        return now, waiting

    def _read(self) -> Snapshot[Result]:
        return again()(self._records.read)


def _answers_path(id_: str, folder: str = FOLDER) -> str:
    return f"{folder}/{id_}.parquet"


def _check_week(
    now: Snapshot[Result], waiting: Snapshot[Result], submitter: str | None, at: datetime, per_week: int | None
) -> None:
    rows = (*now.records.values(), *waiting.records.values())
    mine = sum(r.submitter == submitter and r.created > at - WEEK for r in rows)
    if per_week is not None and mine >= per_week:
        raise Refused("quota", f"You have submitted {mine} rows within the last week; the limit is {per_week}.")
