"""Processes that are forked on demand, so that tests can start, race and kill many.

A worker costs seconds to import and milliseconds to fork: one process runs `serve`, which imports everything once and
forks for each line on its standard input, a JSON object with the fields of the work. It answers with the fork's process
id, or, to `{"wait": id}`, with how that fork ended. Each fork is a real process with connections of its own.
"""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from tests.support import ROOT

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

K = TypeVar("K", bound="DataclassInstance")


class Forks:
    """Starts processes that do a module's work.

    Args:
        *command: the module that calls `serve`, and what it wants to be told.
        environment: what it is imported with; None: that of the tests.
    """

    def __init__(self, *command: str, environment: Mapping[str, str] | None = None) -> None:
        environment = {**(environment or os.environ), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self._lock = threading.Lock()
        self._statuses: dict[int, int] = {}

    def start(self, of: DataclassInstance) -> int:
        """Start a process; its id."""
        pid = int(self._ask(asdict(of)))
        self._statuses.pop(pid, None)  # of an earlier process with that id
        return pid

    def kill(self, pid: int) -> None:
        """End a process at once, wherever it is."""
        if not self.ended(pid):  # from here on it is there, even if it ends: only `ended` lets its id go
            os.kill(pid, signal.SIGKILL)
        self.wait(pid)

    def ended(self, pid: int) -> bool:
        """Whether a process has ended."""
        if pid not in self._statuses and (status := self._ask({"wait": pid})) is not None:
            self._statuses[pid] = int(status)
        return pid in self._statuses

    def wait(self, pid: int, seconds: float = 300.0) -> int:
        """Wait until a process has ended; its status, negative for a signal. One that does not end is killed."""
        end = time.monotonic() + seconds
        while not self.ended(pid):
            if time.monotonic() > end:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
        return self._statuses[pid]

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End, with all processes that were forked."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


@contextlib.contextmanager
def forks(*command: str) -> Iterator[Forks]:
    """`Forks` for the length of a `with` block."""
    made = Forks(*command)
    try:
        yield made
    finally:
        made.close()


def serve(kind: Callable[..., K], work: Callable[[K], None]) -> None:
    """Fork a process a line until the parent goes; then end those that are left.

    Args:
        kind: the dataclass of what one process is told.
        work: what it does.
    """
    alive: set[int] = set()
    gc.freeze()  # or each fork copies the memory of what it looks through for garbage
    for line in sys.stdin:
        asked = json.loads(line)
        answer: int | None
        if "wait" in asked:
            pid, status = os.waitpid(asked["wait"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
            alive.discard(pid)
        else:
            answer = os.fork()
            if answer == 0:
                _child(work, kind(**asked))
            alive.add(answer)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


def _child(work: Callable[[K], None], of: K) -> None:
    code = 1
    try:
        # what it says must not get between the answers to the parent
        os.dup2(2, 1)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        logging.basicConfig(level=logging.ERROR)
        work(of)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
