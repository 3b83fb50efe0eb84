"""The bootstrap and what rests on it, against slow loops, theory and invariances."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from data.values import DIMENSIONS, SCALE_COLUMNS, SCALES
from eval_queue.scoring.bootstrap import DRAWS, SEED, Spread, bootstrap, query_weights, spread, uncertainty
from eval_queue.scoring.formulas import columns, item_means, score
from eval_queue.scoring.stability import centred_on_ten, circumplex, reliability, wrapped

Floats = NDArray[np.float64]


class Study:
    """A made-up benchmark of the real one's shape: queries of five responses, a sparse key, some items for several."""

    def __init__(self, queries: int = 104, per_dimension: int = 30, seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        self.query_index = np.repeat(np.arange(queries), 5)
        self.selected = np.zeros((5 * queries, len(DIMENSIONS)), dtype=bool)
        for d in range(len(DIMENSIONS)):
            self.selected[rng.choice(5 * queries, per_dimension, replace=False), d] = True

    def ratings(self, models: int, missing: float = 0.0, seed: int = 2) -> Floats:
        rng = np.random.default_rng(seed)
        ratings = rng.integers(1, 7, (models, 6, len(self.selected))).astype(float)
        ratings[rng.random(ratings.shape) < missing] = np.nan
        return ratings

    def uncertainty(self, x: Floats, **options: Any) -> Any:
        return uncertainty(x, self.selected, self.query_index, angle_of(x, self.selected), **options)


def angle_of(x: Floats, selected: NDArray[np.bool_]) -> Floats:
    return circumplex(centred_on_ten(score(x[:, None], selected).score))[1]


def slow(x: Floats, study: Study, weights: Floats) -> dict[str, Floats]:
    """One model, draw by draw and item by item: scores, scale means, ten centred on themselves."""
    score_rows, mean_rows, ten_rows = [], [], []
    for draw in weights:
        items = [i for i in range(len(x)) if not math.isnan(x[i]) for _ in range(int(draw[study.query_index[i]]))]
        means, scores = [], []
        for scale in SCALES:
            columns_ = range(SCALE_COLUMNS[scale].start, SCALE_COLUMNS[scale].stop)
            of_scale = [x[i] for i in items if any(study.selected[i, d] for d in columns_)]
            mean = math.fsum(of_scale) / len(of_scale) if of_scale else math.nan
            means.append(mean)
            for d in columns_:
                own = [x[i] for i in items if study.selected[i, d]]
                scores.append(math.fsum(own) / len(own) - mean if own else math.nan)
        ten = scores[:10]
        score_rows.append(scores)
        mean_rows.append(means)
        ten_rows.append([s - math.fsum(ten) / 10 for s in ten])
    return {"score": np.array(score_rows), "mean": np.array(mean_rows), "centred10": np.array(ten_rows)}


def slow_spread(draws: Floats) -> Floats:
    """Column by column: standard error and the two percentiles of what has a value."""
    found = []
    for column in draws.T:
        there = sorted(v for v in column if not math.isnan(v))
        if len(there) < 2:
            found.append([math.nan] * 3)
            continue
        mean = math.fsum(there) / len(there)
        ends = []
        for q in (0.025, 0.975):
            position = q * (len(there) - 1)
            k = int(position)
            step = there[min(k + 1, len(there) - 1)] - there[k]
            ends.append(there[k] + (position - k) * step)
        found.append([math.sqrt(math.fsum((v - mean) ** 2 for v in there) / (len(there) - 1)), *ends])
    return np.array(found).T


def known_dimensions(x: Floats, study: Study) -> list[bool]:
    """Which dimensions have rated items in at least two queries."""
    rated = [i for i in range(len(x)) if not math.isnan(x[i])]
    return [len({study.query_index[i] for i in rated if study.selected[i, d]}) >= 2 for d in range(len(DIMENSIONS))]


@pytest.mark.parametrize(("missing", "per_dimension"), [(0.0, 30), (0.5, 8), (0.93, 5)])
def test_bootstrap_equals_a_slow_loop(missing: float, per_dimension: int) -> None:
    study, draws = Study(queries=30, per_dimension=per_dimension), 60
    x = item_means(study.ratings(3, missing))
    weights = query_weights(30, draws, SEED)
    found = study.uncertainty(x, draws=draws)
    each = bootstrap(x, study.selected, study.query_index, draws=draws)
    for m in range(len(x)):
        expected = slow(x[m], study, weights)
        np.testing.assert_allclose(each.score[:, m], expected["score"], rtol=0, atol=1e-10)
        np.testing.assert_allclose(each.mean[:, m], expected["mean"], rtol=0, atol=1e-10)
        known = {"score": known_dimensions(x[m], study), "mean": [True] * 3}
        known["centred10"] = [all(known["score"][:10])] * 10
        for name, values in expected.items():
            ours: Spread = getattr(found, name)
            theirs = np.where(known[name], slow_spread(values), np.nan)
            np.testing.assert_allclose([ours.se[m], ours.low[m], ours.high[m]], theirs, rtol=0, atol=1e-10)
        assert sum(known["score"]) >= 10
    if missing > 0.9:
        assert np.isnan(each.score).any(), "some draws hold none of a dimension's items"


def test_intervals_of_the_shape_equal_a_slow_loop() -> None:
    study, draws = Study(queries=30), 80
    x = item_means(study.ratings(4))
    angle = angle_of(x, study.selected)
    found = uncertainty(x, study.selected, study.query_index, angle, draws=draws)
    theta = [2 * math.pi * k / 10 for k in range(10)]
    for m in range(len(x)):
        ten = slow(x[m], study, query_weights(30, draws, SEED))["centred10"]
        fits, turns = [], []
        for row in ten.tolist():
            design = np.array([[math.cos(t), math.sin(t)] for t in theta])
            beta, residue, *_ = np.linalg.lstsq(design, np.array(row), rcond=None)
            fits.append(1 - float(residue[0]) / math.fsum(v * v for v in row))
            turn = math.degrees(math.atan2(beta[1], beta[0])) - float(angle[m])
            turns.append((turn + 180) % 360 - 180)
        low, high = slow_spread(np.array([fits]).T)[1:, 0]
        assert (found.fit.low[m], found.fit.high[m]) == pytest.approx((low, high), abs=1e-10)
        low, high = (slow_spread(np.array([turns]).T)[1:, 0] + angle[m]) % 360
        assert (found.angle.low[m], found.angle.high[m]) == pytest.approx((low, high), abs=1e-8)


def test_the_same_draws_for_every_model_whoever_else_is_there() -> None:
    study = Study()
    x = item_means(study.ratings(40, 0.4))
    together = study.uncertainty(x)
    each = bootstrap(x, study.selected, study.query_index)
    for m in (0, 17, 39):
        alone = study.uncertainty(x[m : m + 1])
        for name in ("score", "mean", "centred10"):
            for figure in ("se", "low", "high"):
                one, all_ = getattr(getattr(alone, name), figure)[0], getattr(getattr(together, name), figure)[m]
                np.testing.assert_allclose(one, all_, rtol=0, atol=1e-12)
        single = bootstrap(x[m : m + 1], study.selected, study.query_index)
        np.testing.assert_allclose(single.score[:, 0], each.score[:, m], rtol=0, atol=1e-12)


def test_order_of_items_and_models_changes_nothing() -> None:
    study = Study()
    x = item_means(study.ratings(20, 0.3))
    before = study.uncertainty(x)
    rng = np.random.default_rng(3)
    items, models = rng.permutation(x.shape[1]), rng.permutation(len(x))
    shuffled = x[models][:, items]
    after = uncertainty(
        shuffled,
        study.selected[items],
        study.query_index[items],
        angle_of(shuffled, study.selected[items]),
    )
    for name in ("score", "mean", "centred10", "fit", "angle"):
        for figure in ("se", "low", "high"):
            one, other = getattr(getattr(before, name), figure)[models], getattr(getattr(after, name), figure)
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-9)


