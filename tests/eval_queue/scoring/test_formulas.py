"""Answer files to arrays, arrays to scores, scores to records, and the `score` command, on the practice benchmark."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from data.benchmark import RATING_PHRASES, VARIANTS, Benchmark
from data.errors import InputError
from data.sources.loading import load_benchmark
from data.values import DIMENSIONS, SCALE_COLUMNS, SCALES
from eval_queue.__main__ import app
from eval_queue.reading.answers import UNPARSED, UNSCORED_KINDS, Answers, read_answers
from eval_queue.scoring.formulas import compat_selected, item_means, score
from eval_queue.scoring.profiles import profiles
from tests.support import ROOT
from tests.support.rows import answer_lines

SEED = 20250101


@pytest.fixture(scope="module")
def practice() -> Benchmark:
    return load_benchmark("practice")


def _records(benchmark: Benchmark, model: str, seed: int = SEED) -> list[dict[str, Any]]:
    return list(answer_lines(benchmark, model, seed))


def _write(path: Path, records: list[dict[str, Any]]) -> Path:
    content = "".join(json.dumps(record) + "\n" for record in records).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def _rating(record: dict[str, Any]) -> float:
    return next(rating for rating, phrase in RATING_PHRASES.items() if phrase == record["raw_response"])


# --- answer files to arrays


def test_ratings_stand_where_they_belong(practice: Benchmark, tmp_path: Path) -> None:
    records = _records(practice, "a")
    answers = read_answers([_write(tmp_path / "a.jsonl", records)], practice)
    assert answers.models == ("a",)
    for record in records:
        v, i = VARIANTS.index(record["prompt_variant"]), practice.item_index[record["portrait_id"], record["option_id"]]
        assert answers.ratings[0, v, i] == _rating(record)
    assert answers.unscored.sum() == 0


def test_files_lines_and_compression_change_nothing(practice: Benchmark, tmp_path: Path) -> None:
    records = _records(practice, "b", 1) + _records(practice, "a", 2) + _records(practice, "c", 3)
    whole = read_answers([_write(tmp_path / "all.jsonl", records)], practice)
    random.Random(SEED).shuffle(records)
    folder = tmp_path / "parts"
    folder.mkdir()
    for n in range(4):
        _write(folder / f"{n}.jsonl{'.gz' if n % 2 else ''}", records[n::4])
    parts = read_answers([folder], practice)
    reverse = read_answers(sorted(folder.iterdir(), reverse=True), practice)
    for other in (parts, reverse):
        assert other.models == whole.models == ("a", "b", "c")
        np.testing.assert_array_equal(other.ratings, whole.ratings)


def test_stored_numbers_are_never_read(practice: Benchmark, tmp_path: Path) -> None:
    records = [record | {"numeric_response": 6, "rating": 6} for record in _records(practice, "a")]
    for record in records:
        record["raw_response"] = "not like me"
    answers = read_answers([_write(tmp_path / "a.jsonl", records)], practice)
    assert (answers.ratings == 2).all()


def test_every_kind_is_counted_and_none_becomes_a_number(practice: Benchmark, tmp_path: Path) -> None:
    records = _records(practice, "a")
    refusal = "I'm sorry, but I can't help with that."
    changes: list[dict[str, Any]] = [
        {"raw_response": ""},
        {"raw_response": None},
        {"raw_response": refusal},
        {"raw_response": None, "error": UNPARSED + refusal},
        {"raw_response": "thirteen"},
        {"raw_response": "It", "finish_reason": "length"},
        {"raw_response": None, "error": "Error code: 500"},
        {"raw_response": None, "error": UNPARSED},
    ]
    for record, change in zip(records, changes, strict=False):
        record.update(change)
    del records[-1]
    path = _write(tmp_path / "a.jsonl", records)
    expected = {"empty": 3, "refusal": 2, "unreadable": 1, "truncated": 1, "api_error": 1}
    answers = read_answers([path], practice)
    assert dict(zip(UNSCORED_KINDS, answers.unscored[0].tolist(), strict=True)) == expected
    assert np.isnan(answers.ratings).sum() == len(changes) + 1, "the one never asked is missing too"
    compat = read_answers([path], practice, reader="compat")
    assert np.isnan(compat.ratings).sum() == len(changes) + 1


BAD_LINES: list[tuple[str, str | None, str]] = [
    ('{"model": "a", ', None, "JSON"),
    ("[1, 2]", None, "object"),
    ('{"prompt_variant": "v1"}', "model", "missing"),
    ('{"model": 3}', "model", "text"),
    ('{"model": ""}', "model", "text"),
]


@pytest.mark.parametrize(("line", "field", "word"), BAD_LINES)
def test_a_bad_line_is_named(practice: Benchmark, tmp_path: Path, line: str, field: str | None, word: str) -> None:
    lines = [json.dumps(record) for record in _records(practice, "a")]
    lines[6] = line
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError, match=word) as caught:
        read_answers([path], practice)
    assert caught.value.file == f"{path}, line 7"
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"prompt_variant": "v9"}, "prompt_variant"),
        ({"prompt_variant": None}, "prompt_variant"),
        ({"portrait_id": "9001"}, "portrait_id"),
        ({"portrait_id": 1}, "portrait_id"),
        ({"option_id": True}, "option_id"),
        ({"option_id": 1.0}, "option_id"),
        ({"raw_response": 5}, "raw_response"),
        ({"raw_response": ["like me"]}, "raw_response"),
        ({"error": 500}, "error"),
        ({"finish_reason": 1}, "finish_reason"),
        ({"raw_response": ...}, "raw_response"),
        ({"option_id": ...}, "option_id"),
    ],
)
def test_a_bad_field_is_named(practice: Benchmark, tmp_path: Path, change: dict[str, Any], field: str) -> None:
    records = _records(practice, "a")
    records[10] = {k: v for k, v in (records[10] | change).items() if v is not ...}
    path = _write(tmp_path / "a.jsonl.gz", records)
    with pytest.raises(InputError) as caught:
        read_answers([path], practice)
    assert (caught.value.file, caught.value.field) == (f"{path}, line 11", field)


def test_two_records_on_a_line_are_not_two_lines(practice: Benchmark, tmp_path: Path) -> None:
    lines = [json.dumps(record) for record in _records(practice, "a")]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join([lines[0] + "," + lines[1], *lines[2:]]), encoding="utf-8")
    with pytest.raises(InputError, match="line 1"):
        read_answers([path], practice)


def test_a_prompt_answered_twice_names_both_places(practice: Benchmark, tmp_path: Path) -> None:
    records = _records(practice, "a")
    one = _write(tmp_path / "1.jsonl", records)
    two = tmp_path / "2.jsonl"
    two.write_text("\n\n" + json.dumps(records[4]) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"1\.jsonl, line 5") as caught:
        read_answers([one, two], practice)
    assert caught.value.file == f"{two}, line 3"


def test_a_file_named_twice_is_read_once(practice: Benchmark, tmp_path: Path) -> None:
    path = _write(tmp_path / "a.jsonl", _records(practice, "a"))
    assert read_answers([path, tmp_path], practice).models == ("a",)


@pytest.mark.parametrize("cut", [5, 40, -9])
def test_a_truncated_gzip_file_is_an_error(practice: Benchmark, tmp_path: Path, cut: int) -> None:
    path = _write(tmp_path / "a.jsonl.gz", _records(practice, "a"))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match=r"a\.jsonl\.gz"):
        read_answers([path], practice)


def test_empty_and_missing_files_are_errors(practice: Benchmark, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text(" \n\n", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    for name, word in (("empty.jsonl", "empty"), ("folder", "no answer file"), ("none.jsonl", "no such file")):
        with pytest.raises(InputError, match=word):
            read_answers([tmp_path / name], practice)


def test_windows_line_ends_and_a_byte_order_mark_are_read(practice: Benchmark, tmp_path: Path) -> None:
    lines = [json.dumps(record) for record in _records(practice, "a")]
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    assert np.isfinite(read_answers([path], practice).ratings).all()


# --- ratings to scores


def _plain_scores(
    ratings: Any, selected: Any
) -> tuple[dict[str, tuple[float, float, int]], dict[str, tuple[float, int]]]:
    """The methodology's formulas, one number at a time."""
    x = {}
    for i in range(ratings.shape[1]):
        values = [r for r in ratings[:, i].tolist() if r == r]
        if values:
            x[i] = sum(values) / len(values)
    of_dimension: dict[str, tuple[float, float, int]] = {}
    of_scale: dict[str, tuple[float, int]] = {}
    for scale, dimensions in SCALES.items():
        columns = range(SCALE_COLUMNS[scale].start, SCALE_COLUMNS[scale].stop)
        members = [x[i] for i in x if any(selected[i, d] for d in columns)]
        mean = sum(members) / len(members)
        of_scale[scale] = mean, len(members)
        for d, dimension in zip(columns, dimensions, strict=True):
            own = [x[i] for i in x if selected[i, d]]
            of_dimension[dimension.name] = sum(own) / len(own), sum(own) / len(own) - mean, len(own)
    return of_dimension, of_scale


