"""Addresses that last: a row together with the state of the results it was read from.

`model?id=ROW&at=REVISION` names a row and a revision: the commit of the results' repository where results live on the
Hub, else `Site.revision`. A row's record is never overwritten, so the address shows the same figures for good; what may
change is what stands around it. An address of another revision says so, and leads to the record as it was where the
Hub keeps it.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import Final
from urllib.parse import quote, urlencode

from data.people.norms import Reading
from eval_queue.records import BenchmarkRef, Result, now
from eval_queue.store.local import StoreUnavailable, WriteConflict
from leaderboard.site.citation import (
    Citation,
    benchmark_name,
    board_apa,
    board_bibtex,
    paper_apa,
    paper_bibtex,
    paper_url,
    row_apa,
    row_bibtex,
    row_line,
)
from leaderboard.site.site import Site

HERE: Final = "https://this-board.invalid/"
"""Stands for the board's own address in what a page shows, where only the request tells what that is."""

REVISION: Final = re.compile(r"[0-9a-f]{40}")
_FOLDERS: Final = {"space": "results", "self-reported": "self-reported"}


def revision(site: Site) -> str:
    """Names exactly the results that are shown now."""
    there = published(site)
    return site.revision() if there is None else there[1]


def published(site: Site) -> tuple[str, str] | None:
    """Repository and commit of the results on the Hub; None where they are kept elsewhere, or cannot be reached now."""
    try:
        return site.queue.published_at()
    except (StoreUnavailable, WriteConflict):
        return None


def board_url() -> str | None:
    """Where this board is on the web; None where it is not known. A Space is told its host."""
    host = os.environ.get("SPACE_HOST", "")
    return f"https://{host}/" if re.fullmatch(r"[A-Za-z0-9.-]+", host) else None


def at_home(text: str, base: str) -> str:
    """Text with the board's address in the place of `HERE`.

    Args:
        text: a page, or a part of it.
        base: where the board is, with a slash at its end; empty where nothing tells.
    """
    return text.replace(HERE, base or "https://ADDRESS-OF-THIS-BOARD/")


def row_address(site: Site, result: Result) -> str:
    """The lasting address of a row, relative to the pages."""
    return f"model?{urlencode({'id': result.id, 'at': revision(site)})}"


def row_url(site: Site, result: Result) -> str | None:
    """The lasting address of a row on the web; None where it is not known."""
    base = board_url()
    return None if base is None else base + row_address(site, result)


def record_url(site: Site, result: Result, at: str) -> str | None:
    """Where the Hub keeps a row's record as it was at a revision; None where it does not."""
    folder = _FOLDERS.get(result.origin)
    there = site.queue.published_at()
    if folder is None or there is None or not REVISION.fullmatch(at):
        return None
    from huggingface_hub.constants import ENDPOINT

    return f"{ENDPOINT}/datasets/{quote(there[0])}/blob/{at}/{folder}/{quote(result.id)}.json"


def _record(site: Site, result: Result, at: str) -> str:
    """Where a reader gets on without the board's own address: the record on the Hub, else the paper."""
    with suppress(StoreUnavailable, WriteConflict):
        return record_url(site, result, at) or paper_url()
    return paper_url()


def board_citations(site: Site, reading: Reading = "published") -> list[Citation]:
    """The paper, and this board with the data that it shows now, by one reading."""
    boards = site.boards()
    named = benchmark_name(boards[0].benchmark if boards else BenchmarkRef.of(site.benchmark))
    at, today, url = revision(site), now().date(), board_url()
    apa = board_apa(revision=at, benchmark=named, retrieved=today, url=url, reading=reading)
    bibtex = board_bibtex(revision=at, benchmark=named, retrieved=today, url=url, reading=reading)
    return [
        Citation("The paper", "APA", paper_apa()),
        Citation("The paper", "BibTeX", paper_bibtex()),
        Citation("This board", "APA", apa),
        Citation("This board", "BibTeX", bibtex),
    ]


def row_citations(site: Site, result: Result) -> list[Citation]:
    """One row in every form."""
    today, at, url = now().date(), revision(site), row_url(site, result)
    return [
        Citation("This row", "One line", row_line(result, today, revision=at)),
        Citation("This row", "APA", row_apa(result, today, revision=at, url=url)),
        Citation("This row", "BibTeX", row_bibtex(result, today, revision=at, url=url or _record(site, result, at))),
    ]
