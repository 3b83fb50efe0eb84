"""What both readings of the same answers can carry, as drawings with their numbers: rows of marks on one axis. Pure.

A filled dot is the reading on all items, an outlined one the score as published; lines are 95 % intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from data.people.norms import READINGS, Reading
from data.people.validation import Ends, ValidationReport
from data.values import SCALE_NAMES, SCALES, Dimension
from leaderboard.charts.dot_plot import Axis, PlotRow, interval
from leaderboard.charts.portrait import ACCENT
from leaderboard.charts.validity import percent, with_interval
from leaderboard.measurement.reading_report import ColumnNeeds, ReadingsReport

READ: Final[dict[Reading, str]] = {"published": "As published", "match": "All items"}
"""What a column of figures is called."""
SOURCES: Final = 8
"""How many sources of variance are drawn, the largest ones; the table has all."""


class Drawing(NamedTuple):
    """One drawing with its numbers."""

    name: str
    """In its address."""
    title: str
    axis: Axis
    groups: tuple[tuple[str, tuple[PlotRow, ...]], ...]
    """Heading, which may be empty, and rows."""
    heads: tuple[str, ...]
    said: str
    """What marks mean."""
    numbers: tuple[Mapping[str, Any], ...]
    """Its table, one row a mark's row."""
    words: Mapping[str, str]
    """What each column of the table holds."""


def drawings(validation: ValidationReport, readings: ReadingsReport | None) -> tuple[Drawing, ...]:
    """All drawings that can be made; without the examination of both readings those that people's ratings give."""
    made = []
    if validation.columns:
        made += [_columns(validation, "queries"), _columns(validation, "people")]
    if validation.people_check:
        made.append(_people_check(validation))
    if readings is not None:
        made += [_line(readings), _explained(readings), _variance(readings), _generalizability(readings)]
    return tuple(made)


_DIMENSION: Final = {"dimension": "Value, higher-order value or trait.", "scale": "Name of the scale."}
_READINGS: Final = {"published": "The score as published.", "match": "The match on all items."}
Interval = tuple[float | None, float | None, float | None]
"""A figure and both ends of its 95 % interval."""
NONE: Final[Interval] = (None, None, None)


def _cells(name: str, x: Interval) -> dict[str, float | None]:
    """A figure as cells of a table."""
    return dict(zip((name, f"{name}_low", f"{name}_high"), x, strict=True))


def _words(name: str, about: str) -> dict[str, str]:
    return {name: about, f"{name}_low": "Lower end of its 95 % interval.", f"{name}_high": "Upper end of it."}


def _row(name: str, filled: Interval, outlined: Interval, colour: str, **more: Any) -> PlotRow:
    """A row with two dots and their intervals."""
    return PlotRow(
        name, filled[0], colour, ring=outlined[0], span=interval(*filled[1:]), ring_span=interval(*outlined[1:]), **more
    )


def _by_dimension(
    name: str,
    title: str,
    axis: Axis,
    said: str,
    number: Callable[[Reading, Dimension], Interval],
    words: str,
) -> Drawing:
    """One row a dimension, with both readings on it."""
    groups: list[tuple[str, tuple[PlotRow, ...]]] = []
    numbers: list[Mapping[str, Any]] = []
    for scale, dimensions in SCALES.items():
        rows = []
        for d in dimensions:
            at = {reading: number(reading, d) for reading in READINGS}
            figures = tuple(with_interval(*x) for x in at.values())
            rows.append(_row(d.name, at["match"], at["published"], d.family.colour, figures=figures))
            cells = {name: x for reading in READINGS for name, x in _cells(reading, at[reading]).items()}
            numbers.append({"dimension": d.name, "scale": SCALE_NAMES[scale], **cells})
        groups.append((SCALE_NAMES[scale], tuple(rows)))
    columns = dict(_DIMENSION)
    for reading, about in _READINGS.items():
        columns |= _words(reading, f"{words} {about}")
    return Drawing(name, title, axis, tuple(groups), tuple(READ.values()), said, tuple(numbers), columns)


