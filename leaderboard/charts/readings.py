"""What both readings of the same answers can carry, as drawings with their numbers: rows of marks on one axis. Pure.

A filled dot is the reading on all items, an outlined one the score as published.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from data.people.norms import READINGS, Reading
from data.people.validation import ValidationReport
from data.values import SCALE_NAMES, SCALES, Dimension
from leaderboard.charts.dot_plot import Axis, PlotRow
from leaderboard.charts.portrait import ACCENT
from leaderboard.charts.validity import two_digits
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


def _by_dimension(
    name: str,
    title: str,
    axis: Axis,
    said: str,
    number: Callable[[Reading, Dimension], float | None],
    words: str,
) -> Drawing:
    """One row a dimension, with both readings on it."""
    groups: list[tuple[str, tuple[PlotRow, ...]]] = []
    numbers: list[Mapping[str, Any]] = []
    for scale, dimensions in SCALES.items():
        rows = []
        for d in dimensions:
            at: dict[str, float | None] = {reading: number(reading, d) for reading in READINGS}
            figures = tuple(two_digits(at[reading]) for reading in READINGS)
            rows.append(PlotRow(d.name, at["match"], d.family.colour, ring=at["published"], figures=figures))
            numbers.append({"dimension": d.name, "scale": SCALE_NAMES[scale], **at})
        groups.append((SCALE_NAMES[scale], tuple(rows)))
    columns = _DIMENSION | {reading: f"{words} {about}" for reading, about in _READINGS.items()}
    return Drawing(name, title, axis, tuple(groups), tuple(READ.values()), said, tuple(numbers), columns)


def _columns(report: ValidationReport, over: str) -> Drawing:
    def number(reading: Reading, d: Dimension) -> float | None:
        found = report.columns.get(reading, {}).get(d.name)
        return None if found is None else found.queries if over == "queries" else found.people

    models = len(report.models)
    return _by_dimension(
        f"columns-{over}",
        f"Does a column order {models} models alike in two halves of the {over}?",
        Axis(-1, 1, (-1, -0.5, 0, 0.5, 1)),
        f"Reliability between {models} models, 1 at most; filled: all items, outlined: as published.",
        number,
        f"Reliability of the column between {models} models over halves of the {over}.",
    )


def _people_check(report: ValidationReport) -> Drawing:
    return _by_dimension(
        "people-check",
        "Do people’s ratings predict their own values?",
        Axis(-0.2, 0.6, (-0.2, 0, 0.2, 0.4, 0.6)),
        "Correlation of people’s own scores with the scores from their ratings, each person left out of the key; "
        "filled: all items, outlined: as published.",
        lambda reading, d: report.people_check.get(reading, {}).get(d.name),
        "Correlation within groups of people's own scores with what their ratings say, the person left out.",
    )


def _line(report: ReadingsReport) -> Drawing:
    rows: list[PlotRow] = []
    numbers: list[Mapping[str, Any]] = []
    shares = {"First component": report.first_component, "Along the common profile": report.along_common}
    for name, share in shares.items():
        figures = tuple(_percent(share[reading]) for reading in READINGS)
        rows.append(PlotRow(name, share["match"], ACCENT, ring=share["published"], figures=figures))
        numbers.append({"share": name, **{reading: share[reading] for reading in READINGS}})
    return Drawing(
        "one-line",
        "How much of the variance between models is one component?",
        Axis(0, 1, (0, 0.25, 0.5, 0.75, 1)),
        (("", tuple(rows)),),
        tuple(READ.values()),
        f"Share of the variance of the ten values between {len(report.models)} models; filled: all items, outlined: "
        "as published.",
        tuple(numbers),
        {"share": "Of the variance between models.", **_READINGS},
    )


def _explained(report: ReadingsReport) -> Drawing:
    rows, numbers = [], []
    for name in sorted(report.explained, key=lambda n: report.explained[n].r2 or 0.0):
        e = report.explained[name]
        figures = (_percent(e.r2), _percent(e.cross_validated))
        rows.append(PlotRow(name, e.r2, ACCENT, ring=e.cross_validated, figures=figures))
        numbers.append({"model": name, "r2": e.r2, "cross_validated": e.cross_validated})
    return Drawing(
        "explained",
        "How much of a model’s ratings does the key explain?",
        Axis(-0.05, 0.15, (-0.05, 0, 0.05, 0.1, 0.15)),
        (("", tuple(rows)),),
        ("Same queries", "Unseen queries"),
        "Share of the variance beyond people’s mean ratings that the ten templates explain; filled: in the "
        "queries of the fit; outlined: in queries left out of it.",
        tuple(numbers),
        {
            "model": "The model's name.",
            "r2": "Share of the variance of its ratings, beyond people's mean ratings, that the ten templates explain.",
            "cross_validated": "The same in queries that the weights have not seen; below 0: worse than the mean.",
        },
    )


def _variance(report: ReadingsReport) -> Drawing:
    shares = sorted(report.variance.shares.items(), key=lambda pair: -pair[1])
    rows = tuple(PlotRow(name, None, ACCENT, bar=x, figures=(_percent(x),)) for name, x in shares[:SOURCES])
    return Drawing(
        "variance",
        "Where does the variance of ratings lie?",
        Axis(0, 0.4, (0, 0.1, 0.2, 0.3, 0.4)),
        (("", rows),),
        ("Share",),
        f"Shares of the variance of {len(report.models)} models’ ratings, method of moments; the {SOURCES} largest.",
        tuple({"source": n, "share": x, "component": report.variance.components[n]} for n, x in shares),
        {
            "source": "Source of variance; x: an interaction, the last one with whatever is due to chance.",
            "share": "Its share of the variance of ratings.",
            "component": "Its variance, in squared rating points.",
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
            figures = tuple(f"{two_digits(n.coefficient)} ({_queries(n, v.queries)})" for n in of.values())
            rows.append(
                PlotRow(
                    d.name,
                    of["match"].coefficient,
                    d.family.colour,
                    ring=of["published"].coefficient,
                    tick=v.target,
                    figures=figures,
                )
            )
            numbers.append(
                {
                    "dimension": d.name,
                    "scale": SCALE_NAMES[scale],
                    **{reading: n.coefficient for reading, n in of.items()},
                    **{f"{reading}_queries": n.queries_for_target for reading, n in of.items()},
                }
            )
        groups.append((SCALE_NAMES[scale], tuple(rows)))
    return Drawing(
        "generalizability",
        "Would other queries and wordings order the models alike?",
        Axis(0, 1, (0, 0.25, 0.5, 0.75, 1)),
        tuple(groups),
        tuple(READ.values()),
        f"Generalizability for {v.queries} queries in {v.wordings} wordings; in brackets how many more queries would "
        f"reach {v.target:g} (tick; none: no number would); filled: all items, outlined: as published.",
        tuple(numbers),
        _DIMENSION
        | {reading: f"Generalizability coefficient. {about}" for reading, about in _READINGS.items()}
        | {f"{r}_queries": f"Queries in all that would reach {v.target:g}; empty: none would." for r in READINGS},
    )


def _queries(n: ColumnNeeds, asked: int) -> str:
    """How many more queries a column would need."""
    if n.queries_for_target is None:
        return "none"
    more = n.queries_for_target - asked
    return "enough" if more <= 0 else f"+{more:,}"


def _percent(x: float | None) -> str:
    return "–" if x is None else f"{round(100 * x)} %".replace("-", "−")
