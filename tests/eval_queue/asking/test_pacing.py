"""How many requests are in flight: the control law against simulated endpoints, and once over HTTP."""

from __future__ import annotations

import asyncio
import heapq
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from data.sources.practice import practice_benchmark
from eval_queue.asking.endpoint import RetryPolicy
from eval_queue.asking.evaluation import Job, evaluate
from eval_queue.asking.pacing import LONGEST_HOLD_ANSWERS, Gate, Pacing
from eval_queue.settings import Endpoint
from tests.support.chat_server import Asked, ChatServer, Response, fail, say

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
    pacing: Pacing, phases: Sequence[Phase], *, seed: int, queues: bool = False, jitter: float = 0.25
) -> Simulated:
    """An endpoint that refuses within 10 ms what it has no slot for, or keeps it waiting, and always enough prompts."""
    dice, now, sent = random.Random(seed), 0.0, 0
    begins = [sum(p.seconds for p in phases[:i]) for i in range(len(phases))]
    events: list[tuple[float, int, str, object]] = []
    busy, free = 0, [0.0] * max(p.slots for p in phases)
    done, refused = [0] * len(phases), [0] * len(phases)
    limits = []
    while now < sum(p.seconds for p in phases):
        at = max(i for i, begin in enumerate(begins) if begin <= now)
        slots, _, latency = phases[at]
        while pacing.room:
            ticket, took = pacing.send(now), latency * dice.uniform(1 - jitter, 1 + jitter)
            sent += 1
            if queues:
                slot = min(range(slots), key=free.__getitem__)
                free[slot] = max(now, free[slot]) + took
                heapq.heappush(events, (free[slot], sent, "answered", ticket))
            elif busy < slots:
                busy += 1
                heapq.heappush(events, (now + took, sent, "answered", ticket))
            else:
                heapq.heappush(events, (now + 0.01, sent, "refused", ticket))
        assert pacing.limit >= 1
        now, _, outcome, ticket = heapq.heappop(events)  # type: ignore[assignment]
        at = max(i for i, begin in enumerate(begins) if begin <= now)
        if outcome == "answered":
            busy -= 0 if queues else 1
            done[at] += 1
        else:
            refused[at] += 1
        pacing.end(ticket, outcome, now)  # type: ignore[arg-type]
        limits.append((now, pacing.limit))
    best = [p.slots * p.seconds / p.latency for p in phases]
    shares = [n / most for n, most in zip(done, best, strict=True)]
    return Simulated(shares, sum(refused) / sent, limits, refused)


@pytest.mark.parametrize("seed", range(5))
def test_capacity_is_found_when_it_grows_and_when_it_falls(seed: int) -> None:
    phases = [Phase(16, 40), Phase(128, 40), Phase(8, 40)]
    seen = simulate(Pacing(256), phases, seed=seed)
    assert min(seen.shares) >= 0.85
    assert seen.refused < 0.03
    assert seen.refusals[2] < 40, "a fall from 128 to 8 costs a handful"


@pytest.mark.parametrize("slots", [1, 3, 5, 20, 100])
def test_any_capacity_is_used_and_kept_to(slots: int) -> None:
    seen = simulate(Pacing(512), [Phase(slots, 20), Phase(slots, 60)], seed=slots)
    assert seen.shares[1] >= 0.85
    assert seen.refusals[1] <= 3 * (slots * 60 / LATENCY / LONGEST_HOLD_ANSWERS + 2)


@pytest.mark.parametrize("slots", [16, 64])
def test_an_endpoint_that_queues_is_not_given_more_than_it_answers_faster_for(slots: int) -> None:
    seen = simulate(Pacing(512), [Phase(slots, 20), Phase(slots, 40)], seed=1, queues=True)
    assert seen.shares[1] >= 0.85
    assert seen.limit(20, 60) < 3 * slots


def test_an_endpoint_that_gets_less_without_a_refusal_is_asked_less() -> None:
    seen = simulate(Pacing(128), [Phase(128, 20), Phase(16, 60)], seed=1, queues=True)
    assert seen.limit(10, 20) > 100
    assert seen.limit(60, 80) < 64


def test_an_endpoint_that_is_slower_altogether_is_asked_no_less() -> None:
    seen = simulate(Pacing(64), [Phase(64, 20), Phase(64, 60, 3 * LATENCY)], seed=1)
    assert seen.limit(50, 80) > 50


def test_the_limit_of_the_operator_is_never_exceeded() -> None:
    for most in (1, 5, 40):
        seen = simulate(Pacing(most), [Phase(200, 20)], seed=1)
        assert max(limit for _, limit in seen.limits) == most


def test_refusals_of_what_was_sent_before_a_decrease_count_once() -> None:
    pacing = Pacing(64, start=64)
    tickets = [pacing.send(0.0) for _ in range(64)]
    pacing.end(tickets[40], "refused", 0.1)
    assert pacing.limit == 40, "those before it were taken"
    for ticket in tickets[41:]:
        pacing.end(ticket, "refused", 0.1)
    assert pacing.limit == 40
    assert not pacing.room


def test_for_want_of_prompts_nothing_is_learned() -> None:
    pacing = Pacing(64)
    for second in range(200):
        pacing.end(pacing.send(second), "answered", second + 0.5)
    assert pacing.limit == 8


# --- the gate -------------------------------------------------------------------------------------------------------


async def test_who_gives_up_waiting_takes_no_turn_along() -> None:
    gate = Gate(Pacing(1))
    turn = await gate.enter()
    waiting = [asyncio.create_task(gate.enter()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    gate.leave(turn, "answered")
    waiting[1].cancel()  # while its turn is on its way
    assert (await waiting[2]).rank == 1
    assert gate.pacing.in_flight == 1


async def test_what_is_sent_again_comes_first() -> None:
    gate = Gate(Pacing(1))
    turn = await gate.enter()
    order: list[str] = []

    async def wait(name: str, *, again: bool) -> None:
        held = await gate.enter(again=again)
        order.append(name)
        gate.leave(held, "answered")

    tasks = [asyncio.create_task(wait(name, again=name == "again")) for name in ("new", "again")]
    await asyncio.sleep(0)
    gate.leave(turn, "answered")
    await asyncio.gather(*tasks)
    assert order == ["again", "new"]


async def test_a_pause_holds_everybody() -> None:
    gate, began = Gate(Pacing(8)), time.monotonic()
    gate.pause(0.2)
    await asyncio.gather(*(gate.enter() for _ in range(4)))
    assert time.monotonic() - began >= 0.2


# --- over HTTP ------------------------------------------------------------------------------------------------------


def test_over_http_few_requests_are_refused_and_all_are_answered(tmp_path: Path) -> None:
    benchmark = practice_benchmark()
    capacity = 12

    def behave(asked: Asked) -> Response:
        return say("like me", delay=0.05) if server.at_once <= capacity else fail(429, "too many")

    with ChatServer(behave) as server:
        endpoint = Endpoint(name="chat", base_url=server.address, concurrency=64)  # type: ignore[arg-type]
        quick = RetryPolicy(first_wait=0.1)
        outcome = asyncio.run(evaluate(Job("m", endpoint, benchmark), tmp_path, retry=quick))
    assert outcome.result.coverage.rated == benchmark.n_prompts
    refused = len(server.asked) - benchmark.n_prompts
    assert refused < 0.1 * benchmark.n_prompts, "a fixed 64 would have most of them refused at first"
    assert server.most_at_once <= 2 * capacity + 2
