"""Asking a share of the prompts a second time: kept apart, resumed, and what the record says of it."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.benchmark import RATING_PHRASES
from data.sources.practice import practice_benchmark
from eval_queue.asking.checkpoint import ANSWERS_FILE
from eval_queue.asking.endpoint import RetryPolicy
from eval_queue.asking.evaluation import RETEST_FOLDER, EvaluationStopped, Job, Progress, evaluate
from eval_queue.asking.outcome import Outcome
from eval_queue.protocol import plan
from eval_queue.records import Result
from eval_queue.scoring.retest import agreement, asked_again
from eval_queue.settings import Endpoint
from tests.support.chat_server import Asked, ChatServer, Response, fail, rate, say

BENCHMARK = practice_benchmark()
PROMPTS = plan(BENCHMARK)
QUICK = RetryPolicy(attempts=2, seconds=20.0, first_wait=0.001, longest_wait=0.01)


def _job(address: str, retest: float = 0.05) -> Job:
    endpoint = Endpoint.model_validate({"name": "test", "base_url": address, "concurrency": 8})
    return Job(model="org/model", endpoint=endpoint, benchmark=BENCHMARK, retest=retest)


def _run(job: Job, out: Path, **options: object) -> Outcome:
    return asyncio.run(evaluate(job, out, **({"retry": QUICK} | options)))  # type: ignore[arg-type]  # passed through


def test_a_model_that_says_the_same_again_agrees_wholly_and_its_scores_are_as_without(tmp_path: Path) -> None:
    seen: list[Progress] = []
    with ChatServer() as server:
        with_it = _run(_job(server.address), tmp_path / "with", on_progress=seen.append).result
        asked = len(server.asked)
        without = _run(_job(server.address, 0.0), tmp_path / "without").result
    assert asked == len(PROMPTS) + 18
    assert without.retest is None
    assert with_it.retest is not None
    assert (with_it.retest.asked, with_it.retest.rated, with_it.retest.share) == (18, 18, 0.05)
    assert (with_it.retest.identical, with_it.retest.kappa, with_it.retest.difference) == (1.0, 1.0, 0.0)
    assert (with_it.scales, with_it.match, with_it.coverage) == (without.scales, without.match, without.coverage)
    assert len((tmp_path / "with" / ANSWERS_FILE).read_bytes().splitlines()) == len(PROMPTS)
    assert len((tmp_path / "with" / RETEST_FOLDER / ANSWERS_FILE).read_bytes().splitlines()) == 18
    assert Result.model_validate_json(with_it.model_dump_json()).retest == with_it.retest
    assert all(p.done <= p.total for p in seen)


def test_a_model_that_changes_its_mind_is_found_out(tmp_path: Path) -> None:
    times: dict[str, int] = {}
    busy = threading.Lock()

    def moody(asked: Asked) -> Response:
        text = str(asked.body["messages"][-1]["content"])  # type: ignore[index]
        with busy:
            times[text] = times.get(text, 0) + 1
            again = times[text] > 1
        return say(RATING_PHRASES[6]) if again else say(RATING_PHRASES[4 if len(text) % 2 else 3])

    with ChatServer() as server:
        server.behave = moody
        retest = _run(_job(server.address, 0.2), tmp_path / "run").result.retest
    assert retest is not None
    assert (retest.asked, retest.identical) == (72, 0.0)
    assert retest.difference is not None
    assert 2 <= retest.difference <= 3
    assert retest.kappa is not None
    assert retest.kappa < 0.1


def test_a_second_asking_that_was_stopped_goes_on_and_one_that_fails_costs_nothing(tmp_path: Path) -> None:
    stop = threading.Event()
    with ChatServer() as server:
        whole = server.behave

        def until(asked: Asked) -> Response:
            if len(server.asked) > len(PROMPTS) + 4:
                stop.set()
            return whole(asked)

        server.behave = until
        with pytest.raises(EvaluationStopped):
            _run(_job(server.address, 0.3), tmp_path / "run", stop=stop)
        server.behave = whole
        before = len(server.asked)
        retest = _run(_job(server.address, 0.3), tmp_path / "run").result.retest
        assert len(server.asked) - before < 108
        assert retest is not None
        assert retest.asked == 108

        begun = len(server.asked)
        server.behave = lambda asked: rate(asked) if len(server.asked) - begun <= len(PROMPTS) else fail(401)
        result = _run(_job(server.address), tmp_path / "gone").result
    assert result.coverage.rated == len(PROMPTS)
    assert result.retest is None or result.retest.rated < 18


def test_the_same_prompts_are_chosen_every_time_and_in_order() -> None:
    one, other = asked_again(PROMPTS, 0.05), asked_again(PROMPTS, 0.05)
    assert one == other
    assert len(one) == 18
    assert [PROMPTS.index(p) for p in one] == sorted(PROMPTS.index(p) for p in one)
    assert asked_again(PROMPTS, 0.0) == []
    assert len(asked_again(PROMPTS, 1.0)) == len(PROMPTS)


def test_agreement_is_that_of_a_plain_computation() -> None:
    rng = np.random.default_rng(1)
    first = rng.integers(1, 7, 200).astype(float)
    second = np.clip(first + rng.integers(-1, 2, 200), 1, 6)
    first[:5] = np.nan
    query = np.arange(200) // 5
    found = agreement(first, second, query)
    a, b = first[5:], second[5:]
    assert found.n == 195
    assert found.identical[0] == pytest.approx((a == b).mean())
    assert found.difference[0] == pytest.approx(np.abs(a - b).mean())
    expected = np.subtract.outer(a, b) ** 2
    assert found.kappa[0] == pytest.approx(1 - ((a - b) ** 2).mean() / expected.mean())
    for value, low, high in (found.identical, found.kappa, found.difference):
        assert low < value < high
    same = agreement(np.full(20, 4.0), np.full(20, 4.0), np.arange(20))
    assert same.identical[0] == 1.0
    assert np.isnan(same.kappa[0])
    assert agreement(np.array([np.nan]), np.array([1.0]), np.array([3])).n == 0


def test_the_record_is_small_and_plain(tmp_path: Path) -> None:
    with ChatServer() as server:
        outcome = _run(replace(_job(server.address), limit=60), tmp_path / "run")
    record = json.loads(outcome.result_file.read_bytes())["retest"]
    assert record["asked"] == 3
    assert set(record) == {
        "share",
        "asked",
        "rated",
        *(name + end for name in ("identical", "kappa", "difference") for end in ("", "_low", "_high")),
    }