def test_weights_are_multinomial_counts_of_whole_queries() -> None:
    weights = query_weights(104)
    assert weights.shape == (DRAWS, 104)
    assert (weights.sum(axis=1) == 104).all()
    assert (weights == np.round(weights)).all()
    assert weights.var(axis=0, ddof=1).mean() == pytest.approx(1 - 1 / 104, abs=0.02)
    np.testing.assert_array_equal(weights, query_weights(104, DRAWS, SEED))
    assert (weights != query_weights(104, DRAWS, SEED + 1)).any()


def test_items_of_a_query_are_drawn_together() -> None:
    """Five copies of one answer are one answer: the error is that of queries, not of items."""
    study = Study(per_dimension=200)
    rng = np.random.default_rng(5)
    copied = np.repeat(rng.normal(4, 1, 104), 5)[None]
    independent = rng.normal(4, 1, (1, 520))
    ratio = study.uncertainty(copied).mean.se / study.uncertainty(independent).mean.se
    assert (ratio > 1.7).all()


def test_a_dimension_in_one_query_has_no_known_uncertainty() -> None:
    study = Study(queries=30)
    study.selected[:, 4] = False
    study.selected[:3, 4] = True
    x = item_means(study.ratings(2))
    found = study.uncertainty(x)
    assert np.isnan([found.score.se[:, 4], found.score.low[:, 4], found.score.high[:, 4]]).all()
    assert np.isnan(found.centred10.se).all(), "the ten are centred on a mean that holds it"
    assert np.isfinite(found.score.se[:, 3]).all()


