"""An endpoint of a certain capacity and a client that asks it, in simulated time: for the control law of `pacing`."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from eval_queue.asking.pacing import Outcome, Pacing, Ticket

LATENCY = 0.5


class Phase(NamedTuple):
    """So many slots for so many seconds."""

    slots: int
    seconds: float
    latency: float = LATENCY


class Simulated(NamedTuple):
    """What came of a simulation."""

    shares: list[float]
    """Answers in each phase as a share of what its slots could give."""
    refused: float
    """Share of the requests that were refused."""
    limits: list[tuple[float, int]]
    """The limit after each event."""
    refusals: list[int]
    """Refused requests in each phase."""

    def limit(self, begin: float, end: float) -> float:
        """The mean limit from one moment to another."""
        found = [limit for moment, limit in self.limits if begin <= moment < end]
        return sum(found) / len(found)


def simulate(
    pacing: Pacing,
    phases: Sequence[Phase],
    *,
    seed: int,
    queues: bool = False,
    jitter: float = 0.25,
    refusal: float = 0.01,
    tick: float = 0.0,
) -> Simulated:
    """An endpoint that refuses what it has no slot for, or keeps it waiting, and always enough prompts.

    Args:
        pacing: the law.
        phases: what the endpoint can do, and for how long.
        seed: of the latencies.
        queues: keep waiting, do not refuse.
        jitter: share by which latencies differ.
        refusal: seconds until a refusal arrives.
        tick: a client with so little of a processor that it looks at what has come only so often, in seconds.
    """
    dice, now, sent = random.Random(seed), 0.0, 0
    begins = [sum(p.seconds for p in phases[:i]) for i in range(len(phases))]
    ends: list[tuple[float, int]] = []  # when a slot is free again
    events: list[tuple[float, int, str, Ticket]] = []
    free = [0.0] * max(p.slots for p in phases)
    done, refused = [0] * len(phases), [0] * len(phases)
    limits = []

    def send() -> None:
        nonlocal sent
        slots, _, latency = phases[max(i for i, begin in enumerate(begins) if begin <= now)]
        while ends and ends[0][0] <= now:
            heapq.heappop(ends)
        while pacing.room:
            ticket, took = pacing.send(now), latency * dice.uniform(1 - jitter, 1 + jitter)
            sent += 1
            if queues:
                slot = min(range(slots), key=free.__getitem__)
                free[slot] = max(now, free[slot]) + took
                heapq.heappush(events, (free[slot], sent, "answered", ticket))
            elif len(ends) < slots:
                heapq.heappush(ends, (now + took, sent))
                heapq.heappush(events, (now + took, sent, "answered", ticket))
            else:
                heapq.heappush(events, (now + refusal, sent, "refused", ticket))
        assert pacing.limit >= 1

    send()
    while now < sum(p.seconds for p in phases):
        now = max(events[0][0], now + tick)
        at = max(i for i, begin in enumerate(begins) if begin <= now)
        while events and events[0][0] <= now:
            _, _, outcome, ticket = heapq.heappop(events)
            (done if outcome == "answered" else refused)[at] += 1
            pacing.end(ticket, outcome, now)  # type: ignore[arg-type]
            limits.append((now, pacing.limit))
            send()
    best = [p.slots * p.seconds / p.latency for p in phases]
    shares = [n / most for n, most in zip(done, best, strict=True)]
    return Simulated(shares, sum(refused) / sent, limits, refused)


class Fixed(Pacing):
    """So many requests in flight from the start, whatever comes of them."""

    def __init__(self, most: int) -> None:
        super().__init__(most, start=most)

    def end(self, ticket: Ticket, outcome: Outcome, now: float) -> None:
        """See `Pacing.end`."""
        self.in_flight -= 1


def best_fixed(settings: Sequence[int], phase: Phase, simulated: Callable[[Pacing, Phase], Simulated]) -> float:
    """The largest share of what a phase's slots could give that a fixed setting reaches."""
    return max(simulated(Fixed(n), phase).shares[0] for n in settings)
