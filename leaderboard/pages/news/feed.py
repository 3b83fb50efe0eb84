"""Feeds in the Atom format (RFC 4287): what is new, and the steps of one submission.

Identifiers are the feed's own address with a fragment that names the record, so a reader that has seen an entry knows
it again. Everything in a feed is plain text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from data.errors import InputError
from eval_queue.store.local import StoreUnavailable, WriteConflict
from leaderboard.charts.portrait import true_minus
from leaderboard.site.news import KINDS, news
from leaderboard.site.site import Site
from leaderboard.web.document import no_such_field, shortened
from leaderboard.web.frame import TITLE
from leaderboard.web.head import origin

FEED: Final = "news.atom"
"""Where the feed of all news is, relative to the pages."""
SUBMISSION: Final = "submission.atom"
"""Where the feed of a submission is; `id` names it."""
MOST: Final = 50
"""How many entries a feed has."""
MEDIA_TYPE: Final = "application/atom+xml"
_ATOM: Final = "http://www.w3.org/2005/Atom"


class Entry(NamedTuple):
    """One entry of a feed."""

    key: str
    """Names it within the feed, for good."""
    title: str
    words: str
    when: datetime
    address: str
    """Relative to the pages."""
    kind: str = ""


def atom(address: str, title: str, page: str, entries: Sequence[Entry], base: str) -> bytes:
    """A feed.

    Args:
        address: its own, relative to the pages.
        title: its own.
        page: the page for people, relative likewise.
        entries: the newest first.
        base: where the board is, with a slash at its end.
    """
    root = ElementTree.Element("feed", xmlns=_ATOM)
    _add(root, "id", base + address)
    _add(root, "title", title)
    _add(root, "updated", _time(max((e.when for e in entries), default=datetime(2026, 1, 1, tzinfo=UTC))))
    ElementTree.SubElement(root, "link", rel="self", type=MEDIA_TYPE, href=base + address)
    ElementTree.SubElement(root, "link", rel="alternate", type="text/html", href=base + page)
    _add(ElementTree.SubElement(root, "author"), "name", TITLE)
    for e in entries:
        made = ElementTree.SubElement(root, "entry")
        _add(made, "id", f"{base}{address}#{quote(e.key)}")
        _add(made, "title", _plain(e.title))
        _add(made, "updated", _time(e.when))
        there = base + e.address.removeprefix("./")
        ElementTree.SubElement(made, "link", rel="alternate", type="text/html", href=there)
        if e.kind:
            ElementTree.SubElement(made, "category", term=e.kind)
        _add(made, "summary", _plain(e.words))
    content: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return content


def news_feed(site: Site, base: str) -> bytes:
    """What is new."""
    entries = [
        Entry(n.key, n.title, true_minus(" ".join(n.words)), n.when, n.address, KINDS[n.kind])
        for n in news(site)[:MOST]
    ]
    return atom(FEED, f"{TITLE}: what is new", "news", entries, base)


def submission_feed(site: Site, id_: str, base: str) -> bytes:
    """The steps of a submission.

    Raises:
        InputError: there is none of this id.
        StoreUnavailable: the store cannot be reached now.
    """
    found = next((s for s in site.queue.submissions() if s.id == id_), None)
    if found is None:
        raise InputError(f"id: no submission is called {shortened(id_)!r}")
    page = f"submit?{urlencode({'id': found.id})}"
    entries = [
        Entry(f"{step.at.isoformat()}/{step.state}", f"{found.model}: {step.state}", step.why, step.at, page)
        for step in reversed(found.history)
    ]
    return atom(f"{SUBMISSION}?{urlencode({'id': id_})}", f"Submission of {found.model}", page, entries[:MOST], base)


def routes(site: Site) -> list[BaseRoute]:
    """The routes of both feeds."""

    def endpoint(make: Callable[[Request, str], bytes], fields: Collection[str] = ()) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            if (said := no_such_field(request.query_params, fields)) is not None:
                return PlainTextResponse(f"{said}\n", 400)
            base = origin(request)
            if not base:
                return PlainTextResponse("This host name cannot be used in addresses.\n", 400)
            try:
                content = make(request, base)
            except InputError as error:
                return PlainTextResponse(f"{error}\n", 404)
            except (StoreUnavailable, WriteConflict):
                return PlainTextResponse("The store cannot be reached now. Try again later.\n", 503)
            tag = f'"{hashlib.sha256(content).hexdigest()[:24]}"'
            headers = {"ETag": tag, "Cache-Control": "no-cache"}
            if request.headers.get("if-none-match") == tag:
                return Response(status_code=304, headers=headers)
            return Response(content, media_type=MEDIA_TYPE, headers=headers)

        return answer

    of_one = endpoint(
        lambda request, base: submission_feed(site, request.query_params.get("id", "")[:200], base), ("id",)
    )
    return [Route(f"/{FEED}", endpoint(lambda _, base: news_feed(site, base))), Route(f"/{SUBMISSION}", of_one)]


def _add(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = text


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _plain(text: str) -> str:
    """Text without what XML does not allow in it, on one line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
