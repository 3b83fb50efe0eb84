"""The board: all models on one benchmark. Its data is in `data.py`, how it behaves in the scripts beside it.

The table comes with the page. Places among the models and the rows among people may take long for new rows: the page
does not wait for them, says that they are being worked out, and asks `board/late` for them. Of a large board they are
worked out, and sent, only where they are asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import orjson
from markupsafe import Markup
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
from leaderboard.web.markup import inert, render
from leaderboard.web.terms import notes

LATE: Final = "board/late"
"""Where the page asks for what was not known when it was sent."""


class Page:
    """The board as a document (`leaderboard.web.document.ReadingPage`): its data in the page, its program beside it."""

    ROUTE = ""
    NAME = "Board"
    FIELDS: Collection[str] = ("model",)
    SHEETS: Sequence[str] = ("board.css",)

    def __init__(self) -> None:
        self._made: tuple[object, Markup] = (None, Markup())

    def content(self, site: Site, query: Mapping[str, str]) -> str:
        """See `ReadingPage.content`."""
        del query
        boards, found, known = _so_far(site)
        made = self._made
        if known != made[0]:  # the same for every row that is open on it
            by_board = dict(zip((b.key for b in boards), found, strict=True))
            self._made = made = known, inert(payload(boards, lambda b: by_board[b.key]))
        return drawn(made[1], "start.js")

    def moment(self, site: Site, query: Mapping[str, str]) -> str:
        """What is still being worked out, table by table."""
        del query
        return str(_so_far(site)[2])

    def head(self, site: Site, query: Mapping[str, str]) -> Head:
        """What the board's address is about: all models, or the row that is open on it."""
        result = find(site, query.get("model"))
        return Head(description=ABOUT_BOARD) if result is None else model.head(site, {"id": result.id})


def drawn(data: Markup, script: str, links: Markup | None = None) -> str:
    """The page's content.

    Args:
        data: of the table, as the text of a script element.
        script: name of the file that draws it.
        links: what that file is told of links, likewise.
    """
    return render("board.html", frames=Markup(frames()), data=data, links=links, script=assets.address(script))


def frames() -> str:
    """The drawings that the program fills and the notes of terms, as HTML: they belong into the element it draws in."""
    empty: list[float | None] = [None] * len(VALUES)
    return (
        f'<template class="vp-frame-full">{linked(portrait(empty))}</template>'
        f'<template class="vp-frame-thumb">{portrait(empty, kind="thumb")}</template>'
        f"{notes()}"
    )


def _so_far(site: Site) -> tuple[Sequence[Board], list[Facts], tuple[object, ...]]:
    """The boards, what is known of each by now, and what to tell by whether any of that has changed."""
    boards = site.boards()
    found = [(at_once if comes_later(b) else facts)(site, b) for b in boards]
    return boards, found, (site.revision(), *(tuple(x is WORKING for x in f) for f in found))


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
