"""A row on other people's pages: its badge as a file, and a small page to be shown in a frame.

The page is whole in one answer: no script, no style sheet, no picture beside it. Any site may frame it, and it alone
(`frame-ancestors`); its links open outside of the frame.
"""

from __future__ import annotations

import hashlib
from typing import Final

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from data.errors import InputError
from data.values import VALUES
from eval_queue.records import Result
from eval_queue.store.local import StoreUnavailable, WriteConflict
from leaderboard.charts.badge import badge
from leaderboard.charts.portrait import number, true_minus
from leaderboard.exports.failures import in_words
from leaderboard.exports.tables import result_of
from leaderboard.files.standalone import theme_style
from leaderboard.pages.model.page import drawing_of, ten
from leaderboard.site.permanent import revision
from leaderboard.site.sharing import EMBED, LABEL, badge_words, stays_here
from leaderboard.site.site import Site
from leaderboard.vocabulary.badges import BENCHMARKS, badges
from leaderboard.web.document import LONGEST_VALUE, no_such_field
from leaderboard.web.head import origin
from leaderboard.web.head import row_address as row_address_of
from leaderboard.web.markup import render

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors *"
FIELDS: Final = ("id",)


def badge_svg(result: Result) -> str:
    """A row's badge.

    Raises:
        InputError: the row must not travel as its model's profile.
    """
    return badge(LABEL, badge_words(_may_travel(result)))


def embed_html(site: Site, result: Result, base: str) -> str:
    """The small page of a row; `base` is where the board is, with a slash at its end, or empty where nothing tells.

    Raises:
        InputError: the row must not travel as its model's profile.
    """
    _may_travel(result)
    return render(
        "embed.html",
        r=result,
        picture=Markup(drawing_of(result)),  # made by `charts`, which escapes the name
        style=Markup(theme_style(":root")),
        rows=[(d, c) for d, c in zip(VALUES, ten(result), strict=True) if c is not None],
        badges=badges(result, practice=False),
        benchmark=BENCHMARKS.get(result.benchmark.name, result.benchmark.name),
        revision=revision(site),
        address=base + row_address_of(result.id),
        about=f"{base}about#reading",
        number=number,
        true_minus=true_minus,
        problem=None,
    )


def route(site: Site) -> Route:
    """The route of the small page."""

    def answer(request: Request) -> Response:
        try:
            html = embed_html(site, _row(site, request), origin(request))
        except (InputError, StoreUnavailable, WriteConflict) as error:
            return _problem(*in_words(error, "a page to be embedded could not be made"))
        tag = f'"{hashlib.sha256(html.encode()).hexdigest()[:24]}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache", "Content-Security-Policy": POLICY}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return HTMLResponse(html, headers=headers)

    return Route(f"/{EMBED}", answer)


def _row(site: Site, request: Request) -> Result:
    if (said := no_such_field(request.query_params, FIELDS)) is not None:
        raise InputError(said)
    return result_of(site, request.query_params.get("id", "")[:LONGEST_VALUE])


def _may_travel(result: Result) -> Result:
    if (why := stays_here(result)) is not None:
        raise InputError(f"id: {result.id} is {why}")
    return result


def _problem(said: str, status: int) -> Response:
    html = render("embed.html", problem=said, style=Markup(theme_style(":root")))
    return HTMLResponse(html, status, headers={"Cache-Control": "no-cache", "Content-Security-Policy": POLICY})