def _random_ratings(benchmark: Benchmark, models: int, missing: float, seed: int = SEED) -> Any:
    rng = np.random.default_rng(seed)
    ratings = rng.integers(1, 7, (models, len(VARIANTS), len(benchmark.items))).astype(float)
    ratings[rng.random(ratings.shape) < missing] = np.nan
    return ratings


@pytest.mark.parametrize("missing", [0.0, 0.05, 0.6])
def test_scores_equal_the_plain_formulas(practice: Benchmark, missing: float) -> None:
    ratings, selected = _random_ratings(practice, 4, missing), practice.key.selected
    scores = score(ratings, selected)
    for m in range(len(ratings)):
        dimensions, scales = _plain_scores(ratings[m], selected)
        for d, dimension in enumerate(DIMENSIONS):
            found = scores.raw[m, d], scores.score[m, d], scores.n[m, d]
            assert found == pytest.approx(dimensions[dimension.name], abs=1e-12)
        for s, scale in enumerate(SCALES):
            assert (scores.mean[m, s], scores.n_items[m, s]) == pytest.approx(scales[scale], abs=1e-12)


def test_a_dimension_without_ratings_has_no_score(practice: Benchmark) -> None:
    ratings = _random_ratings(practice, 2, 0.0)
    ratings[0][:, practice.key.selected[:, 3]] = np.nan
    scores = score(ratings, practice.key.selected)
    assert np.isnan(scores.score[0, 3])
    assert scores.n[0, 3] == 0
    assert np.isfinite(scores.score[1]).all()


