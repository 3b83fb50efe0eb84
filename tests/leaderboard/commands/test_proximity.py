"""`python -m leaderboard proximity` as a person runs it: a process of its own, its output, its exit status."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.benchmark import RATING_PHRASES, VARIANTS, Benchmark, Item
from data.people.reference import FOLDER
from data.sources.loading import load_benchmark
from eval_queue.scoring.formulas import Floats
from tests.support.commands import Done, run_command

GROUPS = [
    "overall/all",
    "gender/male",
    "gender/female",
    "age_paper/20-39",
    "age_paper/80+",
    "political/right",
    "political/left",
    "education_paper/below_university",
    "education_paper/university",
]
LEANS = {
    "gender": ("gender/female", "gender/male"),
    "age": ("age_paper/80+", "age_paper/20-39"),
    "political": ("political/right", "political/left"),
    "education": ("education_paper/university", "education_paper/below_university"),
}


def run(*arguments: str | Path) -> Done:
    return run_command("leaderboard", "proximity", *arguments)


def write(path: Path, benchmark: Benchmark, model: str, rating: Callable[[int, Item], int | None]) -> Path:
    """Answers of a made-up model; None stands for an answer that cannot be read."""
    lines = []
    for variant in VARIANTS:
        for i, item in enumerate(benchmark.items):
            r = rating(i, item)
            record = {
                "model": model,
                "prompt_variant": variant,
                "portrait_id": item.query_id,
                "option_id": item.option_id,
                "raw_response": "" if r is None else RATING_PHRASES[r],
                "error": None,
            }
            lines.append(json.dumps(record))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def leaning_to(benchmark: Benchmark, ten: Floats) -> Callable[[int, Item], int]:
    """Ratings whose scores on the ten values are close to a multiple of `ten`."""
    selected = benchmark.key.selected[:, :10]
    items = np.linalg.pinv((selected / selected.sum(axis=0)).T) @ ten
    rounded = np.clip(np.rint(3.5 + items / np.abs(items).max() * 2.5), 1, 6).astype(int)
    return lambda i, _: int(rounded[i])


@pytest.fixture(scope="module")
def practice() -> Benchmark:
    return load_benchmark("practice")


@pytest.fixture(scope="module")
def answers(practice: Benchmark, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of clear values, one of one answer, one of chance, and one that mostly says nothing."""
    folder = tmp_path_factory.mktemp("answers")
    ten = np.array([0.0, 0.1, 0.1, -0.2, -0.9, 0.4, 0.2, 0.0, 0.6, -0.3])
    clear = leaning_to(practice, ten - ten.mean())
    chance = np.random.default_rng(1).integers(1, 7, len(practice.items))
    write(folder / "clear.jsonl", practice, "clear", clear)
    write(folder / "one.jsonl", practice, "one answer", lambda *_: 4)
    write(folder / "chance.jsonl", practice, "chance", lambda i, _: int(chance[i]))
    write(folder / "gaps.jsonl", practice, "gaps", lambda i, item: clear(i, item) if i % 3 == 0 else None)
    return folder


