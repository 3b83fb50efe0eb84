"""Pages to read, as documents of their own: all of their content is in the answer to the first request.

Gradio draws its pages in the browser, after its own program has been loaded; what a page shows for one address would
come with a further request still. A page that sends nothing gains nothing from that. So Submit and Queue, which have
forms and change while they are open, are Gradio's, and the others are plain HTML beside them in the same app, with the
same frame and style: whole when they arrive, the same for every visitor who opens the same address, and all but the
board usable without any script. The static copy is made of the same documents.

A page is a module with `ROUTE`, `NAME`, `FIELDS` and `content(site, query)`, which returns its content as HTML; it may
have `problems(site, query)` (what an address says that cannot be meant, a sentence each), `SCRIPTS` and `SHEETS` (names
of files in `static/`), `POLICY` (a Content-Security-Policy of its own) and `moment(site, query)` (what else its content
depends on, besides results and day, as a short string). What it says of itself to search engines and previews is in
`leaderboard.web.head`. A style sheet `static/ROUTE.css`, where there is one, is the page's.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from operator import itemgetter
from typing import Final, NamedTuple, Protocol

from markupsafe import Markup
from starlette.datastructures import ImmutableMultiDict, QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from eval_queue.records import now
from leaderboard.site.permanent import at_home
from leaderboard.site.site import Site
from leaderboard.web import assets
from leaderboard.web.cache import Cache, compressed
from leaderboard.web.frame import LOGO, footer, masthead
from leaderboard.web.head import Head, head_html, head_of, origin
from leaderboard.web.markup import render
from leaderboard.web.terms import explained

KEPT_BYTES: Final = 32 * 2**20
"""How much of finished pages is remembered, of all pages together."""

LONGEST_VALUE: Final = 500
"""Characters of a field that are read."""
MOST_VALUES: Final = 100
"""How many fields of an address are read, repeated ones included."""

_log = logging.getLogger(__name__)


class Volatile(str):
    """Content that may be other a moment later, although no result has changed: it is not remembered."""

    __slots__ = ()


class ReadingPage(Protocol):
    """A module that makes the content of a page to read."""

    ROUTE: str
    """Its address, one word."""
    NAME: str
    """What its title says."""

    @property
    def FIELDS(self) -> Collection[str]:
        """Which fields its address may have. Any other is as if it were not there."""
        ...

    def content(self, site: Site, query: Mapping[str, str]) -> str:
        """The content as HTML, for the fields of an address; whatever they hold, it must be safe.

        Of a field that is there several times the mapping gives the last one; `every` gives all.
        """
        ...


def every(query: Mapping[str, str], name: str) -> list[str]:
    """All that an address says under one name, in its order: starlette's `QueryParams`, or a plain mapping."""
    if isinstance(query, ImmutableMultiDict):
        return [str(value) for value in query.getlist(name)]
    return [query[name]] if name in query else []


def shortened(said: str) -> str:
    """What an address said, short enough to be repeated."""
    return said if len(said) <= 80 else f"{said[:80]}…"


def not_among(name: str, said: str, choices: Collection[str], most: int = 30) -> str:
    """Say that a field's value is none of those that there are, and which these are."""
    listed = ", ".join(list(choices)[:most]) + (" …" if len(choices) > most else "")
    return f"{name}: there is no {shortened(said)!r} here; " + (f"it may be {listed}" if choices else "there is none")


def whole_number(name: str, said: str, most: int | None = None) -> str:
    """Say that a field's value is no whole number from 1 on."""
    return f"{name}: {shortened(said)!r} is not a whole number from 1" + (f" to {most}" if most else "")


def no_such_field(query: QueryParams, fields: Collection[str], ignored: Collection[str] = ()) -> str | None:
    """What is wrong with an address that programs read: the first field that it may not have.

    Args:
        query: all fields of the address.
        fields: those that it may have.
        ignored: those that change nothing and are no mistake.
    """
    for field in query:
        if field not in fields and field not in ignored:
            may = f"it may have {', '.join(fields)}" if fields else "it has none"
            return f"{shortened(field)}: this address has no such field; {may}"
    return None


def known(query: QueryParams, fields: Collection[str]) -> QueryParams:
    """An address as far as it is understood: the fields that there are, by name, the values of each in their order.

    Two addresses that say the same give the same, so that whatever is kept for one is kept once.
    """
    said = [(name, value[:LONGEST_VALUE]) for name, value in query.multi_items() if name in fields and value]
    return QueryParams(sorted(said, key=itemgetter(0))[:MOST_VALUES])


