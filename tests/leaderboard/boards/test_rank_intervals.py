"""Who has a rank on a board, from which answers, and what the page is told of it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from data.benchmark import VARIANTS, Benchmark
from data.errors import InputError
from data.sources.loading import load_benchmark
from data.sources.practice import practice_benchmark
from data.values import DIMENSIONS, SCALES
from eval_queue.records import Result
from eval_queue.scoring.formulas import Floats, item_means
from eval_queue.store.local import StoreUnavailable
from leaderboard.__main__ import app
from leaderboard.analysis.ranks import resample
from leaderboard.boards.rank_intervals import (
    PUBLISHED_RANKS,
    Ranking,
    Rankings,
    obstacle,
    rank,
    rank_match,
    read_ranks,
)
from leaderboard.boards.results import PUBLISHED, Board, boards, load
from leaderboard.boards.row_answers import RowAnswers, published_means
from leaderboard.pages.board import data as table
from tests.support import sent
from tests.support.odd_models import HALF, ONE_PHRASE, ORDINARY, REFUSES, odd_rows, ratings
from tests.support.ranks import rank_table
from tests.support.rows import result
from tests.support.rows import stored as rows_of


def measured() -> Benchmark:
    """A small benchmark whose rows count as measured."""
    return replace(practice_benchmark(), name="small")


def answers_file(benchmark: Benchmark, rated: np.ndarray) -> bytes:
    """A run's table of answers, as far as ranks need it, in an order of its own."""
    rows = [
        (variant, *item.id, None if np.isnan(rated[v, i]) else int(rated[v, i]))
        for i, item in reversed(list(enumerate(benchmark.items)))
        for v, variant in enumerate(VARIANTS)
    ]
    names = ("prompt_variant", "portrait_id", "option_id", "rating")
    buffer = io.BytesIO()
    pq.write_table(pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))), buffer)
    return buffer.getvalue()


class Stored:
    """Answers by id of the row, and how often each was asked for."""

    def __init__(self, benchmark: Benchmark, rows: list[Result], **instead: Any) -> None:
        self.files = {r.id: answers_file(benchmark, ratings(benchmark)[r.model]) for r in rows} | instead
        self.asked: list[str] = []

    def __call__(self, id_: str) -> bytes:
        self.asked.append(id_)
        found = self.files.get(id_)
        if found is None:
            raise InputError(f"No raw answers are stored for {id_}.")
        if isinstance(found, Exception):
            raise found
        return found


def board_of(rows: list[Result]) -> Board:
    (board,) = boards(rows)
    return board


def several(benchmark: Benchmark, n: int) -> list[Result]:
    """Copies of the ordinary row under other names."""
    (ordinary,) = (r for r in odd_rows(benchmark) if r.model == ORDINARY)
    return [ordinary.model_copy(update={"id": f"row-{i}"}) for i in range(n)]


def test_only_complete_rows_that_tell_items_apart_can_have_a_rank() -> None:
    rows = {r.model: r for r in odd_rows(measured())}
    assert obstacle(rows[ORDINARY]) is None
    assert "incomplete" in (obstacle(rows[REFUSES]) or "")
    assert "incomplete" in (obstacle(rows[HALF]) or "")
    assert rows[ONE_PHRASE].complete
    assert "same rating to everything" in (obstacle(rows[ONE_PHRASE]) or "")
    assert obstacle(result("before coverage was checked")) is not None


def test_stored_answers_give_the_scorers_item_means() -> None:
    benchmark = measured()
    rows = odd_rows(benchmark)
    answers = rows_of(Stored(benchmark, rows), benchmark)
    for row in rows:
        expected = item_means(ratings(benchmark)[row.model][None])[0]
        np.testing.assert_array_equal(answers.mean(row), expected)


def test_ranks_are_those_of_the_rank_table() -> None:
    benchmark = measured()
    rng = np.random.default_rng(3)
    x = rng.normal(3.5, 0.8, (5, len(benchmark.items)))
    x[4] += 2.5 * benchmark.key.selected[:, 0]  # one model that surely differs
    found = rank(benchmark, {f"m{i}": row for i, row in enumerate(x)})
    expected = rank_table(resample(x, benchmark.key.selected, benchmark.query_index))
    for i in range(5):
        for d, dimension in enumerate(DIMENSIONS):
            assert found.rows[f"m{i}"].models.get(dimension.name) == expected.models.text(i, d)
            assert found.rows[f"m{i}"].values.get(dimension.name) == expected.values.text(i, d)
    texts = {text for row in found.rows.values() for text in row.models.values()}
    assert len(texts) > 1, "somebody is told apart here"
    assert found.n == 5


def test_the_shipped_ranks_serve_exactly_their_rows() -> None:
    shipped = read_ranks()
    published = list(load(PUBLISHED).results)
    assert shipped is not None
    assert shipped.rows.keys() == {r.id for r in published if obstacle(r) is None}
    asked = Stored(measured(), [])
    assert Rankings({}, rows_of(asked)).of(board_of(published)) == shipped
    assert asked.asked == []