def test_no_ratings_and_equal_ratings_do_no_harm() -> None:
    study = Study()
    x = np.stack([np.full(520, np.nan), np.full(520, 4.0), item_means(study.ratings(1))[0]])
    with np.errstate(all="raise"):
        found = study.uncertainty(x)
        ten = centred_on_ten(score(x[:, None], study.selected).score)
        r, flat = reliability(ten, found.centred10.se)
    assert np.isnan(found.score.se[0]).all()
    assert found.score.se[1] == pytest.approx(0, abs=1e-12)
    assert np.isnan(found.angle.low[1])
    assert np.isnan(r[:2]).all()
    assert flat.tolist()[:2] == [False, True]
    assert np.isfinite(r[2])


# --- theory


def _normal(study: Study, benchmarks: int, query_sd: float, item_sd: float, seed: int) -> Floats:
    """Item means of benchmarks without any lean: true scores are 0, true scale means 4."""
    rng = np.random.default_rng(seed)
    effects = rng.normal(0, query_sd, (benchmarks, study.query_index.max() + 1))[:, study.query_index]
    return 4 + effects + rng.normal(0, item_sd, effects.shape)


def _true_variance(study: Study, query_sd: float, item_sd: float) -> Floats:
    """Of the scores (19) and scale means (3): they are weighted sums of independent normal numbers."""
    counts_for = columns(study.selected)
    weight = counts_for / counts_for.sum(axis=0)
    scale_of = [list(SCALES).index(d.scale) for d in DIMENSIONS]
    weight = np.concatenate([weight[:, :19] - weight[:, [19 + s for s in scale_of]], weight[:, 19:]], axis=1)
    per_query = np.stack([np.bincount(study.query_index, column) for column in weight.T])
    variance: Floats = query_sd**2 * (per_query**2).sum(axis=1) + item_sd**2 * (weight**2).sum(axis=0)
    return variance


