"""A value on the circle, with the others as they go together with it, as an SVG string. Pure.

The same circle as in `leaderboard.charts.portrait`; along each spoke lies the correlation with the value, -1 towards
the middle, +1 at the rim. The value itself has a filled mark at the rim.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from markupsafe import Markup

from data.values import VALUES, Dimension
from leaderboard.analysis.associations import Association
from leaderboard.charts.portrait import DIRECTIONS, GEOMETRY, GROUND, INK, QUIET, frame, number, svg

_KIND: Final = "full"


def circle(marked: Mapping[str, Dimension], others: Mapping[str, Association], unrelated: float | None) -> Markup:
    """Draw it.

    Args:
        marked: the values that are emphasised, by name: one, or the members of a higher-order value.
        others: the other values' correlations with it, by name; empty to show its place only.
        unrelated: the correlation of columns that have nothing to do with each other, a dashed ring; None where it
            differs from spoke to spoke: then each has a tick at its own.
    """
    g = GEOMETRY[_KIND]
    names = ", ".join(marked)
    told = "; ".join(f"{name} {number(a.r)}" for name, a in others.items() if a.r is not None)
    title = f"{names} on the circle of values"
    said = f"Correlations over models: {told}." if told else "Its place among the ten values."
    parts = [frame(_KIND)]
    if others and unrelated is not None:
        parts.append(
            f'<circle cx="{g.centre.x:g}" cy="{g.centre.y:g}" r="{g.radius(unrelated):.2f}" fill="none" '
            f'style="stroke:{QUIET}" stroke-dasharray="4 3"/>'
        )
    for i, d in enumerate(VALUES):
        if d.name in marked:
            a, b = g.at(i, 0), g.at(i, g.rim)
            parts.append(
                f'<path d="M{a.x:.2f} {a.y:.2f}L{b.x:.2f} {b.y:.2f}" style="stroke:{d.family.colour}" '
                f'stroke-width="3"/><circle cx="{b.x:.2f}" cy="{b.y:.2f}" r="7" fill="{d.family.colour}" '
                f'style="stroke:{GROUND}" stroke-width="1.5"/>'
            )
        found = others.get(d.name)
        if found is None or found.r is None:
            continue
        if unrelated is None:
            chance = g.at(i, g.radius(found.chance))
            dx, dy = DIRECTIONS[i]
            parts.append(
                f'<path d="M{chance.x - 7 * dy:.2f} {chance.y + 7 * dx:.2f}L{chance.x + 7 * dy:.2f} '
                f'{chance.y - 7 * dx:.2f}" style="stroke:{QUIET}" stroke-width="2"/>'
            )
        if found.low is not None and found.high is not None:
            a, b = g.at(i, g.radius(found.low)), g.at(i, g.radius(found.high))
            parts.append(
                f'<path d="M{a.x:.2f} {a.y:.2f}L{b.x:.2f} {b.y:.2f}" style="stroke:{INK}" stroke-width="2.25"/>'
            )
        at = g.at(i, g.radius(found.r))
        parts.append(
            f'<circle cx="{at.x:.2f}" cy="{at.y:.2f}" r="4.5" fill="{d.family.colour}" style="stroke:{GROUND}" '
            'stroke-width="1.25"/>'
        )
    drawn = svg("".join(parts), g.width, g.height, title, said, css="vp-portrait vp-full")
    return Markup(drawn)  # numbers, names of ours and what `escape` passed
