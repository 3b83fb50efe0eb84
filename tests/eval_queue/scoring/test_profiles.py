"""Profiles as records: the coverage rule, odd models, the record's golden form."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from data.benchmark import VARIANTS, Benchmark
from data.sources.loading import load_benchmark
from data.values import VALUES
from eval_queue.reading.answers import UNSCORED_KINDS, Answers
from eval_queue.records import BenchmarkRef, Profile, Result, RunInfo, Served
from eval_queue.scoring.profiles import MIN_ITEMS, profiles
from tests.support import GOLDEN


@pytest.fixture(scope="module")
def practice() -> Benchmark:
    return load_benchmark("practice")


def _answers(ratings: Any, **unscored: int) -> Answers:
    kinds = np.array([[unscored.get(kind, 0) for kind in UNSCORED_KINDS]] * len(ratings))
    return Answers(tuple(f"m{n}" for n in range(len(ratings))), ratings, kinds)


def _random(benchmark: Benchmark, models: int = 1, seed: int = 3) -> Any:
    rng = np.random.default_rng(seed)
    return rng.integers(1, 7, (models, len(VARIANTS), len(benchmark.items))).astype(float)


def _numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [n for v in value.values() for n in _numbers(v)]
    return [value] if isinstance(value, float) else []


def test_a_full_row_is_complete(practice: Benchmark) -> None:
    (profile,) = profiles(_answers(_random(practice)), practice)
    assert profile.complete is True
    assert profile.incomplete_reason is None
    assert profile.draws == 2000
    assert profile.centred10 is not None
    assert list(profile.centred10) == [v.name for v in VALUES]
    assert sum(c.score or 0 for c in profile.centred10.values()) == pytest.approx(0, abs=1e-10)
    for scale in profile.scales.values():
        assert scale.mean is not None
        assert scale.mean_low is not None
        assert scale.mean_high is not None
        assert scale.mean_low < scale.mean < scale.mean_high
        for dimension in scale.dimensions.values():
            assert dimension.score is not None
            if dimension.se is not None:
                assert dimension.low is not None
                assert dimension.high is not None
                assert dimension.se > 0
                assert dimension.low < dimension.high


@pytest.mark.parametrize(("share", "complete"), [(0.91, True), (0.89, False)])
def test_nine_in_ten_prompts_make_a_row_complete(practice: Benchmark, share: float, complete: bool) -> None:
    ratings = _random(practice)
    prompts = ratings[0].size
    missing = prompts - int(share * prompts)
    # one variant of an item at a time: no item is lost, only prompts
    flat = ratings.reshape(-1)
    flat[:missing] = np.nan
    (profile,) = profiles(_answers(ratings, refusal=missing), practice)
    assert profile.complete is complete
    assert (profile.incomplete_reason is None) is complete
    if not complete:
        assert profile.incomplete_reason is not None
        assert f"{prompts - missing} of {prompts} prompts" in profile.incomplete_reason


def test_a_dimension_that_lost_its_items_makes_a_row_incomplete(practice: Benchmark) -> None:
    d = min(range(len(VALUES)), key=lambda v: practice.key.selected[:, v].sum())
    items = np.flatnonzero(practice.key.selected[:, d])
    lost = int(len(items) * (1 - MIN_ITEMS)) + 1
    ratings = _random(practice)
    ratings[0][:, items[:lost]] = np.nan
    (profile,) = profiles(_answers(ratings, unreadable=lost * len(VARIANTS)), practice)
    assert profile.complete is False
    assert profile.incomplete_reason is not None
    assert f"{VALUES[d].name} {len(items) - lost} of {len(items)}" in profile.incomplete_reason


def test_a_model_that_answers_one_phrase_to_everything(practice: Benchmark) -> None:
    (profile,) = profiles(_answers(np.full((1, len(VARIANTS), len(practice.items)), 4.0)), practice)
    assert profile.complete is True
    assert profile.flat is True
    assert profile.reliability is None
    assert {d.score for d in profile.scales["pvq"].dimensions.values()} == {0.0}
    assert {d.raw for d in profile.scales["pvq"].dimensions.values()} == {4.0}
    assert profile.style is not None
    assert (profile.style.most_used, profile.style.most_used_share) == (4, 1.0)
    assert profile.sensitivity is not None
    assert profile.sensitivity.prompt == 0
    assert profile.circumplex is not None
    assert profile.circumplex.fit is None
    assert all(np.isfinite(_numbers(profile.model_dump())))
    assert "NaN" not in profile.model_dump_json()
    assert "-0.0" not in profile.model_dump_json()


def test_a_model_that_refuses_everything(practice: Benchmark) -> None:
    prompts = practice.n_prompts
    ratings = np.full((1, len(VARIANTS), len(practice.items)), np.nan)
    (profile,) = profiles(_answers(ratings, refusal=prompts), practice)
    assert profile.complete is False
    assert profile.incomplete_reason is not None
    assert f"0 of {prompts} prompts" in profile.incomplete_reason
    assert profile.coverage.unscored == {"refusal": prompts}
    assert profile.flat is None
    assert profile.reliability is None
    assert profile.style is not None
    assert (profile.style.refusal_rate, profile.style.valid_rate, profile.style.most_used) == (1.0, 0.0, None)
    assert {d.score for s in profile.scales.values() for d in s.dimensions.values()} == {None}
    assert all(np.isfinite(_numbers(profile.model_dump())))
    assert "NaN" not in profile.model_dump_json()


def test_a_single_answer_is_a_truthful_row(practice: Benchmark) -> None:
    ratings = np.full((1, len(VARIANTS), len(practice.items)), np.nan)
    ratings[0, 0, int(np.flatnonzero(practice.key.selected[:, 0])[0])] = 6
    (profile,) = profiles(_answers(ratings), practice)
    direction = profile.scales["pvq"].dimensions["Self-Direction"]
    assert (direction.n, direction.raw, direction.score, direction.se) == (1, 6.0, 0.0, None)
    assert profile.complete is False
    assert all(np.isfinite(_numbers(profile.model_dump())))


def test_a_row_does_not_depend_on_its_company(practice: Benchmark) -> None:
    ratings = _random(practice, models=20)
    ratings[3, :2] = np.nan
    together = profiles(_answers(ratings), practice)
    alone = profiles(_answers(ratings[3:4]), practice)
    one, other = (_numbers(p.model_dump()) for p in (together[3], alone[0]))
    np.testing.assert_allclose(one, other, atol=2e-12)


def _result(practice: Benchmark) -> Result:
    (profile,) = profiles(_answers(_random(practice)), practice)
    return Result(
        **dict(profile),
        id="org-one-0123456789ab",
        model="org/one",
        endpoint="vllm",
        protocol="1-free-text",
        benchmark=BenchmarkRef(name="practice", version="1", digest="0" * 64),
        origin="space",
        run=RunInfo(
            started=datetime(2031, 2, 3, 3, 5, 6, tzinfo=UTC),
            finished=datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC),
            seconds=3600.0,
            endpoint_model="one-2031",
            provider="someone",
            served=Served(engine="vllm", version="0.9", quantisation="fp8", context_length=8192, deterministic=True),
            request={"max_completion_tokens": 64},
            changed={"temperature": "dropped", "seed": "dropped", "max_tokens": "max_completion_tokens"},
            prompt_tokens=36000,
            completion_tokens=1800,
            uncounted=3,
            filtered=2,
        ),
        created=datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC),
    )


def _shape(value: Any) -> Any:
    """A record without its numbers: names in order and kinds of values."""
    if isinstance(value, dict):
        return {name: _shape(v) for name, v in value.items()}
    return "number" if isinstance(value, float | int) and not isinstance(value, bool) else value


def test_the_wire_format_is_the_golden_one(practice: Benchmark) -> None:
    golden = json.loads((GOLDEN / "result.json").read_text(encoding="utf-8"))
    found = json.loads(_result(practice).model_dump_json())
    assert json.dumps(_shape(found)) == json.dumps(_shape(golden))
    assert Result.model_validate(golden).model_dump(mode="json") == golden


def test_a_record_of_the_first_program_is_still_read() -> None:
    """Written before intervals existed, with a field that only a newer program knows."""
    text = (GOLDEN / "result-first.json").read_text(encoding="utf-8")
    result = Result.model_validate_json(text)
    assert result.schema_version == 1
    assert result.scales["pvq"].dimensions["Self-Direction"].se is None
    assert (result.complete, result.flat, result.reliability, result.centred10) == (None, None, None, None)
    assert result.reader_version is None
    again = json.loads(result.model_dump_json())
    assert again["invented_later"] == {"kept": True}
    original = json.loads(text)
    nested = ("scales", "run")  # their parts have got fields of their own since
    assert {name: again[name] for name in original if name not in nested} == {
        name: v for name, v in original.items() if name not in nested
    }
    later = ("cost", "provider", "served", "changed", "uncounted", "filtered")
    assert again["run"] == original["run"] | dict.fromkeys(later)


def test_a_record_of_an_unknown_version_is_refused() -> None:
    record = json.loads((GOLDEN / "result-first.json").read_text(encoding="utf-8")) | {"schema_version": 2}
    with pytest.raises(ValueError, match="schema_version"):
        Result.model_validate(record)


def test_every_profile_field_is_described() -> None:
    undescribed = {"sensitivity", "style", "circumplex", "coverage", "scales"}
    assert {name for name, field in Profile.model_fields.items() if not field.description} <= undescribed
