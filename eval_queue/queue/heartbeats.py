"""Signs of life: the progress of all evaluations of a process, written together.

The Hub counts commits by the hour (128 of an account), so that each evaluation cannot have a pace of its own. One
thread a queue writes the news of all evaluations in one commit, at one pace: `3600 / every` commits an hour at most,
whether one evaluation runs or twenty. Everything else an evaluation costs is three commits: claim, result, done.

Processes on the Hub share these `3600 / every`: each sees in the queue how many hold claims, and beats so much less
often (`shared_pace`). That ends where a lease must be kept alive: `BEATS_PER_LEASE` signs of life are due in each. For
many processes a lease must last as long as `lease_for` says.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from eval_queue.submission import Progress, Submission

BEATS_PER_LEASE: Final = 4
"""So many signs of life are due within a lease: a few may fail."""

_log = logging.getLogger(__name__)


def shared_pace(every: float, processes: int, lease: float) -> float:
    """Seconds between two signs of life of a process where several share what one would write.

    Args:
        every: of one process by itself.
        processes: how many hold claims, this one included.
        lease: seconds for which a claim holds.
    """
    return max(every, min(every * processes, lease / BEATS_PER_LEASE))


def lease_for(every: float, processes: int) -> float:
    """Seconds that a lease must last so that so many processes write no more signs of life than one."""
    return BEATS_PER_LEASE * every * processes


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
        pace: what becomes of that where processes share the Hub's commits; asked before each.
    """

    def __init__(
        self,
        renew_all: Callable[[Sequence[Sign]], Collection[Claim]],
        every: float,
        pace: Callable[[float], float] = float,
    ) -> None:
        self.every = every
        self._pace = pace
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
            self._changed.wait(self._pace(self.every))
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
