"""A folder of records in a store, read at the price of what changed.

One file a record, `<folder>/<id>.json`; other files are not looked at. The content ids of the store say which files
changed; only those are fetched and parsed. A file that is damaged, malformed, of an unknown version or under another
record's name is set aside with a note and never stops the rest.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from pydantic import ValidationError

from data.errors import InputError
from eval_queue.records import Record, Result
from eval_queue.store.local import EMPTY_HEAD, Store
from eval_queue.submission import Submission

R = TypeVar("R", Submission, Result)

_SUFFIX: Final = ".json"
_REMEMBERED: Final = 32
"""How many changes of a folder are remembered."""
_MANY: Final = 500
"""So many records read at once are kept from the collector of garbage."""


def encode(record: Record) -> bytes:
    """A record as the bytes of its file: JSON for people and programs, the same for the same record."""
    return record.model_dump_json(indent=2).encode() + b"\n"


@dataclass(frozen=True)
class Problem:
    """A file that is set aside."""

    path: str
    """In the store."""
    message: str
    """What is wrong with it, without quoting it."""


@dataclass(frozen=True)
class Snapshot(Generic[R]):
    """All records of a folder at one head."""

    head: str
    files: Mapping[str, str]
    """Content ids by record id."""
    records: Mapping[str, R]
    """Readable records by id; the same object as before while nothing in the folder changes."""
    problems: Mapping[str, Problem]
    """The other files by the record id that their name claims."""
    version: int = 0
    """How often something in the folder was seen to have changed."""
    changes: tuple[frozenset[str], ...] = ()
    """Ids of the files that changed at each of the latest of these times, the last one at the end."""

    def changed_since(self, version: int) -> frozenset[str] | None:
        """Ids of the files that changed since a version of this folder; None where that is not known any more."""
        times = self.version - version
        if not 0 <= times <= len(self.changes):
            return None
        return frozenset().union(*self.changes[len(self.changes) - times :])


class Collection(Generic[R]):
    """The records of one kind. Threads may share it.

    Args:
        store: where they are.
        folder: in the store, without a slash at its end.
        kind: the class of the records.
    """

    def __init__(self, store: Store, folder: str, kind: type[R]) -> None:
        self.store = store
        self._folder = f"{folder}/"
        self._kind: type[R] = kind
        self._last: Snapshot[R] = Snapshot(EMPTY_HEAD, {}, {}, {})
        self._listed: Mapping[str, str] = {}
        self._lock = threading.Lock()

    def path(self, id_: str) -> str:
        """Where the record of this id is stored."""
        return f"{self._folder}{id_}{_SUFFIX}"

    def read(self) -> Snapshot[R]:
        """All records now.

        Raises:
            WriteConflict: the store moved on so fast that the head read first is forgotten; read again.
            StoreUnavailable: the store cannot be reached.
            InputError: the store itself is damaged.
        """
        # not under the lock: a look at a store that is slow keeps nobody from what is known
        head = self.store.head()
        with self._lock:
            if head != self._last.head:
                self._last = self._next(self._last, head)
            return self._last

    def _next(self, last: Snapshot[R], head: str) -> Snapshot[R]:
        # only what differs is looked at: with thousands of files even their names take long
        listed = self.store.list(self._folder, head)
        begin, end = len(self._folder), -len(_SUFFIX)
        known = self._listed
        paths: list[str] = []
        if listed is not known:
            # by hand: a difference of sets makes thousands of tuples, which the collector of garbage then goes through
            paths += [path for path, oid in listed.items() if known.get(path) != oid]
            paths += [path for path in known if path not in listed]
        changed = {p[begin:end] for p in paths if p.endswith(_SUFFIX) and "/" not in p[begin:]}
        if not changed:
            self._listed = listed
            return replace(last, head=head)
        files, records, problems = dict(last.files), dict(last.records), dict(last.problems)
        with _no_garbage(len(changed)):
            for id_ in changed:
                for kept in (files, records, problems):
                    kept.pop(id_, None)
                path = self.path(id_)
                if path not in listed:
                    continue
                files[id_] = listed[path]
                try:
                    record = self._kind.model_validate_json(self.store.read(path, head))
                    if record.id != id_:
                        raise InputError("holds the record of another id")
                    records[id_] = record
                except ValidationError as error:
                    problems[id_] = Problem(path, _explain(error))
                except InputError as error:
                    problems[id_] = Problem(path, str(error))
        changes = (*last.changes, frozenset(changed))[-_REMEMBERED:]
        # after all that may fail: a reading that did is done again
        self._listed = listed
        return Snapshot(head, files, records, problems, last.version + 1, changes)


@contextmanager
def _no_garbage(records: int) -> Iterator[None]:
    """Without collecting garbage while many records are read.

    Records hold no cycles, and thousands of them are a million objects: going through all of these again and again
    takes three times as long as reading them, and a third of a second every time afterwards.
    """
    if records < _MANY or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


def _explain(error: ValidationError) -> str:
    """What is wrong with a record, without its content: that may be anything, and this is shown."""
    first, *more = error.errors(include_url=False, include_context=False, include_input=False)
    where = ".".join(map(str, first["loc"]))
    if where == "schema_version":
        return "schema_version: this program does not know this version of the record; use a newer one"
    others = f" (and {len(more)} more)" if more else ""
    return f"{where}: {first['msg']}{others}" if where else f"{first['msg']}{others}"
