"""The picture that stands beside a link to a row or to the board, 1200x630: portrait, name, and what is behind it.

It is drawn as an SVG and made a PNG by resvg, which needs no library of the system; the font is the pages' own, which
Gradio brings along, so that the picture is the same on every machine.
"""

from __future__ import annotations

import re
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

import gradio
import resvg_py
from markupsafe import escape

from eval_queue.records import Result
from leaderboard.analysis.summary import queries_of, sentence
from leaderboard.boards.results import mean_profile
from leaderboard.charts.portrait import portrait, true_minus
from leaderboard.exports.formats import UnknownFile
from leaderboard.exports.standalone import light_colours
from leaderboard.pages.model.page import ten
from leaderboard.site.badges import BENCHMARKS
from leaderboard.site.site import Site

WIDTH: Final = 1200
HEIGHT: Final = 630
FONT: Final = "Source Sans 3"
"""What the files in Gradio's folder `SourceSansPro` call themselves."""
_FONTS: Final = Path(gradio.__file__).parent / "templates" / "frontend" / "static" / "fonts" / "SourceSansPro"
_VARIABLE: Final = re.compile(r"var\((--vp-[a-z-]+)(?:,[^()]*)?\)")
_LEFT: Final = 64
_NAME_LINES: Final = 3
_WORDS_LINES: Final = 7


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """The fonts in the form that resvg reads, for as long as this process lives."""
    from fontTools.ttLib import TTFont

    folder = tempfile.TemporaryDirectory(prefix="value-portrait-fonts-")
    for weight in ("Regular", "Bold"):
        font = TTFont(_FONTS / f"SourceSansPro-{weight}.woff2")
        font.flavor = None
        font.save(Path(folder.name) / f"{weight}.ttf")
    return folder


def png(svg: str) -> bytes:
    """An SVG of ours as a PNG, in the light theme's colours."""
    colours = light_colours()
    plain = _VARIABLE.sub(lambda found: colours[found[1]], svg).replace(
        'font-family="inherit"', f'font-family="{FONT}"'
    )
    made: bytes = resvg_py.svg_to_bytes(
        svg_string=plain,
        background=colours["--vp-ground"],
        skip_system_fonts=True,
        font_dirs=[_folder().name],
        font_family=FONT,
        sans_serif_family=FONT,
    )
    return bytes(made)


def card(site: Site, id_: str | None) -> bytes:
    """The picture of a row, or of the board that opens where no row is named, as a PNG.

    Raises:
        UnknownFile: there is no such row, or no board.
    """
    if id_:
        result = site.by_id().get(id_)
        if result is None:
            raise UnknownFile(f"id: no row is called {id_!r}")
        return png(row_svg(site, result))
    boards = site.boards()
    if not boards:
        raise UnknownFile("there is no result to draw yet")
    rows = boards[0].results
    words = f"The ten values of {len(rows)} language models, with the uncertainty of every number. " + NO_WINNER
    drawn = portrait(mean_profile(rows), name="the board")
    return png(card_svg(drawn, "Value Portrait Leaderboard", "Which values models put first", words))


NO_WINNER: Final = "No value is better than another."


def row_svg(site: Site, result: Result) -> str:
    """The picture of a row as an SVG."""
    cells = ten(result)
    raters = site.raters(result.benchmark.digest)
    drawn = portrait(
        [c.score if c else None for c in cells],
        low=[c.low if c else None for c in cells],
        high=[c.high if c else None for c in cells],
        reference=None if raters is None else list(raters),
        name=result.model,
        muted=result.complete is False or result.flat is True,
    )
    named = BENCHMARKS.get(result.benchmark.name, result.benchmark.name)
    under = f"{result.developer}, {named}" if result.developer else named
    key = "Ring: its own average. Band: 95 %."
    if raters is not None:
        key += " Dotted: the people who rated it."
    said = true_minus(sentence(result, queries_of(result, site.benchmark)))
    return card_svg(drawn, result.model, under, said, key)


def card_svg(drawn: str, name: str, under: str, words: str, key: str = "") -> str:
    """Portrait at the right, words at the left, what its lines mean below them; user text is safe here."""
    size = 50 if len(name) <= 24 else 40 if len(name) <= 44 else 32
    y = 150.0
    parts = [_text(_LEFT, 86, "Value Portrait", 26, "var(--vp-quiet)")]
    for line in _wrapped(name, round(1060 / size), _NAME_LINES):
        parts.append(_text(_LEFT, y, line, size, "var(--vp-ink)", bold=True))
        y += size * 1.16
    parts.append(_text(_LEFT, y - size * 0.3, _wrapped(under, 48, 1)[0], 24, "var(--vp-quiet)"))
    y += 40
    for line in _wrapped(words, 47, _WORDS_LINES):
        parts.append(_text(_LEFT, y, line, 25, "var(--vp-ink)"))
        y += 34
    parts += [_text(_LEFT, HEIGHT - 76, key, 22, "var(--vp-quiet)")] if key else []
    parts.append(_text(_LEFT, HEIGHT - 44, NO_WINNER, 22, "var(--vp-quiet)"))
    placed = drawn.replace("<svg ", '<svg x="588" y="78" width="600" height="472" ', 1)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="{FONT}"><rect width="{WIDTH}" height="{HEIGHT}" style="fill:var(--vp-ground)"/>'
        f'<rect width="{WIDTH}" height="10" style="fill:var(--vp-accent)"/>{placed}{"".join(parts)}</svg>'
    )


def _text(x: float, y: float, said: str, size: float, colour: str, *, bold: bool = False) -> str:
    weight = ' font-weight="700"' if bold else ""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size:g}"{weight} style="fill:{colour}">{escape(said)}</text>'


def _wrapped(text: str, width: int, most: int) -> list[str]:
    """Lines of at most `width` characters; long words are broken, what does not fit ends in an ellipsis."""
    lines = [""]
    for word in text.split() or [""]:
        pieces = [word[i : i + width] for i in range(0, len(word), width)] or [""]
        for piece in pieces:
            if lines[-1] and len(lines[-1]) + 1 + len(piece) > width:
                lines.append(piece)
            else:
                lines[-1] = f"{lines[-1]} {piece}".strip()
    if len(lines) > most:
        lines = [*lines[: most - 1], lines[most - 1][: width - 1].rstrip() + "…"]
    return lines