def test_without_the_benchmark_another_row_has_no_rank_and_the_others_keep_theirs() -> None:
    published = list(load(PUBLISHED).results)
    first = published[0]
    other = first.model_copy(update={"id": "another", "model": "another", "origin": "space"})
    board = board_of([*published, other])
    ranking = Rankings({}, rows_of(Stored(measured(), []))).of(board)
    assert ranking is not None
    assert ranking.n == 33
    (shown,) = sent.boards(table.payload([board], lambda _: table.Facts(ranking)))
    reasons = dict(zip((row["id"] for row in shown["rows"]), sent.why(shown["ranking"], shown["n"]), strict=True))
    assert shown["ranking"]["n"] == 33
    assert "not available" in (reasons.pop("another") or "")
    assert set(reasons.values()) == {None}


def test_rows_are_ranked_anew_with_their_own_answers_once() -> None:
    benchmark = measured()
    rows = [*odd_rows(benchmark), *several(benchmark, 2)]
    stored = Stored(benchmark, rows)
    rankings = Rankings({benchmark.digest: benchmark}, rows_of(stored, benchmark), lambda: None)
    ranking = rankings.of(board_of(rows))
    assert ranking is not None
    assert ranking.rows.keys() == {"odd-ordinary", "row-0", "row-1"}
    assert rankings.of(board_of(rows)) is ranking
    assert sorted(stored.asked) == ["odd-ordinary", "row-0", "row-1"]
    more = [*rows, *several(benchmark, 3)[2:]]
    stored.files["row-2"] = stored.files["row-1"]
    found = rankings.of(board_of(more))
    assert found is not None
    assert found.n == 4
    assert stored.asked.count("row-0") == 1, "what was read once is kept"


@pytest.mark.parametrize("damage", [b"no table", StoreUnavailable("away")])
def test_answers_that_cannot_be_read_cost_only_their_own_row(damage: Any) -> None:
    benchmark = measured()
    rows = several(benchmark, 3)
    ranking = Rankings(
        {benchmark.digest: benchmark}, rows_of(Stored(benchmark, rows, **{"row-1": damage}), benchmark), lambda: None
    ).of(board_of(rows))
    assert ranking is not None
    assert ranking.rows.keys() == {"row-0", "row-2"}


@pytest.mark.parametrize(("pause", "ranked"), [(3600.0, 2), (0.0, 3)], ids=["a moment later", "later"])
def test_a_row_whose_answers_were_away_gets_its_rank_when_they_are_back(
    monkeypatch: pytest.MonkeyPatch, pause: float, ranked: int
) -> None:
    monkeypatch.setattr("leaderboard.boards.rank_intervals._RETRY_SECONDS", pause)
    benchmark = measured()
    rows = several(benchmark, 3)
    stored = Stored(benchmark, rows)
    back, stored.files["row-1"] = stored.files["row-1"], StoreUnavailable("away")
    rankings = Rankings({benchmark.digest: benchmark}, rows_of(stored, benchmark), lambda: None)
    for files, n in ((stored.files["row-1"], 2), (back, ranked)):
        stored.files["row-1"] = files
        found = rankings.of(board_of(rows))
        assert found is not None
        assert found.n == n
    assert stored.asked.count("row-1") == ranked - 1, "not asked for at each page"


def test_equal_models_can_be_anywhere() -> None:
    benchmark = measured()
    rows = several(benchmark, 3)
    ranking = Rankings({benchmark.digest: benchmark}, rows_of(Stored(benchmark, rows), benchmark), lambda: None).of(
        board_of(rows)
    )
    assert ranking is not None
    assert {text for row in ranking.rows.values() for text in row.models.values()} == {"1-3"}


def test_boards_of_any_size_are_ranked() -> None:
    """Those of more than a thousand rows once were not."""
    benchmark = measured()
    rows = several(benchmark, 1200)
    means = np.random.default_rng(0).normal(3.5, 0.8, (1200, len(benchmark.items)))
    at = {r.id: i for i, r in enumerate(rows)}

    class Known(RowAnswers):
        def mean(self, result: Result) -> Floats:
            return means[at[result.id]]

    answers = Known(lambda _: None, lambda _: pa.table({}))
    asked: list[int] = []

    def rank_first(benchmark: Benchmark, found: Mapping[str, Floats]) -> Ranking:
        asked.append(len(found))
        return rank(benchmark, dict(list(found.items())[:20]))

    ranking = Rankings({benchmark.digest: benchmark}, answers, lambda: None, rank_first).of(board_of(rows))
    assert asked == [1200]
    assert ranking is not None
    assert ranking.n == 20


def test_practice_rows_are_not_ranked() -> None:
    practice = practice_benchmark()
    rows = odd_rows(practice)
    assert Rankings({practice.digest: practice}, rows_of(Stored(practice, rows), practice)).of(board_of(rows)) is None


