"""Value: what one dimension means, all models on it with their intervals, and what stands behind the column.

The address is the state: `name` (one of the 19 dimensions), `reading` (`published`, `all`), `table` (a board, or
`practice`), `sort` (`name`, `date`, `size`, `developer`; there is no order by the score, because no end of it is
better).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final
from urllib.parse import urlencode

from data.benchmark import MAX_P, MIN_RHO
from data.values import BY_NAME, DIMENSIONS, MEMBERS, SCALE_NAMES, SCALES, VALUES, Dimension
from leaderboard.boards.readings import ADDRESS_READINGS, TELLS_APART, read_columns, reading_of
from leaderboard.boards.results import table_names, table_of
from leaderboard.charts.circle import circle
from leaderboard.charts.portrait import MATCH_LIMIT, linked, number
from leaderboard.charts.validity import hills, two_digits, with_interval
from leaderboard.groups.proximity import SLOPES
from leaderboard.pages.value.data import SORTS, Sort, ValueData, report_of, value_data
from leaderboard.site.site import Site
from leaderboard.vocabulary.meanings import MEANINGS, SOURCES
from leaderboard.web.document import Volatile
from leaderboard.web.fields import offered, unknown, with_fields
from leaderboard.web.head import NOT_THERE, Head
from leaderboard.web.markup import render

ROUTE: Final = "value"
NAME: Final = "Values"
DESCRIPTION: Final = "The ten values, four higher-order values and five traits that are measured, each with a page."
FIELDS: Final = ("name", "reading", "table", "sort")
MOST_ROWS: Final = 400
"""So many rows are listed; files have all."""


def address(d: Dimension) -> str:
    """Where a dimension's page is, relative to the pages."""
    return f"{ROUTE}?{urlencode({'name': d.name})}"


def addresses() -> list[str]:
    """Those of all dimensions."""
    return [address(d) for d in DIMENSIONS]


def head(site: Site, query: Mapping[str, str]) -> Head:
    """What the page is about: a dimension, or all of them."""
    del site
    name = query.get("name", "")
    if not name:
        return Head(description=DESCRIPTION, address=ROUTE)
    d = BY_NAME.get(name)
    if d is None:
        return NOT_THERE._replace(subject="No such value")
    return Head(d.name, f"{MEANINGS[d.name]} All models on it, with their uncertainty.", address(d))


def problems(site: Site, query: Mapping[str, str]) -> list[str]:
    """What the address says that cannot be meant. Of an unknown dimension the page itself tells."""
    return unknown(query, {"table": table_names(site.boards()), "sort": SORTS, "reading": ADDRESS_READINGS})


def data(site: Site, query: Mapping[str, str]) -> ValueData | None:
    """What the page shows, for programs; None where the dimension is unknown."""
    d = BY_NAME.get(query.get("name", ""))
    sorts: dict[str, Sort] = {s: s for s in SORTS}
    sort = sorts.get(query.get("sort", ""), "name")
    board, reading = table_of(site.boards(), query.get("table", "")), reading_of(query.get("reading"))
    return None if d is None else value_data(site, d, board, sort, reading)


def content(site: Site, query: Mapping[str, str]) -> str:
    """The page as HTML for the fields of an address."""
    found = data(site, query)
    groups = [(SCALE_NAMES[scale], [(d, MEANINGS[d.name]) for d in ds]) for scale, ds in SCALES.items()]
    if found is None:
        return render("values.html", asked=query.get("name"), groups=groups, scales=SOURCES)
    d = BY_NAME[found.dimension]
    boards = site.boards()
    matched = found.reading == "match"
    least = MATCH_LIMIT if matched else 1.0
    board = table_of(boards, query.get("table", ""))
    report = report_of(site, board.key.digest) if board else None
    names = MEMBERS.get(d.name, (d.name,)) if d.scale != "bfi" else ()
    others = {a.dimension: a for a in found.others or () if d.scale == "pvq"}
    page = render(
        "value.html",
        d=d,
        v=found,
        meaning=MEANINGS[d.name],
        slope=SLOPES[0],
        source=SOURCES[d.scale],
        scale=SCALE_NAMES[d.scale],
        circle=linked(circle({n: BY_NAME[n] for n in names}, others, None if matched else found.unrelated))
        if names
        else None,
        members=[BY_NAME[n] for n in MEMBERS.get(d.name, ())],
        joined=next((h for h, ms in MEMBERS.items() if d.name in ms), None),
        families={x.name: x.family.colour for x in DIMENSIONS},
        steps=steps(d),
        hill=hills(report, [d])[d.name] if report else None,
        groups=groups,
        boards=offered(boards),
        shown=found.rows[:MOST_ROWS],
        sorts=SORTS,
        link=partial(_link, d, found, query.get("table", "")),
        file=partial(_file, d, found),
        limits=(min(-least, *_ends(found)), max(least, *_ends(found))),
        ticks=[x * least for x in (-1, -0.5, 0, 0.5, 1)],
        matched=matched,
        columns=read_columns(board.key.digest) if board else None,
        tells_apart=TELLS_APART,
        number=number,
        figure=two_digits,
        with_interval=with_interval,
        min_rho=MIN_RHO,
        max_p=MAX_P,
    )
    return Volatile(page) if found.working else page


def steps(d: Dimension) -> dict[str, int]:
    """How many steps on the circle each other value is away; empty for what is not on it."""
    if d not in VALUES:
        return {}
    at = VALUES.index(d)
    apart = {x.name: abs(VALUES.index(x) - at) for x in VALUES if x != d}
    return {name: min(n, len(VALUES) - n) for name, n in apart.items()}


def _ends(found: ValueData) -> list[float]:
    return [x for r in found.rows for x in (r.score, r.low, r.high) if x is not None] or [0.0, 0.0]


def _link(d: Dimension, found: ValueData, table: str, sort: str = "", name: str = "", reading: str = "") -> str:
    """The address of the page with another order, another dimension or another reading."""
    fields = {
        "name": name or d.name,
        "reading": reading or ("all" if found.reading == "match" else ""),
        "table": table,
        "sort": sort or found.sort,
    }
    return with_fields(ROUTE, fields, {"reading": "published", "sort": "name"})


def _file(d: Dimension, found: ValueData, path: str, **more: str) -> str:
    """The address of a file of the page."""
    fields = {"name": d.name, "table": found.table or "", "reading": "all" if found.reading == "match" else "", **more}
    return with_fields(path, fields)
