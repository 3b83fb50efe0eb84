"""The board's addresses say the same to the server and to the browser: `tests/cases/board_addresses.json`.

`tests/js/address.test.js` and `tests/js/rows.test.js` read the same cases. `table` there is what the page is sent of
`rows`; after a change to it, `python -m tests.leaderboard.pages.test_board_addresses` writes it anew.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from starlette.datastructures import QueryParams

from leaderboard.boards.results import Board, boards, table_of
from leaderboard.pages.board.data import payload
from leaderboard.pages.board.query import BoardQuery, rows_of
from tests.support import CASES
from tests.support.rows import result

FILE = CASES / "board_addresses.json"
GIVEN: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))


def tables() -> tuple[Board, ...]:
    return boards(
        result(**{**row, "created": datetime.fromisoformat(row["created"])}, half=0.1) for row in GIVEN["rows"]
    )


def test_the_table_of_the_cases_is_what_the_page_is_sent() -> None:
    assert GIVEN["table"] == json.loads(payload(tables()))


@pytest.mark.parametrize("case", GIVEN["cases"], ids=lambda case: case["address"] or "nothing said")
def test_an_address_shows_these_rows_in_this_order(case: dict[str, Any]) -> None:
    query = BoardQuery.parse(QueryParams(case["address"].removeprefix("?")))
    board = table_of(tables(), query.table)
    assert ([] if board is None else [r.id for r in rows_of(board, query)]) == case["rows"]


if __name__ == "__main__":
    GIVEN["table"] = json.loads(payload(tables()))
    lists = {name: json.dumps(GIVEN[name], ensure_ascii=False) for name in ("about", "table")}
    rows, cases = (",\n    ".join(json.dumps(x, ensure_ascii=False) for x in GIVEN[n]) for n in ("rows", "cases"))
    FILE.write_text(
        f'{{\n  "about": {lists["about"]},\n  "rows": [\n    {rows}\n  ],\n  "cases": [\n    {cases}\n  ],\n'
        f'  "table": {lists["table"]}\n}}\n',
        encoding="utf-8",
    )
