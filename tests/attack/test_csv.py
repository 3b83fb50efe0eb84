"""Cells that a spreadsheet would run: each kind of beginning, in a file that the app makes."""

from __future__ import annotations

import csv
import io

import pytest

from eval_queue.store.compiled import Column
from leaderboard.files.formats import Sheet, encode

SIGNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "−")
BEFORE = (
    "",
    " ",
    "   ",
    "\u00a0",
    "\u3000",
    "\ufeff",
    "\u200b",
    "\u2060",
    "\u00ad",
    "\t",
    "\r",
    "\n",
    "\x00",
    "\u202e",
    " \ufeff ",
)


def cell(text: str) -> str:
    sheet = Sheet("x", {}, (Column("a", "string", "A text."),), ({"a": text},))
    rows = list(csv.reader(io.StringIO(encode(sheet, "csv").decode(), newline="")))
    return rows[1][0]


@pytest.mark.parametrize("before", BEFORE, ids=ascii)
@pytest.mark.parametrize("sign", SIGNS)
def test_what_a_spreadsheet_would_run_stands_behind_an_apostrophe(before: str, sign: str) -> None:
    text = f"{before}{sign}HYPERLINK(1)"
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["gpt-4o", "a=b", " plain", "1-2", "'quoted", "Lab @ home", "日本語＝"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert cell(text) == text
