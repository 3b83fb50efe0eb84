"""Files that are too large for memory: written once, kept on disk within a stated size, read in pieces."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import IO, Final, NamedTuple

from cachetools import LRUCache

KEPT_BYTES: Final = 256 * 2**20
"""How much of finished files is kept on disk."""


class OpenFile(NamedTuple):
    """A finished file, open for whoever asked for it."""

    file: IO[bytes]
    size: int
    tag: str
    """Names its content."""


class _Kept(NamedTuple):
    path: Path
    size: int
    tag: str


class LargeFiles:
    """What was made last. Threads may share it; one file is made at a time. Who reads one keeps it though it leaves.

    Args:
        most: bytes that are kept.
    """

    def __init__(self, most: int = KEPT_BYTES) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="large-files-", ignore_cleanup_errors=True)
        self._kept = _Files(most, getsizeof=lambda kept: kept.size)
        self._lock = threading.Lock()

    def open(self, key: Hashable, write: Callable[[IO[bytes]], None]) -> OpenFile:
        """The file for `key`, written if it is not kept. An error of `write` is passed on, and nothing is kept."""
        with self._lock:
            if key in self._kept:
                kept = self._kept[key]
                return OpenFile(kept.path.open("rb"), kept.size, kept.tag)
            number, name = tempfile.mkstemp(dir=self._folder.name)
            made, path = os.fdopen(number, "w+b"), Path(name)
            try:
                write(made)
                size = made.tell()
                made.seek(0)
                tag = hashlib.file_digest(made, "sha256").hexdigest()[:24]
                made.seek(0)
            except BaseException:
                made.close()
                path.unlink()
                raise
            if size <= self._kept.maxsize:
                self._kept[key] = _Kept(path, size, tag)
            else:
                path.unlink()
            return OpenFile(made, size, tag)


class _Files(LRUCache[Hashable, _Kept]):
    """Files that are deleted when they leave."""

    def popitem(self) -> tuple[Hashable, _Kept]:
        key, kept = super().popitem()
        kept.path.unlink(missing_ok=True)
        return key, kept
