"""Rows with marks on a shared axis, as an SVG string: what pages draw with a style sheet, for files of its own.

Pure functions: no I/O, no state. Colours are CSS variables with the light theme as fallback, as in
`leaderboard.charts.portrait`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from markupsafe import escape

from leaderboard.charts.portrait import GROUND, INK, LINE, QUIET, RULE, number

_LEFT: Final = 250
"""Room for names."""
_WIDTH: Final = 360
"""Length of the axis."""
_STEP: Final = 22
"""Height of a row."""
_TOP: Final = 30
"""Room for the axis' numbers and the columns' heads."""
_COLUMN: Final = 116
"""Width of a column of figures, at least."""
_LETTER: Final = 6.8
"""Width of a figure's letter."""
_APART: Final = 5
"""How far two dots with intervals of their own stand from the middle of a row."""
_LONGEST: Final = 38
"""Characters of a name that fit."""


@dataclass(frozen=True)
class PlotRow:
    """One row. What is None is not drawn; positions are on the axis, and those beyond its ends stand at them.

    Attributes:
        name: stands at the left; user text is safe here.
        at: where the dot stands.
        colour: the dot's, as CSS.
        hollow: whether the dot is only outlined.
        ring: where a second, outlined dot stands.
        span: ends of a line, such as an interval.
        ring_span: the same of the second dot, which then stands a little above the first.
        band: ends of a broad grey band, such as what chance gives.
        tick: where a small vertical line stands.
        bar: where a bar ends that starts at 0.
        figures: texts of the columns at the right.
    """

    name: str
    at: float | None
    colour: str
    hollow: bool = False
    ring: float | None = None
    span: tuple[float, float] | None = None
    ring_span: tuple[float, float] | None = None
    band: tuple[float, float] | None = None
    tick: float | None = None
    bar: float | None = None
    figures: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        name: str,
        colour: str,
        number_: float | None,
        low: float | None,
        high: float | None,
        *,
        hollow: bool = False,
        band: tuple[float, float] | None = None,
        tick: float | None = None,
    ) -> PlotRow:
        """A number with its interval, drawn and told in two columns of figures."""
        span, figures = interval(low, high), (number(number_), between(low, high))
        return cls(name, number_, colour, hollow, span=span, band=band, tick=tick, figures=figures)


class Axis(NamedTuple):
    """What the rows share."""

    low: float
    high: float
    ticks: tuple[float, ...]
    ends: tuple[str, str] | None = None
    """What its two directions mean, in the numbers' place; user text is safe here."""

    def x(self, value: float) -> float:
        """Where a value stands, clipped to the ends."""
        share = (value - self.low) / (self.high - self.low)
        return _LEFT + _WIDTH * min(1.0, max(0.0, share))


def dot_plot(title: str, axis: Axis, groups: Sequence[tuple[str, Sequence[PlotRow]]], heads: Sequence[str] = ()) -> str:
    """Draw rows of marks, in groups with a heading each.

    Args:
        title: what the drawing shows.
        axis: of all rows.
        groups: heading, which may be empty, and rows.
        heads: of the columns of figures.

    Returns:
        A self-contained `<svg>` whose description tells every row's figures.
    """
    every = [row for _, rows in groups for row in rows]
    height = _TOP + _STEP * (len(every) + sum(bool(heading) for heading, _ in groups)) + 6
    column = max([_COLUMN, *(_LETTER * len(f) + 14 for r in every for f in r.figures)])
    width = _LEFT + _WIDTH + 12 + column * len(heads)
    told = "; ".join(
        f"{r.name} {', '.join(f'{h} {f}' for h, f in zip(heads, r.figures, strict=True))}".strip() for r in every
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="vp-lanes-drawn" role="img" viewBox="0 0 {width:g} {height:g}" '
        f'font-family="inherit" font-size="13"><title>{escape(title)}</title><desc>{escape(told)}</desc>'
    ]
    for tick in axis.ticks:
        x = axis.x(tick)
        stroke = QUIET if tick == 0 else RULE
        if axis.ends is None:
            parts.append(_text(x, 14, f"{tick:g}".replace("-", "−"), "middle", QUIET))
        parts.append(f'<path d="M{x:.1f} {_TOP - 8:g}V{height - 6:g}" style="stroke:{stroke}"/>')
    if axis.ends is not None:
        parts.append(_text(_LEFT + 8, 14, f"← {axis.ends[0]}", "start", QUIET))
        parts.append(_text(_LEFT + _WIDTH - 8, 14, f"{axis.ends[1]} →", "end", QUIET))
    parts += [_text(width - column * (len(heads) - i - 1), 14, head, "end", QUIET) for i, head in enumerate(heads)]
    y = float(_TOP)
    for heading, rows in groups:
        if heading:
            parts.append(_text(0, y + 15, heading, "start", QUIET))
            y += _STEP
        for row in rows:
            parts += _row(row, axis, y, width, column)
            y += _STEP
    return "".join(parts) + "</svg>"


def _row(row: PlotRow, axis: Axis, top: float, width: float, column: float) -> list[str]:
    y = top + _STEP / 2
    name = row.name if len(row.name) <= _LONGEST else row.name[: _LONGEST - 1] + "…"
    parts = [
        _text(0, y + 4.5, name),
        f'<path d="M{_LEFT} {y:g}H{_LEFT + _WIDTH}" style="stroke:{RULE}"/>',
    ]
    if row.band is not None:
        a, b = (axis.x(v) for v in row.band)
        parts.append(
            f'<rect x="{a:.1f}" y="{y - 7:g}" width="{b - a:.1f}" height="14" style="fill:{LINE}" fill-opacity="0.55"/>'
        )
    if row.bar is not None:
        a, b = sorted((axis.x(0), axis.x(row.bar)))
        parts.append(f'<rect x="{a:.1f}" y="{y - 4:g}" width="{b - a:.1f}" height="8" style="fill:{row.colour}"/>')
    if row.tick is not None:
        parts.append(f'<path d="M{axis.x(row.tick):.1f} {y - 7:g}v14" style="stroke:{QUIET}"/>')
    apart = 0.0 if row.ring_span is None else _APART
    for span, height in ((row.span, y + apart), (row.ring_span, y - apart)):
        if span is not None:
            a, b = (axis.x(v) for v in span)
            parts.append(f'<path d="M{a:.1f} {height:g}H{b:.1f}" style="stroke:{INK}" stroke-width="2"/>')
    if row.ring is not None:
        parts.append(_dot(axis.x(row.ring), y - apart, row.colour, hollow=True))
    if row.at is not None:
        parts.append(_dot(axis.x(row.at), y + apart, row.colour, hollow=row.hollow))
    right = len(row.figures)
    parts += [_text(width - column * (right - i - 1), y + 4.5, f, "end") for i, f in enumerate(row.figures)]
    return parts


def _dot(x: float, y: float, colour: str, *, hollow: bool) -> str:
    fill = GROUND if hollow else colour
    return f'<circle cx="{x:.1f}" cy="{y:g}" r="4.5" style="fill:{fill};stroke:{colour}" stroke-width="2"/>'


def _text(x: float, y: float, said: str, anchor: str = "start", colour: str = INK) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" style="fill:{colour}">{escape(said)}</text>'


def interval(low: float | None, high: float | None) -> tuple[float, float] | None:
    """Ends of an interval as a row's `span`; None where one is not known."""
    return None if low is None or high is None else (low, high)


def between(low: float | None, high: float | None) -> str:
    """An interval as a row's figure; empty where it is not known."""
    return "" if low is None or high is None else f"{number(low)} to {number(high)}"
