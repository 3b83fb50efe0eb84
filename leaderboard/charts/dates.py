"""Models' scores over their release, or over their size: one panel a dimension, as SVG strings. Pure.

Families are joined by a line in the order of the axis. Every model has its interval. No trend is drawn: which models
are there is nobody's sample.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import Final, Literal, NamedTuple
from urllib.parse import quote

from markupsafe import Markup, escape

from data.values import Dimension
from leaderboard.charts.portrait import GROUND, INK, LINE, QUIET, RULE, number, svg, with_ends

Along = Literal["date", "size"]

_WIDTH: Final = 420.0
_HEIGHT: Final = 200.0
_LEFT: Final = 38.0
_RIGHT: Final = 10.0
_TOP: Final = 20.0
_FOOT: Final = 24.0


class Dot(NamedTuple):
    """A model in a panel."""

    id: str
    name: str
    family: str
    """Dots of one family are joined."""
    x: float
    """Day as a number, or billions of parameters."""
    score: float
    low: float | None
    high: float | None
    muted: bool
    """Whether its profile is flat or incomplete."""


class Scale(NamedTuple):
    """The axes that all panels share."""

    along: Along
    first: float
    last: float
    limit: float
    """Scores go from minus this to plus this."""

    def x(self, value: float) -> float:
        """Where a day or a size lies; sizes on a logarithmic axis."""
        a, b, v = (self.first, self.last, value)
        if self.along == "size":
            a, b, v = math.log(a), math.log(b), math.log(value)
        share = (v - a) / (b - a) if b > a else 0.5
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (0.03 + 0.94 * share)

    def y(self, score: float) -> float:
        """Where a score lies, clipped to the ends."""
        clipped = min(self.limit, max(-self.limit, score))
        return _TOP + (_HEIGHT - _TOP - _FOOT) * (0.5 - clipped / self.limit / 2)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Where the axis is marked, and how."""
        if self.along == "size":
            found = [s for s in (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000) if self.first <= s <= self.last]
            return [(s, f"{s:g}") for s in found or [self.first]]
        first, last = date.fromordinal(int(self.first)), date.fromordinal(int(self.last))
        months = (last.year - first.year) * 12 + last.month - first.month
        step = next((s for s in (1, 3, 6, 12) if months / s <= 5), 24)
        at = first.year * 12 + first.month - 1
        at = -(-at // step) * step
        found_days = []
        while (day := date(at // 12, at % 12 + 1, 1)) <= last:
            if day >= first:
                found_days.append((float(day.toordinal()), f"{day.year}" if day.month == 1 else f"{day:%Y-%m}"))
            at += step
        return found_days or [(self.first, first.isoformat())]


def axes(dots: Sequence[Sequence[Dot]], along: Along) -> Scale:
    """Axes that hold the dots of all panels; intervals that reach beyond them end at them."""
    every = [d for panel in dots for d in panel]
    xs = [d.x for d in every]
    # room for the scores and half as much again: a single wide interval must not flatten all panels
    limit = max(0.5, math.ceil(max((abs(d.score) for d in every), default=0.5) * 3) / 2)
    return Scale(along, min(xs, default=1.0), max(xs, default=1.0), limit)


def panel(d: Dimension, dots: Sequence[Dot], scale: Scale, *, place: tuple[float, float] | None = None) -> Markup:
    """One dimension and its models; `place` is where it stands in a larger drawing, None for a drawing by itself."""
    told = "; ".join(f"{dot.name} {_said(dot, scale.along)}" for dot in sorted(dots, key=lambda o: (o.x, o.name)))
    at = "" if place is None else f'x="{place[0]:g}" y="{place[1]:g}" width="{_WIDTH:g}" height="{_HEIGHT:g}" '
    over = "release date" if scale.along == "date" else "size"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="vp-dates-panel" role="group" {at}viewBox="0 0 {_WIDTH:g} '
        f'{_HEIGHT:g}" font-family="inherit" font-size="12"><title>{escape(d.name)} over {over}</title>'
        f"<desc>{escape(told)}</desc>"
    ]
    if place is not None:
        parts.append(
            f'<rect x="0" y="0" width="10" height="10" fill="{d.family.colour}"/><text x="16" y="10" font-size="14" '
            f'font-weight="600" style="fill:{INK}">{escape(d.name)}</text>'
        )
    bottom = _HEIGHT - _FOOT
    for score in (-scale.limit, 0.0, scale.limit):
        y = scale.y(score)
        parts.append(f'<path d="M{_LEFT:g} {y:.1f}H{_WIDTH:g}" style="stroke:{QUIET if score == 0 else RULE}"/>')
        label = "0" if score == 0 else number(score, 1)
        parts.append(f'<text x="{_LEFT - 5:g}" y="{y + 4:.1f}" text-anchor="end" style="fill:{QUIET}">{label}</text>')
    for value, label in scale.ticks:
        x = scale.x(value)
        parts.append(f'<path d="M{x:.1f} {bottom:g}v4" style="stroke:{QUIET}"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{_HEIGHT - 6:g}" text-anchor="middle" style="fill:{QUIET}">{escape(label)}</text>'
        )
    families: dict[str, list[Dot]] = {}
    for dot in sorted(dots, key=lambda o: (o.x, o.name)):
        families.setdefault(dot.family, []).append(dot)
    for members in families.values():
        if len(members) > 1:
            path = "L".join(f"{scale.x(m.x):.1f} {scale.y(m.score):.1f}" for m in members)
            parts.append(f'<path d="M{path}" fill="none" style="stroke:{LINE}" stroke-width="1.5"/>')
    for dot in dots:
        if dot.low is not None and dot.high is not None:
            x = scale.x(dot.x)
            parts.append(
                f'<path d="M{x:.1f} {scale.y(dot.low):.1f}V{scale.y(dot.high):.1f}" '
                f'style="stroke:{QUIET if dot.muted else INK}" stroke-opacity="0.45" stroke-width="1.5"/>'
            )
    for dot in dots:
        colour = QUIET if dot.muted else d.family.colour
        mark = (
            f'<circle cx="{scale.x(dot.x):.1f}" cy="{scale.y(dot.score):.1f}" r="4" '
            f'style="fill:{GROUND if dot.muted else colour};stroke:{QUIET if dot.muted else GROUND}" '
            f'stroke-width="1.25"><title>{escape(f"{dot.name}, {dot.family}: {_said(dot, scale.along)}")}</title>'
            "</circle>"
        )
        parts.append(mark if place else f'<a href="model?id={quote(dot.id, safe="")}" tabindex="-1">{mark}</a>')
    return Markup("".join(parts) + "</svg>")  # all that is put in is a number or escaped


def sheet(panels: Sequence[tuple[Dimension, Sequence[Dot]]], scale: Scale) -> Markup:
    """All panels as one drawing, two beside each other."""
    rows = -(-len(panels) // 2)
    width, height = 2 * _WIDTH + 24, rows * (_HEIGHT + 16) - 16
    drawn = "".join(
        panel(d, dots, scale, place=((i % 2) * (_WIDTH + 24), (i // 2) * (_HEIGHT + 16)))
        for i, (d, dots) in enumerate(panels)
    )
    over = "release date" if scale.along == "date" else "size"
    return Markup(svg(drawn, width, height, f"Scores over {over}", size=12))


def _said(dot: Dot, along: Along) -> str:
    where = date.fromordinal(int(dot.x)).isoformat() if along == "date" else f"{dot.x:g} billion"
    return f"{where} {with_ends(dot.score, dot.low, dot.high)}"
