"""The drawings of the Model and the Compare page as files of their own, and their numbers as tables. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from data.values import SCALE_NAMES, SCALES, VALUES, Dimension, Scale
from eval_queue.records import DimensionScore, Result
from eval_queue.store.compiled import Column
from leaderboard.charts.comparison import STROKES, overlay, sheet_over_time
from leaderboard.charts.dot_plot import Axis, PlotRow, dot_plot
from leaderboard.charts.portrait import MATCH_LIMIT
from leaderboard.files.formats import Sheet, UnknownFile
from leaderboard.files.standalone import standalone
from leaderboard.pages.compare.data import CompareData, Pair
from leaderboard.pages.compare.page import limit_of, lines, panels
from leaderboard.pages.model.page import drawing_of, match_drawing, ten


def portrait_svg(result: Result) -> str:
    """A row's portrait with its band."""
    said = f"{result.model}. Ring: its own average; band: 95 % interval. No value is better than another."
    return standalone(drawing_of(result), caption=said)


def match_portrait_svg(result: Result) -> str:
    """A row's matches on all items as a portrait with its band."""
    said = (
        f"{result.model}. Matches on all items. Ring: 0, nothing to do with the value; rim: 0.5 either way; band: 95 % "
        "interval. No value is better than another."
    )
    return standalone(match_drawing(result), caption=said)


_MATCHES: Final = (
    Column("scale", "string", "Name of the scale."),
    Column("dimension", "string", "Value, higher-order value or trait."),
    Column("match", "double", "Correlation of its ratings of all items with the dimension's template, -1 to 1."),
    Column("se_queries", "double", "Its standard error over queries."),
    Column("se_people", "double", "Its standard error over the people behind the template."),
    Column("low", "double", "Lower end of the 95 % interval from both."),
    Column("high", "double", "Upper end of it."),
)


def matches_sheet(result: Result) -> Sheet:
    """A row's matches on all items, on every scale."""
    figures = tuple(
        {"scale": scale, "dimension": d.name, **c.model_dump()}
        for scale, cells in _by_scale(result.match or {})
        for d, c in cells
    )
    return Sheet("matches", {"model": result.model, "id": result.id}, _MATCHES, figures)


_PORTRAIT: Final = (
    Column("value", "string", "The value, in circle order."),
    Column("score", "double", "Mean rating of the value's items minus the model's own mean, in rating points."),
    Column("low", "double", "Lower end of the 95 % interval."),
    Column("high", "double", "Upper end of it."),
    Column("n", "int32", "Items with a rating."),
)


_FIGURES: Final = ("score", "low", "high", "n")
_SCORES: Final = (
    Column("scale", "string", "Name of the scale."),
    Column("dimension", "string", "Value, higher-order value or trait."),
    *_PORTRAIT[1:],
)


def portrait_sheet(result: Result) -> Sheet:
    """The numbers of a portrait."""
    figures: list[dict[str, Any]] = [
        {"value": d.name} | ({} if c is None else {f: getattr(c, f) for f in _FIGURES})
        for d, c in zip(VALUES, ten(result), strict=True)
    ]
    return Sheet("portrait", {"model": result.model, "id": result.id}, _PORTRAIT, tuple(figures))


_T = TypeVar("_T")


def _by_scale(found: Mapping[Scale, Mapping[str, _T]]) -> list[tuple[str, list[tuple[Dimension, _T]]]]:
    """What a row has of each dimension, under the names of the scales."""
    return [
        (SCALE_NAMES[scale], [(d, found[scale][d.name]) for d in dimensions if d.name in found[scale]])
        for scale, dimensions in SCALES.items()
        if scale in found
    ]


def _scores(result: Result) -> list[tuple[str, list[tuple[Dimension, DimensionScore]]]]:
    return _by_scale({scale: profile.dimensions for scale, profile in result.scales.items()})


def scores_svg(result: Result) -> str:
    """A row's scores on every scale, with their intervals."""
    groups = [
        (scale, [PlotRow.of(d.name, d.family.colour, c.score, c.low, c.high) for d, c in cells])
        for scale, cells in _scores(result)
    ]
    axis = Axis(-1, 1, (-1, -0.5, 0, 0.5, 1))
    drawn = dot_plot(f"Scores of {result.model}", axis, groups, ("Score", "95 % interval"))
    said = f"{result.model}. Rating points around its own average on each scale. No value is better than another."
    return standalone(drawn, caption=said)