def _columns(report: ValidationReport, over: str) -> Drawing:
    def number(reading: Reading, d: Dimension) -> Interval:
        c = report.columns.get(reading, {}).get(d.name)
        if c is None:
            return NONE
        by_queries = over == "queries"
        return (c.queries, c.queries_low, c.queries_high) if by_queries else (c.people, c.people_low, c.people_high)

    models = len(report.models)
    return _by_dimension(
        f"columns-{over}",
        f"Does a column order {models} models alike in two halves of the {over}?",
        Axis(-1, 1, (-1, -0.5, 0, 0.5, 1)),
        f"Reliability between {models} models, 1 at most; filled: all items, outlined: as published; lines: 95 % "
        "intervals, models resampled.",
        number,
        f"Reliability of the column between {models} models over halves of the {over}.",
    )


def _people_check(report: ValidationReport) -> Drawing:
    def number(reading: Reading, d: Dimension) -> Interval:
        ends: Ends = report.people_check_intervals.get(reading, {}).get(d.name, (None, None))
        return report.people_check.get(reading, {}).get(d.name), *ends

    return _by_dimension(
        "people-check",
        "Do people’s ratings predict their own values?",
        Axis(-0.4, 0.8, (-0.4, 0, 0.4, 0.8)),
        "Correlation of people’s own scores with the scores from their ratings, each person left out of the key; "
        "filled: all items, outlined: as published; lines: 95 % intervals, by a jackknife over groups of raters.",
        number,
        "Correlation within groups of people's own scores with what their ratings say, the person left out.",
    )


def _line(report: ReadingsReport) -> Drawing:
    rows: list[PlotRow] = []
    numbers: list[Mapping[str, Any]] = []
    shares = {
        "First component": (report.first_component, report.first_component_intervals),
        "Along the common profile": (report.along_common, report.along_common_intervals),
    }
    for name, (share, ends) in shares.items():
        at: dict[Reading, Interval] = {reading: (share[reading], *ends[reading]) for reading in READINGS}
        figures = tuple(with_interval(*x, percent) for x in at.values())
        rows.append(_row(name, at["match"], at["published"], ACCENT, figures=figures))
        numbers.append({"share": name, **_cells("published", at["published"]), **_cells("match", at["match"])})
    return Drawing(
        "one-line",
        "How much of the variance between models is one component?",
        Axis(0, 1, (0, 0.25, 0.5, 0.75, 1)),
        (("", tuple(rows)),),
        tuple(READ.values()),
        f"Share of the variance of the ten values between {len(report.models)} models; filled: all items, outlined: "
        "as published; lines: 95 % intervals, models resampled.",
        tuple(numbers),
        {
            "share": "Of the variance between models.",
            **_words("published", _READINGS["published"]),
            **_words("match", _READINGS["match"]),
        },
    )


def _explained(report: ReadingsReport) -> Drawing:
    rows, numbers = [], []
    for name in sorted(report.explained, key=lambda n: report.explained[n].r2 or 0.0):
        e = report.explained[name]
        r2: Interval = e.r2, e.r2_low, e.r2_high
        unseen: Interval = e.cross_validated, e.cross_validated_low, e.cross_validated_high
        figures = (with_interval(*r2, percent), with_interval(*unseen, percent))
        rows.append(_row(name, r2, unseen, ACCENT, figures=figures))
        numbers.append({"model": name, **_cells("r2", r2), **_cells("cross_validated", unseen)})
    return Drawing(
        "explained",
        "How much of a model’s ratings does the key explain?",
        Axis(-0.15, 0.2, (-0.1, 0, 0.1, 0.2)),
        (("", tuple(rows)),),
        ("Same queries", "Unseen queries"),
        "Share of the variance beyond people’s mean ratings that the ten templates explain; filled: in the "
        "queries of the fit; outlined: in queries left out of it; lines: 95 % intervals, by a jackknife over queries.",
        tuple(numbers),
        {
            "model": "The model's name.",
            **_words(
                "r2",
                "Share of the variance of its ratings, beyond people's mean ratings, that the ten templates explain.",
            ),
            **_words(
                "cross_validated", "The same in queries that the weights have not seen; below 0: worse than the mean."
            ),
        },
    )


