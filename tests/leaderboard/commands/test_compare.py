"""`python -m leaderboard compare`, on answers written here and on released ones."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from data.benchmark import RATING_PHRASES, VARIANTS
from data.errors import InputError
from data.sources.practice import practice_benchmark
from data.values import VALUES
from leaderboard.__main__ import app


def _answers(folder: Path, model: str, favours: str | None) -> Path:
    """Answers of a model that rates what speaks for one value two points higher than all else."""
    benchmark = practice_benchmark()
    column = [v.name for v in VALUES].index(favours) if favours else None
    file = folder / f"{model}.jsonl"
    lines = []
    for variant in VARIANTS:
        for i, item in enumerate(benchmark.items):
            rating = 5 if column is not None and benchmark.key.selected[i, column] else 3
            lines.append(
                {
                    "model": model,
                    "prompt_variant": variant,
                    "portrait_id": item.query_id,
                    "option_id": item.option_id,
                    "raw_response": RATING_PHRASES[rating],
                    "error": None,
                }
            )
    file.write_bytes(b"\n".join(map(orjson.dumps, lines)))
    return file


def _run(*arguments: str) -> str:
    found = CliRunner().invoke(app, ["compare", *arguments], catch_exceptions=False)
    assert found.exit_code == 0
    return found.output


def test_a_planted_difference_is_named_and_no_other_direction(tmp_path: Path) -> None:
    files = [str(_answers(tmp_path, "a", "Tradition")), str(_answers(tmp_path, "b", None))]
    found = orjson.loads(_run(*files, "--source", "practice", "--json"))
    tradition = found["differences"]["Tradition"]
    assert tradition["difference"] > 0.5
    assert tradition["low"] <= tradition["difference"] <= tradition["high"]
    assert tradition["p_adjusted"] <= 0.05
    assert found["line"].startswith("a puts")
    assert "Tradition" in found["line"].split(" higher than b")[0]


def test_equal_models_are_not_told_apart(tmp_path: Path) -> None:
    files = [str(_answers(tmp_path, name, "Power")) for name in ("a", "b")]
    text = _run(*files, "--source", "practice")
    assert text.startswith("No value separates a and b; no difference reaches 0.01.")


def test_one_model_is_no_comparison(tmp_path: Path) -> None:
    file = str(_answers(tmp_path, "a", None))
    with pytest.raises(InputError, match="these files hold 1: a"):
        CliRunner().invoke(app, ["compare", file, "--source", "practice"], catch_exceptions=False)


@pytest.mark.upstream
def test_released_models(upstream_dir: Path, outputs_dir: Path) -> None:
    """Both have 3,120 readable answers; the ten differences are those of their published scores."""
    names = ("gpt-4o-2024-05-13", "o3-mini-2025-01-31")
    found = orjson.loads(
        _run(*(str(outputs_dir / f"{n}.jsonl.gz") for n in names), "--source", str(upstream_dir), "--json")
    )
    scores = upstream_dir / "lm_evaluation" / "score_results" / "final_results_0.3_pos_centered"
    one, other = (
        orjson.loads((scores / f"{n}_averaged_results_0.3_pos_centered_scores.json").read_bytes())["scores"]["pvq"]
        for n in names
    )
    for value in VALUES:
        expected = one[value.key]["centered_mean"] - other[value.key]["centered_mean"]
        assert found["differences"][value.name]["difference"] == pytest.approx(expected, abs=1e-9)
