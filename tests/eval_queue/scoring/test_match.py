"""Template match of models: against a plain loop, invariances, missing and equal ratings, both standard errors."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from data.benchmark import VARIANTS, Benchmark
from data.errors import InputError
from data.people.templates import ValueTemplates, template_match
from data.sources.loading import load_benchmark
from data.sources.practice import practice_benchmark
from data.sources.published_templates import templates_of
from data.values import DIMENSIONS, SCALES
from eval_queue.__main__ import app
from eval_queue.reading.answers import UNSCORED_KINDS, Answers, read_answers
from eval_queue.records import BenchmarkRef, Result
from eval_queue.scoring.bootstrap import query_weights
from eval_queue.scoring.formulas import item_means
from eval_queue.scoring.match import (
    ALL_EQUAL,
    FEW_QUERIES,
    NO_TEMPLATES,
    match_draws,
    matched,
    people_draws,
    wording_reliability,
)
from eval_queue.scoring.profiles import completed, profiles
from tests.support import GOLDEN

BENCHMARK = practice_benchmark()
ITEMS, QUERIES = len(BENCHMARK.items), BENCHMARK.query_index


def _templates() -> ValueTemplates:
    found = templates_of(BENCHMARK)
    assert found is not None
    return found


def _ratings(models: int = 3, seed: int = 5) -> Any:
    rng = np.random.default_rng(seed)
    ratings = rng.integers(1, 7, (models, len(VARIANTS), ITEMS)).astype(float)
    ratings[rng.random(ratings.shape) < 0.05] = np.nan
    ratings[1, :, ::7] = np.nan
    return ratings


def _answers(ratings: Any) -> Answers:
    names = tuple(f"m{n}" for n in range(len(ratings)))
    return Answers(names, ratings, np.zeros((len(ratings), len(UNSCORED_KINDS)), dtype=np.int64))


def _plain(x: list[float], a: list[float], w: list[float]) -> float:
    """A weighted correlation over the items with a rating, item by item."""
    pairs = [(p, q, k) for p, q, k in zip(x, a, w, strict=True) if not math.isnan(p) and k]
    total = math.fsum(k for _, _, k in pairs)
    mx, ma = (math.fsum(k * pair[i] for pair in pairs for k in (pair[2],)) / total for i in (0, 1))
    over = math.fsum(k * (p - mx) * (q - ma) for p, q, k in pairs)
    squares = math.fsum(k * (p - mx) ** 2 for p, _, k in pairs), math.fsum(k * (q - ma) ** 2 for _, q, k in pairs)
    return over / math.sqrt(squares[0] * squares[1])


def test_match_and_all_draws_are_those_of_a_plain_loop_over_items() -> None:
    x, t = item_means(_ratings()), _templates()
    found = matched(x, t, QUERIES, draws=40)
    weights = query_weights(len(BENCHMARK.queries), 40)
    every = t.resampled
    for m in range(len(x)):
        for d in range(0, len(DIMENSIONS), 3):
            a = t.loadings[:, d].tolist()
            mine = x[m].tolist()
            assert found.match[m, d] == pytest.approx(_plain(mine, a, [1.0] * ITEMS), abs=1e-12)
            drawn = [_plain(mine, a, w[QUERIES].tolist()) for w in weights]
            assert found.se_queries[m, d] == pytest.approx(np.std(drawn, ddof=1), abs=1e-12)
            people = [_plain(mine, every[b, :, d].tolist(), [1.0] * ITEMS) for b in range(t.draws)]
            assert found.se_people[m, d] == pytest.approx(np.std(people, ddof=1), abs=1e-10)
            half = 1.96 * math.hypot(found.se_queries[m, d], found.se_people[m, d])
            assert found.low[m, d] == pytest.approx(found.match[m, d] - half, abs=1e-12)
            assert found.high[m, d] == pytest.approx(found.match[m, d] + half, abs=1e-12)


def test_draws_are_the_same_alone_in_company_and_as_those_of_the_scores() -> None:
    x, t = item_means(_ratings(20)), _templates()
    together, alone = match_draws(x, t.loadings, QUERIES, draws=30), match_draws(x[7:8], t.loadings, QUERIES, draws=30)
    np.testing.assert_allclose(together[7:8], alone, atol=1e-12)
    np.testing.assert_allclose(people_draws(x, t)[7:8], people_draws(x[7:8], t), atol=1e-12)
    once = np.ones((1, len(x[0])))
    assert once.shape == (1, ITEMS)
    assert together.shape == (20, len(DIMENSIONS), 30)


@pytest.mark.parametrize(("stretch", "shift"), [(1.0, 0.7), (0.25, 0.0), (3.0, -2.0)])
def test_neither_the_mean_rating_nor_the_spread_changes_anything(stretch: float, shift: float) -> None:
    x, t = item_means(_ratings()), _templates()
    one, other = matched(x, t, QUERIES, draws=50), matched(stretch * x + shift, t, QUERIES, draws=50)
    np.testing.assert_allclose(one.match, other.match, atol=1e-12)
    np.testing.assert_allclose(one.se_queries, other.se_queries, atol=1e-12)
    np.testing.assert_allclose(one.se_people, other.se_people, atol=1e-6)  # no whole sixtieths: single precision


def test_turning_the_scale_round_turns_the_match_round() -> None:
    x, t = item_means(_ratings()), _templates()
    np.testing.assert_allclose(matched(7 - x, t, QUERIES, draws=5).match, -matched(x, t, QUERIES, draws=5).match)


def test_a_rater_like_the_template_matches_it_wholly() -> None:
    t = _templates()
    x = 3.5 + t.loadings.T
    found = matched(x, t, QUERIES, draws=5)
    np.testing.assert_allclose(np.diag(found.match), 1, atol=1e-12)


@pytest.mark.parametrize("rating", [1.0, 4.0, 6.0])
def test_one_who_rates_everything_alike_has_no_match_but_a_reason(rating: float) -> None:
    (profile,) = profiles(_answers(np.full((1, len(VARIANTS), ITEMS), rating)), BENCHMARK)
    assert profile.match is None
    assert profile.match_reason == ALL_EQUAL
    alternating = np.where(np.arange(len(VARIANTS))[:, None] % 2, 2.0, 5.0) + np.zeros(ITEMS)
    (profile,) = profiles(_answers(alternating[None]), BENCHMARK)
    assert (profile.match, profile.match_reason) == (None, ALL_EQUAL)


def test_a_model_with_hardly_an_answer_has_no_match_but_a_reason() -> None:
    ratings = _ratings()
    ratings[0, :, QUERIES >= 9] = np.nan
    ratings[1] = np.nan
    found = profiles(_answers(ratings), BENCHMARK)
    assert [p.match_reason for p in found] == [FEW_QUERIES, FEW_QUERIES, None]
    assert [p.match is None for p in found] == [True, True, False]


def test_a_benchmark_without_ratings_says_so() -> None:
    bare = Benchmark(
        "bare", "1", BENCHMARK.queries, BENCHMARK.items[::-1], BENCHMARK.templates, BENCHMARK.key
    )  # another order of items: another digest
    (profile, *_) = profiles(_answers(_ratings()), bare)
    assert (profile.match, profile.match_reason) == (None, NO_TEMPLATES)


def test_a_dimension_nobody_was_asked_about_is_null_and_the_others_stand() -> None:
    t = _templates()
    loadings = t.loadings.copy()
    loadings[:, 4] = np.nan
    found = matched(item_means(_ratings()), ValueTemplates(loadings, t.steps), QUERIES, draws=20)
    assert np.isnan(found.match[:, 4]).all()
    assert np.isnan(found.se_people[:, 4]).all()
    assert np.isfinite(np.delete(found.se, 4, axis=1)).all()


def test_items_no_people_rated_are_left_out_as_in_the_loop() -> None:
    t, x = _templates(), item_means(_ratings())
    loadings, steps = t.loadings.copy(), t.steps.copy()
    loadings[::5], steps[:, ::5] = np.nan, 0
    found = matched(x, ValueTemplates(loadings, steps), QUERIES, draws=20)
    kept = np.arange(ITEMS) % 5 != 0
    gone = np.where(kept, x, np.nan)
    for d in (0, 9):
        plain = _plain(gone[1].tolist(), np.nan_to_num(loadings[:, d]).tolist(), [1.0] * ITEMS)
        assert found.match[1, d] == pytest.approx(plain, abs=1e-12)
    every = ValueTemplates(loadings, steps).resampled
    people = [_plain(gone[1].tolist(), np.nan_to_num(every[b, :, 3]).tolist(), [1.0] * ITEMS) for b in range(t.draws)]
    assert found.se_people[1, 3] == pytest.approx(np.std(people, ddof=1), abs=1e-9)


def test_reliability_over_wordings_is_that_of_a_plain_computation() -> None:
    rng = np.random.default_rng(8)
    true = rng.normal(size=(4, 1, ITEMS))
    ratings = np.clip(np.rint(3.5 + true + rng.normal(size=(4, 6, ITEMS))), 1, 6)
    found = wording_reliability(ratings)
    for m in range(4):
        wordings = [ratings[m, 2 * w : 2 * w + 2].mean(axis=0) for w in range(3)]
        r = np.mean([np.corrcoef(wordings[i], wordings[j])[0, 1] for i, j in ((0, 1), (0, 2), (1, 2))])
        assert found[m] == pytest.approx(3 * r / (1 + 2 * r), abs=1e-12)
    weights = query_weights(len(BENCHMARK.queries), 3)[:, QUERIES]
    drawn = wording_reliability(ratings, weights=weights)
    repeated = np.repeat(ratings[:1], weights[2].astype(int), axis=2)
    assert drawn[0, 2] == pytest.approx(wording_reliability(repeated)[0], abs=1e-12)
    assert np.isnan(wording_reliability(np.full((1, 6, ITEMS), 4.0))[0])


def _result() -> Result:
    (profile, *_) = profiles(_answers(_ratings()), BENCHMARK)
    return Result(
        **dict(profile),
        id="org-one-0123456789ab",
        model="org/one",
        endpoint="vllm",
        protocol="1-free-text",
        benchmark=BenchmarkRef.of(BENCHMARK),
        origin="space",
        created=datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC),
    )


def test_an_older_record_is_completed_from_its_answers() -> None:
    new = _result()
    old = Result.model_validate(new.model_dump(exclude={"match", "match_reason"}))
    assert old.match is None
    assert completed(old, _ratings()[0], BENCHMARK).model_dump_json() == new.model_dump_json()
    assert completed(new, _ratings()[0], BENCHMARK) is new
    first = Result.model_validate_json((GOLDEN / "result-first.json").read_text(encoding="utf-8"))
    assert first.match is None
    with pytest.raises(InputError, match="is of the benchmark"):
        completed(first, _ratings()[0], BENCHMARK)


@pytest.mark.upstream
def test_score_prints_the_match_of_every_model(upstream_dir: Path, outputs_dir: Path) -> None:
    files = [str(outputs_dir / f"{name}.jsonl.gz") for name in ("gpt-4o-2024-08-06", "claude-3-sonnet-20240229")]
    done = CliRunner().invoke(app, ["score", *files, "--source", str(upstream_dir), "--json"])
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)["models"]
    benchmark = load_benchmark(upstream_dir)
    x = item_means(read_answers([Path(f) for f in files], benchmark).ratings)
    templates = templates_of(benchmark)
    assert templates is not None
    expected = template_match(x, templates.loadings)
    for m, model in enumerate(printed):
        assert {s: list(names) for s, names in model["match"].items()} == {
            s: [d.name for d in ds] for s, ds in SCALES.items()
        }
        for d, dimension in enumerate(DIMENSIONS):
            cell = model["match"][dimension.scale][dimension.name]
            assert list(cell) == ["match", "se_queries", "se_people", "low", "high"]
            assert cell["match"] == pytest.approx(expected[m, d], abs=1e-9)
            assert cell["match"] == pytest.approx(np.corrcoef(x[m], templates.loadings[:, d])[0, 1], abs=1e-9)


@pytest.mark.upstream
def test_the_standard_errors_of_the_released_models_are_those_of_the_design(
    upstream_dir: Path, outputs_dir: Path
) -> None:
    benchmark = load_benchmark(upstream_dir)
    answers = read_answers([outputs_dir], benchmark)
    templates = templates_of(benchmark)
    assert templates is not None
    found = matched(item_means(answers.ratings), templates, benchmark.query_index)
    queries, people = (np.median(se[:, :10], axis=0) for se in (found.se_queries, found.se_people))
    assert queries.min() == pytest.approx(0.045, abs=0.002)
    assert queries.max() == pytest.approx(0.054, abs=0.002)
    assert people.min() == pytest.approx(0.032, abs=0.002)
    assert people.max() == pytest.approx(0.039, abs=0.002)
    spread = found.match[:, :10].std(axis=0)
    assert spread.min() == pytest.approx(0.03, abs=0.005)
    assert spread.max() == pytest.approx(0.11, abs=0.005)
