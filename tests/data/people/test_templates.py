"""Templates of the dimensions: against a plain loop over items, at the borders, as files."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from data.benchmark import Benchmark
from data.errors import InputError
from data.people.templates import (
    DRAWS,
    SEED,
    STEP,
    correlations,
    resampled_means,
    shrunk,
    template_match,
    templates,
)
from data.ratings import Study, SurveyGroup
from data.shipped import PUBLISHED
from data.sources.loading import load_benchmark, load_study
from data.sources.practice import practice_benchmark, practice_study
from data.sources.published_templates import FILES, read_published, templates_of, write_templates
from data.values import DIMENSIONS
from eval_queue.protocol import subsample

ITEMS = [item.id for item in practice_benchmark().items]


def _plain_correlation(x: list[float], y: list[float]) -> float:
    mx, my = math.fsum(x) / len(x), math.fsum(y) / len(y)
    over = math.fsum((a - mx) * (b - my) for a, b in zip(x, y, strict=True))
    squares = math.fsum((a - mx) ** 2 for a in x), math.fsum((b - my) ** 2 for b in y)
    return over / math.sqrt(squares[0] * squares[1])


def _plain_loadings(study: Study, items: list[tuple[int, int]]) -> dict[tuple[int, int], list[float]]:
    """The definition, item by item and person by person."""
    c: dict[tuple[int, int], list[float]] = {}
    n: dict[tuple[int, int], int] = {}
    for group in study.groups:
        own = [math.fsum(row) / len(row) for row in group.ratings.tolist()]
        for at, item in enumerate(group.items):
            rated = [group.ratings[p, at] - own[p] for p in range(group.n_people)]
            c[item] = [_plain_correlation(rated, group.values[:, d].tolist()) for d in range(len(DIMENSIONS))]
            n[item] = group.n_people
    found: dict[tuple[int, int], list[float]] = {item: [] for item in items}
    for d in range(len(DIMENSIONS)):
        s2 = {item: (1 - c[item][d] ** 2) ** 2 / (n[item] - 1) for item in items}
        mean = math.fsum(c[item][d] for item in items) / len(items)
        variance = math.fsum((c[item][d] - mean) ** 2 for item in items) / len(items)
        t2 = max(0.0, variance - math.fsum(s2.values()) / len(items))
        for item in items:
            found[item].append(c[item][d] * t2 / (t2 + s2[item]))
    return found


def test_loadings_are_those_of_a_plain_loop_over_items() -> None:
    plain = _plain_loadings(practice_study(), ITEMS)
    found = templates(practice_study(), ITEMS, draws=2)
    np.testing.assert_allclose(found.loadings, [plain[item] for item in ITEMS], atol=1e-12)


@pytest.mark.upstream
def test_loadings_of_the_real_study_are_those_of_the_loop_and_of_the_file(upstream_dir: Path) -> None:
    benchmark, study = load_benchmark(upstream_dir), load_study(upstream_dir)
    items = [item.id for item in benchmark.items]
    plain = _plain_loadings(study, items)
    shipped = read_published(benchmark)
    assert shipped is not None
    np.testing.assert_allclose(shipped.loadings, [plain[item] for item in items], atol=1e-12)
    anew = templates(study, items)
    np.testing.assert_allclose(anew.loadings, shipped.loadings, atol=1e-12)
    # a distance that lies between two steps may fall to either on another processor, by no more than one step
    apart = np.abs(anew.steps.astype(int) - shipped.steps)
    assert apart.max() <= 1
    assert apart.mean() < 1e-6


def test_ratings_of_one_who_likes_everything_more_say_the_same() -> None:
    study = practice_study()
    shift = np.linspace(0, 3, study.groups[0].n_people)[:, None]
    moved = Study((SurveyGroup(study.groups[0].items, study.groups[0].ratings + shift, study.groups[0].values),), 1)
    items = list(study.groups[0].items)
    one = templates(Study(study.groups[:1], 1), items, draws=3)
    other = templates(moved, items, draws=3)
    np.testing.assert_allclose(one.loadings, other.loadings, atol=1e-12)
    np.testing.assert_array_equal(one.steps, other.steps)


def test_correlations_that_chance_alone_could_give_are_all_0() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(400, len(DIMENSIONS)))
    ids = tuple((1, option) for option in range(1, 6))
    study = Study((SurveyGroup(ids, rng.integers(1, 7, (400, 5)).astype(float), values),), 400)
    found = templates(study, list(ids), draws=2)
    spread = correlations(study, list(ids)).c.var(axis=0)
    assert (found.loadings[:, spread < 1 / 400 / 2] == 0).all()
    assert (spread < 1 / 400 / 2).any()
    assert np.isnan(template_match(np.arange(5.0)[None], np.zeros((5, 1)))).all()


def test_what_nobody_was_asked_has_no_loading() -> None:
    group = practice_study().groups[0]
    values = group.values.copy()
    values[:, 3] = np.nan
    found = templates(Study((SurveyGroup(group.items, group.ratings, values),), group.n_people), ITEMS, draws=2)
    rated = [item in group.items for item in ITEMS]
    assert np.isnan(found.loadings[:, 3]).all()
    assert np.isfinite(np.delete(found.loadings, 3, axis=1)[rated]).all()
    assert np.isnan(found.loadings[np.logical_not(rated)]).all()
    assert (found.steps[:, np.logical_not(rated)] == 0).all()


def test_a_group_too_small_to_be_reported_gives_no_loading() -> None:
    group = practice_study().groups[0]
    small = Study((SurveyGroup(group.items, group.ratings[:19], group.values[:19]),), 19)
    assert np.isnan(templates(small, ITEMS, draws=2).loadings).all()


def test_an_item_of_another_benchmark_is_named() -> None:
    with pytest.raises(InputError, match="not in the benchmark"):
        templates(practice_study(), ITEMS[1:], draws=1)


def test_resampled_people_spread_as_sampling_theory_says() -> None:
    """Of a correlation c of n people the standard error is about (1 - c^2) / sqrt(n - 1)."""
    group = practice_study().groups[0]
    items = list(group.items)
    study = Study((group,), group.n_people)
    c, n = correlations(study, items)
    theory = (1 - c**2) / np.sqrt(n[:, None] - 1)
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(300):
        people = rng.integers(0, group.n_people, group.n_people)
        some = Study((SurveyGroup(group.items, group.ratings[people], group.values[people]),), group.n_people)
        drawn.append(shrunk(correlations(some, items).c, n))
    found = templates(study, items, draws=300)
    assert np.median(found.resampled.std(axis=0) / np.std(drawn, axis=0)) == pytest.approx(1, abs=0.03)
    assert np.median(np.std(drawn, axis=0) / theory) < 1  # shrinking takes some of it away


def test_resampled_means_are_of_the_people_behind_the_same_template() -> None:
    """The first set again: people drawn with the same generator, their mean ratings and loadings by hand."""
    study, draws = practice_study(), 3
    means, found = resampled_means(study, ITEMS, draws), templates(study, ITEMS, draws)
    assert means.shape == (draws, len(ITEMS))
    rng = np.random.default_rng(SEED)
    row = {item: i for i, item in enumerate(ITEMS)}
    c, n = np.full((len(ITEMS), len(DIMENSIONS)), np.nan), np.full(len(ITEMS), np.nan)
    for group in study.groups:
        times = rng.multinomial(group.n_people, np.full(group.n_people, 1 / group.n_people), size=draws)[0]
        people = np.repeat(np.arange(group.n_people), times)
        rows = [row[item] for item in group.items]
        np.testing.assert_allclose(means[0, rows], group.ratings[people].mean(axis=0), atol=1e-12)
        own = group.ratings[people] - group.ratings[people].mean(axis=1, keepdims=True)
        both = np.corrcoef(own, group.values[people], rowvar=False)
        c[rows], n[rows] = both[: own.shape[1], own.shape[1] :], group.n_people
    np.testing.assert_allclose(found.resampled[0], shrunk(c, n), atol=STEP / 2 + 1e-9)


def test_templates_survive_as_files(tmp_path: Path) -> None:
    benchmark = practice_benchmark()
    made = templates(practice_study(), ITEMS, draws=20)
    write_templates(benchmark, made, tmp_path)
    back = read_published(benchmark, tmp_path)
    assert back is not None
    np.testing.assert_array_equal(back.loadings, made.loadings)
    np.testing.assert_array_equal(back.steps, made.steps)
    (tmp_path / FILES["value_templates"]).write_bytes(b"no table")
    with pytest.raises(InputError, match="write it anew"):
        read_published(benchmark, tmp_path)


def test_published_files_are_small_and_those_of_another_benchmark_are_not_used() -> None:
    assert sum((PUBLISHED / name).stat().st_size for name in FILES.values()) < 1_600_000
    assert read_published(practice_benchmark()) is None
    found = templates_of(practice_benchmark())
    assert found is not None
    assert found.draws == DRAWS
    assert found is templates_of(practice_benchmark())
    assert STEP * np.abs(found.steps).max() < 2


def test_a_benchmark_put_together_by_hand_has_none() -> None:
    real = practice_benchmark()
    made = Benchmark("made", "1", real.queries, real.items[::-1], real.templates, real.key)
    assert templates_of(made) is None


def test_a_part_of_a_benchmark_has_the_rows_of_the_whole() -> None:
    whole = load_benchmark("practice")
    part = subsample(whole, 4)
    found, all_ = templates_of(part), templates_of(whole)
    assert found is not None
    assert all_ is not None
    rows = [whole.item_index[item.id] for item in part.items]
    np.testing.assert_allclose(found.loadings, all_.loadings[rows], atol=1e-12)
    np.testing.assert_array_equal(found.steps, all_.steps[:, rows])
