"""Families, series and dates are read from names by rule."""

from __future__ import annotations

from datetime import date

import pytest

from leaderboard.analysis.lineage import lineage
from leaderboard.boards.results import PUBLISHED, load


@pytest.mark.parametrize(
    ("model", "family", "series", "released"),
    [
        ("gpt-4o-2024-05-13", "gpt-4o", "gpt-4o", date(2024, 5, 13)),
        ("gpt-4o-mini-2024-07-18", "gpt-4o", "gpt-4o-mini", date(2024, 7, 18)),
        ("chatgpt-4o-latest", "chatgpt-4o", "chatgpt-4o-latest", None),
        ("claude-3-5-haiku-20241022", "claude-3-5", "claude-3-5-haiku", date(2024, 10, 22)),
        ("claude-3.7-sonnet:thinking", "claude-3.7", "claude-3.7-sonnet:thinking", None),
        ("mistral-small-24b-instruct-2501", "mistral", "mistral-small-24b-instruct-2501", None),
        ("llama-3.1-405b-instruct", "llama-3.1", "llama-3.1-405b-instruct", None),
        ("o1-mini-2024-09-12", "o1", "o1-mini", date(2024, 9, 12)),
        ("qwq-32b", "qwq", "qwq-32b", None),
        ("grok-2-1212", "grok-2", "grok-2-1212", None),
        ("HuggingFaceTB/SmolLM2-135M-Instruct", "smollm2", "smollm2-135m-instruct", None),
        ("x-2024-02-31", "x-2024-02-31", "x-2024-02-31", None),
        ("", "", "", None),
        ("///", "", "", None),
        ("7b", "7b", "7b", None),
    ],
)
def test_what_a_name_says(model: str, family: str, series: str, released: date | None) -> None:
    found = lineage(model)
    assert (found.series, found.released) == (series, released)
    if model != "x-2024-02-31":
        assert found.family == family


@pytest.mark.parametrize(
    ("model", "billions"),
    [
        ("llama-3.1-405b-instruct", 405),
        ("org/SmolLM2-135M", 0.135),
        ("gpt-4o", None),
        ("qwen2.5-0.5b", 0.5),
        ("m3", None),
    ],
)
def test_sizes_are_read_where_a_name_has_one(model: str, billions: float | None) -> None:
    assert lineage(model).billions == (None if billions is None else pytest.approx(billions))


def test_the_three_dates_of_one_model_are_one_series() -> None:
    found = [lineage(r.model) for r in load(PUBLISHED).results]
    assert sum(x.series == "gpt-4o" for x in found) == 3
    assert all(x.family for x in found)
