"""The portrait: a profile drawn on the circle of values, as an SVG string.

Ten spokes in circle order, a ring at zero (the model's own average), the profile as a closed line with its 95 % band
where intervals exist, optionally a reference profile dotted behind it. The same drawing serves as logo, side panel,
thumbnail and card. Pure functions: no I/O, no state. Colours are CSS variables with the light theme as fallback: the
drawing follows the page it stands on and still works alone in a file. Family colours are marks, never text.

`GEOMETRY` is the one place that says where a score lies; the board's `cells.js` draws from the same figures.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple
from urllib.parse import quote

from markupsafe import Markup, escape

from data.values import DIMENSIONS, VALUES, Dimension

Kind = Literal["full", "thumb", "logo"]

LIMIT: Final = 1.0
"""Scores are drawn between -1 and +1 rating points; beyond lies the rim."""
MATCH_LIMIT: Final = 0.5
"""Matches on all items are drawn between -0.5 and +0.5."""


class Point(NamedTuple):
    """A place in the drawing, in its own units."""

    x: float
    y: float


@dataclass(frozen=True)
class Geometry:
    """Where things lie in one kind of portrait, in the units of its view box."""

    width: float
    height: float
    centre: Point
    zero: float
    """Radius of the ring at score 0."""
    unit: float
    """How much radius one rating point is worth."""

    @property
    def rim(self) -> float:
        """Radius of a score of `LIMIT`."""
        return self.zero + self.unit * LIMIT

    def radius(self, score: float) -> float:
        """Radius of a score, clipped to `LIMIT` on both sides."""
        return self.zero + self.unit * min(LIMIT, max(-LIMIT, score))

    def at(self, spoke: int, radius: float) -> Point:
        """The point at `radius` on a spoke; spoke 0 points up, the others follow clockwise."""
        dx, dy = DIRECTIONS[spoke]
        return Point(self.centre.x + dx * radius, self.centre.y + dy * radius)


DIRECTIONS: Final = tuple(
    Point(math.sin(2 * math.pi * i / len(VALUES)), -math.cos(2 * math.pi * i / len(VALUES))) for i in range(len(VALUES))
)
"""Unit vector of each spoke in circle order, y pointing down as in SVG."""

GEOMETRY: Final[dict[Kind, Geometry]] = {
    "full": Geometry(376, 296, Point(188, 148), zero=57, unit=47),
    "thumb": Geometry(40, 40, Point(20, 20), zero=10.5, unit=9.5),
    "logo": Geometry(64, 64, Point(32, 32), zero=14.5, unit=14),
}
"""The figures of each kind of portrait. Thumbnail and logo exaggerate a little: they show shape, not size."""

INK: Final = "var(--vp-ink, #1d2126)"
RULE: Final = "var(--vp-rule, #e2e3e5)"
LINE: Final = "var(--vp-line, #b4b8bd)"
QUIET: Final = "var(--vp-quiet, #5a616a)"
GROUND: Final = "var(--vp-ground, #ffffff)"
ACCENT: Final = "var(--vp-accent, #2f4b7c)"


def svg(
    content: str,
    width: float,
    height: float,
    title: str,
    told: str | None = None,
    *,
    css: str = "",
    size: float = 14,
    left: float = 0,
    role: str = "img",
) -> str:
    """A drawing around its content: `title` says what it shows, `told` the same in words; both may hold user text.

    `size` is that of letters, `left` where the view box begins; the role is `group` where there are links inside.
    """
    named = f' class="{css}"' if css else ""
    about = "" if told is None else f"<desc>{escape(told)}</desc>"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg"{named} role="{role}" viewBox="{left:g} 0 {width:g} {height:g}" '
        f'font-family="inherit" font-size="{size:g}"><title>{escape(title)}</title>{about}{content}</svg>'
    )


_HYPHEN: Final = re.compile(r"(?<=[ (])-(?=\d+\.\d)")


def number(x: float | None, digits: int = 2) -> str:
    """A signed score as people read it: `+0.40`, `−0.13` with a true minus, `0.00` where it rounds to nothing."""
    if x is None:
        return "–"
    text = f"{abs(x):.{digits}f}"
    if float(text) == 0:
        return text
    return ("−" if x < 0 else "+") + text


def with_ends(x: float | None, low: float | None, high: float | None) -> str:
    """A score with its interval, e.g. `+0.31 (−0.20 to +0.82)`; alone where that is not known."""
    return number(x) if low is None or high is None else f"{number(x)} ({number(low)} to {number(high)})"


def true_minus(text: str) -> str:
    """A sentence with `-0.47` as it stands in commands' output, as pages write it; hyphens in names stay."""
    return _HYPHEN.sub("−", text)


