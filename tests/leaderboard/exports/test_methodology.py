"""The methods document holds the numbers of the files that are shipped."""

from __future__ import annotations

import pytest

from data.errors import InputError
from leaderboard.exports.methodology import DOCUMENT, figures, fill


def test_the_document_holds_the_present_numbers_and_none_is_unused() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    present = figures()
    assert fill(text, present) == text, "write it anew with `python -m leaderboard methodology`"
    for name in ("columns", "people check", "variance", "needs", "match.pairs", "published.pairs-normal"):
        assert f"<!--{name}-->{present[name]}<!--/-->" in text


def test_a_number_that_there_is_not_is_named() -> None:
    with pytest.raises(InputError, match="no figure called nonsense"):
        fill("<!--nonsense-->1<!--/-->", {})
