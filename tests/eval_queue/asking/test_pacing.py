"""How many requests are in flight: the control law against simulated endpoints, and once over HTTP."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from data.sources.practice import practice_benchmark
from eval_queue.asking.endpoint import RetryPolicy
from eval_queue.asking.evaluation import Job, evaluate
from eval_queue.asking.pacing import LONGEST_HOLD_ANSWERS, Gate, Outcome, Pacing, Ticket
from eval_queue.settings import Endpoint
from tests.support.chat_server import Asked, ChatServer, Response, fail, say
from tests.support.simulated_endpoint import LATENCY, Phase, best_fixed, simulate


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "client", [{}, {"refusal": 0.1}, {"tick": 0.05, "refusal": 0.05}], ids=["quick", "late refusals", "busy machine"]
)
def test_a_capacity_that_changes_is_used_nearly_as_well_as_by_the_best_fixed_setting(
    seed: int, client: dict[str, float]
) -> None:
    """85 % of it in every phase, less than 3 % refused; a fall from 128 to 8 is one too."""
    phases = [Phase(16, 40), Phase(128, 40), Phase(8, 40)]
    seen = simulate(Pacing(256), phases, seed=seed, **client)
    for phase, share in zip(phases, seen.shares, strict=True):
        alone = Phase(phase.slots, 10)
        best = best_fixed((8, 16, 32, 128), alone, lambda p, one: simulate(p, [one], seed=seed, **client))
        assert share >= 0.85 * best, phase
    assert seen.refused < 0.03


def test_more_room_is_found_within_a_few_rounds() -> None:
    """Of 3 to 5 latencies until it is noticed and 4 to 6 to grow from 16 to 128."""
    for seed in range(5):
        seen = simulate(Pacing(256), [Phase(16, 30), Phase(128, 10)], seed=seed)
        assert seen.limit(30 + 11 * LATENCY, 40) > 110


@pytest.mark.parametrize("slots", [4, 8, 16, 64])
def test_a_capacity_that_stays_costs_few_refusals(slots: int) -> None:
    """Probes go on for ever, so that they must be few at any capacity, from the first minutes on."""
    assert simulate(Pacing(256), [Phase(slots, 40)], seed=slots).refused < 0.03


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


def test_a_probe_that_fails_for_another_reason_is_made_again() -> None:
    class Unlucky(Pacing):
        spoiled = 0

        def end(self, ticket: Ticket, outcome: Outcome, now: float) -> None:
            if outcome == "answered" and ticket.number == self._scout and self.spoiled < 3:
                self.spoiled += 1
                outcome = "failed"
            super().end(ticket, outcome, now)

    pacing = Unlucky(256)
    seen = simulate(pacing, [Phase(16, 20), Phase(64, 20)], seed=1)
    assert pacing.spoiled == 3
    assert seen.limit(35, 40) > 50


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
