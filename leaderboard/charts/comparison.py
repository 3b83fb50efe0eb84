"""Drawings of a comparison: several profiles on one circle of values, and one model's values over its releases.

Pure functions that return SVG. Colours tell models apart here, so the arcs of the circle are grey; lines differ in dash
as well as in colour. The first line is the ink's blue; the family colour that is hardly told from it is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, NamedTuple

from markupsafe import escape

from data.values import VALUES, Dimension
from leaderboard.charts.portrait import ACCENT, GEOMETRY, GROUND, INK, QUIET, RULE, frame, number, outline, svg


class Stroke(NamedTuple):
    """How a model's line is drawn."""

    colour: str
    dash: str


STROKES: Final = (
    Stroke(ACCENT, "none"),
    Stroke("#D55E00", "8 4"),
    Stroke("#009E73", "2 3"),
    Stroke("#E69F00", "10 3 2 3"),
    Stroke("#CC79A7", "16 4"),
)
"""One a model, in the order of the comparison: as many as can be compared at once."""


class Line(NamedTuple):
    """A profile: one entry a value in circle order, None where there is none."""

    name: str
    scores: Sequence[float | None]
    low: Sequence[float | None]
    """Lower ends of the 95 % intervals."""
    high: Sequence[float | None]


def overlay(lines: Sequence[Line]) -> str:
    """Profiles on one circle, in the order of `STROKES`; their bands only where there are two, else they hide all."""
    g = GEOMETRY["full"]
    named = "; ".join(
        f"{line.name}: "
        + ", ".join(
            f"{d.name} {'no score' if s is None else number(s)}" for d, s in zip(VALUES, line.scores, strict=True)
        )
        for line in lines
    )
    parts = [frame("full", tinted=False)]
    if len(lines) <= 2:
        for line, stroke in zip(lines, STROKES, strict=False):
            if None not in line.low and None not in line.high:
                band = outline(line.high, g) + outline(line.low, g)
                parts.append(f'<path d="{band}" fill-rule="evenodd" style="fill:{stroke.colour}" fill-opacity="0.13"/>')
    # the first one lies on top
    for line, stroke in reversed(list(zip(lines, STROKES, strict=False))):
        if path := outline(line.scores, g):
            parts.append(
                f'<path d="{path}" fill="none" style="stroke:{stroke.colour}" stroke-width="2.25" '
                f'stroke-dasharray="{stroke.dash}" stroke-linejoin="round"/>'
            )
    title = f"Value portraits of {', '.join(line.name for line in lines)}"
    return svg("".join(parts), g.width, g.height, title, named, css="vp-portrait")


def sample(place: int) -> str:
    """A short piece of a model's line, for a legend."""
    stroke = STROKES[place]
    return (
        '<svg class="vp-sample" viewBox="0 0 34 8" width="34" height="8" aria-hidden="true">'
        f'<line x1="0" y1="4" x2="34" y2="4" style="stroke:{stroke.colour}" stroke-width="2.5" '
        f'stroke-dasharray="{stroke.dash}"/></svg>'
    )


class Moment(NamedTuple):
    """One release's score on one dimension."""

    released: date
    score: float | None
    low: float | None
    high: float | None


class Panel(NamedTuple):
    """A value over the releases."""

    dimension: Dimension
    moments: Sequence[Moment]


_WIDTH: Final = 176
_HEIGHT: Final = 132
_LEFT: Final = 34
_RIGHT: Final = 10
_TOP: Final = 24
_BOTTOM: Final = 20


def reach(panels: Sequence[Panel]) -> float:
    """The end of the axis that all panels share."""
    return whole_halves(x for p in panels for m in p.moments for x in (m.score, m.low, m.high) if x is not None)


def whole_halves(numbers: Iterable[float]) -> float:
    """The end of an axis that holds all numbers on both sides of 0: whole halves, at least 0.5."""
    return max(0.5, -(-max(map(abs, numbers), default=0.0) // 0.5) * 0.5)


def over_time(panel: Panel, limit: float, first: date, last: date) -> str:
    """One value over the releases as a drawing of its own; `limit` is the end of the axis, from `reach`."""
    title, drawn = f"{panel.dimension.name} over the releases", _inside(panel, limit, first, last)
    return svg(drawn, _WIDTH, _HEIGHT, title, _said(panel), css="vp-panel-chart", size=12.5)


def sheet_over_time(panels: Sequence[Panel], name: str) -> str:
    """All values over the releases in one drawing, for a file."""
    days = [m.released for p in panels for m in p.moments]
    limit = reach(panels)
    columns = 5
    rows = -(-len(panels) // columns)
    cells = "".join(
        f'<g transform="translate({i % columns * _WIDTH} {i // columns * _HEIGHT})">'
        f"{_inside(p, limit, min(days), max(days))}</g>"
        for i, p in enumerate(panels)
    )
    told = "; ".join(f"{p.dimension.name}: {_said(p)}" for p in panels)
    return svg(cells, columns * _WIDTH, rows * _HEIGHT, f"{name} over its releases", told, size=12.5)


def _said(panel: Panel) -> str:
    return ", ".join(
        f"{m.released.isoformat()} {'no score' if m.score is None else number(m.score)}"
        + ("" if m.low is None or m.high is None else f" ({number(m.low)} to {number(m.high)})")
        for m in panel.moments
    )


def _inside(panel: Panel, limit: float, first: date, last: date) -> str:
    days = max(1, (last - first).days)

    def x(day: date) -> float:
        return _LEFT + 8 + (day - first).days / days * (_WIDTH - _LEFT - _RIGHT - 16)

    def y(score: float) -> float:
        return _TOP + (limit - score) / (2 * limit) * (_HEIGHT - _TOP - _BOTTOM)

    parts = [f'<text x="0" y="13" style="fill:{INK}" font-weight="600">{escape(panel.dimension.name)}</text>']
    for tick in (limit, 0.0, -limit):
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" '
            f'style="stroke:{QUIET if tick == 0 else RULE}" stroke-width="{1.25 if tick == 0 else 1}"/>'
            f'<text x="{_LEFT - 5}" y="{y(tick) + 4:.1f}" text-anchor="end" style="fill:{QUIET}">'
            f"{number(tick, 1) if tick else '0'}</text>"
        )
    known = [(x(m.released), m.score, m.low, m.high) for m in panel.moments if m.score is not None]
    for at, _, low, high in known:
        if low is not None and high is not None:
            parts.append(
                f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{y(low):.1f}" y2="{y(high):.1f}" style="stroke:{QUIET}" '
                'stroke-width="2"/>'
            )
    points = " ".join(f"{at:.1f},{y(score):.1f}" for at, score, _, _ in known)
    parts.append(f'<polyline points="{points}" fill="none" style="stroke:{INK}" stroke-width="1.75"/>')
    parts += [
        f'<circle cx="{at:.1f}" cy="{y(score):.1f}" r="4" style="fill:{INK};stroke:{GROUND}"/>'
        for at, score, _, _ in known
    ]
    ends = ((first, "start", _LEFT), (last, "end", _WIDTH - _RIGHT))
    parts += [
        f'<text x="{at}" y="{_HEIGHT - 4}" text-anchor="{anchor}" style="fill:{QUIET}">{day:%b %Y}</text>'
        for day, anchor, at in ends
    ]
    return "".join(parts)
