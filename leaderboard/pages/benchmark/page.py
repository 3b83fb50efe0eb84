"""Benchmark: how much its columns can carry, in figures, and the benchmark's card, which is also there as JSON.

The figures are those of `data.people.validation`. For the published benchmark they are shipped and believed for its
digest only; for any other one they are computed when somebody first opens the page, never at the start. Where only the
practice benchmark is at hand the published one is shown, as it stands behind the board that opens, and the page says
so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from data.benchmark import MAX_P, MIN_RHO
from data.errors import InputError
from data.people.column_reliability import TELLS_APART
from data.people.norms import Reading
from data.people.validation import ValidationReport
from data.ratings import MIN_GROUP
from data.sources.published_validity import read_validation, validation_of
from data.values import DIMENSIONS, SCALE_NAMES, SCALES, VALUES
from leaderboard.boards.readings import read_readings
from leaderboard.charts.portrait import number
from leaderboard.charts.readings import drawings
from leaderboard.charts.validity import hills, most_items, two_digits, with_interval
from leaderboard.measurement.reading_report import ReadingsReport
from leaderboard.pages.benchmark.card import BenchmarkCard, card, encode
from leaderboard.site.site import Site
from leaderboard.web.document import Volatile, no_such_field
from leaderboard.web.markup import render

ROUTE: Final = "benchmark"
NAME: Final = "Benchmark"
FIELDS: Final = ()
DESCRIPTION: Final = (
    "How much the Value Portrait benchmark can carry: responses "
    "against chance, reliability of the key, and the benchmark’s card."
)
JSON_ADDRESS: Final = "benchmark.json"
"""The card for programs, relative to the pages."""
_PLACES: Final = (
    (re.compile(r"\bdoi (10\.\S+)"), "https://doi.org/{}"),
    (re.compile(r"\barXiv (\d{4}\.\d{4,5})"), "https://arxiv.org/abs/{}"),
    (re.compile(r"^([\w.-]+/[\w.-]+),.* commit ([0-9a-f]{7,40})$"), "https://github.com/{}/tree/{}"),
)
"""How the card's references name a place, and its address."""


class Shown(NamedTuple):
    """Whose figures the page shows, and why."""

    report: ValidationReport
    note: str


def choose(site: Site) -> Shown:
    """Find the report to show.

    Raises:
        InputError: there is none and none can be computed.
    """
    used = site.benchmark
    if not used.is_practice:
        report = validation_of(used, site.source)
        return Shown(report, "These are the figures of the benchmark in use here.")
    shipped = read_validation()
    if shipped is None:
        raise InputError("the published benchmark's figures are not here; `python -m eval_queue publish` writes them")
    return Shown(
        shipped,
        "These are the figures of the published benchmark, computed from its people's ratings and shipped with this "
        "board. In use here is the practice benchmark: " + used.origin,
    )


def report_of(site: Site) -> ValidationReport:
    """The report whose figures the page shows.

    Raises:
        InputError: there is none and none can be computed.
    """
    return choose(site).report


def content(site: Site, query: Mapping[str, str]) -> str:
    """The page as HTML; its address has no fields."""
    del query
    try:
        shown = choose(site)
        return page_of(*shown, read_readings(shown.report.benchmark.digest))
    except InputError as error:
        return Volatile(render("no_benchmark.html", message=str(error)))


def card_json(site: Site) -> bytes:
    """The card for programs.

    Raises:
        InputError: the figures are not at hand.
    """
    return encode(card(report_of(site)))


def json_route(site: Site) -> Route:
    """Where programs get the card."""

    def answer(request: Request) -> Response:
        if (said := no_such_field(request.query_params, ())) is not None:
            return JSONResponse({"error": said}, 400)
        try:
            content = card_json(site)
        except InputError as error:
            return Response(str(error), status_code=503, media_type="text/plain")
        return Response(
            content,
            media_type="application/json",
            headers={"Content-Disposition": 'attachment; filename="value-portrait-card.json"'},
        )

    return Route(f"/{JSON_ADDRESS}", answer)


def _weak(report: ValidationReport, reading: Reading, name: str) -> bool:
    """Whether a column cannot tell the models apart."""
    found = report.columns[reading].get(name)
    return found is not None and found.queries is not None and found.queries < TELLS_APART


def _spread(shares: Sequence[float | None]) -> tuple[float, float, float]:
    """Lowest, median and highest of what is known."""
    known = sorted(x for x in shares if x is not None)
    return known[0], median(known), known[-1]


def address_of(place: str) -> str | None:
    """Where a reference of the card can be read; None where it names no such place."""
    for form, address in _PLACES:
        if found := form.search(place):
            return address.format(*found.groups())
    return None


def along(x: float | None, low: float, high: float) -> str:
    """Where a number lies between two ends, as a style sheet reads it: 0 to 1, clipped to them."""
    share = 0.0 if x is None else (x - low) / (high - low)
    return f"{min(1.0, max(0.0, share)):.4g}"


def page_of(report: ValidationReport, note: str, readings: ReadingsReport | None = None) -> str:
    """The page as HTML for a report, a note on whose it is, and the examination of both readings where there is one."""
    made: BenchmarkCard = card(report)
    levels = {d.name: report.dimensions[d.name].response_level_r or 0.0 for d in VALUES}
    halves = [h for d in VALUES if (h := report.dimensions[d.name].split_half) is not None]
    return render(
        "benchmark.html",
        card=made,
        readings=readings,
        drawings=drawings(report, readings),
        weak={r: [d.name for d in VALUES if _weak(report, r, d.name)] for r in report.columns},
        r2=_spread([e.r2 for e in readings.explained.values()]) if readings else None,
        unseen=_spread([e.cross_validated for e in readings.explained.values()]) if readings else None,
        percent=lambda x: f"{round(100 * x)} %".replace("-", "−"),
        report=report,
        note=note,
        json=JSON_ADDRESS,
        scales=[(SCALE_NAMES[s], ds) for s, ds in SCALES.items()],
        values=VALUES,
        others=[d for s, ds in SCALES.items() for d in ds if s != "pvq"],
        hills=hills(report, DIMENSIONS),
        by_chance={name for name, v in report.dimensions.items() if v.p >= MAX_P},
        centred_by_chance={name for name, v in report.person_centred.items() if v.p >= MAX_P},
        most=most_items(report),
        compared=sum(c.compared for c in report.key.values()),
        differing=sum(c.different + c.missing for c in report.key.values()),
        halves=(min(halves), max(halves)) if halves else None,
        lowest=min(levels, key=lambda n: levels[n]),
        highest=max(levels, key=lambda n: levels[n]),
        levels=levels,
        address_of=address_of,
        along=along,
        number=number,
        figure=two_digits,
        with_interval=with_interval,
        min_group=MIN_GROUP,
        min_rho=MIN_RHO,
        max_p=MAX_P,
    )
