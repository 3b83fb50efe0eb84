"""The published benchmark's key without its texts: the same as the benchmark's own, and enough to resample with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.errors import InputError
from data.sources.key_file import PUBLISHED, KeyTable, read_key, write_key
from data.sources.loading import load_benchmark
from data.sources.practice import practice_benchmark
from data.values import DIMENSIONS
from leaderboard.analysis.summary import PUBLISHED_DIGEST


def test_a_key_survives_a_round_trip(tmp_path: Path) -> None:
    practice = practice_benchmark()
    write_key(KeyTable.of(practice), tmp_path / "key.parquet")
    found = read_key(tmp_path / "key.parquet")
    assert found.digest == practice.digest
    assert list(found.item_index) == [item.id for item in practice.items]
    np.testing.assert_array_equal(found.selected, practice.key.selected)
    np.testing.assert_array_equal(found.query_index, practice.query_index)
    assert found.sources[0] == practice.query_by_id[practice.items[0].query_id].source
    other = replace(found, selected=~found.selected)
    write_key(other, tmp_path / "key.parquet")
    assert [p.name for p in tmp_path.iterdir()] == ["key.parquet"]


def test_what_is_no_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.parquet"):
        read_key(tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"bad\.parquet"):
        read_key(tmp_path / "bad.parquet")


def test_the_shipped_key_has_the_published_counts() -> None:
    found = read_key()
    assert found.digest == PUBLISHED_DIGEST
    counts = dict(zip((d.name for d in DIMENSIONS), found.selected.sum(axis=0).tolist(), strict=True))
    assert (counts["Self-Direction"], counts["Power"], counts["Tradition"]) == (11, 64, 12)
    assert len(np.unique(found.query_index)) == 104


def test_the_shipped_key_is_the_benchmarks(upstream_dir: Path) -> None:
    benchmark = load_benchmark(str(upstream_dir))
    found, expected = read_key(PUBLISHED), KeyTable.of(benchmark)
    assert found.digest == expected.digest
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.selected, expected.selected)
    np.testing.assert_array_equal(found.query_index, benchmark.query_index)
    assert found.sources == expected.sources