def _fmt(x: float) -> str:
    return f"{x:.2f}".rstrip("0").rstrip(".")


def outline(scores: Sequence[float | None], geometry: Geometry) -> str:
    """SVG path data through the scores.

    Args:
        scores: one per value in circle order; None where there is no score.
        geometry: where scores lie.

    Returns:
        A closed path if all scores exist; otherwise one open stroke a stretch of neighbouring scores, and an empty
        string if there is none.
    """
    points = [None if s is None else geometry.at(i, geometry.radius(s)) for i, s in enumerate(scores)]
    if not any(points):
        return ""
    gap = next((i for i, p in enumerate(points) if p is None), None)
    turned = points if gap is None else points[gap:] + points[:gap]
    parts: list[str] = []
    pen = "M"
    for p in turned:
        if p is None:
            pen = "M"
            continue
        parts.append(f"{pen}{_fmt(p.x)} {_fmt(p.y)}")
        pen = "L"
    return "".join(parts) + ("Z" if gap is None else "")


def describe(
    scores: Sequence[float | None],
    low: Sequence[float | None],
    high: Sequence[float | None],
    *,
    matched: bool = False,
) -> str:
    """The profile in words: the text alternative of the drawing."""
    parts = []
    for d, s, a, b in zip(VALUES, scores, low, high, strict=True):
        interval = "" if a is None or b is None else f" (95 % interval {number(a)} to {number(b)})"
        parts.append(f"{d.name} {'no score' if s is None else number(s)}{interval}")
    what = "Matches on all items." if matched else "Scores in rating points relative to the model's own average."
    return f"{what} {'; '.join(parts)}."


def _arc(geometry: Geometry, first: int, last: int, radius: float) -> str:
    """Path data of the stretch of a circle that belongs to spokes `first` to `last`."""
    half = math.pi / len(VALUES) * 0.86
    start, end = (2 * math.pi * first / len(VALUES) - half, 2 * math.pi * last / len(VALUES) + half)
    a, b = (
        Point(geometry.centre.x + radius * math.sin(t), geometry.centre.y - radius * math.cos(t)) for t in (start, end)
    )
    large = int(end - start > math.pi)
    return f"M{_fmt(a.x)} {_fmt(a.y)}A{_fmt(radius)} {_fmt(radius)} 0 {large} 1 {_fmt(b.x)} {_fmt(b.y)}"


def families() -> list[tuple[str, str, int, int]]:
    """Name, colour, first and last spoke of each family, in circle order."""
    stretches: list[tuple[str, str, int, int]] = []
    for i, d in enumerate(VALUES):
        if stretches and stretches[-1][0] == d.family.name:
            name, colour, first, _ = stretches[-1]
            stretches[-1] = (name, colour, first, i)
        else:
            stretches.append((d.family.name, d.family.colour, i, i))
    return stretches


_NAME_IN_DRAWING: Final = re.compile(f"(<text[^>]*>({'|'.join(re.escape(d.name) for d in DIMENSIONS)})</text>)")


def _label(d: Dimension, i: int, geometry: Geometry) -> str:
    dx, dy = DIRECTIONS[i]
    at = geometry.at(i, geometry.rim + 13)
    anchor = "middle" if abs(dx) < 0.2 else ("start" if dx > 0 else "end")
    # letters hang from their baseline: push labels below the centre down, above up
    y = at.y + 4.5 + (4 if dy > 0.9 else -1 if dy < -0.9 else 0)
    return f'<text x="{_fmt(at.x)}" y="{_fmt(y)}" text-anchor="{anchor}" style="fill:{INK}">{escape(d.name)}</text>'


