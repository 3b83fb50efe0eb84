"""The board: all models on one benchmark. Its data is in `data.py`, how it behaves in the scripts beside it.

The table comes with the page. Places among the models and the rows among people may take long for new rows: the page
does not wait for them, says that they are being worked out, and asks `board/late` for them. Of a large board they are
worked out, and sent, only where they are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import gradio as gr
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from data.values import VALUES
from leaderboard.boards.background import WORKING
from leaderboard.boards.results import Board
from leaderboard.charts.portrait import linked, portrait
from leaderboard.pages.board.data import Facts, comes_later, late_columns, payload, stamp
from leaderboard.pages.model import page as model
from leaderboard.pages.model.data import find
from leaderboard.site.site import Site
from leaderboard.web import assets
from leaderboard.web.head import ABOUT_BOARD, Head
from leaderboard.web.refresh import PageValues
from leaderboard.web.terms import notes

ROUTE = ""
LATE: Final = "board/late"
"""Where the page asks for what was not known when it was sent."""
SCRIPT: Final = Path(__file__).with_name("board.js")
"""The program of the table; it exports `mountBoard(element, text)`."""


def frames() -> str:
    """The drawings that the program fills and the notes of terms, as HTML: they belong into the element it draws in."""
    empty: list[float | None] = [None] * len(VALUES)
    return (
        f'<template class="vp-frame-full">{linked(portrait(empty))}</template>'
        f'<template class="vp-frame-thumb">{portrait(empty, kind="thumb")}</template>'
        f"{notes()}"
    )


def head(site: Site, query: Mapping[str, str]) -> Head:
    """What the board's address is about: all models, or the row that is open on it."""
    result = find(site, query.get("model"))
    return Head(description=ABOUT_BOARD) if result is None else model.head(site, {"id": result.id})


def build(site: Site, fresh: PageValues) -> None:
    """Lay the page out."""
    table = _Sent(site)
    board = gr.HTML(
        table.text(),
        html_template=frames(),  # it never refers to the value: Gradio would read it as HTML
        js_on_load=f"{assets.bundle(SCRIPT)}.mountBoard(element, props.value);",
        apply_default_css=False,
        elem_id="board",
        elem_classes="vp",
    )
    fresh.add(ROUTE, board, table.text)


def facts(site: Site, board: Board) -> Facts:
    """What is known by now of a board beside its rows."""
    people = site.people_so_far(board)
    return at_once(site, board)._replace(
        ranking=site.ranking_so_far(board),
        people=people,
        contrasts=() if people is None else site.reference.contrasts,
        match_ranking=site.match_ranking_so_far(board),
        standing=site.standing_so_far(board),
        match_people=site.people_so_far(board, "match"),
    )


def at_once(site: Site, board: Board) -> Facts:
    """What never has to be worked out: the people who rated the benchmark."""
    raters = site.raters(board.key.digest)
    return Facts(raters=raters, rated_by=None if raters is None else site.reference.raters.n)


def whole(site: Site) -> str:
    """The table as JSON with all that can be known of it, however long that takes."""

    def found(board: Board) -> Facts:
        return at_once(site, board)._replace(
            ranking=site.rankings.of(board),
            people=site.proximities.of(board),
            contrasts=site.reference.contrasts,
            match_ranking=site.match_rankings.of(board),
            standing=site.standings.of(board),
            match_people=site.proximities.of(board, "match"),
        )

    return payload(site.boards(), found, whole=True)


@dataclass
class _Sent:
    """The table as JSON, computed again only where the results, or what is known of them, changed."""

    site: Site
    known: tuple[object, ...] = ()
    last: str = ""

    def text(self) -> str:
        boards = self.site.boards()
        found = [(at_once if comes_later(b) else facts)(self.site, b) for b in boards]
        known = (self.site.revision(), *(tuple(x is WORKING for x in f) for f in found))
        if known != self.known:
            by_board = dict(zip((b.key for b in boards), found, strict=True))
            self.known, self.last = known, payload(boards, lambda b: by_board[b.key])
        return self.last


def late_route(site: Site) -> Route:
    """The address of what took longer than the page."""

    def answer(request: Request) -> Response:
        slug = request.query_params.get("table")
        board = next((b for b in site.boards() if b.key.slug == slug), None)
        if board is None:
            return Response(status_code=404)
        found = facts(site, board)
        sent = {"stamp": stamp(board), **late_columns(board, found)}
        return Response(orjson.dumps(sent), media_type="application/json", headers={"Cache-Control": "no-store"})

    return Route(f"/{LATE}", answer)
