"""The map as SVG strings and as rows of a table.

Pure functions of a `leaderboard.boards.map_positions.Map`: no I/O, no state. Both coordinates have one scale, so that
distances are true. Names stand beside dots only where there is room: highlighted rows first, then people, then the
rows farthest from the middle; every dot has its name as its title. Colours are CSS variables with the light theme as
fallback, as in `leaderboard.charts.portrait`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import quote

from markupsafe import Markup, escape

from data.values import VALUES
from leaderboard.analysis.projection import Place
from leaderboard.boards.map_positions import Interval, Map, Placed, PlacedModel, PlacedPeople
from leaderboard.charts.labels import TEXT, Box, beside, width_of
from leaderboard.charts.portrait import ACCENT, GROUND, INK, LINE, QUIET, RULE, Point, families, number, svg, with_ends

Size = Literal["wide", "narrow"]
Cell = str | float | bool | None

LABELLED: Final = 8
"""How many rows have their names beside them where none is highlighted."""
MOST: Final = 12
"""How many names at most."""
CROWD: Final = 150
"""With more rows than these dots are smaller and paler."""
OVALS: Final = 12
"""Up to how many highlighted rows have their 95 % region drawn."""
_TAU: Final = 2 * math.pi


@dataclass
class _Sheet:
    """A drawing in the making: where rating points (or matches) lie, and what stands there already."""

    size: Size
    width: float
    height: float
    middle: Point
    """Where the plane's origin lies."""
    unit: float
    """Length of one rating point."""
    swapped: bool
    """Whether the first coordinate points up (the circle: Self-Direction on top, angles clockwise)."""
    bounds: Box
    """Where names of models may stand."""
    parts: list[str] = field(default_factory=list)
    taken: list[Box] = field(default_factory=list)

    def at(self, place: Place) -> Point:
        right, up = (place.y, place.x) if self.swapped else place
        return Point(self.middle.x + right * self.unit, self.middle.y - up * self.unit)

    def around(self, angle: float, radius: float) -> Point:
        """A point at an angle of the circle in degrees, `radius` in the drawing's units."""
        t = math.radians(angle)
        return Point(self.middle.x + radius * math.sin(t), self.middle.y - radius * math.cos(t))

    def text(self, x: float, y: float, words: str, *, anchor: str = "middle", colour: str = QUIET) -> None:
        self.parts.append(
            f'<text x="{_f(x)}" y="{_f(y)}" text-anchor="{anchor}" style="fill:{colour}">{escape(words)}</text>'
        )
        wide = width_of(words)
        left = x - (wide / 2 if anchor == "middle" else wide if anchor == "end" else 0)
        self.taken.append(Box(left - 2, y - TEXT, left + wide + 2, y + 4))


def _within(width: float, height: float) -> Box:
    return Box(2, 2, width - 2, height - 2)


def _f(x: float) -> str:
    return f"{x + 0.0:.1f}".removesuffix(".0")


def map_svg(shown: Map, size: Size = "wide") -> Markup:
    """Draw a map.

    Args:
        shown: what is on it.
        size: `wide`, or `narrow` for a phone, where fewer names have room.

    Returns:
        A self-contained `<svg>` with title and description.
    """
    sheet = _circle(shown, size) if shown.view == "circle" else _plane(shown, size)
    ground = "".join(sheet.parts)
    sheet.parts = []
    _marks(shown, sheet)
    title = "Models on the circle of values" if shown.view == "circle" else "Models and people on a plane of values"
    drawn, height = f'<g aria-hidden="true">{ground}</g>{"".join(sheet.parts)}', round(sheet.height, 1)
    css = f"vp-map-svg vp-map-{size}"
    # all that is put in is a number or escaped
    return Markup(svg(drawn, sheet.width, height, title, describe(shown), css=css, size=TEXT, role="group"))


def describe(shown: Map) -> str:
    """The map in words; its table has the numbers."""
    marked = [m for m in shown.models if m.highlighted]
    words = f"{len(shown.models)} models"
    if people := [p for p in shown.people if p.kind == "group"]:
        words += f" and {len(people)} groups of people"
    told = "; ".join(said(m) for m in marked[:OVALS])
    return f"{words}. {told + '. ' if told else ''}The table beside it has the same numbers."