def test_coverage_and_standard_errors_agree_with_normal_theory() -> None:
    """500 simulated benchmarks with known variance: the 95 % interval holds the truth in 92 to 97 % of them."""
    study, benchmarks = Study(per_dimension=40), 500
    x = _normal(study, benchmarks, query_sd=0.5, item_sd=0.8, seed=11)
    found = study.uncertainty(x)
    covered = (found.score.low <= 0) & (found.score.high >= 0)
    assert 0.92 <= covered.mean() <= 0.97
    covered_mean = (found.mean.low <= 4) & (found.mean.high >= 4)
    assert 0.92 <= covered_mean.mean() <= 0.97
    # a share of 500 has a standard error of .01: no dimension strays further than that allows
    assert covered.mean(axis=0).min() >= 0.91
    truth = _true_variance(study, 0.5, 0.8)
    estimated = np.concatenate([(found.score.se**2).mean(axis=0), (found.mean.se**2).mean(axis=0)])
    seen = np.concatenate([score(x[:, None], study.selected).score, score(x[:, None], study.selected).mean], axis=1)
    assert seen.var(axis=0) == pytest.approx(truth, rel=0.25), "the theory is right about the simulation"
    assert estimated == pytest.approx(truth, rel=0.08), "and the bootstrap about the theory"


def test_reliability_is_that_of_repeated_measurement() -> None:
    """Models with leans of their own, measured twice with independent noise: R agrees with their correlation."""
    study, models = Study(per_dimension=40), 300
    rng = np.random.default_rng(21)
    lean = rng.normal(0, 0.35, (models, 10)) @ study.selected[:, :10].T
    profiles, rs = [], []
    for seed in (31, 32):
        x = _normal(study, models, query_sd=0.3, item_sd=0.8, seed=seed) + lean
        ten = centred_on_ten(score(x[:, None], study.selected).score)
        profiles.append(ten)
        rs.append(reliability(ten, study.uncertainty(x).centred10.se)[0])
    between = [float(np.corrcoef(a, b)[0, 1]) for a, b in zip(*profiles, strict=True)]
    assert float(np.mean(rs)) == pytest.approx(float(np.mean(between)), abs=0.06)


def test_noise_alone_is_flat() -> None:
    study = Study(per_dimension=40)
    x = _normal(study, 300, query_sd=0.5, item_sd=0.8, seed=41)
    ten = centred_on_ten(score(x[:, None], study.selected).score)
    r, flat = reliability(ten, study.uncertainty(x).centred10.se)
    assert float(np.median(r)) == pytest.approx(0, abs=0.2)
    assert flat.mean() > 0.9


# --- small pieces


def test_spread_leaves_out_what_is_missing() -> None:
    values = np.random.default_rng(51).normal(size=(7, 400))
    values[3, :100] = np.nan
    values[4, 1:] = np.nan
    values[5] = np.nan
    whole = np.delete(values, [4, 5], axis=0)
    found = spread(values.copy())
    assert np.isnan(found[:, 4:6]).all()
    kept = np.delete(found, [4, 5], axis=1)
    np.testing.assert_allclose(kept[0], np.nanstd(whole, axis=1, ddof=1), atol=1e-12)
    np.testing.assert_allclose(kept[1:], np.nanpercentile(whole, [2.5, 97.5], axis=1), atol=1e-12)


@pytest.mark.parametrize("phi", [0.0, 36.0, 123.4, 359.0])
def test_circumplex_finds_a_wave(phi: float) -> None:
    theta = np.arange(10) * 36.0
    wave = 0.3 * np.cos(np.radians(theta - phi))
    fit, angle = circumplex(wave[None])
    assert fit[0] == pytest.approx(1)
    assert wrapped(angle - phi)[0] == pytest.approx(0, abs=1e-9)
    second = np.cos(2 * np.radians(theta))[None]
    assert circumplex(second)[0][0] == pytest.approx(0, abs=1e-12)
    assert circumplex(wave[None] + 0.3 * second)[0][0] == pytest.approx(0.5)


def test_unrelated_numbers_fit_two_ninths() -> None:
    ten = np.random.default_rng(61).normal(size=(20_000, 10))
    fit, _ = circumplex(ten - ten.mean(axis=1, keepdims=True))
    assert float(fit.mean()) == pytest.approx(2 / 9, abs=0.005)
