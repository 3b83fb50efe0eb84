"""A folder's store as an app needs it: what it last held is shown while it cannot be read, and writes say why not.

A damaged HEAD, a folder that vanished, a disk that is full or read-only: `head` goes on giving the last good head, or
after a restart the newest intact one, and `outage` says since when and why. It ends by itself once the folder is as it
must be. Errors name files inside the folder only: where it lies on the server is no visitor's business.
"""

from __future__ import annotations

import errno
import logging
import os
import tempfile
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from data.errors import InputError
from eval_queue.store.local import EMPTY_HEAD, LocalStore, Outage, StoreUnavailable, WriteConflict

LOOK_SECONDS: Final = 10.0
"""How often it is tried whether the folder can be written."""
_PROBE: Final = b"\0" * 4096

_log = logging.getLogger(__name__)


class ShownStore:
    """See `eval_queue.store.local.Store`. Threads may share it.

    Args:
        store: the folder's.
        every: how often it is tried whether the folder can be written, in seconds.
    """

    def __init__(self, store: LocalStore, *, every: float = LOOK_SECONDS) -> None:
        self._store = store
        self._every = every
        self._lock = threading.Lock()
        self._head: str | None = None
        self._as_of: datetime | None = None
        self._files: tuple[str, Mapping[str, str]] = (EMPTY_HEAD, {})
        self._unread: Outage | None = None
        self._unwritten: Outage | None = None
        self._next_try = 0.0

    def head(self) -> str:
        """See `Store.head`."""
        try:
            head = self._store.head()
            if head == EMPTY_HEAD and self._head not in (None, EMPTY_HEAD):
                raise StoreUnavailable("its folder is gone")
            if head != self._files[0]:
                self._files = (head, self._store.list("", head))
        except WriteConflict:
            return self.head()
        except (InputError, StoreUnavailable) as error:
            self._fall_back(error)
        else:
            with self._lock:
                if self._unread is not None:
                    _log.warning("the store can be read again")
                self._head, self._as_of, self._unread = head, datetime.now(UTC), None
            self._try_to_write()
        return self._head or EMPTY_HEAD

    def list(self, prefix: str, head: str) -> Mapping[str, str]:
        """See `Store.list`."""
        known, files = self._files
        if head != known:
            try:
                files = self._store.list("", head)
            except InputError as error:
                raise self._without_folder(error) from None
        return {path: oid for path, oid in files.items() if path.startswith(prefix)}

    def read(self, path: str, head: str) -> bytes:
        """See `Store.read`."""
        try:
            return self._store.read(path, head)
        except InputError as error:
            if self._unread is not None:
                raise StoreUnavailable(f"{path} cannot be read now: {self._unread.reason}") from None
            raise self._without_folder(error) from None

    def commit(self, changes: Mapping[str, bytes | None], expected_head: str, message: str) -> str:
        """See `Store.commit`."""
        if self._unread is not None:
            raise StoreUnavailable(f"Nothing can be stored now: {self._unread.reason}")
        try:
            new = self._store.commit(changes, expected_head, message)
        except StoreUnavailable as error:
            self._note_unwritten(str(error))
            raise
        except InputError as error:
            raise StoreUnavailable(str(self._without_folder(error))) from None
        self._unwritten = None
        return new

    def outage(self) -> Outage | None:
        """See `Store.outage`."""
        return self._unread or self._unwritten

    def doubt(self) -> None:
        """See `Store.doubt`: a head is always the newest here."""

    def _fall_back(self, error: InputError | StoreUnavailable) -> None:
        with self._lock:
            if self._head in (None, EMPTY_HEAD):
                found = self._store.newest_intact()
                if found is not None:
                    self._head, self._as_of = found
                    self._files = (self._head, self._store.list("", self._head))
            why = str(self._without_folder(error) if isinstance(error, InputError) else error)
            if self._unread is None:
                _log.error("the store cannot be read: %s", error)
            self._unread = Outage(self._as_of, why)

    def _try_to_write(self) -> None:
        """Find out now and then whether the folder can be written, before somebody's submission does."""
        if time.monotonic() < self._next_try:
            return
        self._next_try = time.monotonic() + self._every
        why = why_not_writable(self._store.folder)
        if why is None:
            if self._unwritten is not None:
                _log.warning("the store can be written again")
            self._unwritten = None
        else:
            self._note_unwritten(f"The store cannot be written: {why}")

    def _note_unwritten(self, why: str) -> None:
        with self._lock:
            if self._unwritten is None:
                _log.error("%s", why)
                self._unwritten = Outage(datetime.now(UTC), why, readable=True)

    def _without_folder(self, error: InputError) -> InputError:
        """The same error, naming the file inside the store only."""
        if error.file is None:
            return error
        inside = Path(os.path.relpath(error.file, self._store.folder)).as_posix()
        return InputError(
            str(error).removeprefix(f"{error.file}: "), file=Path(inside).name if ".." in inside else inside
        )


def why_not_writable(folder: Path) -> str | None:
    """Why a folder cannot be written, in a few words; None if it can. A missing one is not made."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        if not there.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(_PROBE)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.strerror or "the system refuses it"
    return None


def will_last(folder: Path) -> bool:
    """Whether a folder survives a restart where the system's own disk does not: on a Space, a volume of its own."""
    there = folder.resolve()
    while not there.exists() and there != there.parent:
        there = there.parent
    return there.stat().st_dev != Path("/").stat().st_dev
