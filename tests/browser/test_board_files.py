"""The board and its file agree: the same rows in the same order for the same address."""

from __future__ import annotations

import csv
import io
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.browser.test_board import names, open_board
from tools.live import RunningApp

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def of_the_file(served: RunningApp, address: str) -> list[str]:
    with urllib.request.urlopen(f"{served.url}/download/board.csv{address}", timeout=60) as answer:
        rows = csv.DictReader(io.StringIO(answer.read().decode(), newline=""))
        return list(dict.fromkeys(row["model"].removeprefix("'") for row in rows))


@pytest.mark.parametrize(
    "address",
    [
        "",
        "?order=down",
        "?sort=Power&order=down",
        "?sort=Tradition",
        "?scale=higher_pvq&sort=Conservation&order=down",
        "?scale=bfi&sort=mean",
        "?sort=reliability",
        "?sort=coverage&order=down",
        "?show=wording,order&sort=wording",
        "?q=GPT+4o",
        "?developer=OpenAI&developer=Anthropic&sort=Security",
        "?family=gpt-4o",
        "?weights=open",
        "?weights=closed&reliable=yes",
        "?reliable=flat",
        "?size_min=10&size_max=100",
        "?origin=self-reported",
        "?since=2026-11-21&until=2026-11-30",
        "?group=developer&sort=Power&order=down",
        "?group=family",
        "?pin=hostile&sort=Power&order=down",
        "?pin=hostile&developer=OpenAI&group=developer",
        "?numbers=raw&sort=Universalism&order=down",
        "?show=like_raters&sort=like_raters&order=down",
        "?show=nearest,gender&sort=gender",
        "?show=nearest&sort=nearest",
        "?table=practice",
    ],
)
def test_the_file_has_the_rows_that_the_page_shows_in_its_order(page: Page, served: RunningApp, address: str) -> None:
    open_board(page, served, address)
    assert of_the_file(served, address) == names(page)
