"""The copy of plain files: whole, closed in itself, safe to write."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import pytest
from typer.testing import CliRunner

from data.errors import InputError
from leaderboard.__main__ import app as commands
from leaderboard.boards.results import PUBLISHED, load
from leaderboard.exports.static_copy import MARK, page_name, write
from leaderboard.ui import READ
from tests.browser.conftest import HOSTILE, fill
from tests.leaderboard.exports.test_exports import make_site
from tests.support.rows import result

RELEASED = load(PUBLISHED).results
REFERENCE = re.compile(r'\b(?:href|src)="([^"]*)"')

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copied")
    fill(folder / "store")
    write(make_site(folder), folder / "copy", READ)
    return folder / "copy"


def references(page: Path) -> list[str]:
    return [unescape(found) for found in REFERENCE.findall(page.read_text(encoding="utf-8"))]


def test_every_page_and_every_row_is_there(copy: Path) -> None:
    assert {f"{p.ROUTE}.html" for p in READ if p.ROUTE != "model"} | {"index.html"} <= {f.name for f in copy.iterdir()}
    for row in RELEASED:
        assert row.model in (copy / page_name(row)).read_text(encoding="utf-8")
    assert len(list(copy.glob("model-*.html"))) == len(RELEASED) + 2


def test_every_reference_is_a_file_of_the_copy(copy: Path) -> None:
    checked = 0
    for page in copy.glob("*.html"):
        for address in references(page):
            parts = urlsplit(address)
            if parts.scheme or (not parts.path and parts.fragment):
                assert parts.scheme in ("", "https", "data"), address
                continue
            assert not parts.path.startswith("/"), address
            assert (copy / parts.path).exists(), f"{page.name}: {address}"
            checked += 1
    assert checked > 100
    for sheet in (copy / "vp").glob("*.css"):
        for address in re.findall(r'url\("([^"]+)"\)', sheet.read_text(encoding="utf-8")):
            assert (sheet.parent / address).exists(), address


def test_nothing_in_it_asks_a_server(copy: Path) -> None:
    for page in copy.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r'<(?:script|link|img)[^>]*(?:src|href)="(?:https?:)?//', text), page.name
        assert not re.search(r'<form\b[^>]*\baction="', text), page.name


def test_lines_to_copy_say_that_the_live_board_s_address_is_missing(copy: Path) -> None:
    page = (copy / page_name(RELEASED[0])).read_text(encoding="utf-8")
    assert "https://ADDRESS-OF-THIS-BOARD/chart/badge.svg?id=" in page
    assert "this-board.invalid" not in page


def test_every_page_says_from_when_it_is(copy: Path) -> None:
    assert all("A copy of the board as it was on" in page.read_text(encoding="utf-8") for page in copy.glob("*.html"))


def test_user_text_is_no_html_in_it(copy: Path) -> None:
    for page in copy.glob("*.html"):
        assert HOSTILE not in page.read_text(encoding="utf-8")


def test_the_data_is_there_in_every_format(copy: Path) -> None:
    for form in ("csv", "json", "parquet"):
        for name in ("board", "results", "groups", "benchmark"):
            assert (copy / "data" / f"{name}.{form}").stat().st_size > 100
    assert len(pd.read_parquet(copy / "data" / "all-answers.parquet")) == sum(r.coverage.prompts for r in RELEASED)
    board = pd.read_csv(copy / "data" / "board.csv")
    assert set(board["model"]) >= {r.model for r in RELEASED}


def test_an_older_copy_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    out = tmp_path / "copy"
    write(site, out, ())
    (out / "old.html").write_text("old")
    write(site, out, ())
    assert not (out / "old.html").exists()
    assert (out / MARK).exists()
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "precious.txt").write_text("mine")
    with pytest.raises(InputError, match="no copy"):
        write(site, foreign, ())
    assert (foreign / "precious.txt").read_text() == "mine"


def test_a_strange_id_is_no_path() -> None:
    assert re.fullmatch(r"model-[0-9a-f]{24}\.html", page_name(result("m", id="../../etc/passwd")))


def test_one_command_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VALUE_PORTRAIT_SOURCE", "practice")
    monkeypatch.setenv("VALUE_PORTRAIT_STORE", str(tmp_path / "store"))
    found = CliRunner().invoke(commands, ["static", str(tmp_path / "out")], catch_exceptions=False)
    assert found.exit_code == 0
    assert (tmp_path / "out" / "index.html").exists()
    assert "index.html" in found.output