def test_a_model_without_any_rating_has_no_scores(practice: Benchmark) -> None:
    ratings = np.full((1, len(VARIANTS), len(practice.items)), np.nan)
    scores = score(ratings, practice.key.selected)
    assert np.isnan(scores.score).all()
    assert np.isnan(scores.mean).all()
    unscored = np.array([[0, practice.n_prompts, 0, 0, 0]])
    (profile,) = profiles(Answers(("mute",), ratings, unscored), practice)
    assert profile.coverage.rated == 0
    assert profile.coverage.unscored == {"refusal": practice.n_prompts}
    assert profile.scales["pvq"].mean is None
    assert "NaN" not in profile.model_dump_json()


def test_item_means_are_over_the_variants_that_have_one(practice: Benchmark) -> None:
    ratings = np.full((1, len(VARIANTS), len(practice.items)), np.nan)
    ratings[0, 0, 0], ratings[0, 5, 0] = 6, 3
    means = item_means(ratings)
    assert means[0, 0] == 4.5
    assert np.isnan(means[0, 1:]).all()


def test_compat_selection_is_the_keys_where_upstreams_item_does_not_exist(practice: Benchmark) -> None:
    np.testing.assert_array_equal(compat_selected(practice), practice.key.selected)


# --- the command


def _run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["score", *arguments], standalone_mode=False)


