"""A badge: two short texts side by side, as an SVG for the top of a model card. Pure.

Its colours are the same on a light and a dark page; both texts are set to a stated width, so that they fit whatever
font the reader has.
"""

from __future__ import annotations

from typing import Final

from markupsafe import escape

HEIGHT: Final = 20
_LABEL: Final = "#3d444d"
_MESSAGE: Final = "#2f4b7c"
"""The accent of the light theme: white text on it has a contrast of 8.6."""
_SIDES: Final = 8
_WIDTHS: Final = dict.fromkeys("fijlrtI.,:;'|()·- ", 4.2) | dict.fromkeys("mwMW@%", 9.6)
"""Width of a character at 11 px in a wide sans serif; of others `_WIDTH`."""
_WIDTH: Final = 6.7
_LONGEST: Final = 80


def badge(label: str, message: str) -> str:
    """Draw a badge.

    Args:
        label: at the left, on grey.
        message: at the right, on the accent.

    Returns:
        An `<svg>` with a title; user text is safe here.
    """
    label, message = _short(label), _short(message)
    left, right = (round(sum(_WIDTHS.get(c, _WIDTH) for c in text) + 2 * _SIDES) for text in (label, message))
    said = escape(f"{label}: {message}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{HEIGHT}" '
        f'viewBox="0 0 {left + right} {HEIGHT}" role="img" aria-label="{said}"><title>{said}</title>'
        f'<clipPath id="r"><rect width="{left + right}" height="{HEIGHT}" rx="3"/></clipPath><g clip-path="url(#r)">'
        f'<rect width="{left}" height="{HEIGHT}" fill="{_LABEL}"/>'
        f'<rect x="{left}" width="{right}" height="{HEIGHT}" fill="{_MESSAGE}"/></g>'
        f'<g fill="#fff" font-family="Verdana,\'DejaVu Sans\',Geneva,sans-serif" font-size="11">'
        f"{_text(label, 0, left)}{_text(message, left, right)}</g></svg>\n"
    )


def _text(text: str, x: int, width: int) -> str:
    return f'<text x="{x + _SIDES}" y="14" textLength="{width - 2 * _SIDES}">{escape(text)}</text>'


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"
