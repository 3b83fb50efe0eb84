"""Apps, forked from a process that has imported everything: what Gradio takes seconds for happens once.

Each is a real process with threads, connections and a store of its own, which goes through all of `app.py`. What
libraries read of the environment when they are imported is read before the fork, so an app that lives on a Hub or on a
Space is started anew, as is one with another program than `app.py`.
"""

from __future__ import annotations

import atexit
import os
import runpy
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.forks import Forks, serve
from tools import live
from tools.live import ROOT, Process, RunningApp

PROGRAM = "app.py"
IMPORTED_WITH = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}
"""What `leaderboard.commands.serve` sets before it imports anything."""
READ_AT_IMPORT = ("GRADIO_", "HF_", "HUGGING", "OAUTH_", "OPENID_", "SPACE", "SYSTEM")
"""How variables begin that libraries may read once, when they are imported."""


@dataclass(frozen=True)
class Started:
    """How one app is started."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: str


class _Fork:
    """A forked process, as `subprocess.Popen`."""

    def __init__(self, of: Started) -> None:
        self.pid = _forks().start(of)

    def poll(self) -> int | None:
        return _forks().wait(self.pid) if _forks().ended(self.pid) else None

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        _forks().kill(self.pid)

    def wait(self, timeout: float | None = None) -> int:
        end = time.monotonic() + (float("inf") if timeout is None else timeout)
        while (status := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(PROGRAM, timeout or 0.0)
            time.sleep(0.02)
        return status


def _read(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(READ_AT_IMPORT)}


@cache
def _forks() -> Forks:
    others = {name: value for name, value in os.environ.items() if name not in _read(os.environ)}
    made = Forks(__name__, environment=others | IMPORTED_WITH)
    atexit.register(made.close)
    return made


def _start(arguments: Sequence[str], folder: Path, environment: dict[str, str], log: Path) -> Process:
    if arguments[0] != PROGRAM or folder != ROOT or not _read(environment).items() <= IMPORTED_WITH.items():
        return live.start(arguments, folder, environment, log)
    return _Fork(Started(arguments, environment, str(log)))


@contextmanager
def app(store: Path, **settings: str) -> Iterator[RunningApp]:
    """As `tools.live.app`, but quickly."""
    with live.app(store, start=_start, **settings) as running:
        yield running


def work(of: Started) -> None:
    """Be the app."""
    os.environ.clear()
    os.environ.update(of.environment)
    with open(of.log, "wb") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    sys.argv = list(of.arguments)
    runpy.run_path(PROGRAM, run_name="__main__")


def _serve() -> None:
    import leaderboard.commands.serve
    import leaderboard.server.sign_in
    import leaderboard.site.opening
    import leaderboard.ui  # noqa: F401 - imported for the forks

    serve(Started, work)


if __name__ == "__main__":
    _serve()