def said(m: PlacedModel) -> str:
    """A row's place in words."""
    if m.angle is None or m.fit is None:
        return f"{m.name}: all ten values are equal"
    return f"{m.name}: wave towards {toward(m.angle.value)}, length {m.length.value:.2f}, fit {100 * m.fit.value:.0f} %"


def toward(angle: float) -> str:
    """The value nearest to an angle of the circle."""
    return VALUES[round(angle / 36) % len(VALUES)].name


# ---- grounds -------------------------------------------------------------------------------------------------------


def _circle(shown: Map, size: Size) -> _Sheet:
    # on a phone the names beside the circle leave little room for it
    width, height, rim, gap = (720.0, 620.0, 266.0, 14.0) if size == "wide" else (376.0, 290.0, 112.0, 10.0)
    longest = max((_reach(m) for m in (*shown.models, *shown.people)), default=0.0)
    limit = max(0.3, math.ceil(longest * 1.04 * 10) / 10)
    sheet = _Sheet(size, width, height, Point(width / 2, height / 2), rim / limit, True, _within(width, height))
    x, y = sheet.middle
    for i in range(len(VALUES)):
        end = sheet.around(36 * i, rim)
        sheet.parts.append(f'<path d="M{_f(x)} {_f(y)}L{_f(end.x)} {_f(end.y)}" style="stroke:{RULE}"/>')
    step = next(s for s in (0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0) if limit / s <= 4)
    ring = step
    while ring < limit - 1e-9:
        r = ring * sheet.unit
        sheet.parts.append(
            f'<circle cx="{_f(x)}" cy="{_f(y)}" r="{_f(r)}" fill="none" style="stroke:{RULE}" stroke-dasharray="1 3"/>'
        )
        spot = sheet.around(162, r)
        sheet.text(spot.x, spot.y + 4, f"{ring:.2f}".rstrip("0").rstrip("."))
        ring += step
    sheet.parts.append(f'<circle cx="{_f(x)}" cy="{_f(y)}" r="{_f(rim)}" fill="none" style="stroke:{INK}"/>')
    for _, colour, first, last in families():
        a, b = sheet.around(36 * first - 15.5, rim + 5), sheet.around(36 * last + 15.5, rim + 5)
        sheet.parts.append(
            f'<path d="M{_f(a.x)} {_f(a.y)}A{_f(rim + 5)} {_f(rim + 5)} 0 0 1 {_f(b.x)} {_f(b.y)}" fill="none" '
            f'stroke="{colour}" stroke-width="5"/>'
        )
    for angle in range(0, 360, 2):  # no name may lie across the rim
        p = sheet.around(angle, rim + 4)
        sheet.taken.append(Box(p.x - 6, p.y - 6, p.x + 6, p.y + 6))
    for i, value in enumerate(VALUES):
        spot = sheet.around(36 * i, rim + gap)
        dx = math.sin(math.radians(36 * i))
        anchor = "middle" if abs(dx) < 0.2 else "start" if dx > 0 else "end"
        down = spot.y + (TEXT * 0.75 if i == 5 else 0 if i == 0 else 4)
        sheet.text(spot.x, down, value.name, anchor=anchor, colour=INK)
    sheet.parts.append(f'<circle cx="{_f(x)}" cy="{_f(y)}" r="2" style="fill:{INK}"/>')
    return sheet


def _reach(of: Placed) -> float:
    """How far from the middle something of it is drawn."""
    if isinstance(of, PlacedModel) and of.highlighted and of.length.high is not None:
        return of.length.high
    return of.length.value


