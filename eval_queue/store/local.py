"""Where records are kept: a versioned set of files that changes only by compare-and-swap.

A store is a history of heads. A head names one complete set of files; reading at a head always gives that set.
`commit` applies all its changes on the head its caller has read, or nothing. Everything that writes (queue, worker,
pages) goes through it, so nobody ever overwrites what somebody else has just written.

`LocalStore` keeps this in a folder, for one machine: threads and processes may share it, and a process that is killed
at any point leaves the previous or the next head, never something between. It relies on the operating system's file
locks and is not meant for a network file system. Old heads are forgotten after a while; there is no undo.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

import orjson
from filelock import FileLock

from data.errors import InputError
from data.files import write_whole

EMPTY_HEAD: Final = "0"
"""The head of a store that nobody has written to."""

_KEPT_HEADS: Final = 16
_LOCK_SECONDS: Final = 30.0
_MEND: Final = (
    "Write the name of the newest intact file of `generations/` into HEAD, or restore the folder from a backup."
)
_HEAD: Final = re.compile(r"0|[1-9][0-9]*-[0-9a-f]{16}")


class WriteConflict(Exception):
    """The head that was read is no longer the newest, or is forgotten. Nothing was written: read again, then decide."""


class StoreUnavailable(Exception):
    """The store cannot be reached, or the outcome of a write is not known: read again before deciding anything."""


@dataclass(frozen=True)
class Outage:
    """A store that cannot be reached, while what was read of it last is still there to be shown."""

    since: datetime | None
    """When it was last read; None if it never was, so that nothing is there to be shown."""
    reason: str
    """Why it cannot be reached, in a few words for people, without token or address."""
    readable: bool = False
    """Whether it only cannot be written, since then: what is shown is as it is."""


class Store(Protocol):
    """The contract of every store. All methods may be called from any thread.

    Paths are relative, with `/`, e.g. `submissions/some-id.json`. A content id is the same for the same bytes, so that
    a reader fetches only what changed.
    """

    def head(self) -> str:
        """The newest head, or during an `outage` the last one known. Cheap: meant to be called at each poll.

        Raises:
            StoreUnavailable: it cannot be had now.
        """
        ...

    def list(self, prefix: str, head: str) -> Mapping[str, str]:
        """Content ids by path, for all files at `head` whose path starts with `prefix`.

        Raises:
            WriteConflict: `head` is forgotten; read `head()` again.
        """
        ...

    def read(self, path: str, head: str) -> bytes:
        """The content of a file at `head`.

        Raises:
            KeyError: there is no such file at `head`.
            WriteConflict: `head` is forgotten; read `head()` again.
            InputError: the stored content is damaged.
        """
        ...

    def commit(self, changes: Mapping[str, bytes | None], expected_head: str, message: str) -> str:
        """Apply all changes on `expected_head`, or none.

        Args:
            changes: new content by path; None deletes a file (one that is not there stays so).
            expected_head: the head on which the caller decided.
            message: what is done, for people who read the history.

        Returns:
            The new head; `expected_head` itself if the changes change nothing.

        Raises:
            WriteConflict: `expected_head` is not the newest head. Nothing was written.
            StoreUnavailable: the outcome is not known.
        """
        ...

    def outage(self) -> Outage | None:
        """Why what is read now may be old; None while the store can be reached. As of the last `head`."""
        ...

    def doubt(self) -> None:
        """What was read last is known to be old: the next `head` is the newest, however short ago one was asked for."""
        ...


def check_path(path: str) -> str:
    """Return `path` if it is one that every store can hold.

    Raises:
        ValueError: it is absolute, climbs, or is not in its plain form.
    """
    if not path or path.startswith("/") or ".." in path.split("/") or str(PurePosixPath(path)) != path:
        raise ValueError(f"not a path inside a store: {path!r}")
    return path


class LocalStore:
    """A store in a folder.

    `HEAD` names the newest generation; `generations/<head>` lists its files; `objects/<SHA-256>` holds their contents.
    A writer takes the lock, writes new objects, then the generation, then replaces `HEAD`; each is flushed to disk
    before the next is begun. A reader takes no lock.

    Args:
        folder: made at the first commit.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._head_file = folder / "HEAD"
        self._generations = folder / "generations"
        self._objects = folder / "objects"
        self._lock = FileLock(folder / "lock", timeout=_LOCK_SECONDS, poll_interval=0.005, fallback_to_soft=False)
        self._last: tuple[str, dict[str, str]] = (EMPTY_HEAD, {})
        self._lists: Mapping[str, tuple[str, Mapping[str, str]]] = {}
        """What `list` gave last for each prefix, and at which head: of thousands of files, a commit changes a few."""

    def head(self) -> str:
        """See `Store.head`."""
        try:
            text = self._head_file.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            if self._generations.is_dir() and any(_number(f.name) > 1 for f in self._generations.iterdir()):
                if self._head_file.exists():  # the first commits came between the two looks
                    return self.head()
                message = f"is missing, though the store has been written to. {_MEND}"
                raise InputError(message, file=self._head_file) from None
            return EMPTY_HEAD
        except UnicodeDecodeError:
            text = ""
        except OSError as error:
            raise StoreUnavailable(f"The store's HEAD cannot be read: {error.strerror}") from error
        if not _HEAD.fullmatch(text):
            raise InputError(f"does not name a generation. {_MEND}", file=self._head_file)
        return text

    def list(self, prefix: str, head: str) -> Mapping[str, str]:
        """See `Store.list`."""
        known, files = self._lists.get(prefix, ("", {}))
        if known != head:
            files = {path: oid for path, oid in self._files(head).items() if path.startswith(prefix)}
            self._lists = {**self._lists, prefix: (head, files)}
        return files

    def read(self, path: str, head: str) -> bytes:
        """See `Store.read`."""
        oid = self._files(head)[path]
        data = self._load(self._objects / oid, head)
        if hashlib.sha256(data).hexdigest() != oid:
            raise InputError(
                f"holds other bytes than were written for {path}. Restore this file from a backup.",
                file=self._objects / oid,
            )
        return data

    def commit(self, changes: Mapping[str, bytes | None], expected_head: str, message: str) -> str:
        """See `Store.commit`."""
        blobs = {check_path(p): None if data is None else (_oid(data), data) for p, data in changes.items()}
        try:
            self._objects.mkdir(parents=True, exist_ok=True)
            self._generations.mkdir(exist_ok=True)
            with self._lock:
                head = self.head()
                if head != expected_head:
                    raise WriteConflict(f"the store has moved on from {expected_head} to {head}")
                before = self._files(head)
                files = dict(before)
                for path, blob in blobs.items():
                    if blob is None:
                        files.pop(path, None)
                    else:
                        files[path] = blob[0]
                if files == before:
                    return head
                for oid, data in filter(None, blobs.values()):
                    write_whole(self._objects / oid, data)
                _flush_folder(self._objects)
                text = orjson.dumps({"message": message, "files": files}, option=orjson.OPT_SORT_KEYS)
                number = _number(head) + 1
                new = f"{number}-{_oid(text)[:16]}"
                write_whole(self._generations / new, text)
                _flush_folder(self._generations)
                write_whole(self._head_file, f"{new}\n".encode())
                _flush_folder(self.folder)
                self._last = (new, files)
                self._lists = {
                    prefix: (new, _changed(listed, prefix, blobs))
                    for prefix, (at, listed) in self._lists.items()
                    if at == head
                }
                if number % _KEPT_HEADS == 0:
                    self._forget(number, files)
                return new
        except OSError as error:
            why = error.strerror or "another program has locked it for too long"  # the lock's own words name its path
            raise StoreUnavailable(f"The store cannot be written: {why}") from error

    def newest_intact(self) -> tuple[str, datetime] | None:
        """The newest head that can still be read whole, and when it was written; None where there is none."""
        try:
            found = sorted(self._generations.iterdir(), key=lambda path: _number(path.name), reverse=True)
        except OSError:
            return None
        for path in found:
            if not _HEAD.fullmatch(path.name):
                continue
            with contextlib.suppress(InputError, StoreUnavailable, WriteConflict, OSError):
                self._files(path.name)
                return path.name, datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return None

    def outage(self) -> Outage | None:
        """See `Store.outage`: a folder is there, or an error says what to do."""
        return None

    def doubt(self) -> None:
        """See `Store.doubt`: a head is always the newest here."""

    def _files(self, head: str) -> dict[str, str]:
        """All files of a head; the one last asked for is kept."""
        known, files = self._last
        if known == head:
            return files
        if head == EMPTY_HEAD:
            return {}
        path = self._generations / head
        text = self._load(path, head)
        if _oid(text)[:16] != head.partition("-")[2]:
            raise InputError(f"is damaged: its content does not fit its name. {_MEND}", file=path)
        listed: dict[str, str] = orjson.loads(text)["files"]
        self._last = (head, listed)
        return listed

    def _load(self, path: Path, head: str) -> bytes:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            if self.head() != head:
                raise WriteConflict(f"the store has forgotten {head}") from None
            raise InputError("is missing. Restore this file from a backup.", file=path) from None
        except OSError as error:
            raise StoreUnavailable(f"The store cannot be read: {error.strerror}") from error

    def _forget(self, number: int, files: dict[str, str]) -> None:
        """Remove old generations, and what no kept one names. The lock is held: no writer is between two steps."""
        live = set(files.values())
        for path in self._generations.iterdir():
            if path.suffix == ".tmp" or 0 < _number(path.name) <= number - _KEPT_HEADS:
                path.unlink(missing_ok=True)
            else:
                with contextlib.suppress(ValueError):  # a damaged old generation keeps nothing alive
                    live.update(orjson.loads(path.read_bytes())["files"].values())
        for name in set(os.listdir(self._objects)) - live:
            (self._objects / name).unlink(missing_ok=True)


def _changed(
    listed: Mapping[str, str], prefix: str, blobs: Mapping[str, tuple[str, bytes] | None]
) -> Mapping[str, str]:
    """What is listed under a prefix after a commit; the same object where nothing there changes."""
    of = {path: blob for path, blob in blobs.items() if path.startswith(prefix)}
    if not of:
        return listed
    kept = {path: oid for path, oid in listed.items() if path not in of} if None in of.values() else dict(listed)
    return kept | {path: blob[0] for path, blob in of.items() if blob is not None}


def _oid(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _number(head: str) -> int:
    """How many commits led to a head; 0 for the empty head and for files that are none of ours."""
    count = head.partition("-")[0]
    return int(count) if count.isdecimal() else 0


def _flush_folder(folder: Path) -> None:
    """Make renames in a folder survive a power cut, where the system lets a folder be opened."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
