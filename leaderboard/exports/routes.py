"""Where files are fetched: `download/NAME.FORMAT` and `chart/NAME.FORMAT`, with the fields of a page's own address.

What an address gives depends only on the results, so that finished files are remembered until these change, and a
browser that has one already is told so. The queue's table is made anew each time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import IO, Final, NamedTuple, TypeVar

import anyio.to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from data.people.validation import ValidationReport
from eval_queue.records import Result, now
from eval_queue.store.collection import encode as encode_record
from leaderboard.boards.map_positions import Map
from leaderboard.boards.readings import read_readings
from leaderboard.charts.map import map_svg
from leaderboard.charts.readings import Drawing
from leaderboard.exports.addresses import FIELDS, check
from leaderboard.exports.answer_file import NAME as ALL_ANSWERS
from leaderboard.exports.answer_file import AllAnswers
from leaderboard.exports.ecosystem import model_card
from leaderboard.exports.embedding import badge_svg
from leaderboard.exports.embedding import route as embed_route
from leaderboard.exports.failures import in_words
from leaderboard.exports.large_files import LargeFiles
from leaderboard.exports.tables import NO_DIRECTION, SHEETS, Query, result_of, whole_answers
from leaderboard.files import benchmark_drawings as of_benchmark
from leaderboard.files import group_drawings as of_groups
from leaderboard.files import row_drawings as of_rows
from leaderboard.files import value_drawings as of_values
from leaderboard.files.card_picture import card
from leaderboard.files.date_drawings import dates_sheet, dates_svg
from leaderboard.files.formats import MEDIA_TYPES, Sheet, UnknownFile, encode, file_name, write
from leaderboard.files.matrix_drawing import matrix_sheet, matrix_svg
from leaderboard.files.standalone import standalone
from leaderboard.pages.alike import page as alike
from leaderboard.pages.benchmark.page import report_of
from leaderboard.pages.compare import page as compare
from leaderboard.pages.dates import page as dates
from leaderboard.pages.groups import page as groups
from leaderboard.pages.map import page as map_page
from leaderboard.pages.value import page as value
from leaderboard.pages.value.data import ValueData
from leaderboard.site.site import Site
from leaderboard.vocabulary.downloads import DOWNLOADS, FORMATS, Format
from leaderboard.web.cache import Cache
from leaderboard.web.document import known, no_such_field

LONGEST_ERROR: Final = 2_000
"""Characters of an error."""
AT_ONCE: Final = 4
"""How many files are made at the same time."""
KEPT_BYTES: Final = 32 * 2**20
"""How much of finished files is remembered."""

_PIECE: Final = 64 * 1024


class File(NamedTuple):
    """A file to fetch."""

    name: str
    content: bytes


class Chart(NamedTuple):
    """A drawing to take away, with its numbers."""

    svg: Callable[[Site, Query], str]
    sheet: Callable[[Site, Query], Sheet] | None = None


_T = TypeVar("_T")


def _chart(
    found: Callable[[Site, Query], _T], svg: Callable[[_T], str], sheet: Callable[[_T], Sheet] | None = None
) -> Chart:
    """A drawing of what is found for an address, and the table of its numbers."""
    drawing = Chart(lambda site, query: svg(found(site, query)))
    return drawing if sheet is None else drawing._replace(sheet=lambda site, query: sheet(found(site, query)))


def _row(site: Site, query: Query) -> Result:
    return result_of(site, query.get("id"))


def _compared(site: Site, query: Query) -> Sheet:
    return of_rows.drawn(SHEETS["compare"](site, query))


def _dimension(site: Site, query: Query) -> ValueData:
    return of_values.known(value.data(site, query))


def _of_validity(plot: of_benchmark.Plot) -> Chart:
    return _chart(lambda site, _: report_of(site), plot.svg, plot.sheet)


def _of_readings(name: str) -> Chart:
    def found(site: Site, _: Query) -> tuple[Drawing, ValidationReport]:
        report = report_of(site)
        return of_benchmark.reading_drawing(name, report, read_readings(report.benchmark.digest)), report

    return _chart(found, lambda both: of_benchmark.reading_svg(*both), lambda both: of_benchmark.reading_sheet(*both))


def _map(found: Map) -> str:
    read = "Read with all items" if found.reading == "match" else "Read as published"
    return standalone(map_svg(found), caption=f"{read}. {NO_DIRECTION}")


CHARTS: Final[Mapping[str, Chart]] = {
    "badge": _chart(_row, badge_svg),
    "portrait": _chart(_row, of_rows.portrait_svg, of_rows.portrait_sheet),
    "scores": _chart(_row, of_rows.scores_svg, of_rows.scores_sheet),
    "match-portrait": _chart(_row, of_rows.match_portrait_svg, of_rows.matches_sheet),
    "matches": _chart(_row, of_rows.matches_svg, of_rows.matches_sheet),
    "compare": _chart(compare.data, of_rows.compare_svg)._replace(sheet=_compared),
    "differences": _chart(compare.data, of_rows.differences_svg)._replace(sheet=_compared),
    "series": _chart(compare.data, of_rows.series_svg, lambda found: of_rows.drawn(of_rows.releases_sheet(found))),
    "map": _chart(map_page.data, _map)._replace(sheet=SHEETS["map"]),
    "groups": _chart(groups.data, of_groups.circle_svg, of_groups.circle_sheet),
    "leans": _chart(groups.data, of_groups.leans_svg, of_groups.leans_sheet),
    "alike": Chart(
        lambda site, query: of_groups.alike_svg(groups.data(site, query), site.reference.groups),
        lambda site, query: of_groups.alike_sheet(groups.data(site, query), site.reference.groups),
    ),
    "dates": _chart(dates.data, dates_svg, dates_sheet),
    "matrix": _chart(alike.data, matrix_svg, matrix_sheet),
    "value": _chart(_dimension, of_values.value_svg, of_values.value_sheet),
    "neighbours": _chart(_dimension, of_values.neighbours_svg, of_values.neighbours_sheet),
    "correlations": Chart(
        lambda site, query: of_benchmark.correlations_svg(
            report_of(site), of_benchmark.dimensions_of(query.get("dimension"))
        ),
        lambda site, query: of_benchmark.correlations_sheet(
            report_of(site), of_benchmark.dimensions_of(query.get("dimension"))
        ),
    ),
    **{name: _of_readings(name) for name in of_benchmark.READING_DRAWINGS},
    **{name: _of_validity(plot) for name, plot in of_benchmark.PLOTS.items()},
}
"""What can be had at `chart/NAME.svg` and `chart/NAME.csv`."""


_OF_A_ROW: Final[Mapping[tuple[str, str], Callable[[Site, Result], bytes]]] = {
    ("card", "md"): lambda site, result: model_card(site, result).encode(),
    ("result", "json"): lambda _, result: encode_record(result),
}
"""What else can be had of one row, `id` in the address: a section for a model card, and its record as it is stored."""


def download(site: Site, name: str, form: str, query: Query) -> File:
    """A table, or a document about a row, as a file.

    Raises:
        UnknownFile: there is no such table or format.
        InputError: a field of the address is wrong.
        StoreUnavailable: what it needs cannot be had now.
    """
    if (name, form) in _OF_A_ROW:
        result = result_of(site, query.get("id"))
        return File(file_name(name, result.model, form=form), _OF_A_ROW[name, form](site, result))
    known: dict[str, Format] = {f: f for f in FORMATS}
    if name not in SHEETS or form not in known:
        raise UnknownFile(f"there is no file {name}.{form} here")
    sheet = SHEETS[name](site, query)
    return File(file_name(name, site.revision(), form=form), encode(sheet, known[form]))


def chart(site: Site, name: str, form: str, query: Query) -> File:
    """A drawing or its numbers as a file; errors as for `download`."""
    if (name, form) == ("card", "png"):
        return File(file_name(name, query.get("id", ""), form=form), card(site, query.get("id")))
    if name not in CHARTS or form not in ("svg", "csv"):
        raise UnknownFile(f"there is no file {name}.{form} here")
    made = CHARTS[name]
    of = (query.get(field, "") for field in ("id", "dimension", "name"))
    file = file_name(name, *of, form=form)
    if form == "svg":
        return File(file, made.svg(site, query).encode())
    if made.sheet is None:
        raise UnknownFile(f"there is no file {name}.{form} here")
    return File(file, encode(made.sheet(site, query), "csv"))


def routes(site: Site, kept: Cache[File] | None = None) -> list[BaseRoute]:
    """The routes of all files; finished ones are in `kept`."""
    everything = AllAnswers(site)
    kept = kept or Cache[File](KEPT_BYTES)
    large = LargeFiles()
    # who waits for a file holds no thread that makes pages
    making, large_ones = anyio.CapacityLimiter(AT_ONCE), anyio.CapacityLimiter(1)

    async def all_answers(request: Request) -> Response:
        if (said := no_such_field(request.query_params, ())) is not None:
            return _error(said, 400)
        path = await anyio.to_thread.run_sync(everything.file, limiter=large_ones)
        name = file_name(ALL_ANSWERS, site.revision(), form="parquet")
        # it answers requests for parts of the file and carries an ETag of its own
        return FileResponse(path, filename=name, media_type=MEDIA_TYPES["parquet"], headers=_HEADERS)

    async def answers(request: Request) -> Response:
        return await anyio.to_thread.run_sync(_answers, site, large, request, limiter=large_ones)

    def endpoint(
        make: Callable[[Site, str, str, Query], File], inline: tuple[str, ...] = ()
    ) -> Callable[[Request], Awaitable[Response]]:
        answer = _endpoint(site, make, kept, inline=inline)

        async def waited(request: Request) -> Response:
            return await anyio.to_thread.run_sync(answer, request, limiter=making)

        return waited

    return [
        Route(f"/download/{ALL_ANSWERS}.parquet", all_answers),
        embed_route(site),
        Route("/download/answers.{form}", answers),
        Route("/download/{name}.{form}", endpoint(download)),
        Route("/chart/{name}.{form}", endpoint(chart, inline=("svg", "png"))),
    ]


_RANGE: Final = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)
_HEADERS: Final = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}


def _error(said: str, status: int) -> Response:
    return JSONResponse({"error": said[:LONGEST_ERROR]}, status, headers=_HEADERS)


def _answered(named: str, make: Callable[[], Response]) -> Response:
    """What `make` answers, or its error in words."""
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - one file's trouble is that file's alone, and is logged
        otherwise = "This file cannot be made now. The operator's log says why."
        return _error(*in_words(error, f"the file {named} could not be made", otherwise))


def _endpoint(
    site: Site, make: Callable[[Site, str, str, Query], File], kept: Cache[File], *, inline: tuple[str, ...] = ()
) -> Callable[[Request], Response]:

    def answer(request: Request) -> Response:
        name, form = request.path_params["name"], request.path_params["form"]
        query = known(request.query_params, FIELDS.get(name, ()))
        there = name in SHEETS or name in CHARTS or (name, form) in (*_OF_A_ROW, ("card", "png"))
        settled = name not in DOWNLOADS or DOWNLOADS[name].settled
        # files name the day on which they were fetched
        key = (make.__name__, name, form, site.revision(), now().date().isoformat(), *query.multi_items())

        def made() -> Response:
            if there:
                check(site, name, request.query_params)
            file = kept.get(key, lambda: make(site, name, form, query), keep=lambda _: settled)
            size, tag = len(file.content), hashlib.sha256(file.content).hexdigest()[:24]
            headers = _headers(file.name, tag, form, "inline" if form in inline else "attachment")
            return _part(_Content(file.content, size), request, headers, MEDIA_TYPES[form])

        return _answered(f"{name}.{form}", made)

    return answer


def _answers(site: Site, large: LargeFiles, request: Request) -> Response:
    """One row's answers, which may be larger than what fits into memory."""
    form = request.path_params["form"]
    query = known(request.query_params, FIELDS["answers"])
    forms: dict[str, Format] = {f: f for f in FORMATS}

    def made() -> Response:
        if form not in forms:
            raise UnknownFile(f"there is no file answers.{form} here")
        check(site, "answers", request.query_params)
        name = file_name("answers", result_of(site, query.get("id")).model, site.revision(), form=form)

        def write_to(file: IO[bytes]) -> None:
            sheet, rows = whole_answers(site, query)
            write(sheet, forms[form], file, rows)

        key = (form, site.revision(), now().date().isoformat(), *query.multi_items())
        found = large.open(key, write_to)
        headers = _headers(name, found.tag, form, "attachment")
        return _part(_Content(found.file, found.size), request, headers, MEDIA_TYPES[form])

    return _answered(f"answers.{form}", made)


