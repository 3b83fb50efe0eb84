"""Charts as files of their own: an SVG that needs nothing else, and its numbers as a table.

Drawings stand on pages whose style sheet gives them colours and a font. A file brings its own: the variables of both
themes, chosen by the reader's system, a font stack, and a ground, so that it can be read wherever it is put.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from markupsafe import escape

from data.values import SCALE_NAMES, SCALES, VALUES
from eval_queue.records import Result
from eval_queue.store.compiled import Column
from leaderboard.charts.comparison import STROKES, overlay, sheet_over_time
from leaderboard.charts.dot_plot import Axis, PlotRow, between, dot_plot, interval
from leaderboard.charts.portrait import number, portrait
from leaderboard.exports.formats import Sheet, UnknownFile
from leaderboard.pages.compare.data import CompareData, Pair
from leaderboard.pages.compare.page import limit_of, lines, panels
from leaderboard.pages.model.page import ten
from leaderboard.web import assets

_FONT: Final = "'Source Sans Pro','Source Sans 3',system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif"
_SVG: Final = re.compile(r"<svg\b[^>]*>")
_VIEW: Final = re.compile(r'viewBox="([-\d.]+) ([-\d.]+) ([-\d.]+) ([-\d.]+)"')
_SIDES: Final = 28
"""Room left and right: names are wider where the reader has another font."""
_ENDS: Final = 12
_CHARACTER: Final = 7.2
"""Width of a caption's character in a wide font."""


def standalone(svg: str, *, caption: str = "", legend: Sequence[tuple[str, str, str]] = ()) -> str:
    """A drawing as a file.

    Args:
        svg: one `<svg>` element with a view box, made by a function of ours.
        caption: a line under it, e.g. what it shows and from when it is; user text is safe here.
        legend: name, colour and dash of each line in it, in an order of their own below; user text is safe here.
    """
    head, view = _SVG.search(svg), _VIEW.search(svg)
    if head is None or view is None:
        raise ValueError("not a drawing with a view box")
    x, y, width, height = (float(part) for part in view.groups())
    x, y, width, height = x - _SIDES, y - _ENDS, width + 2 * _SIDES, height + 2 * _ENDS
    lines = _lines(caption, width)
    key = _legend(legend, x + _SIDES, y + height)
    height += 18 * len(legend) + (16 * len(lines) + 8 if lines else 0)
    opening = _VIEW.sub(f'viewBox="{x:g} {y:g} {width:g} {height:g}"', head.group())
    opening = re.sub(r' (?:width|height|font-family)="[^"]*"', "", opening)
    opening = f'{opening[:-1]} width="{width:g}" height="{height:g}">'
    words = "".join(
        f'<text x="{x + width / 2:g}" y="{y + height - 8 - 16 * (len(lines) - 1 - i):g}" text-anchor="middle" '
        f'font-size="12" style="fill:var(--vp-quiet)">{escape(line)}</text>'
        for i, line in enumerate(lines)
    )
    ground = f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" style="fill:var(--vp-ground)"/>'
    # title and description must come first to be the drawing's own
    inside = svg[head.end() : svg.rindex("</svg>")]
    at = max((inside.find(end) + len(end) for end in ("</title>", "</desc>") if end in inside), default=0)
    return f"{opening}{inside[:at]}{_style()}{ground}{inside[at:]}{key}{words}</svg>\n"


def _legend(entries: Sequence[tuple[str, str, str]], x: float, y: float) -> str:
    return "".join(
        f'<path d="M{x:g} {y + 18 * i + 8:g}h34" fill="none" style="stroke:{colour}" stroke-width="2.25" '
        f'stroke-dasharray="{dash}"/><text x="{x + 42:g}" y="{y + 18 * i + 12:g}" font-size="13" '
        f'style="fill:var(--vp-ink)">{escape(name)}</text>'
        for i, (name, colour, dash) in enumerate(entries)
    )


