"""The drawing of groups of people and models, as an SVG string: two groups and a model on one circle.

Pure functions: no I/O, no state. The circle stands on the scale of the people's questionnaire (PVQ-21): the groups as
they answered, the model carried over (`leaderboard.groups.proximity.linked`). Differences there are about twice
those on the benchmark's items, so the circle reaches further than the portrait of `leaderboard.charts.portrait`. Lines
differ in style, not in colour alone; the legend stands below the circle. Colours are CSS variables with the light
theme as fallback.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import escape

from data.values import VALUES
from leaderboard.charts.portrait import ACCENT, DIRECTIONS, GROUND, INK, QUIET, RULE, Point, families, number, svg

LOW: Final = -1.6
"""A score this low or lower stands at the circle's centre ring."""
HIGH: Final = 2.0
"""A score this high or higher stands at its rim."""
RINGS: Final = (-1.0, 1.0)

_CENTRE: Final = Point(190, 150)
_RIM: Final = 106.0
_UNIT: Final = _RIM / (HIGH - LOW + 0.1)
_LEFT: Final = -14
_WIDTH: Final = 408
"""Room beside the longest names for fonts wider than ours."""
_LEGEND: Final = 22
"""Height of a line of the legend."""
_LONGEST: Final = 46
"""Characters of a name that fit into the legend."""

TOWARD_DASH: Final = ""
AGAINST_DASH: Final = "5 4"
"""How the two groups' lines are broken: the first is whole."""


@dataclass(frozen=True)
class Drawn:
    """A profile to draw: ten scores in circle order, steps of the PVQ-21 around their mean."""

    name: str
    scores: Sequence[float]
    low: Sequence[float] | None = None
    """Lower ends of the 95 % intervals, if known."""
    high: Sequence[float] | None = None


def circle(toward: Drawn, against: Drawn, model: Drawn | None) -> str:
    """Draw two groups and a model.

    Args:
        toward: the contrast's first group, a whole line.
        against: its second, a broken line.
        model: the model on the same scale, a strong line with its band; None to leave it out.

    Returns:
        A self-contained `<svg>` with title, description and legend.
    """
    shown = [p for p in (model, toward, against) if p is not None]
    height = 296 + _LEGEND * len(shown)
    heading = f"{model.name} beside {toward.name} and {against.name}" if model else f"{toward.name} and {against.name}"
    parts = [_frame()]
    if model is not None and model.low is not None and model.high is not None:
        band = _outline(model.high) + _outline(model.low)
        parts.append(f'<path d="{band}" fill-rule="evenodd" style="fill:{ACCENT}" fill-opacity="0.14"/>')
    parts += [_line(_outline(against.scores), AGAINST_DASH), _line(_outline(toward.scores), TOWARD_DASH)]
    if model is not None:
        parts.append(f'<path d="{_outline(model.scores)}" fill="none" {_MODEL_LINE} stroke-linejoin="round"/>')
        for i, (d, s) in enumerate(zip(VALUES, model.scores, strict=True)):
            at = _at(i, s)
            parts.append(
                f'<circle cx="{at.x:.1f}" cy="{at.y:.1f}" r="4" fill="{d.family.colour}" '
                f'style="stroke:{GROUND}" stroke-width="1.25"/>'
            )
    parts += _legend(shown, model)
    return svg("".join(parts), _WIDTH, height, heading, _describe(shown), css="vp-circle", left=_LEFT)


_MODEL_LINE: Final = f'style="stroke:{ACCENT}" stroke-width="2.5"'


def _line(path: str, dash: str) -> str:
    broken = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path d="{path}" fill="none" style="stroke:{INK}" stroke-width="1.5" stroke-linejoin="round"{broken}/>'


def _legend(shown: Sequence[Drawn], model: Drawn | None) -> list[str]:
    parts = []
    for at, profile in enumerate(shown):
        y = 306 + _LEGEND * at
        sample = f"M8 {y}H44"
        if profile is model:
            parts.append(f'<path d="{sample}" {_MODEL_LINE}/>')
        else:
            parts.append(_line(sample, AGAINST_DASH if at == len(shown) - 1 else TOWARD_DASH))
        name = profile.name if len(profile.name) <= _LONGEST else profile.name[: _LONGEST - 1] + "…"
        parts.append(f'<text x="54" y="{y + 4.5:g}" style="fill:{INK}">{escape(name)}</text>')
    return parts


def _frame() -> str:
    x, y = _CENTRE
    parts = []
    for i in range(len(VALUES)):
        a, b = _at(i, LOW), _at(i, HIGH)
        parts.append(f'<path d="M{a.x:.1f} {a.y:.1f}L{b.x:.1f} {b.y:.1f}" style="stroke:{RULE}"/>')
    parts += [
        f'<circle cx="{x:g}" cy="{y:g}" r="{_radius(s):.1f}" fill="none" style="stroke:{RULE}" stroke-dasharray="1 3"/>'
        for s in (*RINGS, HIGH)
    ]
    parts.append(
        f'<circle cx="{x:g}" cy="{y:g}" r="{_radius(0):.1f}" fill="none" style="stroke:{QUIET}" stroke-width="1"/>'
    )
    parts += [
        f'<path d="{_arc(first, last)}" fill="none" stroke="{colour}" stroke-width="4"/>'
        for _, colour, first, last in families()
    ]
    for i, d in enumerate(VALUES):
        dx, dy = DIRECTIONS[i]
        anchor = "middle" if abs(dx) < 0.2 else ("start" if dx > 0 else "end")
        down = y + dy * (_RIM + 13) + 4.5 + (4 if dy > 0.9 else -1 if dy < -0.9 else 0)
        parts.append(
            f'<text x="{x + dx * (_RIM + 13):.1f}" y="{down:.1f}" text-anchor="{anchor}" '
            f'style="fill:{INK}">{escape(d.name)}</text>'
        )
    return "".join(parts)


def _arc(first: int, last: int) -> str:
    step, r = 2 * math.pi / len(VALUES), _RIM + 4
    ends = (first - 0.43) * step, (last + 0.43) * step
    a, b = (Point(_CENTRE.x + r * math.sin(t), _CENTRE.y - r * math.cos(t)) for t in ends)
    return f"M{a.x:.1f} {a.y:.1f}A{r:g} {r:g} 0 0 1 {b.x:.1f} {b.y:.1f}"


def _radius(score: float) -> float:
    return (min(HIGH, max(LOW, score)) - LOW + 0.1) * _UNIT


def _at(spoke: int, score: float) -> Point:
    dx, dy = DIRECTIONS[spoke]
    return Point(_CENTRE.x + dx * _radius(score), _CENTRE.y + dy * _radius(score))


def _outline(scores: Sequence[float]) -> str:
    points = (_at(i, s) for i, s in enumerate(scores))
    return "M" + "L".join(f"{p.x:.1f} {p.y:.1f}" for p in points) + "Z"


def _describe(shown: Sequence[Drawn]) -> str:
    said = [
        f"{p.name}: " + ", ".join(f"{d.name} {number(s)}" for d, s in zip(VALUES, p.scores, strict=True)) for p in shown
    ]
    return "Steps of the people's questionnaire, each profile around its own mean. " + ". ".join(said) + "."
