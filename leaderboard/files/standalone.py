"""A drawing as a file of its own: an SVG that needs nothing else.

Drawings stand on pages whose style sheet gives them colours and a font. A file brings its own: the variables of both
themes, chosen by the reader's system, a font stack, and a ground, so that it can be read wherever it is put.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Final

from markupsafe import escape

from leaderboard.web import assets

_FONT: Final = "'Source Sans Pro','Source Sans 3',system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif"
_SVG: Final = re.compile(r"<svg\b[^>]*>")
_VIEW: Final = re.compile(r'viewBox="([-\d.]+) ([-\d.]+) ([-\d.]+) ([-\d.]+)"')
_LIGHT: Final = r":root\s*\{([^}]*)\}"
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
    return f"{opening}{inside[:at]}<style>{theme_style('svg')}</style>{ground}{inside[at:]}{key}{words}</svg>\n"


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
def light_colours() -> dict[str, str]:
    """The light theme's variables, as `page.css` gives them."""
    return dict(_pairs(assets.text("page.css"), _LIGHT))


@cache
def theme_style(selector: str) -> str:
    """Style rules that give an element the colours of both themes, as `page.css` has them, and a font."""
    sheet = assets.text("page.css")
    light, dark = _variables(sheet, _LIGHT), _variables(sheet, r"\.dark\s*\{([^}]*)\}")
    return (
        f"{selector}{{{light}font-family:{_FONT};font-variant-numeric:tabular-nums}}"
        f"@media (prefers-color-scheme:dark){{{selector}{{{dark}}}}}"
    )


def _variables(sheet: str, rule: str) -> str:
    return "".join(f"{name}:{value};" for name, value in _pairs(sheet, rule))


def _pairs(sheet: str, rule: str) -> list[tuple[str, str]]:
    found = "".join(re.findall(rule, sheet))
    return [(name, value.strip()) for name, value in re.findall(r"(--vp-[a-z-]+):\s*([^;]+);", found)]