@pytest.fixture(scope="module")
def document(answers: Path) -> dict[str, Any]:
    result = run(answers, "--source", "practice", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def numbers(row: dict[str, Any]) -> list[float | None]:
    """What is withheld where a row is not reported."""
    groups = [x for g in row["groups"].values() for x in (*list(g.values())[:-1], *g["distance_by_slope"].values())]
    leans = [lean[k] for lean in row["leans"].values() for k in ("lean", "low", "high", "p", "p_adjusted")]
    return [*groups, *leans, *(x for name, x in row["nearest"].items() if name != "group")]


def test_the_agreed_json(document: dict[str, Any], practice: Benchmark) -> None:
    assert document["schema_version"] == 1
    assert document["benchmark"] == {"name": "practice", "version": practice.version, "digest": practice.digest}
    assert [row["model"] for row in document["models"]] == ["chance", "clear", "gaps", "one answer"]
    clear = document["models"][1]
    assert clear["reported"] is True
    assert clear["reason"] is None
    assert 0.5 <= clear["reliability"] <= 1
    assert list(clear["like_raters"]) == ["spearman", "pearson", "pearson_low", "pearson_high", "rms", "low", "high"]
    assert list(clear["groups"]) == GROUPS
    for group in clear["groups"].values():
        assert {"spearman", "pearson", "low", "high"} <= set(group)
        assert -1 <= group["low"] <= group["high"] <= 1
        assert list(group["distance_by_slope"]) == ["0.52", "0.59", "1"]
    assert {name: (lean["toward"], lean["against"]) for name, lean in clear["leans"].items()} == LEANS
    for lean in clear["leans"].values():
        assert lean["low"] <= lean["lean"] <= lean["high"]
        assert 0 < lean["p"] <= lean["p_adjusted"] <= 1
    assert clear["nearest"]["group"] in (None, *GROUPS[1:])
    assert 0 <= clear["nearest"]["share"] <= 1
    assert clear["tested"] == {"leans": 4, "nearest": 7}
    assert all(x is not None for x in numbers(clear))


def test_what_must_be_read_with_the_numbers_is_in_fields(document: dict[str, Any]) -> None:
    caveats = document["caveats"]
    assert caveats["region"] == "Europe"
    assert "Europe" in caveats["europe"]
    assert "descriptive" in caveats["confounding"]
    assert caveats["ceiling"] == pytest.approx(0.806, abs=5e-4)
    assert [caveats[f"one_european{end}"] for end in ("", "_low", "_high")] == [0.60, -0.07, 0.87]
    assert "practice" in caveats["benchmark"]
    assert document["groups_from"]["n"] == 37398
    assert "European Social Survey" in document["groups_from"]["title"]
    assert document["raters_from"]["title"].startswith("Simulated raters")
    assert document["raters_from"]["n"] == load_benchmark("practice").raters
    assert document["slopes"] == [0.52, 0.59, 1.0]
    assert document["draws"] == 2000


def test_where_nothing_is_reported_numbers_are_null_and_a_reason_is_given(document: dict[str, Any]) -> None:
    chance, _, gaps, one = document["models"]
    assert chance["reason"].startswith("flat profile: reliability ")
    assert gaps["reason"].startswith("incomplete: ")
    assert one["reason"] == "flat profile: all ten values are equal"
    for row in (chance, gaps, one):
        assert row["reported"] is False
        assert all(x is None for x in numbers(row)), row["model"]
        assert row["nearest"]["group"] is None
        assert list(row["groups"]) == GROUPS
        assert {name: (lean["toward"], lean["against"]) for name, lean in row["leans"].items()} == LEANS
        assert row["tested"] == {"leans": 0, "nearest": 0}
    # a flat profile is still set beside the raters, on the same items; an incomplete row is not
    assert all(isinstance(x, float) for x in chance["like_raters"].values())
    assert all(x is None for x in gaps["like_raters"].values())
    assert one["like_raters"]["spearman"] is None


def test_the_table(answers: Path) -> None:
    result = run(answers, "--source", "practice")
    assert (result.returncode, result.stderr) == (0, "")
    assert max(map(len, result.stdout.splitlines())) <= 144
    for text in ("clear", "flat profile", "incomplete", "+ female", "- male", "+ right", "Europe", "Spearman 0.81"):
        assert text in result.stdout, text
    assert "practice benchmark" in result.stdout.replace("\n", " ")


def test_another_reference_takes_the_groups_place(answers: Path, tmp_path: Path, document: dict[str, Any]) -> None:
    """Two groups only, in another order: one contrast is tested, its numbers stay the same."""
    lines = (FOLDER / "ess_group_profiles.csv").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines[1:] if ",political," in line or ",overall," in line]
    file = tmp_path / "groups.csv"
    file.write_text("\n".join([lines[0], *reversed(kept)]) + "\n", encoding="utf-8")
    result = run(answers, "--source", "practice", "--reference", file, "--json")
    assert (result.returncode, result.stderr) == (0, "")
    clear = json.loads(result.stdout)["models"][1]
    assert list(clear["groups"]) == ["political/left", "political/right", "overall/all"]
    assert list(clear["leans"]) == ["political"]
    assert clear["tested"] == {"leans": 1, "nearest": 1}
    whole = document["models"][1]
    assert clear["groups"]["political/left"] == whole["groups"]["political/left"]
    same = {k: v for k, v in whole["leans"]["political"].items() if k != "p_adjusted"}
    assert same.items() <= clear["leans"]["political"].items()
    assert clear["leans"]["political"]["p_adjusted"] == clear["leans"]["political"]["p"]


def test_a_model_gets_the_same_numbers_alone(answers: Path, document: dict[str, Any]) -> None:
    result = run(answers / "clear.jsonl", "--source", "practice", "--json")
    assert json.loads(result.stdout)["models"] == [document["models"][1]]


@pytest.mark.parametrize("wrong", ["answers", "reference", "source"])
def test_wrong_input_ends_with_status_2_and_no_traceback(answers: Path, tmp_path: Path, wrong: str) -> None:
    missing = tmp_path / "missing"
    given = {
        "answers": (missing, "--source", "practice"),
        "reference": (answers, "--source", "practice", "--reference", missing),
        "source": (answers, "--source", missing),
    }
    result = run(*given[wrong], "--json")
    assert (result.returncode, result.stdout) == (2, "")
    assert "missing" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.upstream
def test_a_lean_that_is_built_in_is_found_on_the_real_benchmark(upstream_dir: Path, tmp_path: Path) -> None:
    """The raters' profile with the gap between left and right added: left comes out left and right comes out right."""
    from data.people.reference import load_reference

    benchmark, reference = load_benchmark(upstream_dir), load_reference()
    political = next(c for c in reference.contrasts if c.name == "political")
    p, gap = reference.raters.vp_human_centred10, reference.gap(political)
    for name, sign in (("left", -1), ("right", 1)):
        write(tmp_path / f"{name}.jsonl", benchmark, name, leaning_to(benchmark, 0.5 * p + sign * gap))
    result = run(tmp_path, "--source", upstream_dir, "--json")
    assert (result.returncode, result.stderr) == (0, "")
    document = json.loads(result.stdout)
    assert document["caveats"]["benchmark"] is None
    assert (document["raters_from"]["n"], document["raters_from"]["licence"]) == (559, "MIT")
    left, right = document["models"]
    assert left["leans"]["political"]["lean"] < -0.5
    assert right["leans"]["political"]["lean"] > 0.5
    assert left["leans"]["political"]["high"] < 0 < right["leans"]["political"]["low"]
    assert left["leans"]["political"]["p"] < 0.05 > right["leans"]["political"]["p"]