def _plane(shown: Map, size: Size) -> _Sheet:
    wide = size == "wide"
    width = 720.0 if wide else 376.0
    left, right, top, bottom = (24.0, 24.0, 34.0, 44.0) if wide else (8.0, 8.0, 30.0, 40.0)
    ends = [Place(0.0, 0.0)]
    for m in (*shown.models, *shown.people):
        ends.append(m.place)
        if isinstance(m, PlacedModel) and m.highlighted and m.region is not None:
            ends += [Place(m.x.value + s * m.region.major, m.y.value + s * m.region.major) for s in (-1, 1)]
    extent = max(max(p[k] for p in ends) - min(p[k] for p in ends) for k in (0, 1))
    step = next(s for s in (0.25, 0.5, 1.0, 2.0, 5.0) if extent / s <= (10 if wide else 6))
    low = Place(*(step * math.floor(min(p[k] for p in ends) / step - 0.15) for k in (0, 1)))
    high = Place(*(step * math.ceil(max(p[k] for p in ends) / step + 0.15) for k in (0, 1)))
    unit = (width - left - right) / (high.x - low.x)
    # a plane much higher than wide would not fit onto a screen
    unit = min(unit, (620.0 if wide else 420.0) / (high.y - low.y))
    more = math.floor(((width - left - right) / unit - (high.x - low.x)) / 2 / step) * step
    low, high = Place(low.x - more, low.y), Place(high.x + more, high.y)
    spare = (width - left - right - unit * (high.x - low.x)) / 2
    height = top + bottom + unit * (high.y - low.y)
    sheet = _Sheet(
        size,
        width,
        height,
        Point(left + spare - low.x * unit, top + high.y * unit),
        unit,
        False,
        _within(width, height),
    )
    corner, far = sheet.at(Place(low.x, high.y)), sheet.at(Place(high.x, low.y))
    sheet.bounds = Box(corner.x + 2, corner.y + 2, far.x - 2, far.y - 2)
    for k in range(round((high.x - low.x) / step) + 1):
        value = low.x + k * step
        x = sheet.at(Place(value, 0)).x
        style = f'style="stroke:{LINE if abs(value) < 1e-9 else RULE}"'
        sheet.parts.append(f'<path d="M{_f(x)} {_f(corner.y)}V{_f(far.y)}" {style}/>')
        if abs(x - corner.x) > 12 and abs(x - far.x) > 12:
            sheet.text(x, far.y + 16, _tick(value))
    for k in range(round((high.y - low.y) / step) + 1):
        value = low.y + k * step
        y = sheet.at(Place(0, value)).y
        style = f'style="stroke:{LINE if abs(value) < 1e-9 else RULE}"'
        sheet.parts.append(f'<path d="M{_f(corner.x)} {_f(y)}H{_f(far.x)}" {style}/>')
        if 12 < y - corner.y < far.y - corner.y - 12:
            sheet.text(corner.x + 3, y - 4, _tick(value), anchor="start")
    origin = sheet.middle.x
    over = min(max(origin, width_of("Self-Transcendence") / 2 + 8), width - width_of("Self-Transcendence") / 2 - 8)
    colours = {name: colour for name, colour, _, _ in families()}
    for name, x, y, anchor in (
        ("Self-Transcendence", over, corner.y - 14, "middle"),
        ("Self-Enhancement", over, far.y + 34, "middle"),
        ("Openness to Change", far.x, far.y + 34, "end"),
        ("Conservation", corner.x, far.y + 34, "start"),
    ):
        if name == "Self-Enhancement" and not wide:
            y = far.y - 6
        sheet.text(x, y, name, anchor=anchor, colour=INK)
        wide_name = width_of(name)
        start = x - (wide_name / 2 if anchor == "middle" else wide_name if anchor == "end" else 0)
        sheet.parts.append(
            f'<path d="M{_f(start)} {_f(y + 5)}h{_f(wide_name)}" stroke="{colours[name]}" stroke-width="3"/>'
        )
    return sheet


def _tick(value: float) -> str:
    return "0" if abs(value) < 1e-9 else number(value).rstrip("0").rstrip(".")


# ---- marks ---------------------------------------------------------------------------------------------------------