def frame(kind: Kind, *, tinted: bool = True) -> str:
    """What every portrait of a kind shares: spokes, rings, family arcs, names.

    Args:
        kind: of portrait.
        tinted: whether the arcs have their families' colours; not where colours tell models apart.
    """
    g = GEOMETRY[kind]
    cx, cy = _fmt(g.centre.x), _fmt(g.centre.y)
    parts: list[str] = []
    if kind == "full":
        for i in range(len(VALUES)):
            a, b = g.at(i, g.radius(-LIMIT)), g.at(i, g.rim)
            parts.append(
                f'<line x1="{_fmt(a.x)}" y1="{_fmt(a.y)}" x2="{_fmt(b.x)}" y2="{_fmt(b.y)}" style="stroke:{RULE}"/>'
            )
        parts += [
            f'<circle cx="{cx}" cy="{cy}" r="{_fmt(g.radius(s))}" fill="none" style="stroke:{RULE}" '
            'stroke-dasharray="1 3"/>'
            for s in (-0.5, 0.5, 1.0)
        ]
    width = {"full": 1.25, "thumb": 0.9, "logo": 1.75}[kind]
    colour = INK if kind != "thumb" else QUIET
    parts.append(
        f'<circle cx="{cx}" cy="{cy}" r="{_fmt(g.zero)}" fill="none" style="stroke:{colour}" stroke-width="{width}"/>'
    )
    if kind != "thumb":
        stroke = 4 if kind == "full" else 5
        offset = 4 if kind == "full" else -0.5
        parts += [
            f'<path d="{_arc(g, first, last, g.rim + offset)}" fill="none" '
            f'style="stroke:{tone if tinted else RULE}" stroke-width="{stroke}"/>'
            for _, tone, first, last in families()
        ]
    if kind == "full":
        parts += [_label(d, i, g) for i, d in enumerate(VALUES)]
    return "".join(parts)


def linked(drawing: str) -> Markup:
    """A drawing whose names of values lead to their pages: for a page, not for a file."""
    led = _NAME_IN_DRAWING.sub(lambda m: f'<a href="value?name={quote(m[2])}">{m[1]}</a>', drawing)
    # a drawing of ours; neither an image nor what is hidden from those who read by ear has links in it
    return Markup(led.replace('role="img"', 'role="group"', 1).replace('<g aria-hidden="true">', "<g>"))


def _wider(matches: Sequence[float | None]) -> list[float | None]:
    """Matches as scores that are drawn in the same place."""
    return [None if x is None else x * LIMIT / MATCH_LIMIT for x in matches]


def portrait(
    scores: Sequence[float | None],
    *,
    low: Sequence[float | None] | None = None,
    high: Sequence[float | None] | None = None,
    reference: Sequence[float | None] | None = None,
    name: str = "",
    kind: Kind = "full",
    muted: bool = False,
    matched: bool = False,
) -> str:
    """Draw a profile.

    Args:
        scores: one score per value in circle order, in rating points relative to the model's own average; None where
            there is none.
        low: lower ends of the 95 % intervals, if known.
        high: upper ends.
        reference: a profile to stand behind it, dotted.
        name: whose profile it is, for the title.
        kind: `full` with names and rings, `thumb` for lists, `logo`.
        muted: grey instead of the accent, for a flat or incomplete profile.
        matched: whether the numbers are matches on all items, which are drawn up to `MATCH_LIMIT`.

    Returns:
        A self-contained `<svg>` with title and description.
    """
    none: list[float | None] = [None] * len(VALUES)
    low, high = low or none, high or none
    said = describe(scores, low, high, matched=matched)
    if matched:
        scores, low, high = _wider(scores), _wider(low), _wider(high)
        reference = None if reference is None else _wider(reference)
    g = GEOMETRY[kind]
    colour = QUIET if muted else ACCENT
    heading = f"Value portrait of {name}" if name else "Value portrait"
    parts = [frame(kind)]
    line = outline(scores, g)
    if kind == "full" and reference is not None and (dotted := outline(reference, g)):
        parts.append(
            f'<path d="{dotted}" fill="none" style="stroke:{QUIET}" stroke-width="1.5" stroke-dasharray="0.1 4" '
            'stroke-linecap="round"/>'
        )
    if kind == "full" and None not in low and None not in high:
        band = outline(high, g) + outline(low, g)
        parts.append(f'<path d="{band}" fill-rule="evenodd" style="fill:{colour}" fill-opacity="0.16"/>')
    if line:
        width = {"full": 2.25, "thumb": 1.6, "logo": 3.25}[kind]
        opacity = 0 if kind == "full" else 0.12
        parts.append(
            f'<path d="{line}" style="stroke:{colour};fill:{colour}" fill-opacity="{opacity}" '
            f'stroke-width="{width}" stroke-linejoin="round"/>'
        )
    if kind == "full":
        for i, (d, s) in enumerate(zip(VALUES, scores, strict=True)):
            if s is not None:
                at = g.at(i, g.radius(s))
                parts.append(
                    f'<circle cx="{_fmt(at.x)}" cy="{_fmt(at.y)}" r="4" fill="{d.family.colour}" '
                    f'style="stroke:{GROUND}" stroke-width="1.25"/>'
                )
    return svg("".join(parts), g.width, g.height, heading, said, css=f"vp-portrait vp-{kind}")
