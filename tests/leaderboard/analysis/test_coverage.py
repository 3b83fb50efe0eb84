"""Coverage by source and variant: the counts are the record's, and a mean's interval covers as often as it says."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from data.benchmark import VARIANTS
from data.sources.key_file import KeyTable, read_key
from data.sources.practice import practice_benchmark
from eval_queue.scoring.released import Released
from eval_queue.scoring.stored import ratings_of
from leaderboard.analysis.coverage import ALL, NOT_ASKED, read_share
from leaderboard.boards.results import PUBLISHED, load

KEY = read_key()
PRACTICE = practice_benchmark()


@pytest.mark.parametrize("row", load(PUBLISHED).results, ids=lambda r: r.model)
def test_counts_are_those_of_the_record(row: object) -> None:
    table = Released().table(row.model)  # type: ignore[attr-defined]
    coverage, style = row.coverage, row.style  # type: ignore[attr-defined]
    found = read_share(ratings_of(table, KEY), table, KEY)
    whole = next(c for c in found.cells if c.source == ALL and c.variant == ALL)
    assert (whole.prompts, whole.rated) == (coverage.prompts, coverage.rated)
    assert whole.mean == pytest.approx(style.mean_rating, abs=1e-9)
    assert {u.kind: u.count for u in found.unread} == {k: n for k, n in coverage.unscored.items() if n}
    for u in found.unread:
        assert sum(u.by_source.values()) == u.count
    parts = [c for c in found.cells if c.source != ALL and c.variant != ALL]
    assert len(parts) == len(VARIANTS) * 4
    assert sum(c.rated for c in parts) == coverage.rated
    assert {c.prompts for c in parts} == {130}


def test_a_cell_is_what_a_slow_loop_counts() -> None:
    rng = np.random.default_rng(2)
    key = KeyTable.of(PRACTICE)
    rows = [
        (v, q, o, int(rng.integers(1, 7)) if rng.random() > 0.2 else None)
        for v in VARIANTS
        for q, o in key.ids.tolist()
        if rng.random() > 0.1
    ]
    columns = dict(zip(("prompt_variant", "portrait_id", "option_id", "rating"), zip(*rows, strict=True), strict=True))
    table = pa.table({**columns, "unscored": [None if r[3] is not None else "refusal" for r in rows]})
    found = read_share(ratings_of(table, key), table, key)
    source_of = dict(zip(key.ids[:, 0].tolist(), key.sources, strict=True))
    for cell in found.cells:
        given = [
            r
            for v, q, _, r in rows
            if cell.variant in (ALL, v) and cell.source in (ALL, source_of[q]) and r is not None
        ]
        assert cell.rated == len(given)
        assert cell.mean == pytest.approx(sum(given) / len(given))
        assert cell.low is not None
        assert cell.high is not None
        assert cell.low <= cell.mean <= cell.high
    missing = next(u for u in found.unread if u.kind == NOT_ASKED)
    assert missing.count == len(VARIANTS) * len(key.ids) - len(rows)
    assert sum(missing.by_source.values()) == missing.count


def test_the_interval_of_a_mean_covers_it() -> None:
    """Queries with an effect of their own, a third of the answers unread: 300 benchmarks, 95 % wanted."""
    rng = np.random.default_rng(11)
    key = KeyTable(
        "x", np.array([(q, o) for q in range(26) for o in range(1, 6)]), ("s",) * 130, np.zeros((130, 19), bool)
    )
    table = pa.table({"portrait_id": pa.array([], pa.int32()), "unscored": pa.array([], pa.string())})
    hits = 0
    for _ in range(300):
        ratings = 3.5 + rng.normal(0, 0.6, 26)[key.ids[:, 0]] + rng.normal(0, 0.8, (6, 130))
        ratings[rng.random(ratings.shape) < 0.33] = np.nan
        cell = read_share(ratings, table, key).cells[0]
        assert cell.low is not None
        assert cell.high is not None
        hits += cell.low <= 3.5 <= cell.high
    assert 0.92 <= hits / 300 <= 0.98


def test_nothing_read_is_nothing_said() -> None:
    key = KeyTable.of(PRACTICE)
    table = pa.table(
        {"portrait_id": [], "unscored": []}, schema=pa.schema({"portrait_id": pa.int32(), "unscored": pa.string()})
    )
    found = read_share(np.full((6, len(key.ids)), np.nan), table, key)
    assert {(c.rated, c.mean, c.low) for c in found.cells} == {(0, None, None)}
    assert [u.kind for u in found.unread] == [NOT_ASKED]
