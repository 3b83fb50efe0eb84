"""Reads what the board's page is sent, as `leaderboard/pages/board/table.js` does, for tests."""

from __future__ import annotations

import json
from typing import Any

NUMBERS = ("reliability", "wording", "order", "most_used_share", "agreeing", "refused", "circle")


def column(packed: Any, n: int) -> list[Any]:
    """One entry a row, however the column is written."""
    if isinstance(packed, list):
        return packed
    return [packed["of"][i] for i in packed["at"]] if "at" in packed else [packed["all"]] * n


def numbers(packed: Any, n: int, unit: int) -> list[float | None]:
    """The same for numbers."""
    return [None if x is None else x / unit for x in column(packed, n)]


def boards(text: str) -> list[dict[str, Any]]:
    """The boards of a payload, each with `rows`: dicts of what a row says.

    `scores` of a row holds per scale a list of (score, low, high, items), None where there is no score.
    """
    sent = json.loads(text, parse_constant=lambda name: (_ for _ in ()).throw(ValueError(name)))
    unit = sent["unit"]
    for board in sent["boards"]:
        n = board["n"]
        columns = {
            name: numbers(packed, n, unit) if name in NUMBERS else column(packed, n)
            for name, packed in board["rows"].items()
        }
        rows = [{name: values[i] for name, values in columns.items()} for i in range(n)]
        cells = [
            [[numbers(d["score"], n, unit), *_ends(d, n, unit), column(d["n"], n)] for d in s["dimensions"]]
            for s in board["scales"]
        ]
        for i, row in enumerate(rows):
            row["scores"] = [[_cell(d, i) for d in scale] for scale in cells]
        board["rows"] = rows
    found: list[dict[str, Any]] = sent["boards"]
    return found


def _ends(sent: dict[str, Any], n: int, unit: int) -> list[list[float | None]]:
    """Lower and upper ends of intervals, which are sent as distances."""
    middle = column(sent["score"], n)
    return [
        [None if by is None else (x + sign * by) / unit for x, by in zip(middle, column(sent[end], n), strict=True)]
        for end, sign in (("below", -1), ("above", 1))
    ]


def _cell(dimension: list[list[Any]], i: int) -> tuple[float, float | None, float | None, int] | None:
    score, low, high, n = (part[i] for part in dimension)
    return None if score is None else (score, low, high, n)


def places(board: dict[str, Any], i: int) -> dict[str, dict[str, str]]:
    """The places of a row that are not any place, among the `models` and of its own `values`."""
    ranking, n = board["ranking"], board["n"]
    return {
        kind: {name: text for name, packed in ranking[kind].items() if (text := column(packed, n)[i]) is not None}
        for kind in ("models", "values")
    }


def why(columns: dict[str, Any], n: int) -> list[str | None]:
    """Why each row has no numbers; None where it has."""
    return column(columns["why"], n)
