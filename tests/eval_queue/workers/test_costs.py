"""The estimate of what many models take: arithmetic by hand, and the command."""

from __future__ import annotations

import json

import pytest

from eval_queue.workers.costs import FLAVOURS, SOURCES, UNVERIFIED, by_batch, on_machines, work_of
from tests.support.commands import run_command


def test_prompts_and_tokens_are_counted_with_the_second_asking() -> None:
    work = work_of(200, 3120, prompt_tokens=262, answer_tokens=6, retest=0.05)
    assert work == (200, 200 * 3276, 200 * 3276 * 262, 200 * 3276 * 6)


def test_hours_and_dollars_by_hand() -> None:
    work = work_of(10, 1000, prompt_tokens=100, answer_tokens=10)
    cost = on_machines(work, 1e9)[0]
    speed = 121e12 / 2e9
    seconds = 1_000_000 / (0.3 * speed) + 100_000 / (0.02 * speed) + 10 * (2e9 / 200e6 + 180)
    assert cost.hours == pytest.approx(seconds / 3600)
    assert cost.dollars == pytest.approx(0.80 * seconds / 3600)


def test_a_model_that_does_not_fit_has_no_price() -> None:
    small, *_, large = on_machines(work_of(1, 1, prompt_tokens=1, answer_tokens=1), 40e9)
    assert (small.hours, small.dollars) == (None, None)
    assert "does not fit into 24 GB" in small.note
    assert large.dollars is not None


def test_a_batch_costs_half() -> None:
    costs = by_batch(work_of(1, 1000, prompt_tokens=1000, answer_tokens=1000))
    assert costs[0].dollars == pytest.approx(0.5 * (0.10 + 0.40))
    assert all(cost.hours is None for cost in costs), "nobody promises them"


def test_the_command_prints_every_place_with_its_date() -> None:
    ended = run_command("eval_queue", "plan", "--models", "200", "--parameters", "8e9", "--json")
    document = json.loads(ended.stdout)
    assert document["work"]["prompts"] == 200 * 3276
    table = run_command("eval_queue", "plan", "--models", "200", "--parameters", "8e9").stdout
    assert "655,200 prompts" in table
    for flavour in FLAVOURS:
        assert f"{flavour.name}, {flavour.dollars:.2f} USD/h ({flavour.looked_up})" in table
    for told in (*SOURCES.values(), *UNVERIFIED):
        assert told in table
    assert document["sources"] == SOURCES
