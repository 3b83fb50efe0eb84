"""The readers, case by case and as a whole.

`cases/reader.json` holds answers with the one right reading, those of released models first. `cases/answers.json` holds
answers in the style of models and engines of 2025 and 2026, by kind, with every reading that a careful person would
accept, and `cases/statements.json` what is said around a phrase, to be tried with all six.
"""

from __future__ import annotations

import gzip
import json
import random
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.benchmark import RATING_PHRASES
from eval_queue.reading import answer_text, reader
from eval_queue.reading.answer_text import LONGEST_ANSWER, LONGEST_READ, bare_text
from eval_queue.reading.reader import FINISH_KINDS, Reading, finish_kind, read_answer, read_answer_compat
from tests.support import CASES as FOLDER
from tests.support import ROOT

CASES: dict[str, list[dict[str, Any]]] = json.loads((FOLDER / "reader.json").read_text(encoding="utf-8"))
ANSWERS: dict[str, list[dict[str, Any]]] = json.loads((FOLDER / "answers.json").read_text(encoding="utf-8"))
STATEMENTS: dict[str, list[str]] = json.loads((FOLDER / "statements.json").read_text(encoding="utf-8"))
SHARED = ROOT.parent / "shared" / "cases" / "reader.json"


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


def _read(case: dict[str, Any]) -> int | str:
    reading = read_answer(case["text"], finish_reason=case.get("finish_reason"))
    said = reading.rating if reading.rating is not None else reading.kind
    assert said is not None
    return said


@pytest.mark.parametrize("kind", ANSWERS)
def test_answers_of_todays_models_are_read_as_a_careful_person_would(kind: str) -> None:
    wrong = [(case["text"], _read(case), case["right"]) for case in ANSWERS[kind] if _read(case) not in case["right"]]
    assert not wrong


def test_the_given_cases_have_no_wrong_rating_and_hardly_another_miss() -> None:
    if not SHARED.is_file():
        pytest.skip(f"the cases from practice are not in {SHARED.parent}")
    cases = json.loads(SHARED.read_text(encoding="utf-8"))
    missed = [(case["id"], _read(case)) for case in cases if _read(case) not in case["right"]]
    assert [case for case in missed if isinstance(case[1], int)] == []
    assert len(missed) <= 0.03 * len(cases), missed


@pytest.mark.parametrize("template", STATEMENTS["stated"])
def test_what_states_one_phrase_states_any(template: str) -> None:
    read = {p: read_answer(template.replace("PHRASE", p)).rating for p in RATING_PHRASES.values()}
    assert read == {phrase: rating for rating, phrase in RATING_PHRASES.items()}


@pytest.mark.parametrize("template", STATEMENTS["not stated"])
def test_what_does_not_state_a_phrase_states_none(template: str) -> None:
    ends = ("{}", "{}.", "{}!") if template.endswith("PHRASE") else ("{}",)
    for phrase in RATING_PHRASES.values():
        for written in (phrase, phrase.capitalize(), f'"{phrase}"', f"**{phrase}**", f"“{phrase}”"):
            for end in ends:
                text = template.replace("PHRASE", end.format(written))
                assert read_answer(text).rating is None, text


@pytest.mark.parametrize(
    ("text", "standings"),
    [
        ("somewhat like me", [(4, "stated")]),
        ("i'd say it is like me.", [(5, "stated")]),
        ("i like me", [(5, "everyday")]),
        ("would you like me to go on", [(5, "everyday")]),
        ("people very much like me agree", [(6, "everyday")]),
        ("it's not very much like me, but somewhat like me", [(6, "denied"), (4, "stated")]),
        ("somewhat like me rather than like me", [(4, "stated"), (5, "denied")]),
        ("not only like me but very much like me", [(5, "denied"), (6, "stated")]),
        ("quite like me", [(5, "unclear")]),
        ("nicht like me", [(5, "unclear")]),
        ("if i were older, it would be very much like me", [(6, "unclear")]),
        ("is it like me?", [(5, "unclear")]),
        ("like me, but only in part", [(5, "unclear")]),
        ("like me or not like me", [(5, "unclear"), (2, "unclear")]),
        ("all in all, not like me at all, since it is rude", [(1, "stated")]),
    ],
)
def test_how_a_phrase_stands_in_its_sentence(text: str, standings: list[tuple[int, str]]) -> None:
    assert [(mention.rating, mention.standing) for mention in reader._mentions(text)] == standings