def _marks(shown: Map, sheet: _Sheet) -> None:
    marked = [m for m in shown.models if m.highlighted]
    radius = _radius(shown, sheet.size)
    sheet.parts += [_oval(p, sheet, INK) for p in shown.people]
    for m in marked[:OVALS]:
        sheet.parts.append(_arc(m, sheet) if shown.view == "circle" else _oval(m, sheet, ACCENT))
    by_id = {p.id: p for p in shown.people}
    for c in shown.contrasts:
        a, b = sheet.at(by_id[c.toward].place), sheet.at(by_id[c.against].place)
        sheet.parts.append(
            f'<path d="M{_f(a.x)} {_f(a.y)}L{_f(b.x)} {_f(b.y)}" style="stroke:{INK}" stroke-width="1"/>'
        )
    if (linked := _link(shown, sheet)) is not None:
        sheet.parts.append(linked)
    # small dots over large ones, highlighted ones over all
    order = sorted(shown.models, key=lambda m: (m.highlighted, -radius(m)))
    quiet = bool(marked) or len(order) > CROWD
    sheet.parts += [_dot(m, sheet, radius(m), quiet=quiet and not m.highlighted) for m in order]
    sheet.parts += [_person(p, sheet) for p in shown.people]
    _names(shown, sheet, radius)


def _radius(shown: Map, size: Size) -> Callable[[PlacedModel], float]:
    """How large a dot is: on the circle the larger the more the wave explains."""
    scale = (1.0 if size == "wide" else 0.75) * (1.0 if len(shown.models) <= CROWD else 0.65)

    def radius(m: PlacedModel) -> float:
        fit = m.fit.value if m.fit is not None else 0.0
        return scale * (2.5 + 4.5 * fit if shown.view == "circle" else 4.5)

    return radius


def _dot(m: PlacedModel, sheet: _Sheet, r: float, *, quiet: bool) -> str:
    p = sheet.at(m.place)
    colour = QUIET if m.muted else ACCENT
    fill = colour if m.highlighted or not m.muted else GROUND
    opacity = 'fill-opacity="0.3" stroke-opacity="0.5"' if quiet else f'fill-opacity="{1 if m.highlighted else 0.55}"'
    chosen = " vp-chosen" if m.highlighted else ""
    return (
        f'<a class="vp-map-dot{chosen}" href="model?id={escape(quote(m.id, safe=""))}" data-row="{escape(m.id)}">'
        f'<title>{escape(said(m))}</title><circle cx="{_f(p.x)}" cy="{_f(p.y)}" r="{_f(r)}" '
        f'style="fill:{fill};stroke:{colour}" {opacity}/></a>'
    )


def _person(of: PlacedPeople, sheet: _Sheet) -> str:
    p = sheet.at(of.place)
    raters = of.kind != "group"
    half = (6.0 if raters else 4.0) * (1.0 if sheet.size == "wide" else 0.8)
    fill = INK if of.kind == "raters" else GROUND
    shape = f"M{_f(p.x)} {_f(p.y - half)}l{_f(half)} {_f(half)}l{_f(-half)} {_f(half)}l{_f(-half)} {_f(-half)}Z"
    title = f"{of.name}: {pair(of)}"
    return (
        f'<g class="vp-map-people"><title>{escape(title)}</title>'
        f'<path d="{shape}" style="fill:{fill};stroke:{INK}" stroke-width="1.25"/></g>'
    )


def pair(of: Placed) -> str:
    """A place in words."""
    return f"{interval(of.x)} and {interval(of.y)}"


def interval(of: Interval) -> str:
    """A number with its interval in words."""
    return with_ends(of.value, of.low, of.high)


def _oval(of: Placed, sheet: _Sheet, colour: str) -> str:
    """The 95 % region."""
    if of.region is None:
        return ""
    p = sheet.at(of.place)
    # where the first coordinate points up, angles go clockwise from there
    turn = of.region.turn - 90 if sheet.swapped else -of.region.turn
    return (
        f'<ellipse cx="{_f(p.x)}" cy="{_f(p.y)}" rx="{_f(of.region.major * sheet.unit)}" '
        f'ry="{_f(of.region.minor * sheet.unit)}" transform="rotate({_f(turn)} {_f(p.x)} {_f(p.y)})" '
        f'style="fill:{colour};stroke:{colour}" fill-opacity="0.07" stroke-opacity="0.5"/>'
    )


