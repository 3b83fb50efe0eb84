"""The app, and signals that end threads of its evaluator: `python -m tests.support.mortal_app`, else as `app.py`.

SIGUSR1 ends the thread that looks for work now and then, SIGUSR2 the one that does it. After SIGHUP no thread can be
started in their place; after another one they can.
"""

from __future__ import annotations

import ctypes
import signal
import threading

import typer

from eval_queue.workers.scheduler import Evaluator
from leaderboard.commands.serve import serve

NAMES = {signal.SIGUSR1: "evaluator", signal.SIGUSR2: "ThreadPoolExecutor"}


class Barren:
    """Whether threads can be started."""

    def __init__(self) -> None:
        self.now = False
        self._begin = Evaluator._begin

    def turn(self) -> None:
        self.now = not self.now

    def begin(self, evaluator: Evaluator, schedule: object) -> None:
        if self.now:
            raise RuntimeError("can't start new thread")
        self._begin(evaluator, schedule)  # type: ignore[arg-type]


def end(name: str) -> None:
    """End threads as an error does that nothing catches, at their next step."""
    for thread in threading.enumerate():
        if thread.name.startswith(name) and thread.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))


def main() -> None:
    """Serve."""
    barren = Barren()
    Evaluator._begin = lambda self, schedule: barren.begin(self, schedule)  # type: ignore[method-assign]
    for number, name in NAMES.items():
        signal.signal(number, lambda *_, name=name: end(name))
    signal.signal(signal.SIGHUP, lambda *_: barren.turn())
    typer.run(serve)


if __name__ == "__main__":
    main()