def document(site: Site, page: ReadingPage, query: Mapping[str, str]) -> str:
    """A whole page as HTML."""
    return framed(site, page, content_of(site, page, query), head_of(site, page, query))


def content_of(site: Site, page: ReadingPage, query: Mapping[str, str]) -> str:
    """A page's content, its terms to be opened, under what its address says that cannot be meant."""
    problems: Callable[[Site, Mapping[str, str]], list[str]] = getattr(page, "problems", lambda *_: [])
    content, wrong = page.content(site, query), problems(site, query)
    told = (render("misread.html", problems=wrong) if wrong else "") + explained(content)
    return Volatile(told) if isinstance(content, Volatile) else told


def framed(site: Site, page: ReadingPage, content: str, head: Head | None = None, base: str = "") -> str:
    """Content with what stands around it on every page.

    Args:
        site: what all pages know.
        page: whose content it is.
        content: as HTML.
        head: what the address is about; None for nothing in particular.
        base: where the board is (`leaderboard.web.head.origin`).
    """
    sheets = ["document.css", *getattr(page, "SHEETS", ()), f"{page.ROUTE}.css"]
    scripts = ["appearance.js", "document.js", *getattr(page, "SCRIPTS", ())]
    return render(
        "document.html",
        head=head_html(head or Head(address=page.ROUTE), page.NAME, base),
        sheets=[assets.address(name) for name in sheets if name in assets.FILES],
        scripts=[assets.address(name) for name in scripts],
        masthead=Markup(masthead(site, page.ROUTE)),
        content=Markup(content),
        footer=Markup(footer(site)),
        assets=assets.ROUTE,
    )


class Kept(NamedTuple):
    """A finished page."""

    packed: bytes
    """Compressed, as nearly everybody is sent it."""
    tag: str
    status: int
    lasts: bool
    """Whether it stays as it is while nothing that it is known by changes."""


def routes(site: Site, pages: Sequence[ReadingPage], kept: Cache[Kept] | None = None) -> list[BaseRoute]:
    """The routes of the pages and of their files; finished pages are in `kept`."""
    kept = kept or Cache[Kept](KEPT_BYTES)
    made: list[BaseRoute] = [Route(f"/{page.ROUTE}", _endpoint(site, page, kept)) for page in pages]
    return [*made, Route("/logo.svg", _logo), assets.route()]


def _logo(_: Request) -> Response:
    return Response(LOGO.read_bytes(), media_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})


def _finished(site: Site, page: ReadingPage, query: QueryParams, base: str) -> Kept:
    content, head = content_of(site, page, query), head_of(site, page, query)
    html = framed(site, page, at_home(content, base), head, base).encode()
    tag = f'"{hashlib.sha256(html).hexdigest()[:24]}"'
    return Kept(compressed(html), tag, head.status, lasts=not isinstance(content, Volatile))


def _endpoint(site: Site, page: ReadingPage, kept: Cache[Kept]) -> Callable[[Request], Response]:
    policy = getattr(page, "POLICY", None)
    moment: Callable[[Site, Mapping[str, str]], str] = getattr(page, "moment", lambda *_: "")

    def answer(request: Request) -> Response:
        query, base = known(request.query_params, page.FIELDS), origin(request)
        # a day is part of what pages say: they name the day on which something was retrieved
        try:
            day, revision, at = now().date().isoformat(), site.revision(), moment(site, query)
            outage = str(site.queue.outage())  # after a look at the results, which may begin one or end it
            key = (page.ROUTE, base, revision, day, outage, at, *query.multi_items())
            found = kept.get(
                key,
                lambda: _finished(site, page, query, base),
                # content may look at the store, too
                keep=lambda made: made.lasts and str(site.queue.outage()) == outage,
            )
        except Exception:  # noqa: BLE001 - one page's trouble is that page's alone, and is logged
            _log.exception("the page %s could not be made", page.ROUTE)
            html = framed(site, page, render("failed.html"))
            return HTMLResponse(html, status_code=500)
        headers = {"ETag": found.tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if policy is not None:
            headers["Content-Security-Policy"] = policy
        if found.status == 200 and request.headers.get("if-none-match") == found.tag:
            return Response(status_code=304, headers=headers)
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return HTMLResponse(gzip.decompress(found.packed), found.status, headers=headers)
        return HTMLResponse(found.packed, found.status, headers={**headers, "Content-Encoding": "gzip"})

    return answer
