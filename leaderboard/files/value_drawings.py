"""The drawings of a value's page as files of their own, and their numbers as tables. Pure."""

from __future__ import annotations

from typing import Final

from data.values import BY_NAME, SCALE_NAMES, VALUES
from eval_queue.store.compiled import Column
from leaderboard.analysis.associations import Association
from leaderboard.charts.circle import circle
from leaderboard.charts.dot_plot import Axis, PlotRow, dot_plot
from leaderboard.charts.portrait import LINE, MATCH_LIMIT, QUIET
from leaderboard.files.formats import Sheet, UnknownFile
from leaderboard.files.standalone import standalone
from leaderboard.pages.value.data import ValueData, ValueRow

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
    raters = found.raters
    band, tick = ((raters.mean - raters.sd, raters.mean + raters.sd), raters.mean) if raters else (None, None)

    def row(r: ValueRow) -> PlotRow:
        colour = QUIET if r.muted else d.family.colour
        return PlotRow.of(r.model, colour, r.score, r.low, r.high, hollow=r.muted, band=band, tick=tick)

    ends = [x for r in found.rows for x in (r.low, r.high, r.score) if x is not None]
    matched = found.reading == "match"
    least = MATCH_LIMIT if matched else 1.0
    end = max([least, *(abs(x) for x in ends)])
    ticks = tuple(x * least for x in (-1, -0.5, 0, 0.5, 1))
    heads = ("Match" if matched else "Score", "95 % interval")
    rows = list(map(row, found.rows[:MOST_ROWS]))
    drawn = dot_plot(d.name, Axis(-end, end, ticks), [("", rows)], heads)
    what = "match on all items, a correlation" if matched else "rating points around each model’s own average"
    said = f"{d.name}, {what}. Hollow: flat or incomplete profiles."
    if raters is not None:
        said += f" Tick and band: mean of the benchmark’s {raters.n} raters, and one SD between people."
    return standalone(drawn, caption=f"{said} No value is better than another.")


def value_sheet(found: ValueData) -> Sheet:
    """The numbers of that drawing."""
    return Sheet(
        "value", _about(found), _VALUE, tuple({"reading": found.reading, **r.model_dump()} for r in found.rows)
    )


def _others(found: ValueData) -> list[Association]:
    if not found.others:
        raise UnknownFile("the correlations of this table's columns are not known, or not yet; try again in a moment")
    return found.others


def neighbours_svg(found: ValueData) -> str:
    """The other dimensions of the scale, as they go together with this one over models.

    Raises:
        UnknownFile: that cannot be told here, or not yet.
    """
    associations = _others(found)
    d = BY_NAME[found.dimension]
    matched = " of matches on all items" if found.reading == "match" else ""
    said = f"Correlations{matched} with {d.name} over {associations[0].models} models, 95 % intervals."
    if d in VALUES:
        others = {a.dimension: a for a in associations}
        unrelated = None if found.reading == "match" else found.unrelated
        return standalone(str(circle({d.name: d}, others, unrelated)), caption=f"{said} Ring: 0; rim: +1.")

    def row(a: Association) -> PlotRow:
        colour = LINE if a.r is None else BY_NAME[a.dimension].family.colour
        return PlotRow.of(a.dimension, colour, a.r, a.low, a.high, tick=a.chance)

    axis, groups = Axis(-1, 1, (-1, 0, 1)), [("", list(map(row, associations)))]
    drawn = dot_plot(f"Correlations with {d.name}", axis, groups, ("r", "95 % interval"))
    return standalone(drawn, caption=said)


def neighbours_sheet(found: ValueData) -> Sheet:
    """The numbers of that drawing; errors as for it."""
    rows = tuple({**a._asdict(), "reading": found.reading} for a in _others(found))
    return Sheet("neighbours", _about(found), _NEIGHBOURS, rows)
