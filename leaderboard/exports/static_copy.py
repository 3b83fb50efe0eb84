"""A read-only copy of the board as plain files, for when the Space is down: pages, data, nothing to run.

The pages are the same documents that the app serves (`leaderboard.web.document`), the board is the same program with
the same data in the page. It opens from a disk and from any host of files, and asks nobody for anything. What needs a
server (filters of answers, submissions) is left out; a link to something that is not in the copy is no link. Each page
says from when the copy is.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape, unescape
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

import gradio
import orjson
from starlette.datastructures import QueryParams

from data.errors import InputError
from data.people.norms import READINGS
from eval_queue.records import Result, now
from leaderboard.exports import routes
from leaderboard.exports.answer_file import NAME as ALL_ANSWERS
from leaderboard.exports.answer_file import write_all
from leaderboard.pages.benchmark import page as benchmark
from leaderboard.pages.board import page as board
from leaderboard.pages.compare.data import series_of
from leaderboard.site.permanent import at_home, board_url, revision
from leaderboard.site.site import Site
from leaderboard.vocabulary.downloads import DOWNLOADS, FORMATS
from leaderboard.web import assets
from leaderboard.web.document import ReadingPage, content_of, framed
from leaderboard.web.frame import LOGO
from leaderboard.web.head import Head, head_of
from leaderboard.web.markup import inert, render

MARK: Final = "copy-of-the-board.txt"
"""Written into every copy: a folder without it is not ours to replace."""
BOARD_PAGE: Final = "index.html"
DATA: Final = "data"

_FONTS: Final = Path(gradio.__file__).parent / "templates" / "frontend" / "static" / "fonts" / "SourceSansPro"
_LINK: Final = re.compile(r'(<a\b[^>]*?)\s+href="([^"]*)"')
_PRELOAD: Final = re.compile(r'<link rel="preload"[^>]*>\n')
"""Fonts ahead of the style sheets: from a disk, browsers refuse them."""
_FORM: Final = re.compile(r'<form\b[^>]*\baction="[^>]*>.*?</form>', re.DOTALL)
_VIEWS: Final[Mapping[str, frozenset[str]]] = {
    "compare": frozenset({"series"}),
    "map": frozenset({"view"}),
    "take": frozenset({"form"}),
    "value": frozenset({"name"}),
    "dates": frozenset({"along", "scale"}),
    "news": frozenset({"kind"}),
}
"""Fields of pages that have few values: such an address is a page of the copy, too."""
_SAFE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")


@dataclass
class Written:
    """What a copy holds."""

    pages: int = 0
    left_out: list[str] = field(default_factory=list)
    """What could not be made, and why."""


class _BoardPage(board.Page):
    """The board with all that can be known of it, and links that lead to files."""

    def __init__(self, links: Mapping[str, object]) -> None:
        super().__init__()
        self._links = inert(orjson.dumps(links).decode())

    def content(self, site: Site, query: Mapping[str, str]) -> str:
        """See `ReadingPage.content`."""
        del query
        return board.drawn(inert(board.whole(site)), "copy.js", self._links)


def write(site: Site, out: Path, pages: Sequence[ReadingPage]) -> Written:
    """Write a copy.

    Args:
        site: what to copy.
        out: a folder that does not exist, is empty, or holds an older copy, which is replaced.
        pages: those to read.

    Raises:
        InputError: there is something else in the folder.
    """
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / MARK).exists())):
        raise InputError("holds something that is no copy of the board; name another folder", file=out)
    making = out.with_name(f"{out.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    for each in site.boards():  # a row's page does not wait for these, and a copy's cannot be opened again later
        site.rankings.of(each)
        for reading in READINGS:
            site.proximities.of(each, reading)
            site.relations.of(each, reading)
    written = _Copy(site, making, pages).make()
    shutil.rmtree(out, ignore_errors=True)
    making.rename(out)
    return written


def page_name(result: Result) -> str:
    """The file of a row's page."""
    named = result.id if _SAFE.fullmatch(result.id) else hashlib.sha256(result.id.encode()).hexdigest()[:24]
    return f"model-{named}.html"