def _arc(m: PlacedModel, sheet: _Sheet) -> str:
    """The interval of the direction along the circle, that of the length along the radius."""
    if m.angle is None or m.angle.low is None or m.angle.high is None:
        return ""
    r = m.length.value * sheet.unit
    a, b = sheet.around(m.angle.low, r), sheet.around(m.angle.high, r)
    large = int((m.angle.high - m.angle.low) % 360 > 180)
    path = f"M{_f(a.x)} {_f(a.y)}A{_f(r)} {_f(r)} 0 {large} 1 {_f(b.x)} {_f(b.y)}"
    if m.length.low is not None and m.length.high is not None:
        near, far = (sheet.around(m.angle.value, x * sheet.unit) for x in (m.length.low, m.length.high))
        path += f"M{_f(near.x)} {_f(near.y)}L{_f(far.x)} {_f(far.y)}"
    return f'<path class="vp-map-arc" d="{path}" fill="none" style="stroke:{ACCENT}" stroke-width="1.75"/>'


def _link(shown: Map, sheet: _Sheet) -> str | None:
    """A dotted line between the same people on the two instruments."""
    by_kind = {p.kind: sheet.at(p.place) for p in shown.people if p.kind != "group"}
    if len(by_kind) < 2:
        return None
    a, b = by_kind["raters"], by_kind["raters on the PVQ-21"]
    return (
        f'<path d="M{_f(a.x)} {_f(a.y)}L{_f(b.x)} {_f(b.y)}" style="stroke:{QUIET}" stroke-width="1.5" '
        'stroke-dasharray="0.1 4" stroke-linecap="round"/>'
    )


def _names(shown: Map, sheet: _Sheet, radius: Callable[[PlacedModel], float]) -> None:
    everybody: Sequence[Placed] = (*shown.models, *shown.people)
    dots = [
        Box(p.x - r, p.y - r, p.x + r, p.y + r)
        for m in everybody
        for p, r in [(sheet.at(m.place), radius(m) if isinstance(m, PlacedModel) else 4.0)]
    ]
    marked = [m for m in shown.models if m.highlighted]
    far = sorted((m for m in shown.models if not m.muted), key=lambda m: -m.length.value)
    rows = marked[:MOST] if marked else far[: LABELLED if sheet.size == "wide" else 4]
    people = sorted(shown.people, key=lambda p: (p.kind == "group", -p.length.value))
    wanted = [*rows, *people] if marked else [*people, *rows]
    labels = beside([(w.name, sheet.at(w.place)) for w in wanted], [*sheet.taken, *dots], sheet.bounds)
    for of, label in zip(wanted, labels, strict=True):
        if label is None:
            continue
        row = f' data-row="{escape(of.id)}"' if isinstance(of, PlacedModel) else ""
        sheet.parts.append(
            f'<text class="vp-map-name" aria-hidden="true"{row} x="{_f(label.x)}" y="{_f(label.y)}" '
            f'text-anchor="{label.anchor}" style="fill:{INK if isinstance(of, PlacedModel) else QUIET};'
            f'stroke:{GROUND};stroke-width:3px;paint-order:stroke">{escape(of.name)}</text>'
        )


# ---- the same as rows ----------------------------------------------------------------------------------------------


def map_rows(shown: Map) -> list[dict[str, Cell]]:
    """The map as rows of a table: one a model and one a group of people, full precision, None where a number is not."""
    return [_row(m, "model") for m in shown.models] + [_row(p, p.kind) for p in shown.people]


def _row(of: Placed, kind: str) -> dict[str, Cell]:
    """A row and people have the same columns: people have no developer, family, direction or fit."""
    row: dict[str, Cell] = {"kind": kind, "id": of.id, "name": of.name}
    row |= {name: getattr(of, name, None) for name in ("developer", "family", "muted")}
    for name in ("x", "y", "length", "angle", "fit"):
        for ending, end in (("", "value"), ("_low", "low"), ("_high", "high")):
            row[name + ending] = getattr(getattr(of, name, None), end, None)
    return row | {f"ellipse_{name}": getattr(of.region, name, None) for name in ("major", "minor", "turn")}