def _lines(caption: str, width: float) -> list[str]:
    """The caption in lines that fit."""
    lines: list[str] = []
    for word in caption.split():
        if lines and len(lines[-1]) + len(word) < (width - 2 * _ENDS) / _CHARACTER:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


@cache
def _style() -> str:
    """The colours of both themes, as `page.css` gives them, and a font."""
    sheet = assets.text("page.css")
    light, dark = _variables(sheet, r":root\s*\{([^}]*)\}"), _variables(sheet, r"\.dark\s*\{([^}]*)\}")
    return (
        f"<style>svg{{{light}font-family:{_FONT};font-variant-numeric:tabular-nums}}"
        f"@media (prefers-color-scheme:dark){{svg{{{dark}}}}}</style>"
    )


def _variables(sheet: str, rule: str) -> str:
    found = "".join(re.findall(rule, sheet))
    return "".join(f"{name}:{value.strip()};" for name, value in re.findall(r"(--vp-[a-z-]+):\s*([^;]+);", found))


def portrait_svg(result: Result) -> str:
    """A row's portrait with its band."""
    cells = ten(result)
    drawn = portrait(
        [c.score if c else None for c in cells],
        low=[c.low if c else None for c in cells],
        high=[c.high if c else None for c in cells],
        name=result.model,
        muted=result.complete is False or result.flat is True,
    )
    said = f"{result.model}. Ring: its own average; band: 95 % interval. No value is better than another."
    return standalone(drawn, caption=said)


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


def scores_svg(result: Result) -> str:
    """A row's scores on every scale, with their intervals."""
    groups = [
        (
            SCALE_NAMES[scale],
            [
                PlotRow(
                    d.name,
                    c.score,
                    d.family.colour,
                    span=interval(c.low, c.high),
                    figures=(number(c.score), between(c.low, c.high)),
                )
                for d in dimensions
                if (c := result.scales[scale].dimensions.get(d.name)) is not None
            ],
        )
        for scale, dimensions in SCALES.items()
        if scale in result.scales
    ]
    axis = Axis(-1, 1, (-1, -0.5, 0, 0.5, 1))
    drawn = dot_plot(f"Scores of {result.model}", axis, groups, ("Score", "95 % interval"))
    said = f"{result.model}. Rating points around its own average on each scale. No value is better than another."
    return standalone(drawn, caption=said)


def scores_sheet(result: Result) -> Sheet:
    """The numbers of those scores."""
    figures = tuple(
        {"scale": SCALE_NAMES[scale], "dimension": d.name, **{f: getattr(c, f) for f in _FIGURES}}
        for scale, dimensions in SCALES.items()
        if scale in result.scales
        for d in dimensions
        if (c := result.scales[scale].dimensions.get(d.name)) is not None
    )
    return Sheet("scores", {"model": result.model, "id": result.id}, _SCORES, figures)


def compare_svg(found: CompareData) -> str:
    """The rows of a comparison on one circle, with a legend.

    Raises:
        UnknownFile: there is nothing to draw.
    """
    if not found.members or found.choice.scale != "pvq":
        raise UnknownFile("id: name two to five rows on the scale of the ten values")
    names = [(line.name, stroke.colour, stroke.dash) for line, stroke in zip(lines(found), STROKES, strict=False)]
    return standalone(overlay(lines(found)), legend=names, caption="Ring: each model's own average.")


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
        return PlotRow(
            label,
            d.difference,
            colour,
            hollow=not d.separates,
            span=(d.low, d.high),
            figures=(number(d.difference), between(d.low, d.high)),
        )

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
    return standalone(drawn, caption=f"{title}, in rating points. Hollow: not distinguishable after Holm’s correction.")


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
    *_PORTRAIT[1:],
)


def releases_sheet(found: CompareData) -> Sheet:
    """The numbers of a model's releases, one a release and dimension."""
    rows = tuple(
        {"model": m.model, "id": m.id, "released": m.released and m.released.isoformat()}
        | {"scale": found.choice.scale, "dimension": name}
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
