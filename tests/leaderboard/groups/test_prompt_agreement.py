"""Statements about groups from each prompt alone: agreement with the whole computation, planted agreement and doubt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.people.rater_means import rater_means
from data.people.reference import load_reference
from data.sources.loading import load_benchmark, load_study
from data.sources.practice import practice_benchmark, practice_study
from eval_queue.reading.answers import read_answers
from eval_queue.scoring.formulas import item_means, score
from leaderboard.analysis.ranks import resample
from leaderboard.groups.prompt_agreement import directions_by_prompt, groups_by_prompt
from leaderboard.groups.proximity import NO_GROUP, proximity

BENCHMARK = practice_benchmark()
SELECTED = BENCHMARK.key.selected
RATERS = score(rater_means(BENCHMARK, practice_study())[None, None], SELECTED).score[0]


def _by_key(x: Any) -> Any:
    return score(x[:, None], SELECTED).score


def _ratings(models: int = 4, seed: int = 1) -> Any:
    return np.random.default_rng(seed).integers(1, 7, (models, 6, len(BENCHMARK.items))).astype(float)


def test_six_equal_prompts_agree_with_the_whole() -> None:
    ratings = np.repeat(_ratings()[:, :1], 6, axis=1)
    found = groups_by_prompt(ratings, _by_key, RATERS, load_reference())
    assert (found.prompts == 6).all()
    assert (found.nearest_holds == 6).all()
    assert (found.lean_holds == 6).all()
    assert set(np.unique(found.lean)) <= {-1, 1}


def test_a_prompt_that_says_the_opposite_is_counted_out() -> None:
    ratings = np.repeat(_ratings()[:, :1], 6, axis=1)
    ratings[:, 2] = 7 - ratings[:, 2]
    turned = groups_by_prompt(ratings, _by_key, np.zeros_like(RATERS) + RATERS, load_reference())
    assert (turned.lean_holds == 5).all()
    assert (turned.nearest_holds == 5).all()


def test_without_a_profile_nothing_holds() -> None:
    ratings = _ratings()
    ratings[0] = 4.0
    ratings[1] = np.nan
    ratings[2, 1:] = np.nan
    found = groups_by_prompt(ratings, _by_key, RATERS, load_reference())
    assert (found.nearest[:2] == NO_GROUP).all()
    assert (found.nearest_holds[:2] == 0).all()
    assert found.prompts[2] == found.nearest_holds[2] == 1
    assert (found.lean_holds[1] == 0).all()


def test_a_persona_s_direction_is_counted_prompt_by_prompt() -> None:
    first, second = _ratings(seed=2), _ratings(seed=3)
    gap = np.random.default_rng(4).normal(size=10)
    gap -= gap.mean()
    whole, holds, prompts = directions_by_prompt(first, second, _by_key, gap)
    back, also, _ = directions_by_prompt(second, first, _by_key, gap)
    np.testing.assert_allclose(whole, -back, atol=1e-12)
    np.testing.assert_array_equal(holds, also)
    assert (prompts == 6).all()
    assert np.isnan(directions_by_prompt(first, first, _by_key, gap)[0]).all()


@pytest.mark.upstream
def test_the_whole_says_what_the_groups_page_says(upstream_dir: Path, outputs_dir: Path) -> None:
    benchmark = load_benchmark(upstream_dir)
    files = [outputs_dir / f"{name}.jsonl.gz" for name in ("gpt-4o-2024-08-06", "o3-mini-2025-01-31", "grok-2-1212")]
    ratings = read_answers(files, benchmark).ratings
    means = np.concatenate([item_means(ratings), rater_means(benchmark, load_study(upstream_dir))[None]])
    sample = resample(means, benchmark.key.selected, benchmark.query_index)
    reference = load_reference()
    full = proximity(
        sample.point[:-1],
        sample.draws[:, :-1],
        sample.point[-1],
        sample.draws[:, -1],
        reference,
        complete=np.ones(3, dtype=bool),
        reliability=np.ones(3),
    )
    selected = benchmark.key.selected
    found = groups_by_prompt(ratings, lambda x: score(x[:, None], selected).score, sample.point[-1], reference)
    np.testing.assert_array_equal(found.nearest, full.nearest.group)
    np.testing.assert_array_equal(found.lean, np.sign(full.leans.lean.value))
    assert ((found.nearest_holds >= 0) & (found.nearest_holds <= 6)).all()
    assert (found.prompts == 6).all()
