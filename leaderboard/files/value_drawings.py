"""The drawings of a value's page as files of their own, and their numbers as tables. Pure."""

from __future__ import annotations

from typing import Final

from data.values import BY_NAME, SCALE_NAMES, VALUES
from eval_queue.store.compiled import Column
from leaderboard.charts.circle import circle
from leaderboard.charts.dot_plot import Axis, PlotRow, between, dot_plot, interval
from leaderboard.charts.portrait import LINE, MATCH_LIMIT, QUIET, number
from leaderboard.exports.formats import Sheet, UnknownFile
from leaderboard.exports.standalone import standalone
from leaderboard.pages.value.data import ValueData

MOST_ROWS: Final = 400
"""So many rows are drawn; the table has all."""

_VALUE: Final = (
    Column("model", "string", "The model's name."),
    Column("id", "string", "The row's id."),
    Column("developer", "string", "Who made it."),
    Column("released", "date32", "When it was released; empty where that is not known."),
    Column("released_from", "string", "What that date rests on."),
    Column("billions", "double", "Parameters in billions; empty where they are not known."),
    Column("reading", "string", "published: score in rating points; match: match on all items."),
    Column("score", "double", "Rating points around the model's own mean; or the match, a correlation."),
    Column("low", "double", "Lower end of the 95 % interval."),
    Column("high", "double", "Upper end of it."),
    Column("n", "int32", "Items with a rating that count; empty for a match, for which all do."),
    Column("muted", "bool", "Whether the profile is flat or incomplete."),
)
_NEIGHBOURS: Final = (
    Column("dimension", "string", "The other dimension."),
    Column("r", "double", "Pearson's correlation of both columns over models."),
    Column("low", "double", "Lower end of its 95 % interval."),
    Column("high", "double", "Upper end of it."),
    Column("models", "int32", "Models that have both."),
    Column("chance", "double", "What unrelated columns, or for matches models that rate at random, correlate at."),
    Column("reading", "string", "published: of scores by the key; match: of matches on all items."),
)


def known(found: ValueData | None) -> ValueData:
    """The dimension of an address.

    Raises:
        UnknownFile: nothing is called so.
    """
    if found is None:
        raise UnknownFile(f"name: expected one of {', '.join(BY_NAME)}")
    return found


def _about(found: ValueData) -> dict[str, str]:
    return {"dimension": found.dimension, "scale": SCALE_NAMES[BY_NAME[found.dimension].scale]}


def value_svg(found: ValueData) -> str:
    """All models on one dimension."""
    d = BY_NAME[found.dimension]
    band = None if found.raters is None else (found.raters.mean - found.raters.sd, found.raters.mean + found.raters.sd)
    rows = [
        PlotRow(
            r.model,
            r.score,
            QUIET if r.muted else d.family.colour,
            hollow=r.muted,
            span=interval(r.low, r.high),
            band=band,
            tick=found.raters.mean if found.raters else None,
            figures=(number(r.score), between(r.low, r.high)),
        )
        for r in found.rows[:MOST_ROWS]
    ]
    ends = [x for r in found.rows for x in (r.low, r.high, r.score) if x is not None]
    matched = found.reading == "match"
    least = MATCH_LIMIT if matched else 1.0
    end = max([least, *(abs(x) for x in ends)])
    ticks = tuple(x * least for x in (-1, -0.5, 0, 0.5, 1))
    heads = ("Match" if matched else "Score", "95 % interval")
    drawn = dot_plot(d.name, Axis(-end, end, ticks), [("", rows)], heads)
    what = "match on all items, a correlation" if matched else "rating points around each model’s own average"
    said = f"{d.name}, {what}. Hollow: flat or incomplete profiles."
    if found.raters is not None:
        said += f" Tick and band: mean of the benchmark’s {found.raters.n} raters, and one SD between people."
    return standalone(drawn, caption=f"{said} No value is better than another.")


def value_sheet(found: ValueData) -> Sheet:
    """The numbers of that drawing."""
    return Sheet(
        "value", _about(found), _VALUE, tuple({"reading": found.reading, **r.model_dump()} for r in found.rows)
    )


def neighbours_svg(found: ValueData) -> str:
    """The other dimensions of the scale, as they go together with this one over models.

    Raises:
        UnknownFile: that cannot be told here, or not yet.
    """
    if not found.others:
        raise UnknownFile("the correlations of this table's columns are not known, or not yet; try again in a moment")
    d = BY_NAME[found.dimension]
    matched = " of matches on all items" if found.reading == "match" else ""
    said = f"Correlations{matched} with {d.name} over {found.others[0].models} models, 95 % intervals."
    if d in VALUES:
        others = {a.dimension: a for a in found.others}
        unrelated = None if found.reading == "match" else found.unrelated
        return standalone(str(circle({d.name: d}, others, unrelated)), caption=f"{said} Ring: 0; rim: +1.")
    rows = [
        PlotRow(
            a.dimension,
            a.r,
            BY_NAME[a.dimension].family.colour if a.r is not None else LINE,
            span=interval(a.low, a.high),
            tick=a.chance,
            figures=(number(a.r), between(a.low, a.high)),
        )
        for a in found.others
    ]
    title = f"Correlations with {d.name}"
    return standalone(dot_plot(title, Axis(-1, 1, (-1, 0, 1)), [("", rows)], ("r", "95 % interval")), caption=said)


def neighbours_sheet(found: ValueData) -> Sheet:
    """The numbers of that drawing; errors as for it."""
    if not found.others:
        raise UnknownFile("the correlations of this table's columns are not known, or not yet; try again in a moment")
    rows = tuple({**a._asdict(), "reading": found.reading} for a in found.others)
    return Sheet("neighbours", _about(found), _NEIGHBOURS, rows)