class _Copy:
    """A copy while it is made."""

    def __init__(self, site: Site, folder: Path, pages: Sequence[ReadingPage]) -> None:
        self._site = site
        self._folder = folder
        self._pages = {page.ROUTE: page for page in pages}
        self._rows = {r.id: r for r in site.results()}
        self._files: dict[str, str | None] = {}
        self._asked: dict[str, tuple[str, QueryParams]] = {}
        self._done: set[str] = set()
        self._written = Written()
        self._banner = render("copy_banner.html", at=now(), revision=revision(site), live=board_url())

    def make(self) -> Written:
        for sheet, about in DOWNLOADS.items():
            for form in FORMATS if about.whole else ():
                self._fetch(f"download/{sheet}.{form}")
        (self._folder / DATA).mkdir(exist_ok=True)
        missing = write_all(self._site, self._folder / DATA / f"{ALL_ANSWERS}.parquet")
        self._written.left_out += [f"answers of {id_}" for id_ in missing]
        self._assets()
        rows = {id_: page_name(r) for id_, r in self._rows.items()} if "model" in self._pages else {}
        self._page(
            BOARD_PAGE, _BoardPage({"rows": rows, "pages": [p for p in self._pages if p != "model"]}), QueryParams()
        )
        self._asked |= {f"{route}.html": (route, self._opening(route)) for route in self._pages if route != "model"}
        if "model" in self._pages:
            for r in self._rows.values():
                self._page(page_name(r), self._pages["model"], QueryParams({"id": r.id}))
        while todo := self._asked.keys() - self._done:  # pages ask for further ones
            for name in sorted(todo):
                route, query = self._asked[name]
                self._page(name, self._pages[route], query)
        line = f"Value Portrait Leaderboard, results {revision(self._site)}, copied {now().isoformat()}\n"
        (self._folder / MARK).write_text(line, encoding="utf-8")
        return self._written

    def _assets(self) -> None:
        folder = self._folder / assets.ROUTE
        folder.mkdir()
        for name in assets.FILES:
            (folder / name).write_text(assets.text(name), encoding="utf-8")
        shutil.copy(LOGO, self._folder / "logo.svg")
        fonts = self._folder / "static" / "fonts" / _FONTS.name
        fonts.mkdir(parents=True)
        for font in _FONTS.glob("*.woff2"):
            shutil.copy(font, fonts)

    def _page(self, name: str, page: ReadingPage, query: QueryParams) -> None:
        head = head_of(self._site, page, query) if name != BOARD_PAGE else Head()
        base = board_url() or ""
        html = framed(self._site, page, at_home(content_of(self._site, page, query), base), head, base)
        html = _FORM.sub("", _PRELOAD.sub("", html))
        html = _LINK.sub(self._link, html)
        html = html.replace("<main ", f"{self._banner}\n<main ", 1)
        (self._folder / name).write_text(html, encoding="utf-8")
        self._written.pages += 1
        self._done.add(name)

    def _link(self, found: re.Match[str]) -> str:
        target = self.target(unescape(found[2]))
        return found[1] if target is None else f'{found[1]} href="{escape(target)}"'

    def target(self, address: str) -> str | None:
        """Where an address of the app leads in the copy; None where it leads nowhere."""
        parts = urlsplit(address)
        if parts.scheme or parts.netloc or (not parts.path and parts.fragment):
            return address
        route = parts.path.removeprefix("./").strip("/")
        fragment = f"#{parts.fragment}" if parts.fragment else ""
        query = dict(parse_qsl(parts.query))
        if route == "":
            return f"{BOARD_PAGE}{f'?{parts.query}' if parts.query else ''}{fragment}"
        if route == "model" and "id" in query:
            row = self._rows.get(query["id"]) if query.keys() <= {"id", "at"} else None
            return None if row is None else page_name(row) + fragment
        if route in self._pages and route != "model":
            return self._view(route, query, fragment)
        if route.startswith(("download/", "chart/")) or route == benchmark.JSON_ADDRESS:
            return self._fetch(route, parts.query)
        return None

    def _opening(self, route: str) -> QueryParams:
        """What a page shows first: without a form to choose rows, a comparison shows the first series there is."""
        series = series_of(self._site) if route == "compare" else []
        return QueryParams({"series": series[0].name}) if series else QueryParams()

    def _view(self, route: str, query: Mapping[str, str], fragment: str) -> str | None:
        """The file of a page, asked for if it is one of few; None for an address that needs a server."""
        if not query:
            return f"{route}.html{fragment}"
        if not query.keys() <= _VIEWS.get(route, frozenset()):
            return None
        ending = "-".join(query[name] for name in sorted(query))
        if not _SAFE.fullmatch(ending):
            return None
        name = f"{route}-{ending}.html"
        self._asked.setdefault(name, (route, QueryParams(dict(query))))
        return name + fragment

    def _fetch(self, route: str, query: str = "") -> str | None:
        """Put a file beside the pages; its place, or None where it cannot be had."""
        key = f"{route}?{query}"
        if key not in self._files:
            self._files[key] = self._made(unquote(route), QueryParams(query))
        return self._files[key]

    def _made(self, route: str, query: QueryParams) -> str | None:
        if route == f"download/{ALL_ANSWERS}.parquet" or route.startswith("download/answers."):
            return f"{DATA}/{ALL_ANSWERS}.parquet"  # every row's answers again would be a hundred times the size
        name, _, form = route.rpartition("/")[2].partition(".")
        try:
            if route == benchmark.JSON_ADDRESS:
                content = benchmark.card_json(self._site)
            else:
                make: Callable[..., routes.File] = routes.chart if route.startswith("chart/") else routes.download
                content = make(self._site, name, form, query).content
        except InputError as error:
            self._written.left_out.append(f"{route}: {error}")
            return None
        ending = hashlib.sha256(str(query).encode()).hexdigest()[:8] if query else ""
        of = self._rows.get(query.get("id", ""))
        if of is not None and set(query) == {"id"}:
            ending = page_name(of).removeprefix("model-").removesuffix(".html")
        place = f"{DATA}/{name}{f'-{ending}' if ending else ''}.{form}"
        (self._folder / DATA).mkdir(exist_ok=True)
        (self._folder / place).write_bytes(content)
        return place
