"""Short forms: the choice keeps its rules and is the best, scores are the scorer's, intervals hold what they say."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t as student
from typer.testing import CliRunner

from data.benchmark import Benchmark
from data.sources.loading import load_benchmark
from data.sources.practice import practice_benchmark
from data.values import DIMENSIONS, VALUES
from eval_queue.scoring.formulas import score
from leaderboard.__main__ import app
from leaderboard.analysis.summary import PUBLISHED_DIGEST
from leaderboard.boards.rank_intervals import read_ranks
from leaderboard.measurement.form_validity import (
    PUBLISHED_FORMS,
    FormAgreement,
    Measured,
    chosen,
    read_short_forms,
)
from leaderboard.measurement.short_form import SIZES, Form, Length, _best, agreement, choose, match_form, score_form
from tests.support.folders import write_folder

LENGTHS: tuple[Length, ...] = ("short", "long")


@pytest.fixture(scope="module")
def published(upstream_dir: Path) -> Benchmark:
    return load_benchmark(upstream_dir)


def counts_of(benchmark: Benchmark, form: Form) -> np.ndarray:
    return benchmark.key.selected[list(form.rows), : len(VALUES)]


@pytest.mark.upstream
@pytest.mark.parametrize("length", LENGTHS)
def test_the_published_form_is_even_over_values_queries_and_sources(published: Benchmark, length: Length) -> None:
    form = choose(published, SIZES[length])
    counts = counts_of(published, form)
    assert len(set(form.rows)) == len(form.rows) == SIZES[length]
    assert counts.sum(axis=0).tolist() == [SIZES[length] // 10] * 10
    assert counts.sum(axis=1).max() == 1  # each speaks for one value alone
    queries = [published.items[row].query_id for row in form.rows]
    assert len(set(queries)) == len(queries)
    sources = [published.query_by_id[q].source for q in queries]
    assert {sources.count(s) for s in set(sources)} == {SIZES[length] // 4}
    for row, value in zip(form.rows, form.stands_for, strict=True):
        assert published.key.selected[row, value]


@pytest.mark.parametrize("length", LENGTHS)
def test_the_practice_form_keeps_the_same_rules_as_far_as_it_can(length: Length) -> None:
    benchmark = practice_benchmark()
    form = choose(benchmark, SIZES[length])
    assert len(set(form.rows)) == SIZES[length]
    assert np.bincount(form.stands_for, minlength=10).tolist() == [SIZES[length] // 10] * 10
    queries = [benchmark.items[row].query_id for row in form.rows]
    assert max(queries.count(q) for q in queries) <= -(-SIZES[length] // len(benchmark.queries))


@pytest.mark.parametrize("length", LENGTHS)
def test_after_ten_items_each_value_has_been_asked_once_and_neighbours_stand_apart(length: Length) -> None:
    form = choose(practice_benchmark(), SIZES[length])
    assert sorted(form.stands_for[:10]) == list(range(10))
    for a, b in zip(form.stands_for[:10], form.stands_for[1:10], strict=False):
        assert min((a - b) % 10, (b - a) % 10) > 1


def test_a_benchmark_of_few_items_gives_what_it_can(tmp_path: Path) -> None:
    benchmark = load_benchmark(write_folder(tmp_path / "folder"))
    form = choose(benchmark, 60)
    assert 0 < len(form.rows) <= len(benchmark.items)
    assert len(set(form.rows)) == len(form.rows)
    assert all(benchmark.key.selected[row, value] for row, value in zip(form.rows, form.stands_for, strict=True))


def test_the_same_benchmark_gives_the_same_form() -> None:
    assert choose(practice_benchmark(), 20) == choose(practice_benchmark(), 20)


@pytest.mark.parametrize("seed", range(8))
def test_the_choice_is_the_best_of_all_that_keep_the_limits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    merit = rng.normal(size=11)
    groups = [(rng.integers(0, 4, size=11), 2), (rng.integers(0, 6, size=11), 1), (rng.integers(0, 3, size=11), 3)]

    def allowed(chosen: np.ndarray) -> bool:
        return all(np.bincount(of[chosen], minlength=1).max(initial=0) <= most for of, most in groups)

    every = [np.array(bits, dtype=bool) for bits in product((False, True), repeat=11)]
    best = max((c for c in every if allowed(c)), key=lambda c: (c.sum(), merit[c].sum()))
    assert _best(merit, groups).tolist() == best.tolist()


@pytest.mark.parametrize("length", LENGTHS)
def test_scores_are_those_of_the_scorer_on_the_same_items(length: Length) -> None:
    benchmark = practice_benchmark()
    form = choose(benchmark, SIZES[length])
    rows = list(form.rows)
    ratings = np.random.default_rng(7).integers(1, 7, size=len(rows)).astype(float)
    alone = np.full((1, 1, len(benchmark.items)), np.nan)
    alone[0, 0, rows] = ratings
    # the form's items only, so that items of other values do not count in the scale's mean
    selected = np.zeros((len(benchmark.items), len(DIMENSIONS)), dtype=bool)
    selected[rows] = benchmark.key.selected[rows]
    expected = score(alone, selected).score[0, : len(VALUES)]
    found = score_form(ratings, counts_of(benchmark, form), benchmark.query_index[rows])
    assert found.score == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("each", [2, 6])
def test_intervals_hold_the_truth_in_95_of_100(each: int) -> None:
    rng = np.random.default_rng(8)
    value = np.repeat(np.arange(10), each)
    counts = value[:, None] == np.arange(10)
    truth = rng.normal(size=10)
    truth -= truth.mean()
    held, halves = [], []
    for _ in range(400):
        ratings = 3.5 + truth[value] + rng.normal(scale=1.2, size=len(value))
        found = score_form(ratings, counts, np.arange(len(value)))
        held.append(np.abs(found.score - truth) <= found.half)
        halves.append(found.half)
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)
    assert np.mean(halves) > (1.5 if each == 2 else 0.8)  # wide, as the page says


def test_answers_to_one_query_that_go_together_widen_the_interval() -> None:
    value = np.repeat(np.arange(10), 2)
    counts = value[:, None] == np.arange(10)
    ratings = np.random.default_rng(9).integers(1, 7, size=20).astype(float)
    apart = score_form(ratings, counts, np.arange(20))
    together = score_form(ratings, counts, value)
    assert (together.half > 1.3 * apart.half).all()
    assert together.score == pytest.approx(apart.score)


def test_one_item_a_value_tells_no_interval() -> None:
    found = score_form(np.arange(10) / 2 + 1, np.eye(10, dtype=bool), np.arange(10))
    assert np.isfinite(found.score).all()
    assert np.isnan(found.half).all()
    assert np.isnan(found.reliability)


def test_a_value_without_an_item_has_no_score() -> None:
    counts = np.repeat(np.eye(10, dtype=bool)[:9], 2, axis=0)
    found = score_form(np.tile([2.0, 4.0], 9), counts, np.arange(18))
    assert np.isnan(found.score[9])
    assert np.isfinite(found.score[:9]).all()
    assert np.isfinite(found.half[:9]).all()


def test_agreement_is_perfect_with_itself_and_knows_a_stranger() -> None:
    benchmark = practice_benchmark()
    everything = Form(tuple(range(len(benchmark.items))), (0,) * len(benchmark.items))
    rng = np.random.default_rng(10)
    answers = rng.integers(1, 7, size=(4, len(benchmark.items))).astype(float)
    answers[3, 5] = np.nan
    whole = score(answers[:, None], benchmark.key.selected).score[:, : len(VALUES)]
    same = agreement(answers, whole, everything, benchmark)
    assert same.correlation == pytest.approx([1, 1, 1])  # the fourth lacks an item of the form
    assert same.difference == pytest.approx([0, 0, 0], abs=1e-12)
    assert same.held == 1
    other = agreement(answers[:3], np.roll(whole[:3], 1, axis=0), everything, benchmark)
    assert (other.correlation < 0.9).all()
    assert (other.difference > 0.05).all()


def test_a_form_s_match_is_a_plain_correlation_with_a_jackknife_over_queries() -> None:
    rng = np.random.default_rng(12)
    ratings, loadings = rng.integers(1, 7, 12).astype(float), rng.normal(size=(12, 10))
    resampled = loadings + 0.1 * rng.integers(-3, 4, (30, 12, 10))
    queries = np.array([0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    found = match_form(ratings, loadings, resampled, queries)
    for v in range(10):
        r = np.corrcoef(ratings, loadings[:, v])[0, 1]
        left = [np.corrcoef(ratings[queries != q], loadings[queries != q, v])[0, 1] for q in range(11)]
        others = [np.corrcoef(ratings, a[:, v])[0, 1] for a in resampled]
        se = np.sqrt(10 / 11 * np.square(left - np.mean(left)).sum() + np.var(others, ddof=1))
        assert found.score[v] == pytest.approx(r)
        assert found.half[v] == pytest.approx(se * student.ppf(0.975, 10))
    assert np.isnan(match_form(np.full(12, 4.0), loadings, resampled, queries).score).all()
    alone = np.full(12, 4.0)
    alone[5] = 6.0  # without this one nothing varies
    only = match_form(alone, loadings, resampled, queries)
    assert np.isfinite(only.score).all()
    assert np.isnan(only.half).all()


def test_the_match_is_chosen_only_where_median_and_tail_are_better() -> None:
    def measured(median: float | None, low: float | None) -> Measured:
        of = FormAgreement(
            respondents=9, correlation_median=median, correlation_low=low, correlation_high=0.9, difference=None,
            held=None, half=None,
        )  # fmt: skip
        return Measured(models=of, once=of, raters=of)

    published = measured(0.6, 0.1)
    assert chosen(published, measured(0.8, 0.1)) == "match"
    for other in (measured(0.8, 0.05), measured(0.6, 0.3), measured(None, None), None):
        assert chosen(published, other) == "published"


@pytest.mark.upstream
@pytest.mark.slow
def test_the_shipped_report_says_what_was_measured(published: Benchmark) -> None:
    """It is the file that the command writes, see below."""
    shipped = read_short_forms()
    assert shipped is not None
    for length in LENGTHS:
        form = choose(published, SIZES[length])
        found = shipped.of(length, form, published)
        assert found is not None
        assert found.published.models.respondents == len(read_ranks().rows)  # type: ignore[union-attr]
        assert found.published.once.held is not None
        assert found.match is not None
        assert found.reading == chosen(found.published, found.match)
        # what the design measured: 20 items are better by the match, 60 are worse where they are worst
        assert found.reading == ("match" if length == "short" else "published")
        assert 0.93 <= (found.match.once.held or 0) <= 1, "its interval holds what it stands for"
        assert shipped.of(length, Form(form.rows[::-1], form.stands_for[::-1]), published) is None


def test_the_report_is_believed_for_its_own_benchmark_only() -> None:
    shipped = read_short_forms()
    assert shipped is not None
    assert shipped.benchmark_digest == PUBLISHED_DIGEST
    practice = practice_benchmark()
    assert shipped.of("short", choose(practice, 20), practice) is None


@pytest.mark.upstream
@pytest.mark.slow
def test_the_command_writes_the_file(upstream_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "short_form.json"
    done = CliRunner().invoke(app, ["short-form", "--source", str(upstream_dir), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert out.read_bytes() == PUBLISHED_FORMS.read_bytes()
    assert "one wording" in done.output


def test_a_damaged_report_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "short_form.json").write_text("{")
    assert read_short_forms(tmp_path / "short_form.json") is None
    assert read_short_forms(tmp_path / "missing.json") is None
