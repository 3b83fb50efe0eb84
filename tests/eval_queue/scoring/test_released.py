"""The released models' answers to the single prompts, as shipped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from data.benchmark import VARIANTS, Benchmark
from data.errors import InputError
from data.people.item_means import read_item_means
from data.sources.loading import load_benchmark
from eval_queue.reading.answers import read_answers
from eval_queue.scoring.released import LONGEST, RELEASED, Released, table_of, write_released
from leaderboard.boards.results import PUBLISHED, load


@pytest.fixture(scope="module")
def upstream(upstream_dir: Path) -> Benchmark:
    return load_benchmark(str(upstream_dir))


def test_every_published_row_has_its_answers_and_they_count_as_its_record_says() -> None:
    released = Released()
    for row in load(PUBLISHED).results:
        table = released.table(row.model)
        assert table.num_rows == row.coverage.prompts
        assert table["rating"].null_count == row.coverage.prompts - row.coverage.rated
        assert released.digest == row.benchmark.digest


def test_a_model_that_was_not_released_is_named() -> None:
    with pytest.raises(InputError, match="no-such-model"):
        Released().table("no-such-model")


def test_long_answers_are_counted_and_left_with_their_authors() -> None:
    whole = Released().everything()
    longest = pc.max(pc.utf8_length(whole["raw_response"])).as_py()
    assert longest <= LONGEST
    left = whole.filter(pc.greater(whole["length"], LONGEST))
    assert left.num_rows > 1000
    assert left["raw_response"].null_count == left.num_rows


def test_the_file_is_what_the_released_answers_say(upstream: Benchmark, outputs_dir: Path, tmp_path: Path) -> None:
    made = table_of([outputs_dir])
    write_released(made, upstream.digest, tmp_path / "new.parquet")
    assert Released(tmp_path / "new.parquet").everything().equals(Released(RELEASED).everything())
    answers = read_answers([outputs_dir], upstream)
    ratings = np.array(made["rating"].to_numpy(zero_copy_only=False), dtype=float)
    shape = (len(answers.models), len(upstream.items), len(VARIANTS))
    np.testing.assert_array_equal(ratings.reshape(shape).transpose(0, 2, 1), answers.ratings)
    means = read_item_means(upstream)
    assert means is not None
    with np.errstate(invalid="ignore"):
        assert np.nanmax(np.abs(np.nanmean(ratings.reshape(shape), axis=2) - means.means)) < 1e-12


def test_whole_answers_come_from_the_operators_folder(upstream: Benchmark, outputs_dir: Path) -> None:
    model = "claude-3.7-sonnet:thinking"
    short, whole = Released().table(model), Released(folder=outputs_dir).table(model, upstream)
    assert short["raw_response"].null_count > whole["raw_response"].null_count
    assert whole["rating"].equals(short["rating"])
    # without the benchmark that was asked, what is shipped
    assert Released(folder=outputs_dir).table(model).equals(short)