def _headers(name: str, tag: str, form: str, placed: str) -> dict[str, str]:
    headers = {**_HEADERS, "ETag": f'"{tag}"', "Content-Disposition": f'{placed}; filename="{name}"'}
    if form == "svg":
        headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    return headers


class _Content:
    """What is sent, a piece after the other: who reads slowly holds one piece, not a copy of all."""

    def __init__(self, source: bytes | IO[bytes], size: int) -> None:
        self._source = source
        self.size = size

    async def pieces(self, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `stop`."""
        try:
            for at in range(start, stop, _PIECE):
                n = min(_PIECE, stop - at)
                if isinstance(self._source, bytes):
                    yield self._source[at : at + n]
                else:
                    yield await run_in_threadpool(_read, self._source, at, n)
        finally:
            self.close()

    def close(self) -> None:
        """Nothing more is read."""
        if not isinstance(self._source, bytes):
            self._source.close()


def _read(file: IO[bytes], at: int, n: int) -> bytes:
    file.seek(at)
    return file.read(n)


def _part(content: _Content, request: Request, headers: Mapping[str, str], media_type: str) -> Response:
    """Content, or the one range of it that is asked for (RFC 9110, section 14); of several ranges, all of it."""
    asked, size = request.headers, content.size
    if asked.get("if-none-match") == headers["ETag"]:
        content.close()
        return Response(status_code=304, headers=dict(headers))
    headers = {**headers, "Accept-Ranges": "bytes"}
    wanted = _RANGE.fullmatch(asked.get("range", "").strip())
    start, stop, status = 0, size, 200
    if wanted is not None and any(wanted.groups()) and asked.get("if-range", headers["ETag"]) == headers["ETag"]:
        first, last = wanted.groups()
        begin, end = (int(first), min(int(last or size), size - 1) + 1) if first else (max(0, size - int(last)), size)
        reversed_ = bool(first and last and int(last) < int(first))  # not a range at all
        if begin < end:
            start, stop, status = begin, end, 206
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        elif not reversed_:
            content.close()
            return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    headers["Content-Length"] = str(stop - start)
    if request.method == "HEAD":
        content.close()
        return Response(status_code=status, media_type=media_type, headers=headers)
    return StreamingResponse(content.pieces(start, stop), status, headers, media_type)
