"""The readers, case by case and as a whole: `cases/reader.json` holds the table."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.benchmark import RATING_PHRASES
from eval_queue.scoring.reader import Reading, read_answer, read_answer_compat
from tests.support import CASES

CASES: dict[str, list[dict[str, Any]]] = json.loads((CASES / "reader.json").read_text(encoding="utf-8"))


def _reading(expected: int | str) -> Reading:
    return Reading(expected, None) if isinstance(expected, int) else Reading(None, expected)


def _name(case: dict[str, Any]) -> str:
    return f"{case['text']!r:.50}"


@pytest.mark.parametrize("case", CASES["real"] + CASES["own"], ids=_name)
def test_official_reader(case: dict[str, Any]) -> None:
    assert read_answer(case["text"], finish_reason=case.get("finish_reason")) == _reading(case["expect"]), case["why"]


@pytest.mark.parametrize("case", CASES["real"], ids=_name)
def test_compat_reader_keeps_upstreams_mistakes(case: dict[str, Any]) -> None:
    assert read_answer_compat(case["text"]) == _reading(case["compat"])


@pytest.mark.parametrize(
    ("text", "rating"),
    # upstream's parser was probed with these; the ratings are what it gave
    [
        ("unlike me", 5),
        ("isn't like me", 5),
        ("nothing like me", 5),
        ("not really like me", 5),
        ("not very much like me", 6),
        ("dislikes me", 5),
        ("doesn't like me at all", 2),
        ("Very little like me", 3),
        ("<think>not like me at all</think> like me", 1),
        ("Would you like me to help?", 5),
        ("6", None),
        ("like-me", None),
    ],
)
def test_compat_reader_on_upstreams_probes(text: str, rating: int | None) -> None:
    assert read_answer_compat(text).rating == rating


def test_the_table_holds_enough_own_cases() -> None:
    assert len(CASES["own"]) >= 60
    assert len({case["text"] for case in CASES["own"] if not case.get("finish_reason")}) >= 60


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_gets_either_a_rating_or_a_kind(text: str) -> None:
    for reading in (read_answer(text), read_answer_compat(text)):
        assert (reading.rating is None) != (reading.kind is None)
        assert reading.rating is None or 1 <= reading.rating <= 6
        assert reading.kind != "api_error"


_WRAPPINGS = st.sampled_from(
    ["{}", "**{}**", '"{}"', "{}.", " {}\n", "> {}", "`{}`", "<i>{}</i>", "Rating: {}", "({})"]
)


@settings(deadline=None)
@given(st.sampled_from(sorted(RATING_PHRASES)), st.lists(_WRAPPINGS, max_size=3), st.booleans())
def test_wrapping_never_changes_a_phrase(rating: int, wrappings: list[str], upper: bool) -> None:
    text = RATING_PHRASES[rating]
    for wrapping in wrappings:
        text = wrapping.format(text)
    assert read_answer(text.upper() if upper else text).rating == rating


@settings(deadline=None)
@given(st.permutations(list(RATING_PHRASES.values())), st.sampled_from(["\n", ", ", " / ", "; ", " or ", "\n- "]))
def test_a_list_of_options_is_never_an_answer(options: list[str], separator: str) -> None:
    assert read_answer(separator.join(options)) == Reading(None, "unreadable")
