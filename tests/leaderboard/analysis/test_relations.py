"""Neighbours, opposites and like profiles: true against a plain computation, silent where there is nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform
from scipy.stats import false_discovery_control

from data.sources.key_file import read_key
from data.values import SCALES, VALUES
from leaderboard.analysis.associations import MIN_MODELS, associations, freedom, unrelated
from leaderboard.analysis.profile_similarity import MIN_MODELS as MIN_PAIRS
from leaderboard.analysis.profile_similarity import false_discovery, seriation, similarities
from leaderboard.analysis.ranks import resample
from leaderboard.boards.relations import MOST, relate
from tests.support.rows import result

QUERIES = np.array((9, 34, 30, 39, 45, 14, 20, 10, 11, 13, *(20,) * 9))


def made(models: int, draws: int = 400, noise: float = 0.1, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Scores and draws around them."""
    rng = np.random.default_rng(seed)
    point = rng.normal(0, 0.5, (models, 19))
    return point, point + rng.normal(0, noise, (draws, models, 19))


def test_an_association_is_the_correlation_over_models_with_its_interval() -> None:
    point, draws = made(20)
    for scale, dimensions in SCALES.items():
        found = associations(point, draws, QUERIES, scale)
        names = [d.name for d in dimensions]
        assert list(found) == names
        first = sum(len(d) for s, d in SCALES.items() if list(SCALES).index(s) < list(SCALES).index(scale))
        for i, name in enumerate(names):
            assert [a.dimension for a in found[name]] == [n for n in names if n != name]
            for a in found[name]:
                j = names.index(a.dimension)
                assert a.r == pytest.approx(np.corrcoef(point[:, first + i], point[:, first + j])[0, 1])
                assert a.low is not None
                assert a.high is not None
                assert a.low < a.r < a.high
                assert a.models == 20


def test_an_association_needs_models_and_leaves_out_those_without_a_score() -> None:
    point, draws = made(MIN_MODELS + 1)
    point[0, 0] = np.nan
    draws[:, 0, 0] = np.nan
    a = associations(point, draws, QUERIES, "pvq")["Self-Direction"][0]
    assert a.models == MIN_MODELS
    assert a.r == pytest.approx(np.corrcoef(point[1:, 0], point[1:, 1])[0, 1])
    few = associations(point[:4], draws[:, :4], QUERIES, "pvq")["Power"][0]
    assert (few.r, few.low, few.high) == (None, None, None)
    point[:, 4] = 0.25  # a column without differences has no correlation
    assert associations(point, draws, QUERIES, "pvq")["Power"][0].r is None


def test_columns_relative_to_their_mean_are_read_against_minus_one_by_k_minus_one() -> None:
    rng = np.random.default_rng(3)
    point = np.zeros((20_000, 19))
    ten = rng.normal(0, 1, (20_000, 10))
    point[:, :10] = ten - ten.mean(axis=1, keepdims=True)
    r = np.corrcoef(point[:, 0], point[:, 1])[0, 1]
    assert r == pytest.approx(unrelated("pvq"), abs=0.03)
    assert unrelated("bfi") == -0.25


def test_similarity_is_the_correlation_of_what_sets_models_apart_from_their_mean() -> None:
    point, draws = made(12)
    found = similarities(point[:, :10], draws[:, :, :10], QUERIES[:10])
    assert found is not None
    ten = point[:, :10] - point[:, :10].mean(axis=1, keepdims=True)
    plain = np.corrcoef(ten - ten.mean(axis=0))
    np.testing.assert_allclose(found.r, plain, atol=1e-12)
    off = ~np.eye(12, dtype=bool)
    assert (found.low[off] < found.r[off]).all()
    assert (found.r[off] < found.high[off]).all()
    np.testing.assert_array_equal(found.p, found.p.T)
    z = np.arctanh(plain[np.triu_indices(12, 1)])
    assert found.mean == pytest.approx(np.tanh(z.mean()))
    assert freedom(QUERIES[:10]) == pytest.approx(10 / (1 / (QUERIES[:10] - 1)).sum())


