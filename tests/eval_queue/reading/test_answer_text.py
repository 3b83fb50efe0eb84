"""From an answer as it was sent to its bare text, step by step: each step has its table."""

from __future__ import annotations

import pytest

from eval_queue.scoring import answer_text
from eval_queue.scoring.answer_text import DOUBT, LONGEST_ANSWER, LONGEST_READ, BareText, bare_text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("&lt;think&gt;", "<think>"),
        ("&amp;lt;think&amp;gt;", "<think>"),
        ("&#60;b&#x3e;", "<b>"),
        ("&not like me", "&not like me"),  # no entity without its semicolon: it would be a "not" that vanishes
        ("\\u003cthink\\u003E", "<think>"),
        ('\\"like me\\"', '"like me"'),
        ("◁think▷", "<think>"),
        ("＜think＞", "<think>"),
        ("<｜end▁of▁sentence｜>", "<|end_of_sentence|>"),
        ("【think】", "[think]"),
        ("l\u200bike\u00a0me", "like me"),
    ],
)
def test_brackets_and_entities_become_plain(text: str, plain: str) -> None:
    assert answer_text._plain_brackets(text) == plain


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("think", "reasoning"),
        ("seed:think", "reasoning"),
        ("ThinkFaster", "reasoning"),
        ("think_faster", "reasoning"),
        ("response_analysis", "reasoning"),
        ("answer_reasoning", "reasoning"),
        ("final_answer", "answer"),
        ("BEGIN FINAL RESPONSE", "answer"),
        ("START_RESPONSE", "answer"),
        ("begin_of_box", "answer"),
        ("paragraph", None),
    ],
)
def test_a_name_says_what_a_block_holds(name: str, role: str | None) -> None:
    assert answer_text._named(name).role == role


@pytest.mark.parametrize(
    ("text", "counted", "unfinished"),
    [
        ("like me", "like me", False),
        ("<think>a</think>b", "b", False),
        ("a</think>b", "b", False),
        ("a<think>b", "", True),
        ("<think>a<reflection>b</reflection>c", "", True),
        ("<think>a<think>b</think>c</think>d", "d", False),
        ("<think>a</thinking>b", "b", False),
        ("<reasoning>a</reasoning><answer>b</answer>c", "bc", False),
        ("<think>a<answer>like me</answer>", "like me", False),
        ("<think>write <answer>like me</answer>, they say", "", True),
        ("<think>write <answer>like me</answer></think>b", "b", False),
        ("a<answer>b", "b", False),
        ("a</answer>", "a", False),
        ("[THINK]a[/THINK]b", "b", False),
        ("a[BEGIN FINAL RESPONSE]b[END FINAL RESPONSE]c", "bc", False),
        ("{think}a{/think}b", "b", False),
        ("<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>b<|END_RESPONSE|>", "b", False),
        ("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>", "b", False),
        ("<|channel|>analysis<|message|>a", "", True),
        ("analysisThe usera assistantfinalb", "b", False),
        ("analysisThe user", "", True),
        ("<|channel>thought\na<channel|>b", "b", False),
        ("<unused94>thought\na<unused95>b", "b", False),
        ("<|think|>a<|end|><|begin|>assistant<|content|>b", "b", False),
        ("Here is my thought process:\na\nHere is my response:\nb", "b", False),
        ("Thinking...\na\n...done thinking.\nb", "b", False),
        ("```thinking\na\n```\nb", "b", False),
        ("<!-- a -->b", "b", False),
        ("<details><summary>x</summary>a</details>b", "b", False),
        ("<details><summary>x</summary>a", "", True),
        ("so \\boxed{b}", "b}", False),
        ("so \\boxed{\\text{b}} and", "\\text{b}} and", False),
        ("<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>", "b", False),
        ("<parameter=reason>a</parameter><parameter=rating>b</parameter>", "b", False),
        ("<|anything_new_17|>b", "b", False),
    ],
)
def test_what_counts(text: str, counted: str, unfinished: bool) -> None:
    found, without_end = answer_text._counted(text)
    assert "".join(found.split()) == "".join(counted.split())
    assert without_end is unfinished


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("like me", "like me"),
        ('{"rating": "like me"}', "like me"),
        ('{"reasoning": "not like me", "rating": "like me"}', "like me"),
        ('{"explanation": "not like me", "x": "like me"}', "like me"),
        ('{"options": ["like me", "not like me"], "answer": "like me"}', "like me"),
        ('[{"name": "rate", "arguments": {"rating": "like me"}}]', "like me"),
        ('{"not like me": false, "like me": true}', "like me"),
        ('{"not like me": 0.1, "like me": 0.9}', DOUBT + "json"),
        ('{"rating": "like me", "reason": "it is not like', "like me"),
        ("{'rating': 'like me'}", "like me"),
        ('```json\n{"rating": "like me"}\n```', "like me"),
        ("I say {it is} like me", "I say {it is} like me"),
    ],
)
def test_the_field_that_is_the_answer(text: str, chosen: str) -> None:
    assert answer_text._chosen_field(text).strip() == chosen


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("<b>like</b> me", "like me"),
        ("like me<br>b", "like me\nb"),
        ("<evaluation>not like me, as it is harsh and so on</evaluation>like me", "like me"),
        ("<similarity>like me</similarity>", "like me"),
        ("<similarity>like me</similarity>not like me", "like me\nnot like me"),
        ("<evaluation>like me", "like me"),
        ("<evaluation>like me, as it seems to be rather direct", DOUBT),
        ("<like me>", "like me"),
        ("~~like me~~", f"{DOUBT}like me{DOUBT}"),
        ("- [ ] not like me\n- [x] like me", "like me"),
        ("- [ ] like me", DOUBT + "- [ ] like me"),
        ("[like me](https://example.org/a)", "like me"),
        ("![like me](a.png)", DOUBT),
        ("\\text{like me}", "{like me}"),
    ],
)
def test_markup_is_taken_away(text: str, bare: str) -> None:
    assert answer_text._without_markup(text).strip() == bare


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("  LIKE \t me ", "like me"),
        ("ｌｉｋｅ ｍｅ", "like me"),
        ("“like me”", '"like me"'),
        ("not_like-me", "not like me"),
        ("a\n\n\nb", "a\nb"),
        ("a | b", "a\nb"),
        ("like me 🙂", "like me"),
        ("❌ like me", f"{DOUBT} like me"),
        ("!like me", f"{DOUBT}like me"),
        ("Like me…", "like me..."),
    ],
)
def test_letters_are_folded(text: str, folded: str) -> None:
    assert answer_text._folded(text) == folded


def test_the_lengths_are_as_stated() -> None:
    assert bare_text("a" * LONGEST_READ) == BareText("a" * LONGEST_READ, unfinished=False)
    assert bare_text("a" * (LONGEST_READ + 1)) == BareText("", unfinished=True)
    thoughts = "<think>" + "a" * (LONGEST_ANSWER - 100) + "</think>"
    assert bare_text(thoughts + "b") == BareText("b", unfinished=False)
    assert bare_text(thoughts + "b" * 100) == BareText("", unfinished=True)
