"""Addresses for those who look for pages: `sitemap.xml`, `robots.txt`, `m/NAME`, and what unknown addresses answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Final
from xml.etree import ElementTree

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from eval_queue.records import Result
from leaderboard.analysis.lineage import lineage
from leaderboard.boards.model_facts import released
from leaderboard.site.site import Site
from leaderboard.web.document import ReadingPage, framed
from leaderboard.web.frame import NAVIGATION
from leaderboard.web.head import NOT_THERE, origin, row_address
from leaderboard.web.markup import render

MOST_ADDRESSES: Final = 50_000
"""How many addresses a sitemap may have."""
_NAMESPACE: Final = "http://www.sitemaps.org/schemas/sitemap/0.9"
_FOR_PROGRAMS: Final = ("gradio_api", "download", "chart", "vp", "assets", "static", "api")
"""First parts of addresses that programs ask for: they get a short answer."""


class _Missing:
    """Stands for an address without a page."""

    ROUTE = "404"
    NAME = "Not found"
    FIELDS: Collection[str] = ()

    def __init__(self, path: str) -> None:
        self._path = path

    def content(self, site: Site, query: Mapping[str, str]) -> str:
        """See `ReadingPage.content`."""
        del site, query
        return render("not_found.html", path=self._path[:120])


def routes(site: Site, pages: Sequence[ReadingPage]) -> list[BaseRoute]:
    """The routes of all of them."""

    def robots(request: Request) -> Response:
        lines = ["User-agent: *", "Disallow: /gradio_api/", "Disallow: /download/", "Allow: /"]
        base = origin(request)
        if base:
            lines += ["", f"Sitemap: {base}sitemap.xml"]
        return PlainTextResponse("\n".join(lines) + "\n")

    def sitemap(request: Request) -> Response:
        base = origin(request)
        if not base:
            return PlainTextResponse("This host name cannot be used in addresses.\n", 400)
        return Response(sitemap_xml(site, pages, base), media_type="application/xml")

    def short(request: Request) -> Response:
        found = newest(site.results(), request.path_params["name"])
        if found is None:
            return _not_found(site, request, f"m/{request.path_params['name']}")
        return RedirectResponse(f"{request.scope.get('root_path', '')}/{row_address(found.id)}", 302)

    return [Route("/robots.txt", robots), Route("/sitemap.xml", sitemap), Route("/m/{name:path}", short)]


def sitemap_xml(site: Site, pages: Sequence[ReadingPage], base: str) -> bytes:
    """All addresses that are worth finding: the pages, what each of them lists, and every row."""
    root = ElementTree.Element("urlset", xmlns=_NAMESPACE)
    found: list[tuple[str, str]] = [(route, "") for _, route in NAVIGATION]
    known = {route for route, _ in found}
    for page in pages:
        if page.ROUTE not in known:
            found.append((page.ROUTE, ""))
        found += [(address, "") for address in getattr(page, "addresses", tuple)()]
    rows = sorted(site.results(), key=lambda r: r.id)
    found += [(row_address(r.id), r.created.date().isoformat()) for r in rows if r.benchmark.name != "practice"]
    for address, changed in found[:MOST_ADDRESSES]:
        url = ElementTree.SubElement(root, "url")
        ElementTree.SubElement(url, "loc").text = base + address
        if changed:
            ElementTree.SubElement(url, "lastmod").text = changed
    made: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return made


def newest(results: Iterable[Result], name: str) -> Result | None:
    """A model's newest row: that of its exact name, else of its name without its organisation, else of its series.

    Of several releases of a series the last one counts; of several rows of one model that measures something, then
    the one scored last. Rows under personas are no model's own.
    """
    asked = name.strip("/").casefold()
    rows = [r for r in results if r.persona is None and r.reader == "official"]
    named: tuple[Callable[[Result], str], ...] = (
        lambda r: r.model.casefold(),
        lambda r: r.model.rpartition("/")[2].casefold(),
        lambda r: lineage(r.model).series,
    )
    for how in named:
        if found := [r for r in rows if how(r) == asked]:
            return max(found, key=_age)
    return None


def _age(r: Result) -> tuple[bool, str, str, str]:
    out = released(r)
    return r.benchmark.name != "practice", out.day.isoformat() if out else "", r.created.isoformat(), r.id


def missing(site: Site) -> Callable[[Request, Exception], Awaitable[Response]]:
    """What the app answers where it has nothing: a page to people, a line to programs."""

    async def answer(request: Request, error: Exception) -> Response:
        said = error.detail if isinstance(error, HTTPException) else "Not Found"
        path = request.url.path.removeprefix(str(request.scope.get("root_path", ""))).strip("/")
        if path.partition("/")[0] in _FOR_PROGRAMS or "text/html" not in request.headers.get("accept", ""):
            return JSONResponse({"detail": said}, 404)
        return _not_found(site, request, path)

    return answer


def _not_found(site: Site, request: Request, path: str) -> Response:
    html = framed(site, _Missing(path), _Missing(path).content(site, {}), NOT_THERE, origin(request))
    # the address may lie deeper than the pages, whose links are relative
    root = str(request.scope.get("root_path", ""))
    return HTMLResponse(html.replace('="./', f'="{root}/'), 404)
