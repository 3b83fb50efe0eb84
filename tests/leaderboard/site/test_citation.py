"""Citations of the paper, the board and single rows, and addresses that last."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from data.sources.practice import practice_benchmark
from eval_queue.queue.queue import Queue
from eval_queue.records import Result
from eval_queue.store.collection import encode
from eval_queue.store.local import EMPTY_HEAD, LocalStore
from leaderboard.exports.methodology import DOCUMENT
from leaderboard.pages.about import page as about
from leaderboard.pages.model.page import notice
from leaderboard.site.citation import (
    CITATION_FILE,
    METHOD,
    board_apa,
    board_bibtex,
    paper_apa,
    paper_bibtex,
    row_apa,
    row_bibtex,
    row_line,
)
from leaderboard.site.permanent import (
    board_citations,
    board_url,
    record_url,
    revision,
    row_address,
    row_citations,
)
from leaderboard.site.site import Site
from leaderboard.web.document import document
from tests.support.rows import result

TODAY = date(2026, 11, 25)
HOSTILE = "<b>&%$#_{}~^\\x"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class OnTheHub(LocalStore):
    """A folder that says of itself what a store on the Hub says."""

    repo = SimpleNamespace(id="lab/results")

    def head(self) -> str:
        return COMMIT

    def list(self, prefix: str, head: str) -> dict[str, str]:
        return dict(super().list(prefix, LocalStore.head(self)))

    def read(self, path: str, head: str) -> bytes:
        return super().read(path, LocalStore.head(self))


def site_with(store: LocalStore, *rows: Result) -> Site:
    if rows:
        LocalStore(store.folder).commit({f"results/{r.id}.json": encode(r) for r in rows}, EMPTY_HEAD, "rows")
    practice = practice_benchmark()
    queue = Queue(LocalStore(store.folder.with_name("requests")), store, lease=timedelta(minutes=2))
    return Site(practice, practice, queue, (), quota=2, scheduler_seconds=None)


@pytest.fixture
def row() -> Result:
    return result(
        "org/model", id="row-1", revision="abc123", origin="space", created=datetime(2026, 11, 20, tzinfo=UTC)
    )


def balanced(text: str) -> bool:
    depth = 0
    for i, c in enumerate(text):
        if text[i - 1 : i] == "\\":
            continue
        depth += (c == "{") - (c == "}")
        if depth < 0:
            return False
    return depth == 0


def test_the_paper_in_apa_style() -> None:
    assert paper_apa() == (
        "Han, J., Choi, D., Song, W., Lee, E.-J., & Jo, Y. (2025). Value Portrait: Assessing Language Models' Values "
        "through Psychometrically and Ecologically Valid Items. In Proceedings of the 63rd Annual Meeting of the "
        "Association for Computational Linguistics (Volume 1: Long Papers) (pp. 17119–17159). Association for "
        "Computational Linguistics. https://doi.org/10.18653/v1/2025.acl-long.838"
    )


def test_the_citation_file_has_what_its_format_requires() -> None:
    found = yaml.safe_load(CITATION_FILE.read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= found.keys()
    assert all({"type", "title", "authors"} <= reference.keys() for reference in found["references"])


def test_the_board_is_cited_with_its_data() -> None:
    said = {"revision": "r1", "benchmark": "Value Portrait 4cbf", "retrieved": TODAY}
    for text in (board_apa(**said), board_bibtex(**said)):
        assert "r1" in text
        assert "Value Portrait 4cbf" in text
        assert "method 2" in text
        assert "as published" in text
    assert "all items" in board_apa(**said, reading="match")
    assert f"Version <!--method-->{METHOD}<!--/--> of the method" in DOCUMENT.read_text(encoding="utf-8"), (
        "what citations name is described"
    )
    assert board_apa(**said).endswith("Retrieved November 25, 2026.")
    assert board_apa(**said, url="https://x.example/").endswith("Retrieved November 25, 2026, from https://x.example/")


def test_a_row_is_cited_by_model_revision_benchmark_protocol_and_date(row: Result) -> None:
    assert row_line(row, TODAY, revision="r1") == (
        "Profile of org/model at abc123, Value Portrait aaaaaaaaaaaa, protocol 1-free-text, method 2, result row-1, "
        "results r1, retrieved 2026-11-25."
    )
    for text in (row_apa(row, TODAY, revision="r1"), row_bibtex(row, TODAY, revision="r1")):
        for part in ("org/model at abc123", "aaaaaaaaaaaa", "row-1", "r1", "2026"):
            assert part in text


def test_a_name_cannot_break_out_of_bibtex() -> None:
    text = row_bibtex(result(HOSTILE, id="row_1"), TODAY, revision="r_1")
    assert balanced(text)
    assert r"\&\%\$\#\_\{\}\textasciitilde{}\textasciicircum{}\textbackslash{}x" in text
    assert r"row\_1" in text
    assert balanced(paper_bibtex())


def test_an_address_of_the_present_revision_needs_no_words(tmp_path: Path, row: Result) -> None:
    site = site_with(LocalStore(tmp_path / "store"), row)
    assert row_address(site, row) == f"model?id=row-1&at={site.revision()}"
    assert notice(site, row, site.revision()) == ""
    assert notice(site, row, None) == ""


def test_an_address_of_another_revision_says_so_and_is_safe(tmp_path: Path, row: Result) -> None:
    site = site_with(LocalStore(tmp_path / "store"), row)
    said = notice(site, row, "<img src=x>")
    assert "&lt;img src=x&gt;" in said
    assert site.revision() in said
    assert "href" not in said


def test_on_the_hub_the_revision_is_the_results_repository_s_commit(tmp_path: Path, row: Result) -> None:
    site = site_with(OnTheHub(tmp_path / "store"), row)
    assert revision(site) == COMMIT
    old = "f" * 40
    assert record_url(site, row, old) == f"https://huggingface.co/datasets/lab/results/blob/{old}/results/row-1.json"
    assert f'href="https://huggingface.co/datasets/lab/results/blob/{old}/' in notice(site, row, old)
    assert record_url(site, row, "../../evil") is None
    assert record_url(site, result("released"), old) is None  # it comes with the project, not from the repository


@pytest.mark.parametrize(
    ("host", "url"), [("org-board.hf.space", "https://org-board.hf.space/"), ("", None), ("evil.example/x?", None)]
)
def test_where_the_board_is_is_known_on_a_space_only(
    monkeypatch: pytest.MonkeyPatch, host: str, url: str | None
) -> None:
    monkeypatch.setenv("SPACE_HOST", host)
    assert board_url() == url


def test_about_offers_every_citation_to_be_copied(tmp_path: Path) -> None:
    site = site_with(LocalStore(tmp_path / "store"))
    page = document(site, about, {})
    assert page.count("data-copy=") == len(board_citations(site)) + 1
    assert "About and cite" in page
    example = site.boards()[0].results[0]
    assert row_citations(site, example)[0].text in page
    assert row_address(site, example).replace("&", "&amp;") in page
