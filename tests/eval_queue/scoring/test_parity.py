"""Parity with upstream over all released models, and what the official reader repairs.

`--compat` must give upstream's published numbers. Two models are exceptions, named here: upstream lost items of theirs
where the first variant's answer was an error (upstream-facts, section 5, bug 1); leaving out exactly those items gives
the published numbers again.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from data.benchmark import Benchmark
from data.sources.loading import load_benchmark
from data.values import DIMENSIONS, SCALES
from eval_queue.reading.answers import UNSCORED_KINDS, Answers, read_answers
from eval_queue.reading.reader import Reading, read_answer, read_answer_compat
from eval_queue.scoring.formulas import Scores, compat_selected, score

pytestmark = pytest.mark.upstream

TOLERANCE = 1e-9
DROPPED = {
    "gemini-2.0-flash-thinking-exp-01-21": [(1038, 2), (2034, 3)],
    "llama-3.1-8b-instruct": [(2011, 1)],
}
"""Items that upstream's averaging lost: the first variant's answer is an error without correlations."""
DEVIATION = {
    "gemini-2.0-flash-thinking-exp-01-21": {"Tradition": (11, 12), "Conservation": (21, 22)},
    "llama-3.1-8b-instruct": {"Self-Direction": (10, 11)},
}
"""Dimensions whose number of items therefore differs: (published, here)."""
WITHOUT_ANSWERS = "gemini-flash-1.5"


@pytest.fixture(scope="module")
def benchmark_(upstream_dir: Path) -> Benchmark:
    return load_benchmark(upstream_dir)


@pytest.fixture(scope="module")
def compat(outputs_dir: Path, benchmark_: Benchmark) -> Answers:
    return read_answers([outputs_dir], benchmark_, reader="compat")


@pytest.fixture(scope="module")
def published(upstream_dir: Path) -> dict[str, dict[str, dict[str, Any]]]:
    folder = upstream_dir / "lm_evaluation/score_results/final_results_0.3_pos_centered"
    files = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    return {file["meta"]["model_name"].replace(":", "_"): file["scores"] for file in files}


def _figures(scores: Scores, row: int) -> dict[str, NDArray[np.float64]]:
    return {"centered_mean": scores.score[row], "original_mean": scores.raw[row], "n": scores.n[row]}


def _published_figures(of_model: dict[str, dict[str, Any]], figure: str) -> NDArray[np.float64]:
    return np.array([of_model[d.scale][d.key][figure] for d in DIMENSIONS], dtype=np.float64)


def _deviations(scores: Scores, row: int, of_model: dict[str, dict[str, Any]]) -> dict[str, float]:
    return {
        figure: float(np.abs(ours - _published_figures(of_model, figure)).max())
        for figure, ours in _figures(scores, row).items()
    }


def test_every_released_score_file_has_answers_but_one(compat: Answers, published: dict[str, Any]) -> None:
    ours = {model.replace(":", "_") for model in compat.models}
    assert len(ours) == 33
    assert set(published) - ours == {WITHOUT_ANSWERS}
    assert ours <= set(published)


def test_compat_scores_are_the_published_ones(
    compat: Answers, benchmark_: Benchmark, published: dict[str, Any]
) -> None:
    scores = score(compat.ratings, compat_selected(benchmark_))
    checked = 0
    for row, model in enumerate(compat.models):
        if model in DROPPED:
            continue
        deviations = _deviations(scores, row, published[model.replace(":", "_")])
        assert max(deviations.values()) <= TOLERANCE, (model, deviations)
        checked += 1
    assert checked == 31


@pytest.mark.parametrize("model", sorted(DROPPED))
def test_the_two_exceptions_come_from_lost_items_alone(
    model: str, compat: Answers, benchmark_: Benchmark, published: dict[str, Any]
) -> None:
    row = compat.models.index(model)
    scores = score(compat.ratings, compat_selected(benchmark_))
    differing = {
        d.name: (int(theirs), int(ours))
        for d, theirs, ours in zip(DIMENSIONS, _published_figures(published[model], "n"), scores.n[row], strict=True)
        if theirs != ours
    }
    assert differing == DEVIATION[model]
    assert _deviations(scores, row, published[model])["centered_mean"] > TOLERANCE
    v1 = 0
    lost = [benchmark_.item_index[item] for item in DROPPED[model]]
    assert np.isnan(compat.ratings[row, v1, lost]).all()
    assert np.isfinite(compat.ratings[row, 1:, lost]).any(), "a rating under another variant exists and was thrown away"
    ratings = compat.ratings[row : row + 1].copy()
    ratings[:, :, lost] = np.nan
    repaired = score(ratings, compat_selected(benchmark_))
    assert max(_deviations(repaired, 0, published[model]).values()) <= TOLERANCE


def test_compat_reader_equals_every_stored_number(outputs_dir: Path) -> None:
    checked = 0
    for path in sorted(outputs_dir.glob("*.jsonl.gz")):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            record = json.loads(line)
            if record["error"]:
                assert record["numeric_response"] is None
                continue
            assert read_answer_compat(record["raw_response"]).rating == record["numeric_response"], record
            checked += 1
    assert checked == 102_752


def _answer(outputs_dir: Path, model: str, variant: str, item: tuple[int, int]) -> str:
    path = outputs_dir / f"{model.replace(':', '_')}.jsonl.gz"
    for line in gzip.decompress(path.read_bytes()).splitlines():
        record = json.loads(line)
        if (record["prompt_variant"], record["portrait_id"], record["option_id"]) == (variant, *item):
            text = record["raw_response"]
            assert isinstance(text, str)
            return text
    raise AssertionError


REFUSAL, UNREADABLE = Reading(None, "refusal"), Reading(None, "unreadable")


@pytest.mark.parametrize(
    ("model", "variant", "item", "upstreams", "reading"),
    [
        ("claude-3.7-sonnet:thinking", "v3", (2038, 4), 5, REFUSAL),
        ("claude-3-5-haiku-20241022", "v3_reversed", (2001, 1), 5, REFUSAL),
        ("claude-3-5-haiku-20241022", "v3_reversed", (2001, 2), 5, REFUSAL),
        ("llama-3.1-8b-instruct", "v3_reversed", (1038, 4), 6, UNREADABLE),
        ("llama-3.1-8b-instruct", "v2_reversed", (2901, 2), 5, UNREADABLE),
        ("llama-3.1-8b-instruct", "v2_reversed", (2901, 4), 5, UNREADABLE),
        ("mistral-tiny", "v2_reversed", (2038, 4), 6, Reading(4, None)),
        ("mistral-tiny", "v3", (2012, 1), 6, Reading(4, None)),
        ("mistral-tiny", "v3_reversed", (3075, 4), 6, Reading(4, None)),
    ],
)
def test_official_reader_repairs_the_proved_misparses(
    outputs_dir: Path, model: str, variant: str, item: tuple[int, int], upstreams: int, reading: Reading
) -> None:
    text = _answer(outputs_dir, model, variant, item)
    assert read_answer_compat(text).rating == upstreams
    assert read_answer(text) == reading


def test_the_two_readers_differ_only_where_it_is_known(outputs_dir: Path, benchmark_: Benchmark) -> None:
    """111 answers, each looked at: 88 of mistral-small's "some like me", and 23 others.

    Twelve of them only since version 2 of the official reader: broken sentences of llama-3.1-8b ("I can somewhat like
    me understand"), and phrases about something else than the response.
    """
    official = read_answers([outputs_dir], benchmark_)
    compat = read_answers([outputs_dir], benchmark_, reader="compat")
    differs = ~((official.ratings == compat.ratings) | (np.isnan(official.ratings) & np.isnan(compat.ratings)))
    counts = {model: int(n) for model, n in zip(official.models, differs.sum(axis=(1, 2)), strict=True) if n}
    assert counts == {
        "claude-3-5-haiku-20241022": 2,
        "claude-3.7-sonnet:thinking": 1,
        "gpt-3.5-turbo": 1,
        "llama-3.1-8b-instruct": 15,
        "mistral-small": 88,
        "mistral-tiny": 3,
        "qwen-turbo": 1,
    }
    assert (
        official.ratings[official.models.index("mistral-small")][differs[official.models.index("mistral-small")]] == 4
    ).all()


def test_effect_of_the_repairs_is_the_measured_one(outputs_dir: Path, benchmark_: Benchmark) -> None:
    """Largest change of a value's score: mistral-small .0435, haiku .0216, mistral-tiny .0207 (section 4)."""
    pair = [read_answers([outputs_dir], benchmark_, reader=reader) for reader in ("official", "compat")]
    selected = benchmark_.key.selected
    official, compat = (score(answers.ratings, selected).score[:, : len(SCALES["pvq"])] for answers in pair)
    change = dict(zip(pair[0].models, np.abs(official - compat).max(axis=1), strict=True))
    assert change["mistral-small"] == pytest.approx(0.0435, abs=5e-5)
    assert change["claude-3-5-haiku-20241022"] == pytest.approx(0.0216, abs=5e-5)
    assert change["mistral-tiny"] == pytest.approx(0.0207, abs=5e-5)
    assert change["llama-3.1-8b-instruct"] == 0
    assert change["claude-3.7-sonnet:thinking"] == 0


def test_kinds_of_the_released_errors(outputs_dir: Path, benchmark_: Benchmark) -> None:
    """The table of errors in section 4, read from the text that upstream kept inside its error message."""
    answers = read_answers([outputs_dir], benchmark_)
    rows = {
        model: {k: int(n) for k, n in zip(UNSCORED_KINDS, counts, strict=True) if n}
        for model, counts in zip(answers.models, answers.unscored, strict=True)
    }
    assert rows["o1-mini-2024-09-12"] == {"refusal": 33, "api_error": 7}
    assert rows["gemini-2.0-flash-thinking-exp-01-21"] == {"api_error": 31}
    assert rows["gemini-2.0-flash-001"] == rows["gemini-flash-1.5-8b"] == {"empty": 22}
    assert rows["qwq-32b"] == {"empty": 5}
    assert rows["claude-3.7-sonnet:thinking"] == {"refusal": 4, "api_error": 4}
    assert rows["mistral-small"] == {"truncated": 2, "unreadable": 1}
    assert rows["deepseek-r1"] == {}
    missing = np.isnan(answers.ratings).sum(axis=(1, 2))
    assert (missing == answers.unscored.sum(axis=1)).all(), "every prompt was asked: a missing rating has a kind"