def _variance(report: ReadingsReport) -> Drawing:
    v = report.variance
    shares = sorted(v.shares.items(), key=lambda pair: -pair[1])
    rows = tuple(
        PlotRow(n, None, ACCENT, bar=x, span=interval(*ends), figures=(with_interval(x, *ends, percent),))
        for n, x in shares[:SOURCES]
        for ends in (v.share_intervals[n],)
    )
    return Drawing(
        "variance",
        "Where does the variance of ratings lie?",
        Axis(0, 0.4, (0, 0.1, 0.2, 0.3, 0.4)),
        (("", rows),),
        ("Share",),
        f"Shares of the variance of {len(report.models)} models’ ratings, method of moments; the {SOURCES} largest; "
        "lines: 95 % intervals, by a jackknife over models and queries.",
        tuple(
            {
                "source": n,
                **_cells("share", (x, *v.share_intervals[n])),
                **_cells("component", (v.components[n], *v.component_intervals[n])),
            }
            for n, x in shares
        ),
        {
            "source": "Source of variance; x: an interaction, the last one with whatever is due to chance.",
            **_words("share", "Its share of the variance of ratings."),
            **_words("component", "Its variance, in squared rating points."),
        },
    )


def _generalizability(report: ReadingsReport) -> Drawing:
    v = report.variance
    groups: list[tuple[str, tuple[PlotRow, ...]]] = []
    numbers: list[Mapping[str, Any]] = []
    for scale, dimensions in SCALES.items():
        rows = []
        for d in dimensions:
            of = {reading: v.columns[reading][d.name] for reading in READINGS}
            at: dict[Reading, Interval] = {r: (n.coefficient, n.low, n.high) for r, n in of.items()}
            figures = tuple(f"{with_interval(*at[r])}; {_more(of[r], v.queries)}" for r in READINGS)
            rows.append(_row(d.name, at["match"], at["published"], d.family.colour, tick=v.target, figures=figures))
            cells: dict[str, float | None] = {}
            for reading, n in of.items():
                needed = (n.queries_for_target, n.fewest_for_target, n.most_for_target)
                cells |= _cells(reading, at[reading]) | _cells(f"{reading}_queries", needed)
            numbers.append({"dimension": d.name, "scale": SCALE_NAMES[scale], **cells})
        groups.append((SCALE_NAMES[scale], tuple(rows)))
    return Drawing(
        "generalizability",
        "Would other queries and wordings order the models alike?",
        Axis(0, 1, (0, 0.25, 0.5, 0.75, 1)),
        tuple(groups),
        tuple(READ.values()),
        f"Generalizability for {v.queries} queries in {v.wordings} wordings, with how many more queries would reach "
        f"{v.target:g} (tick; none: no number would); filled: all items, outlined: as published; lines and brackets: "
        "95 % intervals, models resampled.",
        tuple(numbers),
        _DIMENSION
        | {
            name: said
            for r, about in _READINGS.items()
            for name, said in {
                **_words(r, f"Generalizability coefficient. {about}"),
                **_words(f"{r}_queries", f"Queries in all that would reach {v.target:g}; empty: none would."),
            }.items()
        },
    )


def _more(n: ColumnNeeds, asked: int) -> str:
    """How many more queries a column would need, with the interval."""

    def more(in_all: int | None) -> str:
        return "none" if in_all is None else "enough" if in_all <= asked else f"+{in_all - asked:,}"

    said, low, high = map(more, (n.queries_for_target, n.fewest_for_target, n.most_for_target))
    return said if low == high == said else f"{said} ({low} to {high})"