def test_damaged_ranks_are_none(tmp_path: Path) -> None:
    assert read_ranks(tmp_path / "none.json") is None
    (tmp_path / "ranks.json").write_text('{"rows": 3}')
    assert read_ranks(tmp_path / "ranks.json") is None


def test_the_page_is_told_only_what_is_not_any_place() -> None:
    names = {d.name: f"1-{len(ds)}" for ds in SCALES.values() for d in ds}
    row = {"models": dict.fromkeys(names, "1-2") | {"Power": "2-2"}, "values": names | {"Security": "3-9"}}
    ranking = Ranking.model_validate({"benchmark_digest": "x", "rows": {"a": row, "b": row}})
    (shown,) = sent.boards(table.payload(boards([result("m", id="a")]), lambda _: table.Facts(ranking)))
    assert sent.places(shown, 0) == {"models": {"Power": "2-2"}, "values": {"Security": "3-9"}}
    assert shown["ranking"]["n"] == 2


def test_odd_models_reach_the_page_without_a_number_that_is_none() -> None:
    benchmark = measured()
    board = board_of(odd_rows(benchmark))
    rankings = Rankings({benchmark.digest: benchmark}, rows_of(Stored(benchmark, list(board.results)), benchmark))
    text = table.payload([board], lambda b: table.Facts(rankings.of(b)))
    assert "NaN" not in text
    assert "Infinity" not in text
    (shown,) = sent.boards(text)
    rows = {row["model"]: row for row in shown["rows"]}
    refuses, one, half = rows[REFUSES], rows[ONE_PHRASE], rows[HALF]
    assert all(cell is None for scale in refuses["scores"] for cell in scale)
    assert refuses["refused"] == 1.0
    assert [badge[0] for badge in refuses["badges"]] == ["incomplete"]
    assert [cell[0] for cell in one["scores"][0]] == [0.0] * 10
    assert [badge[0] for badge in one["badges"]] == ["flat"]
    assert "incomplete" in [badge[0] for badge in half["badges"]]
    reasons = dict(zip((row["model"] for row in shown["rows"]), sent.why(shown["ranking"], shown["n"]), strict=True))
    assert all(reasons[model] for model in (REFUSES, ONE_PHRASE, HALF))
    assert [row["muted"] for row in (refuses, one, half)] == [True] * 3


@pytest.mark.upstream
def test_the_committed_ranks_are_what_the_command_computes(upstream_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "ranks.json"
    arguments = ["ranks", "--source", str(upstream_dir), "--out", str(out)]
    assert CliRunner().invoke(app, arguments, standalone_mode=False).exception is None
    assert out.read_bytes() == PUBLISHED_RANKS.read_bytes()


@pytest.mark.upstream
def test_no_single_value_orders_the_released_models(upstream_dir: Path) -> None:
    benchmark = load_benchmark(upstream_dir)
    means = published_means(benchmark, load(PUBLISHED).results)
    ranking = rank(benchmark, means)
    told = {name for row in ranking.rows.values() for name, text in row.models.items() if text != "1-33"}
    assert told <= {"Openness to Change"}


def test_models_of_another_benchmark_cannot_be_ranked_by_the_command(tmp_path: Path) -> None:
    arguments = ["ranks", "--source", "practice", "--out", str(tmp_path / "ranks.json")]
    found = CliRunner().invoke(app, arguments, standalone_mode=False)
    assert isinstance(found.exception, InputError)
    assert not list(tmp_path.iterdir())


def test_the_mean_of_ranked_rows_has_the_spread_of_their_mean_in_the_draws() -> None:
    from data.sources.published_templates import templates_of
    from eval_queue.scoring.bootstrap import bootstrap
    from eval_queue.scoring.match import match_draws, people_draws

    benchmark, rng = practice_benchmark(), np.random.default_rng(2)
    shared = rng.normal(size=len(benchmark.items))
    x = np.clip(3.5 + shared + 0.3 * rng.normal(size=(6, len(benchmark.items))), 1, 6)
    means = {f"row-{m}": row for m, row in enumerate(x)}
    drawn = bootstrap(x, benchmark.key.selected, benchmark.query_index).score
    found, one = rank(benchmark, means).mean_half, np.nanstd(drawn, axis=0, ddof=1).mean(axis=0)
    for d, dimension in enumerate(DIMENSIONS):
        expected = 1.96 * np.nanstd(drawn.mean(axis=1)[:, d], ddof=1)
        assert found[dimension.name] == pytest.approx(expected, rel=1e-3)
        assert expected > 1.96 * one[d] / np.sqrt(len(x)), "models share the queries, so more rows do not help much"
    templates, by_match = templates_of(benchmark), rank_match(benchmark, means)
    assert templates is not None
    assert by_match is not None
    queries = match_draws(x, templates.loadings, benchmark.query_index).mean(axis=0).std(axis=-1, ddof=1)
    people = people_draws(x, templates).mean(axis=0).std(axis=-1, ddof=1)
    assert by_match.mean_half["Power"] == pytest.approx(1.96 * np.hypot(queries[4], people[4]), rel=1e-3)