def matches_svg(result: Result) -> str:
    """A row's matches on all items on every scale, with their intervals."""
    groups = [
        (scale, [PlotRow.of(d.name, d.family.colour, c.match, c.low, c.high) for d, c in cells])
        for scale, cells in _by_scale(result.match or {})
    ]
    axis = Axis(-MATCH_LIMIT, MATCH_LIMIT, (-0.5, -0.25, 0, 0.25, 0.5))
    drawn = dot_plot(f"Matches of {result.model}", axis, groups, ("Match", "95 % interval"))
    said = (
        f"{result.model}. Correlation of its ratings of all items with each template. No value is better than another."
    )
    return standalone(drawn, caption=said)


def scores_sheet(result: Result) -> Sheet:
    """The numbers of those scores."""
    figures = tuple(
        {"scale": scale, "dimension": d.name, **{f: getattr(c, f) for f in _FIGURES}}
        for scale, cells in _scores(result)
        for d, c in cells
    )
    return Sheet("scores", {"model": result.model, "id": result.id}, _SCORES, figures)


def compare_svg(found: CompareData) -> str:
    """The rows of a comparison on one circle, with a legend.

    Raises:
        UnknownFile: there is nothing to draw.
    """
    if not found.members or found.choice.scale != "pvq":
        raise UnknownFile("id: name two to five rows on the scale of the ten values")
    matched = found.choice.reading == "match"
    said = "Matches on all items. Ring: 0, rim: 0.5 either way." if matched else "Ring: each model's own average."
    names = [(line.name, stroke.colour, stroke.dash) for line, stroke in zip(lines(found), STROKES, strict=False)]
    return standalone(overlay(lines(found)), legend=names, caption=said)


def differences_svg(found: CompareData) -> str:
    """The other rows against the first, dimension by dimension, with intervals.

    Raises:
        UnknownFile: there is nothing to draw.
    """
    pairs = [p for p in found.pairs if p.first == found.members[0].id]
    if not pairs:
        raise UnknownFile("id: name two to five rows that can be compared")
    names = {m.id: m.model for m in found.members}
    colours = {m.id: stroke.colour for m, stroke in zip(found.members, STROKES, strict=False)}

    def row(pair: Pair, name: str, label: str, colour: str) -> PlotRow:
        d = pair.differences[name]
        return PlotRow.of(label, colour, d.difference, d.low, d.high, hollow=not d.separates)

    shown = SCALES[found.choice.scale]
    if len(pairs) == 1:
        of = [row(pairs[0], d.name, d.name, d.family.colour) for d in shown if d.name in pairs[0].differences]
        groups = [("", of)]
    else:
        groups = [
            (d.name, [row(p, d.name, names[p.second], colours[p.second]) for p in pairs if d.name in p.differences])
            for d in shown
        ]
    end = limit_of(found)
    first = names[pairs[0].first]
    title = f"{names[pairs[0].second] if len(pairs) == 1 else 'Other models'} against {first}"
    drawn = dot_plot(title, Axis(-end, end, (-end, 0, end)), groups, ("Difference", "95 % interval"))
    unit = "matches on all items" if found.choice.reading == "match" else "in rating points"
    return standalone(drawn, caption=f"{title}, {unit}. Hollow: not distinguishable after Holm’s correction.")


def series_svg(found: CompareData) -> str:
    """A model over its releases.

    Raises:
        UnknownFile: there is nothing to draw.
    """
    shown = panels(found)
    if not shown:
        raise UnknownFile("series: name a model with several dated releases, e.g. gpt-4o")
    return standalone(sheet_over_time(shown, found.choice.series))


_RELEASES: Final = (
    Column("model", "string", "The model's name."),
    Column("id", "string", "The row's id."),
    Column("released", "string", "The date in its name."),
    Column("scale", "string", "pvq, higher_pvq or bfi."),
    Column("dimension", "string", "Value, higher-order value or trait."),
    Column("reading", "string", "published: score in rating points; match: match on all items."),
    *_PORTRAIT[1:],
)


def releases_sheet(found: CompareData) -> Sheet:
    """The numbers of a model's releases, one a release and dimension."""
    rows = tuple(
        {"model": m.model, "id": m.id, "released": m.released and m.released.isoformat()}
        | {"scale": found.choice.scale, "dimension": name, "reading": found.choice.reading}
        | {f: getattr(d, f) for f in _FIGURES}
        for m in found.releases
        for name, d in m.scores.items()
    )
    return Sheet("releases", {}, _RELEASES, rows)


def drawn(sheet: Sheet) -> Sheet:
    """The numbers of a drawing.

    Raises:
        UnknownFile: there are none.
    """
    if not sheet.rows:
        raise UnknownFile("there is nothing to draw for this address")
    return sheet
