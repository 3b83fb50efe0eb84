"""Finished pages and files, kept within a stated number of bytes, keys included."""

from __future__ import annotations

import gzip
import sys
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

from cachetools import LRUCache

T = TypeVar("T")


class Cache(Generic[T]):
    """What was made last: strings, bytes, or tuples of them. Threads may share it.

    The least recently used leaves first. A value that with its key exceeds the limit alone is handed out and not kept.

    Args:
        limit: bytes that keys and values may take in memory together.
    """

    def __init__(self, limit: int) -> None:
        self._kept: LRUCache[Hashable, tuple[T, int]] = LRUCache(limit, getsizeof=lambda entry: entry[1])
        self._making: dict[Hashable, Future[T]] = {}
        self._lock = threading.Lock()

    @property
    def bytes(self) -> int:
        """What is kept now takes so many bytes."""
        return int(self._kept.currsize)

    def get(self, key: Hashable, make: Callable[[], T], *, keep: Callable[[T], bool] = lambda _: True) -> T:
        """The value for `key`, made if it is not kept.

        Whoever asks for it while it is being made waits for it, and shares its error.

        Args:
            key: a string, a number, or a tuple of such.
            make: makes the value.
            keep: whether a value just made may be kept.
        """
        with self._lock:
            if key in self._kept:
                return self._kept[key][0]
            others = self._making.get(key)
            mine = self._making.setdefault(key, Future())
        if others is not None:
            return others.result()
        try:
            made = make()
            if keep(made):
                self._keep(key, made)
            mine.set_result(made)
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._making[key]
        return made

    def _keep(self, key: Hashable, made: T) -> None:
        size = memory(key) + memory(made)
        with self._lock:
            if size <= self._kept.maxsize:
                self._kept[key] = made, size


def compressed(content: bytes) -> bytes:
    """A page as it is sent to nearly everybody; the same for the same page. Kept, it may take its time."""
    return gzip.compress(content, 6, mtime=0)


def memory(value: object) -> int:
    """Bytes that a string, bytes, a number or a tuple of such takes in memory."""
    return sys.getsizeof(value) + (sum(map(memory, value)) if isinstance(value, tuple) else 0)
