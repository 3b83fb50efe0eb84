"""The drawing of models over date or size as a file of its own, and its numbers. Pure."""

from __future__ import annotations

from typing import Final

from data.values import SCALE_NAMES
from eval_queue.store.compiled import Column
from leaderboard.boards.model_facts import SOURCES
from leaderboard.charts.dates import axes, sheet
from leaderboard.exports.formats import Sheet, UnknownFile
from leaderboard.exports.standalone import standalone
from leaderboard.pages.dates.page import Dates

_DATES: Final = (
    Column("model", "string", "The model's name."),
    Column("id", "string", "The row's id."),
    Column("family", "string", "Its family, as its name says."),
    Column("released", "date32", "When it was released; empty where that is not known."),
    Column("released_from", "string", "What that date rests on."),
    Column("billions", "double", "Parameters in billions; empty where they are not known."),
    Column("dimension", "string", "Value, higher-order value or trait."),
    Column("reading", "string", "published: score in rating points; match: match on all items."),
    Column("score", "double", "Rating points around the model's own mean; or the match, a correlation."),
    Column("low", "double", "Lower end of the 95 % interval."),
    Column("high", "double", "Upper end of it."),
)
CAUTION: Final = "These models are not a sample: no trend may be read from them."


def dates_svg(found: Dates) -> str:
    """All panels.

    Raises:
        UnknownFile: there is nothing to draw.
    """
    panels = [(d, dots) for d, dots in found.panels if dots]
    if not panels:
        raise UnknownFile("no model of this table has a known date or size")
    scale = axes([dots for _, dots in panels], found.along)
    over = "release date" if found.along == "date" else "billions of parameters, logarithmic"
    what = "matches on all items" if found.reading == "match" else "rating points around each model’s own average"
    said = f"{SCALE_NAMES[found.scale]} over {over}, {what}, 95 % intervals."
    return standalone(str(sheet(panels, scale)), caption=f"{said} {CAUTION}")


def dates_sheet(found: Dates) -> Sheet:
    """The numbers of that drawing, one row a model and dimension; errors as for it."""
    where = {p.result.id: p for p in found.rows}
    rows = tuple(
        {
            "model": dot.name,
            "id": dot.id,
            "family": dot.family,
            "released": p.released.day if p.released else None,
            "released_from": SOURCES[p.released.source] if p.released else None,
            "billions": p.billions,
            "dimension": d.name,
            "reading": found.reading,
            "score": dot.score,
            "low": dot.low,
            "high": dot.high,
        }
        for d, dots in found.panels
        for dot in dots
        for p in (where[dot.id],)
    )
    if not rows:
        raise UnknownFile("no model of this table has a known date or size")
    return Sheet("dates", {"caution": CAUTION}, _DATES, rows)
