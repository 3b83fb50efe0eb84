"""Compare: two to five rows on one circle, how they differ and how sure that is, and one model over its releases.

The address is the state: `id` (repeated; an id or a name), or `series`; `scale`, `reading`, `value`, `items`. What
is shown is `leaderboard.pages.compare.data`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import urlencode

from markupsafe import Markup

from data.benchmark import RATING_PHRASES
from data.values import BY_NAME, SCALE_NAMES, SCALES, VALUES
from eval_queue.store.local import StoreUnavailable, WriteConflict
from leaderboard.boards.readings import ADDRESS_READINGS
from leaderboard.charts.comparison import Line, Moment, Panel, over_time, overlay, reach, sample, whole_halves
from leaderboard.charts.portrait import LIMIT, MATCH_LIMIT, linked, number
from leaderboard.pages.compare.data import (
    ITEMS,
    MOST,
    MOST_ITEMS,
    CompareData,
    Member,
    asked,
    compare_data,
    names,
    parse,
    series_of,
)
from leaderboard.pages.model.data import UNREACHABLE
from leaderboard.site.site import Site
from leaderboard.web.document import Volatile, every, not_among, shortened, whole_number
from leaderboard.web.fields import unknown
from leaderboard.web.head import Head
from leaderboard.web.markup import render

ROUTE: Final = "compare"
NAME: Final = "Compare"
FIELDS: Final = ("id", "series", "scale", "reading", "value", "items")
_SIDE_BY_SIDE: Final = (
    " side by side on Schwartz’s ten values: differences with their intervals, and which of them can be told apart."
)
DESCRIPTION: Final = f"Two to five language models{_SIDE_BY_SIDE}"

LONG: Final = 320
"""Characters from which on a question is folded up."""


def problems(site: Site, query: Mapping[str, str]) -> list[str]:
    """What the address says that cannot be meant. Of rows that are not here the page itself tells."""
    found = unknown(query, {"scale": SCALES, "value": BY_NAME, "reading": ADDRESS_READINGS})
    items = query.get("items", "")
    if items and not (items.isascii() and items.isdigit() and len(items) < 4 and 1 <= int(items) <= MOST_ITEMS):
        found.append(whole_number("items", items, MOST_ITEMS))
    return found


def unknown_rows(site: Site, query: Mapping[str, str]) -> list[str]:
    """Rows and series that an address names and that are not here, a sentence each."""
    if not (every(query, "id") or query.get("series")):
        return []
    choice = parse(query)
    rows = {r.id for r in site.results()} | set(names(site))
    found = [f"id: there is no row {shortened(x)!r}, or there are several" for x in choice.ids if x not in rows]
    series = [s.name for s in series_of(site)]
    if choice.series and choice.series.lower() not in series:
        found.append(not_among("series", choice.series, series))
    return found


def data(site: Site, query: Mapping[str, str]) -> CompareData:
    """What the page shows, for programs.

    Raises:
        StoreUnavailable: the store of raw answers cannot be reached now.
        WriteConflict: likewise.
    """
    return compare_data(site, parse(query))


def head(site: Site, query: Mapping[str, str]) -> Head:
    """What the page is about: the rows or the series that an address names, where they are here."""
    choice = parse(query)
    if choice.series and choice.series.lower() in {s.name for s in series_of(site)}:
        about, address = f"Releases of {choice.series}", f"{ROUTE}?{urlencode({'series': choice.series})}"
        return Head(f"{choice.series} over time", f"{about}{_SIDE_BY_SIDE}", address)
    rows = [] if choice.series else asked(site, choice)[0][:MOST]
    if len(rows) < 2:
        return Head(description=DESCRIPTION, address=ROUTE)
    called = ", ".join(r.model for r in rows[:-1]) + f" and {rows[-1].model}"
    return Head(f"{called} compared", f"{called}{_SIDE_BY_SIDE}", f"{ROUTE}?{urlencode([('id', r.id) for r in rows])}")


def content(site: Site, query: Mapping[str, str]) -> str:
    """The page as HTML for the fields of an address."""
    try:
        found = data(site, query)
    except (StoreUnavailable, WriteConflict):
        return Volatile(render("compare_failed.html", message=UNREACHABLE))
    ids = [m.id for m in found.members]
    called = {r.id: name for name, r in names(site).items()}
    page = render(
        "compare.html",
        d=found,
        c=found.choice,
        matched=found.choice.reading == "match",
        called=called,
        known=sorted(called.values(), key=str.casefold),
        picture=linked(overlay(lines(found))) if found.choice.scale == "pvq" else None,
        samples=[Markup(sample(i)) for i in range(MOST)],
        series=[Markup(chart) for chart in _series(found)],
        others=[p for p in found.pairs if p.first == ids[0]],
        every_pair={(p.first, p.second): p for p in found.pairs},
        dimensions=SCALES[found.choice.scale],
        scales=SCALE_NAMES,
        all_scales=[(SCALE_NAMES[s], ds) for s, ds in SCALES.items()],
        most=MOST,
        usual_items=ITEMS,
        most_items=MOST_ITEMS,
        number=number,
        limit=(end := limit_of(found)),
        place=lambda x: f"{min(1.0, max(0.0, (x + end) / (2 * end))):.4g}",
        phrases=RATING_PHRASES,
        long=LONG,
        fields=lambda **changed: address(found, **changed),
    )
    return Volatile(page) if found.problem else page


def address(found: CompareData, *, first: str | None = None, without: str | None = None, **changed: object) -> str:
    """The fields of an address that shows the same rows otherwise.

    Args:
        found: what is shown.
        first: id of the row that the others shall be set against.
        without: id of a row to leave out.
        changed: fields to replace; an empty one is left out.
    """
    c = found.choice
    ids = [m.id for m in found.members if m.id != without]
    if first is not None:
        ids.sort(key=lambda id_: id_ != first)
    fields: dict[str, object] = {
        "scale": c.scale if c.scale != "pvq" else "",
        "reading": "all" if c.reading == "match" else "",
        "value": c.value,
        "items": c.items if c.items != ITEMS else "",
        **changed,
    }
    keep_series = c.series if c.series and found.releases and first is None and without is None else ""
    rows = [("series", keep_series)] if keep_series else [("id", id_) for id_ in ids]
    return urlencode([*rows, *((name, str(value)) for name, value in fields.items() if value != "")])


def lines(found: CompareData) -> list[Line]:
    """The members' ten values as lines of the circle."""
    scale = LIMIT / MATCH_LIMIT if found.choice.reading == "match" else 1.0

    def drawn(m: Member, end: Literal["score", "low", "high"]) -> list[float | None]:
        numbers = (getattr(m.scores.get(d.name), end, None) for d in VALUES)
        return [None if x is None else x * scale for x in numbers]

    return [Line(m.model, drawn(m, "score"), drawn(m, "low"), drawn(m, "high")) for m in found.members]


def panels(found: CompareData) -> list[Panel]:
    """The dimensions of the chosen scale over the releases; empty without a series."""
    if not found.releases:
        return []

    def moments(dimension: str) -> list[Moment]:
        return [
            Moment(m.released, cell.score, cell.low, cell.high)
            for m in found.releases
            if m.released is not None and (cell := m.scores.get(dimension)) is not None
        ]

    return [Panel(d, moments(d.name)) for d in SCALES[found.choice.scale]]


def _series(found: CompareData) -> list[str]:
    shown = panels(found)
    days = [m.released for p in shown for m in p.moments]
    limit = reach(shown)
    return [over_time(p, limit, min(days), max(days)) for p in shown]


def limit_of(found: CompareData) -> float:
    """The end of the axis of all differences, in whole halves of a rating point."""
    return whole_halves(x for p in found.pairs for d in p.differences.values() for x in (d.low, d.high))
