"""Signs of life: the progress of all evaluations of a process, written together.

The Hub counts commits by the hour (128 for a free account), so that each evaluation cannot have a pace of its own. One
thread a queue writes the news of all evaluations in one commit, at one pace: `3600 / every` commits an hour at most,
whether one evaluation runs or twenty. Everything else an evaluation costs is three commits: claim, result, done.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from eval_queue.submission import Progress, Submission

_log = logging.getLogger(__name__)


class Claim(NamedTuple):
    """What a worker holds while it evaluates a submission."""

    submission: Submission
    """As it was claimed."""
    nonce: str
    """Proves that the claim is still this one."""


class Kept(NamedTuple):
    """The answers so far of an evaluation that has not ended."""

    number: int
    """How many."""
    data: bytes
    """What the next worker needs to go on with them; only workers know its form."""


class Sign(NamedTuple):
    """A sign of life."""

    claim: Claim
    progress: Progress | None
    kept: Kept | None = None
    """Answers to be stored with it, if it is time for that."""


@dataclass(eq=False)
class Pulse:
    """One evaluation's part."""

    claim: Claim
    sign: Callable[[], Sign]
    """Its latest news."""
    lost: threading.Event = field(default_factory=threading.Event)
    """Set when the claim is gone."""


class Heartbeats:
    """The signs of life of a process's evaluations. Threads share it.

    Args:
        renew_all: writes them and returns the claims that are gone (`Queue.renew_all`).
        every: seconds between two of them.
    """

    def __init__(self, renew_all: Callable[[Sequence[Sign]], Collection[Claim]], every: float) -> None:
        self.every = every
        self._renew_all = renew_all
        self._pulses: list[Pulse] = []
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._beating = False

    def begin(self, claim: Claim, sign: Callable[[], Sign]) -> Pulse:
        """Keep a claim alive until `end`."""
        pulse = Pulse(claim, sign)
        with self._lock:
            self._pulses.append(pulse)
            self._changed.clear()
            if not self._beating:
                self._beating = True
                threading.Thread(target=self._run, name="heartbeats", daemon=True).start()
        return pulse

    def end(self, pulse: Pulse) -> None:
        """Keep a claim alive no longer; one beat may still be on its way."""
        with self._lock:
            self._pulses = [p for p in self._pulses if p is not pulse]
            if not self._pulses:
                self._changed.set()

    def _run(self) -> None:
        while True:
            self._changed.wait(self.every)
            with self._lock:
                pulses = [p for p in self._pulses if not p.lost.is_set()]
                if not self._pulses:
                    self._beating = False
                    return
            if not pulses:
                continue
            try:
                gone = self._renew_all([p.sign() for p in pulses])
            except Exception as error:  # noqa: BLE001 - without a beat the claims would be lost silently
                _log.warning("no sign of life for %d evaluations this time: %s", len(pulses), error)
                continue
            for pulse in pulses:
                if pulse.claim in gone:
                    pulse.lost.set()
