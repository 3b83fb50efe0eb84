"""The published results: recomputed from the released raw answers, and what they say of themselves."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from data.benchmark import VARIANTS
from data.errors import InputError
from data.people.item_means import PUBLISHED, read_item_means
from data.sources.loading import load_benchmark
from data.sources.published_validity import PUBLISHED as VALIDATION
from eval_queue.__main__ import app
from eval_queue.reading.answers import read_answers
from eval_queue.records import Result
from eval_queue.scoring.profiles import profiles
from eval_queue.scoring.publishing import FOLDER, MODELS_FILE, RESULTS_FILE, published_results, read_models


def _committed() -> list[Result]:
    return [Result.model_validate_json(line) for line in (FOLDER / RESULTS_FILE).read_bytes().splitlines()]


def _assert_close(ours: object, theirs: object, where: str) -> None:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        assert ours.keys() == theirs.keys(), where
        for name in ours:
            _assert_close(ours[name], theirs[name], f"{where}.{name}")
    elif isinstance(ours, list) and isinstance(theirs, list):
        assert len(ours) == len(theirs), where
        for i, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            _assert_close(one, other, f"{where}[{i}]")
    elif isinstance(ours, float) and isinstance(theirs, float):
        assert ours == pytest.approx(theirs, abs=1e-9), where
    else:
        assert ours == theirs, where


@pytest.mark.upstream
@pytest.mark.slow
def test_the_committed_files_are_what_the_command_computes(
    upstream_dir: Path, outputs_dir: Path, tmp_path: Path
) -> None:
    arguments = ["publish", str(outputs_dir), "--source", str(upstream_dir), "--out"]
    runs = [tmp_path / "one", tmp_path / "two"]
    for folder in runs:
        assert CliRunner().invoke(app, [*arguments, str(folder)], standalone_mode=False).exception is None
    for name in (RESULTS_FILE, PUBLISHED.name, VALIDATION.name):
        assert (runs[0] / name).read_bytes() == (runs[1] / name).read_bytes(), "twice the same bytes"
    ours = [json.loads(line) for line in (runs[0] / RESULTS_FILE).read_bytes().splitlines()]
    theirs = [json.loads(line) for line in (FOLDER / RESULTS_FILE).read_bytes().splitlines()]
    assert len(ours) == len(theirs) == 33
    for one, other in zip(ours, theirs, strict=True):
        # another processor may differ in the last digits; nothing else may differ
        _assert_close(one, other, one["model"])
    benchmark = load_benchmark(upstream_dir)
    fresh, committed = read_item_means(benchmark, runs[0] / PUBLISHED.name), read_item_means(benchmark)
    assert fresh is not None
    assert committed is not None
    assert fresh.models == committed.models
    np.testing.assert_allclose(fresh.means, committed.means, atol=1e-12)
    ours_, theirs_ = (json.loads(path.read_bytes()) for path in (runs[0] / VALIDATION.name, VALIDATION))
    _assert_close(ours_, theirs_, "validation")
    assert theirs_["benchmark"]["digest"] == benchmark.digest


@pytest.mark.upstream
def test_item_means_are_means_of_the_ratings(upstream_dir: Path, outputs_dir: Path) -> None:
    benchmark = load_benchmark(upstream_dir)
    answers = read_answers([outputs_dir], benchmark)
    stored = read_item_means(benchmark)
    assert stored is not None
    assert stored.models == answers.models
    np.testing.assert_allclose(stored.means, np.nanmean(answers.ratings, axis=1), atol=1e-12)


@pytest.mark.upstream
def test_answers_to_another_benchmark_are_not_published(outputs_dir: Path, tmp_path: Path) -> None:
    arguments = ["publish", str(outputs_dir), "--source", "practice", "--out", str(tmp_path)]
    result = CliRunner().invoke(app, arguments, standalone_mode=False)
    assert isinstance(result.exception, InputError)
    assert not list(tmp_path.iterdir())


def test_committed_records_say_what_they_are() -> None:
    results = _committed()
    assert len(results) == len({r.id for r in results}) == 33
    assert {r.origin for r in results} == {"published"}
    assert {r.source for r in results} == {"holi-lab/ValuePortrait@08e1fb7"}
    assert {r.answer_mode for r in results} == {"free-text"}
    assert {r.reader for r in results} == {"official"}
    assert len({r.benchmark.digest for r in results}) == 1
    assert "gemini-flash-1.5" not in {r.model for r in results}
    assert "claude-3.7-sonnet:thinking" in {r.model for r in results}
    assert all("default temperature" in (r.note or "") for r in results if r.developer == "OpenAI")
    assert sum(r.developer == "OpenAI" for r in results) == 8
    for r in results:
        assert r.coverage.rated + sum(r.coverage.unscored.values()) == r.coverage.prompts == 6 * 520


def test_item_means_are_small_and_name_their_benchmark() -> None:
    assert PUBLISHED.stat().st_size < 200_000
    table = pq.read_table(PUBLISHED)
    assert table.column_names == ["model", "portrait_id", "option_id", "mean"]
    assert table.num_rows == 33 * 520
    assert table.schema.metadata[b"benchmark_digest"].decode() == _committed()[0].benchmark.digest


def test_the_table_and_the_answers_must_name_the_same_models(tmp_path: Path) -> None:
    benchmark = load_benchmark("practice")
    lines = [
        json.dumps(
            {
                "model": "unheard-of",
                "prompt_variant": variant,
                "portrait_id": item.query_id,
                "option_id": item.option_id,
                "raw_response": "like me",
                "error": None,
            }
        )
        for variant in VARIANTS
        for item in benchmark.items
    ]
    (tmp_path / "answers.jsonl").write_text("\n".join(lines), encoding="utf-8")
    answers = read_answers([tmp_path / "answers.jsonl"], benchmark)
    table = read_models(FOLDER / MODELS_FILE)
    with pytest.raises(InputError, match="unheard-of"):
        published_results(answers, profiles(answers, benchmark), benchmark, table)
    only = {"unheard-of": table.models["qwq-32b"]}
    extended = table.model_copy(update={"models": table.models | only})
    with pytest.raises(InputError, match="gpt-3"):
        published_results(answers, profiles(answers, benchmark), benchmark, extended)
    alone = table.model_copy(update={"models": only})
    (result,) = published_results(answers, profiles(answers, benchmark), benchmark, alone, on=date(2031, 2, 3))
    assert result.created.date() == date(2031, 2, 3)
    assert result.open_weights is True


def test_a_broken_table_is_named(tmp_path: Path) -> None:
    path = tmp_path / MODELS_FILE
    with pytest.raises(InputError, match=r"models\.json"):
        read_models(path)
    shutil.copy(FOLDER / MODELS_FILE, path)
    table = json.loads(path.read_text(encoding="utf-8"))
    table["models"]["qwq-32b"]["note"] = "nowhere"
    path.write_text(json.dumps(table), encoding="utf-8")
    with pytest.raises(InputError, match="nowhere") as caught:
        read_models(path)
    assert caught.value.field == "models.qwq-32b.note"
    path.write_text('{"about": 3}', encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_models(path)
    assert caught.value.field == "about"