def test_score_command_prints_the_agreed_json(practice: Benchmark, tmp_path: Path) -> None:
    _write(tmp_path / "a.jsonl", _records(practice, "org/one", 1))
    _write(tmp_path / "b.jsonl.gz", _records(practice, "two", 2))
    result = _run(str(tmp_path), "--source", "practice", "--json")
    assert result.exception is None
    document = json.loads(result.stdout)
    assert document["schema_version"] == 1
    assert document["reader"] == "official"
    assert document["benchmark"] == {
        "name": practice.name,
        "version": practice.version,
        "digest": practice.digest,
    }
    assert [entry["model"] for entry in document["models"]] == ["org/one", "two"]
    expected = profiles(read_answers([tmp_path], practice), practice)
    for entry, profile in zip(document["models"], expected, strict=True):
        assert entry["coverage"] == {"prompts": practice.n_prompts, "rated": practice.n_prompts, "unscored": {}}
        assert list(entry["scales"]) == ["pvq", "higher_pvq", "bfi"]
        for scale, dimensions in SCALES.items():
            found = entry["scales"][scale]
            assert list(found["dimensions"]) == [d.name for d in dimensions]
            for name, values in found["dimensions"].items():
                ours = profile.scales[scale].dimensions[name]
                assert values == ours.model_dump()
                assert list(values) == ["score", "raw", "n", "se", "low", "high"]
                assert values["low"] < values["high"]
        for name in ("reliability", "flat", "sensitivity", "style", "circumplex", "complete", "centred10"):
            assert entry[name] == profile.model_dump(mode="json")[name]
            assert entry[name] is not None


def test_score_command_prints_a_table(practice: Benchmark, tmp_path: Path) -> None:
    _write(tmp_path / "a.jsonl", _records(practice, "[red]org/one"))
    result = _run(str(tmp_path), "--source", "practice")
    assert "[red]org/one" in result.stdout
    assert "100.0%" in result.stdout


def test_score_command_says_what_is_incomplete(practice: Benchmark, tmp_path: Path) -> None:
    _write(tmp_path / "a.jsonl", _records(practice, "half")[: practice.n_prompts // 2])
    result = _run(str(tmp_path), "--source", "practice")
    assert "Incomplete: half:" in result.stdout
    assert f"of {practice.n_prompts} prompts" in result.stdout


def test_order_of_files_changes_no_byte_of_the_output(practice: Benchmark, tmp_path: Path) -> None:
    files = [str(_write(tmp_path / f"{name}.jsonl", _records(practice, name, n))) for n, name in enumerate("cab")]
    one = _run(*files, "--source", "practice", "--json")
    other = _run(*reversed(files), "--source", "practice", "--json")
    assert one.stdout == other.stdout != ""


def test_score_command_prints_nothing_where_a_file_is_wrong(practice: Benchmark, tmp_path: Path) -> None:
    _write(tmp_path / "a.jsonl", _records(practice, "one"))
    _write(tmp_path / "b.jsonl", [{"model": "two"}])
    result = _run(str(tmp_path), "--source", "practice", "--json")
    assert isinstance(result.exception, InputError)
    assert result.stdout == ""


@pytest.mark.slow
def test_a_wrong_path_ends_with_status_2_and_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "eval_queue", "score", str(tmp_path / "none.jsonl"), "--source", "practice"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "no such file" in done.stderr
    assert "Traceback" not in done.stderr
