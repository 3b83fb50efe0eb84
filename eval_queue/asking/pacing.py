"""How many requests are in flight: as many as an endpoint answers faster for, found out while it is asked.

The control law. A *round* ends when as many requests are answered as were allowed at its start, a quarter of them sent
in it: about one latency. It counts only if all that was allowed was in flight. The *proven* limit is one at which a
round ended without a refusal.

1. **Grow.** Start with `START` requests and allow one more for each answer, which doubles the limit in a round. Where a
   limit `TOLD_APART` times as high brings hardly more answers a second (less than `SHARE` of what an idle endpoint
   would give) and takes longer an answer, `BAD_ROUNDS` in a row, the endpoint queues: step back to the limit before,
   and hold.
2. **A refusal** (429, 503, a time-out) above the proven limit tells what was taken: those in flight with it, less each
   that turns out to be refused too. While holding at a limit not yet proven, it takes a sixteenth off. At the proven
   limit, it tells that the endpoint can do less: halve it. Nothing is sent until fewer are in flight than that, and
   what was sent before the decrease and is refused after it causes no other. Then hold.
3. **Hold** for a round or more, then probe: one more request. If that one is answered, grow, a quarter at first. Each
   refusal costs `ANSWERS_A_REFUSAL` answers until the next probe, so that few are refused; but no more than
   `LONGEST_HOLD` rounds or `LONGEST_HOLD_ANSWERS` answers, so that more room is soon found. Where growing was in vain
   without a refusal, twice as many rounds are held each time, up to `LONGEST_HOLD`.
4. **Rising latency without more throughput**, while holding: where `BAD_ROUNDS` rounds in a row answers take `SLOWER`
   times as long as before at the same limit and come `FEWER` times as often, try half the limit, and half of that. If
   as much is answered with half, that is the limit; if not, the endpoint is slower altogether, which fewer requests do
   not mend: go back.

The limit is between 1 and `most`. `Pacing` is told what happens and when; it waits for nothing and knows no clock.
`Gate` lets requests wait for their turn.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from dataclasses import dataclass
from typing import Final, Literal

START: Final = 8
"""Requests in flight at first."""
SHARE: Final = 0.2
"""How much more a higher limit must bring: so much of what it would if the endpoint did not notice."""
ANSWERS_A_REFUSAL: Final = 50
"""So many answers there should be for each refusal."""
TOLD_APART: Final = 1.5
"""A limit is compared with one that it exceeds by this factor."""
LONGEST_HOLD: Final = 4
"""Rounds between two probes at most ..."""
LONGEST_HOLD_ANSWERS: Final = 64
"""... where that is not fewer answers than these."""
SLOWER: Final = 1.5
"""How many times as long an answer takes where something has changed for the worse."""
FEWER: Final = 0.75
"""... and how many times as many come."""
BAD_ROUNDS: Final = 2
"""So many rounds in a row that are so are no chance."""

_FIRST_STEP: Final = 4
"""After a probe the limit grows by this part of it first."""

Outcome = Literal["answered", "refused", "failed"]
"""What came of a request; `failed` says nothing about how many the endpoint takes."""


@dataclass(frozen=True)
class Ticket:
    """One request in flight."""

    number: int
    """In the order of sending."""
    rank: int
    """How many were in flight with it, itself included."""
    sent: float
    """When, in seconds."""


@dataclass(frozen=True)
class _Round:
    """A round that has ended, or what is remembered of one."""

    limit: int
    throughput: float
    """Answers a second."""
    latency: float
    """Mean, in seconds."""


class Pacing:
    """Decides how many requests may be in flight.

    Args:
        most: never more than so many.
        start: so many at first.
    """

    def __init__(self, most: int, start: int = START) -> None:
        self.limit = min(start, most)
        """How many may be in flight now."""
        self.in_flight = 0
        self.refusals = 0
        """Requests refused so far."""
        self._most = most
        self._least = self.limit
        self._proven = 0
        self._mode: Literal["grow", "hold", "probe", "less"] = "grow"
        self._number = 0
        self._valid_from = 0
        """Requests before this number were sent before the last decrease."""
        self._taken = 0
        """How many were in flight then, without those that were refused."""
        self._target = min(2 * self.limit, most)
        """What the limit grows to, one for each answer."""
        self._hold = 1
        self._held = 0
        self._scout: int | None = None
        """The one request that probes."""
        self._owed = 0
        """So many answers until the next probe, for the refusals there were."""
        self._bad = 0
        self._settled = False
        self._base: _Round | None = None
        """What the throughput of a higher limit is compared with."""
        self._peak = 0
        self._began: float | None = None
        self._begin(None)

    @property
    def room(self) -> bool:
        """Whether another request may be sent."""
        return self.in_flight < self.limit

    def send(self, now: float) -> Ticket:
        """A request is sent."""
        self.in_flight += 1
        self._number += 1
        if self._mode == "probe" and self._scout is None and self.in_flight > self._proven:
            self._scout = self._number
        self._peak = max(self._peak, self.in_flight)
        if self._began is None:
            self._began = now
        return Ticket(self._number, self.in_flight, now)

    def end(self, ticket: Ticket, outcome: Outcome, now: float) -> None:
        """A request has ended."""
        self.in_flight -= 1
        if outcome == "answered":
            self._answer(ticket, now)
        elif outcome == "refused":
            self.refusals += 1
            self._owed += ANSWERS_A_REFUSAL
            if ticket.number >= self._valid_from:
                self._refused(ticket, now)
            else:
                # sent before the decrease: one fewer was taken than it seemed
                self._taken -= 1
                if self._taken < self.limit and self._proven < self.limit:
                    self.limit = self._target = self._at_start = max(1, self._proven, self._taken)
        elif ticket.number == self._scout:
            self._scout = None  # the next one probes

    def _answer(self, ticket: Ticket, now: float) -> None:
        self._answers += 1
        self._seconds += now - ticket.sent
        self._owed = max(0, min(self._owed, max(LONGEST_HOLD * self.limit, LONGEST_HOLD_ANSWERS)) - 1)
        if self._mode == "probe" and ticket.number == self._scout:
            # there is room for more; others may only have taken the place of one that is refused and not yet back
            self._hold = 1
            self._mode = "grow"
            self._target = min(self.limit + max(1, self.limit // _FIRST_STEP), self._most)
            self._begin(now)
        if self.limit < self._target and self.in_flight + 1 >= self.limit:
            self.limit += 1
        if self.in_flight >= self.limit:
            # after a decrease: what is measured begins when it has come into effect
            self._begin(now)
            return
        self._of_round += ticket.number >= self._first
        if self._answers >= self._at_start and 4 * self._of_round >= self._at_start:
            self._end_round(now)

    def _refused(self, ticket: Ticket, now: float) -> None:
        if ticket.rank > self._proven:
            # those before it were taken, as far as is known; at a limit that is not proven, some distrust
            taken = ticket.rank - 1 if self._mode in ("grow", "probe") else self.limit * 15 // 16
            limit = max(self._proven, min(self.limit, taken))
        else:
            limit = min(self.limit, ticket.rank) // 2
            self._base = None
        self._decrease(limit, now)

    def _decrease(self, limit: int, now: float) -> None:
        self._valid_from = self._number + 1
        self._taken = self.in_flight
        self._set(limit, now)
        self._mode = "hold"

    def _set(self, limit: int, now: float) -> None:
        self.limit = self._target = max(1, min(limit, self._most))
        self._proven = min(self._proven, self.limit)
        self._held = self._bad = 0
        self._begin(now)

    def _begin(self, now: float | None) -> None:
        """Begin a round."""
        self._began = now
        self._first = self._number + 1
        self._at_start = self.limit
        self._answers = self._of_round = 0
        self._seconds = 0.0
        self._peak = self.in_flight

    def _end_round(self, now: float) -> None:
        assert self._began is not None
        full = self._peak >= self._at_start and now > self._began
        ended = _Round(self._at_start, self._answers / max(now - self._began, 1e-9), self._seconds / self._answers)
        self._begin(now)
        if not full:
            return
        if ended.limit > self._proven and self._mode != "probe":
            self._proven = ended.limit
        {"grow": self._grow, "hold": self._wait, "probe": self._probe, "less": self._less}[self._mode](ended, now)

    def _grow(self, ended: _Round, now: float) -> None:
        before = self._base
        if before is None or ended.limit < before.limit:
            self._base = ended
        elif ended.limit >= TOLD_APART * before.limit:
            # a smaller step brings less than rounds differ by chance
            wanted = 1 + SHARE * (ended.limit / before.limit - 1)
            if ended.throughput < wanted * before.throughput and ended.latency > wanted * before.latency:
                self._bad += 1
                if self._bad < BAD_ROUNDS:
                    self._target = self.limit
                    return
                self._hold = min(2 * self._hold, LONGEST_HOLD)
                self._decrease(before.limit, now)
                return
            self._base = ended
        self._bad = 0
        if ended.limit == self._most:
            self._mode = "hold"
        else:
            self._target = self._doubled

    @property
    def _doubled(self) -> int:
        return min(2 * self.limit, self._most)

    def _wait(self, ended: _Round, now: float) -> None:
        base = self._base
        if base is None or ended.limit != base.limit:
            self._base = ended
        elif (
            ended.latency >= SLOWER * base.latency
            and ended.throughput <= FEWER * base.throughput
            and ended.limit > self._least
        ):
            # one such round may be chance
            self._bad += 1
            if self._bad == BAD_ROUNDS:
                self._base = ended
                self._halve(ended.limit, now)
            return
        self._bad = 0
        self._held += 1
        if self._held >= self._hold and not self._owed and self.limit < self._most:
            self._mode = "probe"
            self._scout = None
            self._target = self.limit + 1

    def _probe(self, ended: _Round, now: float) -> None:
        """It is decided by the one request above the proven limit."""

    def _less(self, ended: _Round, now: float) -> None:
        if not self._settled:
            # what was sent before the decrease is in the first round
            self._settled = True
            return
        base = self._base
        self._mode = "hold"
        if base is not None and ended.throughput < FEWER * base.throughput:
            self._set(base.limit, now)
        elif ended.limit > self._least:
            self._base = ended
            self._halve(ended.limit, now)
        else:
            self._base = ended

    def _halve(self, limit: int, now: float) -> None:
        self._set(max(self._least, limit // 2), now)
        self._mode = "less"
        self._settled = False


class Gate:
    """Where requests wait for their turn. Belongs to one event loop.

    Args:
        pacing: who decides.
    """

    def __init__(self, pacing: Pacing) -> None:
        self.pacing = pacing
        self._resume_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._again: deque[asyncio.Future[Ticket]] = deque()
        self._new: deque[asyncio.Future[Ticket]] = deque()

    async def enter(self, *, again: bool = False) -> Ticket:
        """Wait for a turn; those whose request is sent again come first."""
        if self.pacing.room and not self._again and not self._new and time.monotonic() >= self._resume_at:
            return self.pacing.send(time.monotonic())
        turn: asyncio.Future[Ticket] = asyncio.get_running_loop().create_future()
        (self._again if again else self._new).append(turn)
        self._admit()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave(turn.result(), "failed")
            raise

    def leave(self, ticket: Ticket, outcome: Outcome) -> None:
        """A request has ended, or was not sent after all."""
        self.pacing.end(ticket, outcome, time.monotonic())
        self._admit()

    def pause(self, seconds: float) -> None:
        """Send nothing for so long."""
        # a little later at random: others may have been told the same
        until = time.monotonic() + seconds + random.uniform(0, min(1.0, seconds / 10))
        self._resume_at = max(self._resume_at, until)

    def _admit(self) -> None:
        while (self._again or self._new) and self.pacing.room:
            left = self._resume_at - time.monotonic()
            if left > 0:
                if self._timer is None:
                    self._timer = asyncio.get_running_loop().call_later(left, self._resume)
                return
            turn = (self._again or self._new).popleft()
            if not turn.done():
                turn.set_result(self.pacing.send(time.monotonic()))

    def _resume(self) -> None:
        self._timer = None
        self._admit()

    def close(self) -> None:
        """Nobody waits here any more."""
        if self._timer is not None:
            self._timer.cancel()
