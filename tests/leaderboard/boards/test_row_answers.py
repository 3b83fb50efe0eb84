"""A row's ratings and draws: those of its answers, whoever stands beside it, and worked out once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from data.benchmark import VARIANTS
from data.errors import InputError
from data.people.item_means import PUBLISHED as MEANS
from data.sources.key_file import KeyTable, read_key
from data.sources.practice import practice_benchmark
from data.values import DIMENSIONS
from eval_queue.queue.queue import Queue
from eval_queue.scoring.released import Released
from eval_queue.scoring.stored import ratings_of
from eval_queue.store.local import LocalStore
from leaderboard.analysis.comparison import compare
from leaderboard.analysis.ranks import resample
from leaderboard.boards.results import PUBLISHED, load
from leaderboard.boards.row_answers import RowAnswers
from leaderboard.site.site import Site
from tests.support.rows import result

ROWS = load(PUBLISHED).results
PRACTICE = practice_benchmark()


def shipped(calls: list[str] | None = None) -> RowAnswers:
    def table(row: object) -> pa.Table:
        if calls is not None:
            calls.append(row.model)  # type: ignore[attr-defined]
        return Released().table(row.model)  # type: ignore[attr-defined]

    return RowAnswers(lambda digest: key if (key := read_key()).digest == digest else None, table)


def small(**columns: list[object]) -> pa.Table:
    first, second = PRACTICE.items[:2]
    given = {
        "prompt_variant": ["v3", "v1", "v1_reversed"],
        "portrait_id": [second.query_id, first.query_id, first.query_id],
        "option_id": [second.option_id, first.option_id, first.option_id],
        "rating": [2, 5, None],
        **columns,
    }
    return pa.table(given)


def test_ratings_stand_where_their_item_and_variant_are() -> None:
    found = ratings_of(small(), KeyTable.of(PRACTICE))
    assert found.shape == (len(VARIANTS), len(PRACTICE.items))
    assert found[VARIANTS.index("v1"), 0] == 5
    assert found[VARIANTS.index("v3"), 1] == 2
    assert np.isfinite(found).sum() == 2


@pytest.mark.parametrize(
    "columns", [{"portrait_id": [99999] * 3}, {"option_id": [77] * 3}, {"prompt_variant": ["v1", "v9", "v1"]}]
)
def test_answers_to_another_benchmark_are_refused(columns: dict[str, list[object]]) -> None:
    with pytest.raises(InputError, match="does not have"):
        ratings_of(small(**columns), KeyTable.of(PRACTICE))


def test_means_of_released_rows_are_the_shipped_ones() -> None:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    samples, means = shipped(), pq.read_table(MEANS)
    for row in ROWS[::8]:
        of_row = means.filter(pc.equal(means["model"], row.model))
        at = {(q, o): m for q, o, m in zip(*(of_row[c].to_pylist() for c in of_row.column_names[1:]), strict=True)}
        rated = samples.rated(row)
        expected = [at[query, option] for query, option in rated.key.ids.tolist()]
        np.testing.assert_allclose(rated.means, np.array(expected, dtype=np.float64), atol=1e-12)


def test_draws_of_each_row_alone_are_those_of_all_together() -> None:
    samples = shipped()
    rows = [ROWS[14], ROWS[1], ROWS[27]]
    found = samples.sample(rows)
    means = np.array([samples.rated(row).means for row in rows])
    key = read_key()
    together = resample(means, key.selected, key.query_index)
    np.testing.assert_allclose(found.point, together.point, atol=1e-12)
    np.testing.assert_allclose(found.draws, together.draws, atol=1e-12)
    assert (found.clusters == together.clusters).all()
    names = (rows[0].model, rows[2].model)
    one = compare(names, found.point[[0, 2]], found.draws[:, [0, 2]], found.clusters[[0, 2]])
    other = compare(names, together.point[[0, 2]], together.draws[:, [0, 2]], together.clusters[[0, 2]])
    assert one.line == other.line


def test_scores_are_those_of_the_record() -> None:
    point = shipped().sample([ROWS[14]]).point[0]
    for d, x in zip(DIMENSIONS, point, strict=True):
        assert x == pytest.approx(ROWS[14].scales[d.scale].dimensions[d.name].score, abs=1e-9)


def test_a_row_is_read_once() -> None:
    calls: list[str] = []
    samples = shipped(calls)
    samples.sample([ROWS[0], ROWS[1]])
    samples.sample([ROWS[1], ROWS[0]])
    samples.rated(ROWS[0])
    assert calls == [ROWS[0].model, ROWS[1].model]


def test_a_row_of_an_unknown_benchmark_is_named_so() -> None:
    with pytest.raises(InputError, match="not known here"):
        shipped().rated(result("m"))


def test_a_site_without_any_file_of_the_benchmark_compares_published_rows(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    queue = Queue(store, store, lease=timedelta(minutes=2))
    site = Site(PRACTICE, PRACTICE, queue, (), quota=2, scheduler_seconds=None)
    assert site.row_answers.sample(ROWS[:2]).point.shape == (2, len(DIMENSIONS))
    assert site.people_means is None
