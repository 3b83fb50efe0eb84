"""Norms, the people check and column reliabilities: the design's figures, plain loops, planted cases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.people.column_reliability import over_halves, people_halves, query_halves, stepped_up
from data.people.item_means import read_item_means
from data.people.norms import LEVELS, Norms, norms, people_check, percentiles
from data.people.psychometrics import centred_scores, spearman
from data.people.templates import correlations, shrunk, template_match
from data.ratings import MIN_GROUP, Study, SurveyGroup
from data.sources.loading import load_benchmark, load_study
from data.sources.practice import practice_benchmark, practice_study
from data.sources.published_validity import NORMS, PUBLISHED, read_validation
from data.values import DIMENSIONS, VALUES

BENCHMARK = practice_benchmark()
ITEMS = [item.id for item in BENCHMARK.items]

QUERIES = {
    "published": (0.50, 0.57, -0.52, 0.73, 0.71, 0.47, -0.56, -0.22, 0.72, 0.37),
    "match": (0.86, 0.85, 0.05, 0.87, 0.83, 0.50, 0.74, 0.52, 0.89, 0.90),
}
PEOPLE = {
    "published": (0.53, 0.45, 0.03, 0.71, 0.75, 0.40, -0.23, -0.05, 0.71, 0.61),
    "match": (0.92, 0.88, 0.09, 0.93, 0.90, 0.52, 0.79, 0.57, 0.94, 0.96),
}
CHECK = {
    "published": (0.24, 0.05, 0.11, 0.07, 0.15, 0.14, 0.16, 0.13, 0.23, 0.34),
    "match": (0.31, 0.26, 0.16, 0.32, 0.34, 0.07, 0.16, 0.24, 0.39, 0.46),
}
"""Measured independently on the released models and the real study: reliabilities over halves, and the people check."""


@pytest.mark.parametrize("reading", ["published", "match"])
def test_the_shipped_report_has_the_figures_measured_elsewhere(reading: str) -> None:
    report = read_validation(PUBLISHED)
    assert report is not None
    columns = report.columns[reading]  # type: ignore[index]
    check = report.people_check[reading]  # type: ignore[index]
    assert list(columns) == list(check) == [d.name for d in DIMENSIONS]
    # splits are random: where models hardly differ, the median over 200 still moves by a tenth or two
    loose = 0.2 if reading == "published" else 0.06
    for d, value in enumerate(VALUES):
        assert columns[value.name].queries == pytest.approx(QUERIES[reading][d], abs=loose)
        assert columns[value.name].people == pytest.approx(PEOPLE[reading][d], abs=loose)
        assert check[value.name] == pytest.approx(CHECK[reading][d], abs=0.025)
    for found, measured in (("queries", QUERIES), ("people", PEOPLE)):
        mean = np.mean([getattr(columns[v.name], found) for v in VALUES])
        assert mean == pytest.approx(np.mean(measured[reading]), abs=0.04)


@pytest.mark.upstream
def test_shipped_norms_are_what_the_study_gives(upstream_dir: Path) -> None:
    benchmark = load_benchmark(upstream_dir)
    shipped = Norms.model_validate_json(NORMS.read_bytes())
    anew = norms(load_study(upstream_dir), [item.id for item in benchmark.items], benchmark.digest)
    assert shipped.digest == benchmark.digest
    for one, other in zip(shipped.groups, anew.groups, strict=True):
        assert (one.items, one.people) == (other.items, other.people)
        for reading, dimensions in other.quantiles.items():
            for name, quantiles in dimensions.items():
                np.testing.assert_allclose(one.quantiles[reading][name], quantiles, atol=2e-6)
    assert all(n >= MIN_GROUP for group in shipped.groups for of in group.people.values() for n in of.values())


@pytest.mark.upstream
def test_percentiles_are_mid_ranks_among_people_each_left_out(upstream_dir: Path) -> None:
    """Person by person, without quantiles; those are right to about one person in a group."""
    benchmark, study = load_benchmark(upstream_dir), load_study(upstream_dir)
    items = [item.id for item in benchmark.items]
    c, n = correlations(study, items)
    means = read_item_means(benchmark)
    assert means is not None
    x, loadings = means.means[:6], shrunk(c, n)
    found = percentiles(x, items, norms(study, items), loadings, benchmark.key.selected)
    below, people = np.zeros((2, 6)), np.zeros(2)
    d = 8  # Benevolence
    for group in study.groups:
        rows = [benchmark.item_index[item] for item in group.items]
        mine = (
            centred_scores(x[:, rows], benchmark.key.selected[rows])[:, d],
            template_match(x[:, rows], loadings[rows])[:, d],
        )
        theirs: tuple[list[float], list[float]] = ([], [])
        for p in range(group.n_people):
            kept = np.arange(group.n_people) != p
            some = Study((SurveyGroup(group.items, group.ratings[kept], group.values[kept]),), 1)
            key = spearman(group.ratings[kept], group.values[kept])
            theirs[0].append(centred_scores(group.ratings[p : p + 1], (key.rho > 0.3) & (key.p < 0.05))[0, d])
            without, fewer = c.copy(), n.copy()
            own = correlations(some, items)
            without[rows], fewer[rows] = own.c[rows], own.n[rows]
            theirs[1].append(template_match(group.ratings[p : p + 1], shrunk(without, fewer)[rows])[0, d])
        for reading in (0, 1):
            known = np.array([t for t in theirs[reading] if not np.isnan(t)])
            if len(known) >= MIN_GROUP and np.isfinite(mine[reading]).all():
                mid = [(known < m).sum() + (known == m).sum() / 2 for m in mine[reading]]
                below[reading] += mid
                people[reading] += len(known)
    for reading, name in enumerate(("published", "match")):
        exact = below[reading] / people[reading]
        np.testing.assert_allclose(found[name].share[:, d], exact, atol=0.01)  # type: ignore[index]
        assert (found[name].low[:, d] <= found[name].share[:, d]).all()  # type: ignore[index]
        assert (found[name].share[:, d] <= found[name].high[:, d]).all()  # type: ignore[index]


def test_one_below_or_above_everybody_stands_at_the_end() -> None:
    c, n = correlations(practice_study(), ITEMS)
    loadings = shrunk(c, n)
    x = 3.5 + np.concatenate([loadings.T, -loadings.T])
    found = percentiles(x, ITEMS, norms(practice_study(), ITEMS), loadings, BENCHMARK.key.selected)["match"]
    k = len(DIMENSIONS)
    assert (np.diag(found.share[:k]) > 0.97).all()
    assert (np.diag(found.share[k:]) < 0.03).all()
    assert (found.groups[0] == 3).all()


def test_too_few_people_are_no_norm() -> None:
    group = practice_study().groups[0]
    small = Study((SurveyGroup(group.items, group.ratings[:15], group.values[:15]),), 15)
    assert norms(small, ITEMS).groups == []
    check = people_check(small, ITEMS)
    assert np.isnan(check.match.value).all()


def test_raters_with_strong_values_are_predicted_by_both_readings() -> None:
    real = people_check(practice_study(), ITEMS)
    assert (real.match.low[:10] > 0.4).all()
    assert (real.published.value[:10] > 0.5).all()
    swapped = Study(
        tuple(SurveyGroup(g.items, g.ratings, g.values[::-1]) for g in practice_study().groups),
        practice_study().n_people,
    )  # everybody's values are somebody else's
    assert np.nanmax(people_check(swapped, ITEMS).match.value[:10]) < 0.4


def test_a_column_that_tells_models_apart_is_reliable_and_one_that_does_not_is_not() -> None:
    c, n = correlations(practice_study(), ITEMS)
    loadings = shrunk(c, n)
    rng = np.random.default_rng(4)
    strength = rng.normal(size=(60, 1))
    x = 3.5 + 3 * strength * loadings[:, 8] + 0.2 * rng.normal(size=(60, len(ITEMS)))
    noise = rng.normal(size=(60, len(ITEMS)))
    for made, reliable in ((x, True), (noise, False)):
        for found in (
            query_halves(made, BENCHMARK.key.selected, loadings, BENCHMARK.query_index, splits=30),
            people_halves(made, practice_study(), ITEMS, splits=30),
        ):
            if reliable:
                assert found["match"].low[8] > 0.9
                assert found["published"].value[8] > 0.8
    none = query_halves(noise, BENCHMARK.key.selected, loadings, BENCHMARK.query_index)["match"]
    assert abs(none.value[8]) < 0.45
    assert none.low[8] < 0 < none.high[8]


@pytest.mark.parametrize("truth", [0.5, 0.85])
def test_intervals_of_a_column_hold_the_planted_reliability(truth: float) -> None:
    rng = np.random.default_rng(5)
    models, queries, splits = 33, 60, 25
    held = []
    for _ in range(16):  # with 19 columns each
        felt = rng.normal(size=(models, 1, 19)) + np.sqrt(queries * (1 / truth - 1)) * rng.normal(
            size=(models, queries, 19)
        )
        orders = [rng.permutation(queries) for _ in range(splits)]
        halves = [[felt[:, order[h::2]].mean(axis=1) for h in range(2)] for order in orders]
        found = over_halves(np.array(halves), draws=300)
        held.append((found.low <= truth) & (truth <= found.high))
    assert 0.92 <= np.mean(held) <= 0.98


def test_two_models_have_no_reliability() -> None:
    x = np.random.default_rng(1).normal(size=(2, len(ITEMS)))
    loadings = shrunk(*correlations(practice_study(), ITEMS))
    assert np.isnan(
        query_halves(x, BENCHMARK.key.selected, loadings, BENCHMARK.query_index, splits=3)["match"].value
    ).all()
    np.testing.assert_allclose(stepped_up(np.array([0.5, 0.0, -0.5, -1.0])), [2 / 3, 0, -1, -1])
    same = np.array([[[[1.0], [2], [4]], [[2.0], [4], [8]]]])
    np.testing.assert_allclose(over_halves(same, draws=20).value, [1])
    assert len(LEVELS) == 41
