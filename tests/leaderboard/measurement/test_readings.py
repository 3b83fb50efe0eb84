"""Both readings examined: the design's figures, planted models, and what is shipped against what is computed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from data.errors import InputError
from data.people.templates import templates
from data.sources.practice import practice_benchmark, practice_study
from data.values import VALUES
from eval_queue.scoring.bootstrap import query_weights
from eval_queue.scoring.formulas import item_means
from leaderboard.__main__ import app
from leaderboard.boards.readings import PUBLISHED_READINGS, read_readings
from leaderboard.measurement.common_profile import common_profile
from leaderboard.measurement.readings import (
    along_common,
    explained,
    first_component,
    match_sample,
    over_models,
    pairs_that_hold,
)
from leaderboard.measurement.variance import (
    Generalizability,
    component_intervals,
    components,
    generalizability,
    match_parts,
    published_parts,
    shares,
)

BENCHMARK = practice_benchmark()
ITEMS, WHERE = len(BENCHMARK.items), BENCHMARK.query_index
TEMPLATES = templates(practice_study(), [item.id for item in BENCHMARK.items], draws=60)


def _shipped() -> Any:
    return json.loads(PUBLISHED_READINGS.read_bytes())


def test_the_shipped_figures_are_those_measured_elsewhere() -> None:
    report = _shipped()
    assert len(report["models"]) == 33
    published, match = report["separations"]["published"], report["separations"]["match"]
    assert (published["queries_normal"]["models"], published["queries_normal"]["models_of"]) == (35, 5280)
    assert match["queries_normal"]["models"] == pytest.approx(397, abs=5)
    assert published["queries_normal"]["values"] == pytest.approx(111, abs=8)
    assert match["queries_normal"]["values"] == pytest.approx(426, abs=8)
    assert match["queries_normal"]["values_of"] == 1485
    assert report["first_component"]["match"] == pytest.approx(0.72, abs=0.005)
    assert report["first_component"]["published"] == pytest.approx(0.50, abs=0.005)
    assert report["along_common"]["match"] == pytest.approx(0.83, abs=0.005)
    assert report["along_common"]["published"] == pytest.approx(0.59, abs=0.015)
    check = report["shuffled_keys"]
    assert check["match"]["real"] > 20 * check["match"]["highest"]
    assert check["published"]["normal_real"] < check["published"]["normal_highest"]
    shares_ = [s["r2"] for s in report["explained"].values()]
    assert np.quantile(shares_, (0.1, 0.9)) == pytest.approx([0.03, 0.07], abs=0.005)
    assert np.median([s["cross_validated"] for s in report["explained"].values()]) < 0


@pytest.mark.upstream
@pytest.mark.slow
def test_the_shipped_report_is_what_the_command_computes(upstream_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "readings.json"
    done = CliRunner().invoke(app, ["readings", "--source", str(upstream_dir), "--out", str(out)])
    assert done.exit_code == 0, done.output

    def same(one: Any, other: Any, where: str) -> None:
        if isinstance(one, dict):
            assert one.keys() == other.keys(), where
            for name in one:
                same(one[name], other[name], f"{where}.{name}")
        elif isinstance(one, float) and isinstance(other, float):
            assert one == pytest.approx(other, abs=1e-5), where
        else:
            assert one == other, where

    same(json.loads(out.read_bytes()), _shipped(), "readings")


def test_a_report_of_another_benchmark_is_not_shown(tmp_path: Path) -> None:
    digest = _shipped()["benchmark_digest"]
    assert read_readings(digest) is not None
    assert read_readings("0" * 64) is None
    assert read_readings(digest, tmp_path / "none.json") is None
    (tmp_path / "bad.json").write_text("{}", encoding="utf-8")
    assert read_readings(digest, tmp_path / "bad.json") is None


def _planted(models: int, own: float, seed: int = 1, noise: float = 0.5) -> Any:
    """Ratings by models that share a profile (Benevolence and Universalism), the first with one of its own (Power)."""
    rng = np.random.default_rng(seed)
    a = TEMPLATES.loadings[:, : len(VALUES)]
    shape = a[:, 8] + a[:, 9]
    truth = np.outer(rng.uniform(1.0, 1.6, models), shape)
    truth[0] += own * (a[:, 1] + a[:, 6])
    felt = 3.5 + truth[:, None] + noise * rng.normal(size=(models, 6, ITEMS))
    return np.clip(felt, 1, 6)


def test_a_planted_own_profile_is_found_and_none_where_there_is_none() -> None:
    families = [f"f{m % 14}" for m in range(28)]
    with_own = common_profile(_planted(28, own=3.0), families, TEMPLATES, WHERE)
    assert with_own.families[0] == 13
    assert (np.linalg.norm(with_own.direction, axis=1) == pytest.approx(1)) is True
    np.testing.assert_allclose((with_own.own * with_own.direction).sum(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(
        with_own.strength[:, None] * with_own.direction + with_own.own, with_own.disattenuated, atol=1e-12
    )
    assert (with_own.strength > 0.5).sum() >= 27
    without = common_profile(_planted(28, own=0.0), families, TEMPLATES, WHERE)
    assert with_own.own_p[0] < without.own_p[0]


def test_the_own_family_has_no_say_and_few_families_have_none() -> None:
    ratings = _planted(24, own=0.0)
    families = [f"f{m // 2}" for m in range(24)]
    one = common_profile(ratings, families, TEMPLATES, WHERE)
    ratings[1] = 7 - ratings[1]  # the other model of the first one's family
    other = common_profile(ratings, families, TEMPLATES, WHERE)
    np.testing.assert_allclose(one.direction[0], other.direction[0], atol=1e-12)
    assert not np.allclose(one.direction[2], other.direction[2], atol=1e-6)
    few = common_profile(ratings, [f"f{m // 3}" for m in range(24)], TEMPLATES, WHERE)
    assert np.isnan(few.strength).all()
    assert np.isnan(few.own).all()
    assert np.isfinite(few.disattenuated).all()


def test_correcting_for_noise_gives_what_a_consistent_model_has() -> None:
    quiet, loud = (
        common_profile(_planted(24, own=0.0, noise=s), [f"f{m}" for m in range(24)], TEMPLATES, WHERE)
        for s in (0.05, 1.0)
    )
    assert (loud.reliability < quiet.reliability).all()
    raw = loud.disattenuated * np.sqrt(loud.reliability)[:, None]
    away_raw = np.abs(raw - quiet.disattenuated)[:, 8:10].mean()
    away = np.abs(loud.disattenuated - quiet.disattenuated)[:, 8:10].mean()
    assert away < away_raw


def test_one_line_of_difference_is_all_of_the_variance_and_noise_is_little() -> None:
    rng = np.random.default_rng(3)
    line = np.outer(rng.normal(size=50), rng.normal(size=10))
    assert first_component(line) == pytest.approx(1)
    assert along_common(line + 0.0) == pytest.approx(1)
    assert first_component(rng.normal(size=(4000, 10))) == pytest.approx(0.1, abs=0.02)
    assert np.isnan(first_component(line[:2]))


def test_explained_is_all_of_what_templates_made_and_nothing_of_noise() -> None:
    rng = np.random.default_rng(5)
    people = rng.normal(3.5, 0.5, ITEMS)
    a = TEMPLATES.loadings
    made = people + 2 * a[:, 8]
    noise = rng.normal(3.5, 1.0, ITEMS)
    found = explained(np.stack([made, noise, np.full(ITEMS, 4.0)]), people, a, WHERE)
    assert found.r2[0] == pytest.approx(1)
    assert found.cross_validated[0] == pytest.approx(1)
    assert found.r2[1] < 0.5
    assert found.cross_validated[1] < 0.2
    assert np.isnan(found.r2[2])
    assert np.isnan(found.r2_half[2])
    assert found.cross_validated_half[0] == pytest.approx(0, abs=1e-9)


def test_explained_is_what_a_regression_leaves_and_its_interval_holds_the_mean_of_many_studies() -> None:
    rng = np.random.default_rng(6)
    queries, items = 40, 120
    where = np.repeat(np.arange(queries), 3)
    people, a = rng.normal(3.5, 0.5, items), rng.normal(size=(items, 19))

    def made(n: int) -> Any:
        x = people + 0.15 * a[:, 0] + rng.normal(size=(n, items)) + 0.5 * rng.normal(size=(n, queries))[:, where]
        return explained(x, people, a, where)

    one = np.round(people + 0.5 * a[:, 3] + rng.normal(size=items), 2)
    wide, base = (np.column_stack([np.ones(items), people, *more]) for more in (a[:, :10].T, ()))
    left = [float(((one - d @ np.linalg.lstsq(d, one, rcond=None)[0]) ** 2).sum()) for d in (wide, base)]
    assert explained(one[None], people, a, where).r2[0] == pytest.approx(1 - left[0] / left[1])
    found = made(300)
    for figure, half in ((found.r2, found.r2_half), (found.cross_validated, found.cross_validated_half)):
        assert np.mean(np.abs(figure - figure.mean()) <= half) >= 0.92
    assert np.median(found.r2_half) < 0.3


def test_intervals_of_the_first_components_share_hold_what_is_planted() -> None:
    rng = np.random.default_rng(11)
    held = []
    for _ in range(80):  # equal correlations of .5: the first root is 1 + 9 * .5
        x = rng.normal(size=(33, 1)) + rng.normal(size=(33, 10))
        low, high = over_models(x, first_component, draws=150)
        held.append(low <= 0.55 <= high)
    assert np.mean(held) >= 0.88
    assert np.isnan(over_models(x[:2], first_component)).all()


def test_identical_models_never_differ_and_different_ones_do() -> None:
    x = item_means(_planted(6, own=0.0))
    same = pairs_that_hold(match_sample(np.repeat(x[:1], 6, axis=0), TEMPLATES.loadings, WHERE))
    assert (same.models, same.models_of, same.values_of) == (0, 150, 270)
    apart = pairs_that_hold(match_sample(np.concatenate([x, 7 - x]), TEMPLATES.loadings, WHERE))
    assert apart.models > 0
    assert query_weights(12).shape == (2000, 12)


def test_planted_variance_components_are_recovered() -> None:
    rng = np.random.default_rng(7)
    m, q, i, w, o = 60, 80, 5, 3, 2
    sd = {"model": 1.0, "query": 0.8, "query:item": 0.6, "model x query:item": 0.7, "model x wording": 0.3}
    shapes = {
        "model": (m, 1, 1, 1, 1),
        "query": (1, q, 1, 1, 1),
        "query:item": (1, q, i, 1, 1),
        "model x query:item": (m, q, i, 1, 1),
        "model x wording": (m, 1, 1, w, 1),
    }
    y = 0.5 * rng.normal(size=(m, q, i, w, o))
    for name, shape in shapes.items():
        y = y + sd[name] * rng.normal(size=shape)
    ratings = y.transpose(0, 3, 4, 1, 2).reshape(m, w * o, q * i)
    found = components(ratings, np.repeat(np.arange(q), i))
    assert len(found) == 23
    for name, value in found.items():
        expected = sd.get(name, 0.5 if name.startswith("model x query:item x wording x order") else 0.0) ** 2
        # a main effect of few levels is known to about value * sqrt(2 / levels)
        assert value == pytest.approx(expected, abs=0.02 + 0.5 * expected), name
    assert sum(shares(found).values()) == pytest.approx(1)


def test_generalizability_is_the_reliability_that_other_queries_show() -> None:
    """Many models with planted strengths: scores from one half of the queries predict those from the other."""
    rng = np.random.default_rng(9)
    strength = rng.normal(size=(150, 1, 1))
    felt = 3.5 + 0.8 * strength * TEMPLATES.loadings[:, 8] + rng.normal(size=(150, 1, ITEMS))
    ratings = np.repeat(felt, 6, axis=1) + 0.3 * rng.normal(size=(150, 6, ITEMS))
    (g,) = generalizability(match_parts(ratings, TEMPLATES.loadings[:, 8:9], WHERE))
    again = 3.5 + 0.8 * strength[:, 0] * TEMPLATES.loadings[:, 8] + rng.normal(size=(150, ITEMS))
    one, other = (match_sample(x, TEMPLATES.loadings[:, 8:9], WHERE).point[:, 0] for x in (item_means(ratings), again))
    assert g.coefficient(g.queries, g.wordings) == pytest.approx(np.corrcoef(one, other)[0, 1], abs=0.12)
    assert g.coefficient(g.queries_for(0.9), g.wordings) == pytest.approx(0.9)
    assert g.coefficient(48, 3) > g.coefficient(12, 3) > g.coefficient(12, 1)


@pytest.mark.parametrize("model", [1.0, 0.4])
def test_intervals_of_generalizability_hold_the_planted_coefficient(model: float) -> None:
    rng = np.random.default_rng(3)
    m, w, q = 33, 3, 40
    truth = model**2 / (model**2 + 4 / q + 0.3**2 / w + 9 / (q * w))
    parts = np.stack(
        [
            model * rng.normal(size=(m, 1, 1))
            + 2 * rng.normal(size=(m, 1, q))
            + 0.3 * rng.normal(size=(m, w, 1))
            + 3 * rng.normal(size=(m, w, q))
            + rng.normal(size=(1, w, q))
            for _ in range(200)
        ]
    )
    found = generalizability(parts, draws=200)
    assert 0.9 <= np.mean([g.low <= truth <= g.high for g in found]) <= 0.98
    needed = Generalizability(model**2, 4, 0.3**2, 9, q, w).queries_for()
    assert np.mean([g.fewest <= needed <= g.most for g in found]) >= 0.9
    assert np.isnan(generalizability(parts[:1, :2])[0].low)


def test_intervals_of_components_hold_what_is_planted() -> None:
    rng = np.random.default_rng(4)
    m, q, i, w, o = 16, 14, 2, 3, 2
    planted = {"model": 1.0, "query": 0.8, "query:item": 0.6, "model x query:item": 0.7}
    shapes = ((m, 1, 1, 1, 1), (1, q, 1, 1, 1), (1, q, i, 1, 1), (m, q, i, 1, 1))
    held: dict[str, list[bool]] = {name: [] for name in planted}
    for _ in range(30):
        y = 0.5 * rng.normal(size=(m, q, i, w, o))
        for sd, shape in zip(planted.values(), shapes, strict=True):
            y = y + sd * rng.normal(size=shape)
        ratings = y.transpose(0, 3, 4, 1, 2).reshape(m, w * o, q * i)
        found, _ = component_intervals(ratings, np.repeat(np.arange(q), i))
        for name, sd in planted.items():
            held[name].append(found[name][0] <= sd**2 <= found[name][1])
    assert np.mean(list(held.values())) >= 0.88  # 120 cases


def test_the_mean_of_the_parts_is_the_score() -> None:
    from eval_queue.scoring.formulas import score

    ratings = np.random.default_rng(2).integers(1, 7, (5, 6, ITEMS)).astype(float)
    pvq = BENCHMARK.key.selected[:, :10]
    parts = published_parts(ratings, pvq, WHERE)
    expected = score(ratings, BENCHMARK.key.selected).score[:, :10]
    np.testing.assert_allclose(parts.mean(axis=(2, 3)).T, expected, atol=1e-12)


def test_a_design_with_gaps_is_refused() -> None:
    ratings = np.random.default_rng(2).integers(1, 7, (5, 6, ITEMS)).astype(float)
    with pytest.raises(InputError, match="different numbers of items"):
        components(ratings[:, :, 1:], WHERE[1:])
    ratings[2, :, 4] = np.nan
    with pytest.raises(InputError, match="no rating at all"):
        components(ratings, WHERE)
