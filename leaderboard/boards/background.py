"""Work that visitors must not wait for: it is done beside them, and pages say that it is under way.

It is waited for in its first moment, so that quick work is there at once and only slow work is late. A piece of work
is done once for its key; of one name only the last key is kept. Work that fails is logged and counts as None.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

_log = logging.getLogger(__name__)

PATIENCE: float = 0.5
"""How long after work began those who ask for it wait, in seconds."""

T = TypeVar("T")


class Working:
    """Stands for a value that is being worked out."""


WORKING: Final = Working()


class _Job(Generic[T]):
    def __init__(self, key: Hashable, make: Callable[[], T | None]) -> None:
        self.key = key
        self.value: T | None = None
        self.done = threading.Event()
        self.began = time.monotonic()
        self._make = make

    def run(self) -> None:
        try:
            self.value = self._make()
        except Exception:  # noqa: BLE001 - nobody waits for the outcome: a column stays empty, and the log says why
            _log.exception("could not be worked out: %s", self.key)
        finally:
            self.done.set()


class BackgroundWork(Generic[T]):
    """Work of one kind. Threads may share it.

    Args:
        patience: how long after it began work is waited for, in seconds; None for `PATIENCE`.
    """

    def __init__(self, patience: float | None = None) -> None:
        self._patience = patience
        self._jobs: dict[str, _Job[T]] = {}
        self._lock = threading.Lock()

    def get(self, name: str, key: Hashable, make: Callable[[], T | None], *, wait: bool = True) -> T | Working | None:
        """The value for `key`, or `WORKING`.

        Args:
            name: what the work is about; a new key replaces the last one of the same name.
            key: changes whenever the outcome may.
            make: does the work, in a thread of its own.
            wait: whether to wait at all; what is only begun now is asked for again beside other work.
        """
        with self._lock:
            job = self._jobs.get(name)
            if job is None or job.key != key:
                job = self._jobs[name] = _Job(key, make)
                threading.Thread(target=job.run, name=f"background {name}", daemon=True).start()
        if wait:
            patience = PATIENCE if self._patience is None else self._patience
            job.done.wait(max(0.0, job.began + patience - time.monotonic()))
        return job.value if job.done.is_set() else WORKING
