"""What stands behind an answer: explanations leave it, everything that may take it back does."""

from __future__ import annotations

import pytest

from eval_queue.scoring.answer_text import DOUBT
from eval_queue.scoring.retraction import OTHER, SAME, takes_back


@pytest.mark.parametrize(
    ("behind", "rating"),
    [
        ("", 5),
        (".", 5),
        ("\n\nthe response shows care for others.", 5),
        ("\nexplanation: the response shows care. it is " + OTHER + " to be rude.", 5),
        (". i value honesty", 5),
        (", because i value honesty", 5),
        (" as it is kind. what follows is short.", 5),
        (" (5)", 5),
        (" (rating 5/6)", 5),
        ("\nscore: 5", 5),
        ("\nconfidence: 80%", 5),
        (". so " + SAME, 5),
        (", but i would be gentler", 4),
        (", though more formal", 4),
        (". i agree with the advice, but not with the tone", 4),
        (". not as direct", 4),
        (". i would never say that", 2),
        (". it's too aggressive", 2),
        (". not in the slightest", 1),
        (". let me know if you need more", 5),
        (". would you " + OTHER + " to explain?", 5),
        (". 像我", 5),
        (". this response aligns with my own view of what people owe to each other in a family", 5),
        (". i understand where the author comes from, and i would most likely say the same to a friend", 5),
    ],
)
def test_an_explanation_leaves_the_answer(behind: str, rating: int) -> None:
    assert not takes_back(behind, rating)


@pytest.mark.parametrize(
    ("behind", "rating"),
    [
        (". too strong", 6),
        (". wrong line", 5),
        (". in my dreams", 6),
        (". said no one ever", 6),
        (". lower", 5),
        (". it's more than that", 4),
        (". is it though?", 5),
        (". the opposite", 5),
        (" (withdrawn)", 5),
        (" [edited]", 5),
        (" -1", 5),
        (", technically", 4),
        (", but my finger slipped", 5),
        ("\nnote: sarcasm", 5),
        ("\nconfidence: 0%", 5),
        ("\nscore: 2", 5),
        (". the response shows care. no, it doesn't", 5),
        (". the response shows care. so my answer should be lower", 5),
        (". the response shows care. wait, i misread it", 5),
        (". not in the slightest", 2),
        (". i would never say that", 5),
        (". it is exactly how i talk", 2),
        (". i overlooked a word in the text, so everything that i have claimed has to be turned around", 5),
        (". please understand that this is a mere formality and has no bearing on what i hold to be true", 5),
        (". though now that i look at the options again, i ought to have gone for one that is weaker", 5),
        (f" {DOUBT}", 5),
    ],
)
def test_what_may_take_an_answer_back_does(behind: str, rating: int) -> None:
    assert takes_back(behind, rating)


@pytest.mark.parametrize(
    ("behind", "back"),
    [(". the response sho", False), (". no, w", True), (".\n\nexplanation: it", False), (". i me", True)],
)
def test_the_last_sentence_of_a_cut_text_must_be_a_clear_beginning(behind: str, back: bool) -> None:
    assert takes_back(behind, 5, cut=True) == back