@pytest.mark.parametrize(
    ("text", "rating"),
    [
        ("one could say like me, or very much like me.\nfinal answer: like me", 5),
        ("rating: like me\nfinal rating: somewhat like me", 4),
        ("rating: like me\nrating: somewhat like me", None),
        ("like me\nfinal answer: quite like me", None),
        ("like me\nthis is very much like me in tone", 5),
        ("like me\nsomewhat like me", None),
        ("like me. no, wait.", None),
        ("like me. correction: not like me", None),
        ("it is kind.\na little like me", 3),
        ("it is like me in tone, not like me in content. so somewhat like me", 4),
        ("it is like me in tone, not like me in content. it is somewhat like me", None),
    ],
)
def test_which_phrase_is_the_answer(text: str, rating: int | None) -> None:
    assert reader._rating(text, cut=False) == rating


@pytest.mark.parametrize("name", FINISH_KINDS)
def test_a_finish_reason_is_known_in_every_spelling(name: str) -> None:
    words = name.split("_")
    camel = words[0] + "".join(map(str.capitalize, words[1:]))
    for spelling in (name, name.upper(), name.replace("_", "-"), name.replace("_", " "), camel, f"FinishReason.{name}"):
        assert finish_kind(spelling) == FINISH_KINDS[name], spelling


@pytest.mark.parametrize("reason", [None, "", "stop", "STOP", "end_turn", "eos_token", "COMPLETE", "x" * 10_000])
def test_an_ordinary_end_says_nothing(reason: str | None) -> None:
    assert finish_kind(reason) is None
    assert read_answer("not like me", finish_reason=reason) == Reading(2, None)


@pytest.mark.parametrize("kind", ["refusal", "api_error"])
def test_what_a_filter_or_a_failure_ended_has_no_rating(kind: str) -> None:
    for reason, says in FINISH_KINDS.items():
        if says == kind:
            assert read_answer("like me", finish_reason=reason) == Reading(None, says)


def test_an_answer_without_an_end_is_truncated_and_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """6 million letters that each become 18: the reader must not even look at them."""
    worked_on = 0

    class Counting:
        @staticmethod
        def normalize(form: Any, text: str) -> str:
            nonlocal worked_on
            worked_on += len(text)
            return unicodedata.normalize(form, text)

    unicodedata = answer_text.unicodedata
    monkeypatch.setattr(answer_text, "unicodedata", Counting)
    assert read_answer("\ufdfa" * 6_000_000) == Reading(None, "truncated")
    assert read_answer("like me" + " " * LONGEST_ANSWER) == Reading(None, "truncated")
    assert worked_on == 0
    assert read_answer("\ufdfa" * (LONGEST_ANSWER - 1)) == Reading(None, "truncated")
    assert worked_on == 0
    assert read_answer("\ufdfa" * LONGEST_READ) == Reading(None, "truncated")
    assert worked_on == LONGEST_READ
    assert read_answer(f"<think>{'x' * (LONGEST_ANSWER - 100)}</think>like me") == Reading(5, None)


ADVERSARIAL = (
    "<think>",
    "<think><a>",
    "</think>",
    "<",
    "<a ",
    "<a></a>",
    "[",
    "[x]",
    "![",
    "[a](",
    "{",
    "\\boxed{",
    '{"a":',
    "&amp;lt;",
    "like me ",
    "like me\n",
    "somewhat like me. ",
    "like me, not like me; ",
    "not only like me ",
    "not ",
    "(",
    "'",
    ".",
    ".'",
    " ",
    "\n",
    "\n- ",
    "1. ",
    "- ",
    "a",
    "so, ",
    "wait, no ",
    "i would say ",
    "i cannot really ",
    "i don't have x ",
    "if i had to choose ",
    "based on a b c ",
    "assistantfinal",
    "<|channel|>analysis<|message|>x<|end|>",
    "<!--",
    "```think\n",
    "~~",
    "here is my _",
    "a\u0300",
    "\ufdfa",
    "答案：",
    ". i just really ",
    "the answer is ",
    "like me<note>x",
    "not \\boxed{like me} ",
    "it is kind: ",
    "response 1: ",
)


