"""A matrix of similarities as an SVG string: like beside like, cells that cannot be told apart from the mean blank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from markupsafe import Markup, escape

from leaderboard.charts.portrait import INK, QUIET, RULE, number, svg, with_ends

ABOVE: Final = "var(--vp-above, #008080)"
BELOW: Final = "var(--vp-below, #7b3294)"
_LONGEST: Final = 30
"""Characters of a name that fit."""
_NAMES: Final = 216.0


class MatrixCell(NamedTuple):
    """Two models."""

    r: float
    low: float | None
    high: float | None
    shown: bool
    """Whether it is told apart from the average pair."""


def matrix(names: Sequence[str], cells: Sequence[Sequence[MatrixCell]], mean: float) -> Markup:
    """Draw it.

    Args:
        names: of the models, in the order of rows and columns.
        cells: shape (models, models); the diagonal is not looked at.
        mean: similarity of the average pair.

    Returns:
        A self-contained `<svg>`; its description says how many pairs are shown.
    """
    n = len(names)
    size = 24.0 if n <= 40 else 16.0 if n <= 80 else 9.0
    font = min(13.0, size - 2)
    side = n * size
    top = _NAMES * 0.72
    width, height = _NAMES + side + 90, top + side + 4
    shown = sum(cells[i][j].shown for i in range(n) for j in range(i))
    told = f"{shown} of {n * (n - 1) // 2} pairs of models are told apart from the average pair, {number(mean)}."
    parts: list[str] = []
    for i in range(n + 1):
        at = i * size
        parts.append(
            f'<path d="M{_NAMES:g} {top + at:g}h{side:g}M{_NAMES + at:g} {top:g}v{side:g}" style="stroke:{RULE}" '
            'stroke-width="0.75"/>'
        )
    for i, row in enumerate(cells):
        for j, cell in enumerate(row):
            x, y = _NAMES + j * size, top + i * size
            if i == j:
                parts.append(f'<rect x="{x:g}" y="{y:g}" width="{size:g}" height="{size:g}" style="fill:{RULE}"/>')
            elif cell.shown:
                colour, strength = (ABOVE, cell.r) if cell.r > mean else (BELOW, -cell.r)
                said = with_ends(cell.r, cell.low, cell.high)
                parts.append(
                    f'<rect x="{x + 0.5:g}" y="{y + 0.5:g}" width="{size - 1:g}" height="{size - 1:g}" '
                    f'style="fill:{colour}" fill-opacity="{0.15 + 0.7 * min(1.0, max(0.0, strength)):.2f}">'
                    f"<title>{escape(f'{names[i]} and {names[j]}: {said}')}</title></rect>"
                )
    for i, name in enumerate(names):
        said = name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
        y, x = top + (i + 0.5) * size + font * 0.35, _NAMES + (i + 0.5) * size
        parts.append(
            f'<text x="{_NAMES - 6:g}" y="{y:.1f}" text-anchor="end" style="fill:{INK}">{escape(said)}</text>'
            f'<text x="{x:.1f}" y="{top - 6:g}" transform="rotate(-42 {x:.1f} {top - 6:g})" style="fill:{QUIET}">'
            f"{escape(said)}</text>"
        )
    drawn = svg("".join(parts), width, height, "Similarity of all pairs of models", told, css="vp-matrix", size=font)
    return Markup(drawn)  # numbers, and what `escape` passed