def test_two_families_are_told_apart_and_stand_beside_each_other() -> None:
    rng = np.random.default_rng(5)
    common, apart = rng.normal(0, 0.5, 10), rng.normal(0, 0.5, 10)
    sign = np.array([1, -1] * 5)
    point = common + sign[:, None] * apart + rng.normal(0, 0.02, (10, 10))
    draws = point + rng.normal(0, 0.05, (500, 10, 10))
    found = similarities(point, draws, QUERIES[:10])
    assert found is not None
    same = sign[:, None] == sign
    off = ~np.eye(10, dtype=bool)
    assert found.told_apart[off].all()
    assert ((found.r > found.mean) == same)[off].all()
    ordered = sign[found.order]
    assert (np.diff(ordered) != 0).sum() == 1
    for model in range(10):
        assert set(found.most_like(model)) == {i for i in range(10) if same[model, i] and i != model}


def test_the_order_is_average_linkage_with_optimal_leaves() -> None:
    point, _ = made(9, seed=8)
    r = np.corrcoef(point)
    apart = 1 - (r + r.T) / 2
    np.fill_diagonal(apart, 0)
    plain = leaves_list(linkage(squareform(apart, checks=False), "average", optimal_ordering=True))
    found = seriation(r).tolist()
    assert found in (plain.tolist(), plain[::-1].tolist())
    assert found[0] < found[-1]
    assert sorted(found) == list(range(9))


def test_too_little_is_not_compared() -> None:
    point, draws = made(MIN_PAIRS)
    assert similarities(point[:, :10], draws[:, :, :10], QUERIES[:10]) is not None
    assert similarities(point[:3, :10], draws[:, :3, :10], QUERIES[:10]) is None
    assert similarities(point[:, :10], draws[:100, :, :10], QUERIES[:10]) is None
    one_query = QUERIES[:10].copy()
    one_query[3] = 1
    assert similarities(point[:, :10], draws[:, :, :10], one_query) is None
    same = np.zeros((5, 10))  # models that differ in nothing are alike in nothing
    found = similarities(same, np.zeros((300, 5, 10)), QUERIES[:10])
    assert found is not None
    assert not found.told_apart.any()


@pytest.mark.slow
def test_equal_models_are_hardly_ever_told_apart() -> None:
    key = read_key()
    rng = np.random.default_rng(11)
    common = rng.normal(4, 0.6, len(key.ids))
    boards, rows = [], []
    for _ in range(20):
        effect = rng.normal(0, 0.5, (12, key.query_index.max() + 1))[:, key.query_index]
        x = common + effect + rng.normal(0, 0.8, (12, len(key.ids)))
        sample = resample(x, key.selected, key.query_index)
        found = similarities(sample.point[:, :10], sample.draws[:, :, :10], sample.clusters[:, :10].min(axis=0))
        assert found is not None
        boards.append(found.told_apart.any())
        rows.append(np.mean([(found.p_own[m] <= 0.05).any() for m in range(12)]))
    assert np.mean(boards) <= 0.15  # 5 % expected at most; 3 of 20 is within chance
    assert np.mean(rows) <= 0.09


def test_incomplete_rows_and_rows_without_answers_take_no_part() -> None:
    key = read_key()
    rng = np.random.default_rng(2)
    rows = [result(f"m{i}", id=f"m{i}") for i in range(8)]
    rows.append(result("incomplete", id="incomplete", complete=False))
    rows.append(result("away", id="away"))
    means = {r.id: rng.uniform(1, 6, len(key.ids)) for r in rows if r.id != "away"}
    found = relate(rows, means, key)
    assert found.ids == tuple(f"m{i}" for i in range(8))
    assert set(found.left_out) == {"incomplete", "away"}
    assert found.pairs is not None
    assert set(found.associations) == {d.name for ds in SCALES.values() for d in ds}
    assert found.most_like("away") is None
    # a row without any rating of one value's items
    lacking = dict(means)
    lacking["m0"] = np.where(key.selected[:, 0], np.nan, means["m0"])
    left = relate(rows, lacking, key)
    assert "m0" in left.left_out
    assert left.ids == tuple(f"m{i}" for i in range(1, 8))
    many = [result(f"n{i}", id=f"n{i}") for i in range(MOST + 1)]
    one = means["m1"]
    assert relate(many, {r.id: one for r in many}, key).too_many == MOST + 1
    assert len(VALUES) == 10


@pytest.mark.parametrize("n", [1, 2, 3, 528])
def test_false_discovery_is_controlled_as_by_scipy(n: int) -> None:
    dice = np.random.default_rng(n)
    p = dice.uniform(size=n) ** 3
    p[n // 2 :: 2] = p[0]  # ties
    np.testing.assert_allclose(false_discovery(p), false_discovery_control(p), rtol=1e-12)