@pytest.mark.parametrize("unit", ADVERSARIAL)
@pytest.mark.parametrize("end", ["", " somewhat like me"])
@pytest.mark.slow
def test_work_grows_with_the_length_and_no_faster(unit: str, end: str) -> None:
    """Four times the text takes about four times as long; what grows with the square takes 16 times."""

    def seconds(length: int) -> Iterator[float]:
        text = (unit * (length // len(unit)))[: length - len(end)] + end
        for _ in range(3):
            start = time.process_time()
            bare, _ = bare_text(text)
            reader._read(text, False)
            reader._mentions(bare)
            yield time.process_time() - start

    for _ in range(5):
        ratio = min(seconds(LONGEST_READ - 1)) / min(seconds(LONGEST_READ // 4 - 1))
        if ratio < 9:
            break
    assert ratio < 9


def test_what_the_readers_remember_is_bounded_in_bytes() -> None:
    """However many and however long the answers are."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(20):
            text = f"{number} " + "x" * 200_000
            assert read_answer(text).kind == read_answer_compat(text).kind == "unreadable" or len(text) > LONGEST_READ
        for number in range(6_000):
            read_answer(f"{number} " + "y" * 200)
            read_answer_compat(f"{number} " + "y" * 200)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 12 << 20


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([*ADVERSARIAL, *RATING_PHRASES.values(), "</answer>", "<answer>", "\n", "no", "final: "]))
)
def test_any_mixture_of_marks_and_phrases_is_read(parts: list[str]) -> None:
    reading = read_answer("".join(parts))
    assert (reading.rating is None) != (reading.kind is None)


def test_the_same_answer_reads_the_same_whatever_was_read_before() -> None:
    cases = [case for kind in ANSWERS.values() for case in kind]
    first = [_read(case) for case in cases]
    order = list(range(len(cases)))
    random.Random(1).shuffle(order)
    again = {at: _read(cases[at]) for at in order}
    assert first == [again[at] for at in range(len(cases))]


LEAKED = (
    "<think>{}</think>{}",
    "{}</think>{}",
    "[THINK]{}[/THINK]{}",
    "◁think▷{}◁/think▷{}",
    "<seed:think>{}</seed:think>{}",
    "&lt;think&gt;{}&lt;/think&gt;{}",
    "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>{}",
    "analysisHmm, {}assistantfinal{}",
    "<|channel>thought\n{}<channel|>{}",
    "<|START_THINKING|>{}<|END_THINKING|><|START_RESPONSE|>{}<|END_RESPONSE|>",
    "<reasoning>{}</reasoning><answer>{}</answer>",
    "<details><summary>Thoughts</summary>{}</details>\n\n{}",
    "Here is my thought process:\n{}\nHere is my response:\n{}",
    "{}\n[BEGIN FINAL RESPONSE]\n{}\n[END FINAL RESPONSE]",
    "{}\n\nFinal answer: {}",
)
"""Thoughts and an answer as engines send them in one text."""


@pytest.fixture(scope="module")
def sentences(outputs_dir: Path) -> list[str]:
    """Distinct released answers that are more than a phrase."""
    texts: set[str] = set()
    for path in sorted(outputs_dir.glob("*.jsonl.gz")):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            text = json.loads(line)["raw_response"]
            if text and len(text) > 30:
                texts.add(text)
    return random.Random(7).sample(sorted(texts), 600)


@pytest.mark.upstream
def test_a_cut_answer_says_what_the_whole_one_says_or_nothing(sentences: list[str]) -> None:
    chance = random.Random(8)
    for text in sentences:
        cut = text[: chance.randrange(1, len(text))]
        reading = read_answer(cut, finish_reason="length")
        assert reading.rating in (None, read_answer(text).rating), cut


@pytest.mark.upstream
@pytest.mark.parametrize("form", LEAKED)
def test_leaked_thoughts_never_make_the_rating(form: str, sentences: list[str]) -> None:
    before, between, _ = form.split("{}")
    for number, text in enumerate(sentences):
        rating = number % 6 + 1
        assert read_answer(form.format(text, RATING_PHRASES[rating])).rating == rating, text
        if before:
            assert read_answer(before + text).rating is None, text
            assert read_answer(before + text, finish_reason="length").kind == "truncated", text
        if between.startswith("<") and before:
            assert read_answer(before + text + between).rating is None, text
