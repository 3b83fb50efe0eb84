"""Sensitivity and response style: upstream's published figures, slow formulas, and models that answer oddly."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import numpy as np
import pytest

from data.benchmark import VARIANTS
from data.sources.loading import load_benchmark
from eval_queue.reading.answers import read_answers
from eval_queue.scoring.stability import WORDINGS, sensitivity, style

TOLERANCE = 1e-9
STALE = "gemini-2.0-flash-001"
"""Its shipped file is from an older run over one pair of variants (upstream-facts, section 6)."""
WITHOUT_ANSWERS = "gemini-flash-1.5"
"""It has no raw answers to read."""

Figures = dict[str, float | None]


def _figures_of_file(results: dict[str, Any]) -> Figures:
    prompt, order = results["prompt_metrics"], results["order_metrics"]
    figures = {
        "prompt": prompt["sensitivity"],
        "version_difference": prompt["avg_version_difference"],
        "global_version_difference": prompt["global_avg_version_difference"],
        "spread": results["consistency_metrics"]["overall_consistency"],
    }
    for name in (*WORDINGS, "average"):
        figures[f"order {name}"] = order["sensitivities"][name]
        figures[f"order_difference {name}"] = order["differences"][name]
    return figures


def _figures_here(ratings: Any) -> list[Figures]:
    found = sensitivity(ratings)
    rows = []
    for m in range(len(ratings)):
        row = {name: getattr(found, name)[m] for name in ("prompt", "version_difference", "spread")}
        row["global_version_difference"] = found.global_version_difference[m]
        for name, each, average in (
            ("order", found.order, found.order_average),
            ("order_difference", found.order_difference, found.order_difference_average),
        ):
            row |= {f"{name} {wording}": each[m, w] for w, wording in enumerate(WORDINGS)}
            row[f"{name} average"] = average[m]
        rows.append({name: float(x) if np.isfinite(x) else None for name, x in row.items()})
    return rows


@pytest.mark.upstream
def test_sensitivity_is_the_published_one(upstream_dir: Path, outputs_dir: Path) -> None:
    """Of 29 published models one has no raw answers and one is stale; all others agree, and so does the summary."""
    answers = read_answers([outputs_dir], load_benchmark(upstream_dir), reader="compat")
    here = dict(zip(answers.models, _figures_here(answers.ratings), strict=True))
    path = upstream_dir / "lm_evaluation/prompt_analysis/sensitivity_results/summary_results.json"
    summary = json.loads(path.read_text(encoding="utf-8"))
    published = {
        entry["file_path"].removesuffix("_averaged_results.json"): _figures_of_file(entry["results"])
        for entry in summary["files_processed"]
    }
    assert len(published) == 29
    assert set(published) - set(here) == {WITHOUT_ANSWERS}
    recomputed = set(published) & set(here) - {STALE}
    assert len(recomputed) == 27
    for model in recomputed:
        assert here[model] == pytest.approx(published[model], abs=TOLERANCE), model
    assert here[STALE] != pytest.approx(published[STALE], abs=0.01)

    rows = [here[m] if m in recomputed else published[m] for m in published]
    means = {name: fmean(row[name] for row in rows if row[name] is not None) for name in rows[0]}
    for name in ("order", "order_difference"):
        # the summary averages its own three wordings, not the models' averages
        means[f"{name} average"] = fmean(means[f"{name} {wording}"] for wording in WORDINGS)
    stated = summary["summary"]
    expected = _figures_of_file(
        {
            "prompt_metrics": stated["average_prompt_metrics"],
            "order_metrics": stated["average_order_metrics"],
            "consistency_metrics": stated["average_consistency_metrics"],
        }
    )
    assert means == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.upstream
def test_range_over_the_released_models(upstream_dir: Path, outputs_dir: Path) -> None:
    answers = read_answers([outputs_dir], load_benchmark(upstream_dir), reader="compat")
    found = sensitivity(answers.ratings)
    by_prompt = dict(zip(answers.models, found.prompt, strict=True))
    by_order = dict(zip(answers.models, found.order_average, strict=True))
    assert min(by_prompt, key=by_prompt.__getitem__) == "claude-3-sonnet-20240229"
    assert max(by_prompt, key=by_prompt.__getitem__) == "o1-mini-2024-09-12"
    assert (min(by_prompt.values()), max(by_prompt.values())) == pytest.approx((0.127, 0.896), abs=5e-4)
    assert (min(by_order.values()), max(by_order.values())) == pytest.approx((0.050, 0.722), abs=5e-4)


def _slow(ratings: Any) -> Figures:
    """Upstream's formulas, one item at a time."""
    items = [{v: float(r) for v, r in zip(VARIANTS, column, strict=True) if r == r} for column in ratings.T]
    pairs = [{w: (i[w], i[f"{w}_reversed"]) for w in WORDINGS if {w, f"{w}_reversed"} <= i.keys()} for i in items]
    several = [[a for a, _ in p.values()] for p in pairs if len(p) >= 2]
    some = [[r for pair in p.values() for r in pair] for p in pairs if p]

    def gap(values: list[float]) -> float:
        return fmean(abs(a - b) for a, b in combinations(values, 2))

    def mean(values: list[Any]) -> float | None:
        return fmean(values) if values else None

    figures: Figures = {
        "prompt": mean([len(set(v)) > 1 for v in several]),
        "version_difference": mean([gap(v) for v in several]),
        "global_version_difference": mean([gap(v) for v in some]),
        "spread": mean([pstdev(r) for v in VARIANTS if (r := [i[v] for i in items if v in i])]),
    }
    for w in WORDINGS:
        figures[f"order {w}"] = mean([p[w][0] != p[w][1] for p in pairs if w in p])
        figures[f"order_difference {w}"] = mean([abs(p[w][0] - p[w][1]) for p in pairs if w in p])
    for name in ("order", "order_difference"):
        there = [x for w in WORDINGS if (x := figures[f"{name} {w}"]) is not None]
        figures[f"{name} average"] = mean(there)
    return figures


@pytest.mark.parametrize("missing", [0.0, 0.3, 0.8, 1.0])
def test_sensitivity_equals_the_slow_formulas(missing: float) -> None:
    rng = np.random.default_rng(7)
    ratings = rng.integers(1, 7, (3, len(VARIANTS), 40)).astype(float)
    ratings[rng.random(ratings.shape) < missing] = np.nan
    ratings[0, VARIANTS.index("v2_reversed")] = np.nan
    for row, found in zip(ratings, _figures_here(ratings), strict=True):
        assert found == pytest.approx(_slow(row), abs=1e-12)


def test_style_counts_what_was_answered() -> None:
    ratings = np.full((3, len(VARIANTS), 5), np.nan)
    ratings[0] = 4
    ratings[1, 0], ratings[1, 1] = 6, 4
    ratings[1, 2, 0] = 2
    found = style(ratings, np.array([30, 15, 8]), np.array([0, 3, 8]))
    assert found.most_used.tolist()[:2] == [4, 6]
    assert found.most_used_share.tolist()[:2] == pytest.approx([1, 5 / 11])
    assert found.mean_rating.tolist()[:2] == pytest.approx([4, 52 / 11])
    assert found.acquiescence.tolist()[:2] == pytest.approx([0, 2])
    assert found.valid_rate.tolist() == pytest.approx([1, 11 / 15, 0])
    assert found.refusal_rate.tolist() == pytest.approx([0, 0.2, 1])
    assert np.isnan([found.most_used[2], found.most_used_share[2], found.mean_rating[2], found.acquiescence[2]]).all()
