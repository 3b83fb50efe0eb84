"""Dates: models' scores over their release date, or over their size, one panel a dimension.

The address is the state: `along` (`date`, `size`), `scale` (`pvq`, `higher_pvq`, `bfi`), `reading` (`published`,
`all`), `table` (a board, or `practice`), `family` (of which only the models are shown).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final, NamedTuple

from data.people.norms import Reading
from data.values import SCALE_NAMES, SCALES, Dimension, Scale
from eval_queue.records import Result
from leaderboard.analysis.lineage import lineage
from leaderboard.boards.model_facts import SOURCES, Released, billions, released
from leaderboard.boards.readings import ADDRESS_READINGS, cell_of, reading_of
from leaderboard.boards.results import Board, table_names, table_of
from leaderboard.charts.dates import Along, Dot, axes, panel
from leaderboard.charts.portrait import number
from leaderboard.site.site import Site
from leaderboard.web.fields import offered, unknown, with_fields
from leaderboard.web.markup import render

ROUTE: Final = "dates"
NAME: Final = "By date and size"
DESCRIPTION: Final = (
    "Models’ scores over their release date and over their size, one panel a value, with intervals, and why no trend "
    "may be read from them."
)
FIELDS: Final = ("along", "scale", "reading", "table", "family")
MOST_ROWS: Final = 300
"""With more rows than these a panel is a blot: a family must be chosen."""


class Placed(NamedTuple):
    """A row with a place on the axis."""

    result: Result
    released: Released | None
    billions: float | None
    x: float


class Dates(NamedTuple):
    """What is shown."""

    along: Along
    scale: Scale
    reading: Reading
    table: str | None
    practice: bool
    family: str
    rows: tuple[Placed, ...]
    """By their place on the axis, then by name."""
    not_placed: tuple[Result, ...]
    """Rows whose date, or size, is not known."""
    panels: tuple[tuple[Dimension, tuple[Dot, ...]], ...]
    families: tuple[str, ...]


def problems(site: Site, query: Mapping[str, str]) -> list[str]:
    """What the address says that cannot be meant, a sentence each."""
    boards = site.boards()
    if lost := unknown(query, {"table": table_names(boards)}):
        return lost
    board = table_of(boards, query.get("table", ""))
    families = sorted({lineage(r.model).family for r in board.results}) if board else ()
    fixed = {"along": ("date", "size"), "scale": SCALES, "reading": ADDRESS_READINGS}
    return unknown(query, {**fixed, "family": families})


def data(site: Site, query: Mapping[str, str]) -> Dates:
    """What the page shows, for programs."""
    board = table_of(site.boards(), query.get("table", ""))
    scales: dict[str, Scale] = {s: s for s in SCALES}
    along: Along = "size" if query.get("along") == "size" else "date"
    scale, reading = scales.get(query.get("scale", ""), "pvq"), reading_of(query.get("reading"))
    return _dates(board, along, scale, reading, query.get("family", ""))


def _dates(board: Board | None, along: Along, scale: Scale, reading: Reading, family: str) -> Dates:
    results = board.results if board else ()
    families = sorted({lineage(r.model).family for r in results}, key=str.casefold)
    placed, without = [], []
    for r in results:
        if family and lineage(r.model).family != family:
            continue
        out, size = released(r), billions(r)
        x = size if along == "size" else float(out.day.toordinal()) if out else None
        if x is None or x <= 0:
            without.append(r)
        else:
            placed.append(Placed(r, out, size, x))
    placed.sort(key=lambda p: (p.x, p.result.model.casefold(), p.result.id))
    shown = placed if len(placed) <= MOST_ROWS else []
    return Dates(
        along=along,
        scale=scale,
        reading=reading,
        table=board.key.slug if board else None,
        practice=board.practice if board else False,
        family=family,
        rows=tuple(placed),
        not_placed=tuple(without),
        panels=tuple((d, dots_of(shown, d, reading)) for d in SCALES[scale]),
        families=tuple(families),
    )


def dots_of(placed: list[Placed], d: Dimension, reading: Reading) -> tuple[Dot, ...]:
    """The rows that have a number on a dimension, as dots."""
    found = []
    for p in placed:
        cell = cell_of(p.result, d, reading)
        if cell is None:
            continue
        muted = p.result.complete is False or p.result.flat is True
        name, family = p.result.model, lineage(p.result.model).family
        found.append(Dot(p.result.id, name, family, p.x, cell.score, cell.low, cell.high, muted))
    return tuple(found)


def content(site: Site, query: Mapping[str, str]) -> str:
    """The page as HTML for the fields of an address."""
    found = data(site, query)
    scale = axes([dots for _, dots in found.panels], found.along)
    return render(
        "dates.html",
        f=found,
        drawn=[(d, panel(d, dots, scale)) for d, dots in found.panels if dots],
        scales=SCALE_NAMES.items(),
        boards=offered(site.boards()),
        link=partial(_link, found, query.get("table", "")),
        sources=SOURCES,
        most=MOST_ROWS,
        cells=partial(_cells, found),
        number=number,
    )


def _cells(found: Dates, p: Placed) -> list[float | None]:
    cells = [cell_of(p.result, d, found.reading) for d in SCALES[found.scale]]
    return [c.score if c else None for c in cells]


def _link(found: Dates, table: str, **other: str) -> str:
    """The address of the page with another choice."""
    reading = "all" if found.reading == "match" else "published"
    fields = {"along": found.along, "scale": found.scale, "reading": reading, "table": table, "family": found.family}
    return with_fields(ROUTE, fields | other, {"along": "date", "scale": "pvq", "reading": "published"})
