"""Method: `docs/methodology.md` as a page of the board, so that it is there wherever the board is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from markupsafe import Markup

from leaderboard.site.site import Site
from leaderboard.web.markup import render

ROUTE: Final = "methodology"
NAME: Final = "Method"
FIELDS: Final = ()
DESCRIPTION: Final = (
    "How value profiles of language models are estimated here: items and key, two readings of the same answers, "
    "uncertainty and what it does not cover, groups, norms, limits."
)
_CARRIED: Final = Path(__file__).with_name("methodology.md")
DOCUMENT: Final = _CARRIED if _CARRIED.exists() else Path(__file__).resolve().parents[3] / "docs" / "methodology.md"
"""In the documents' folder; in an installed package it is carried beside this module."""

_MARK: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_HEADING: Final = re.compile(r"<h2>(.*?)</h2>")


def content(site: Site, query: Mapping[str, str]) -> str:
    """The page as HTML; its address has no fields."""
    del site, query
    title, document, headings = _document()
    return render("methodology.html", title=title, document=document, headings=headings)


@cache
def _document() -> tuple[Markup, Markup, list[tuple[str, str]]]:
    """The document as HTML, its title and the rest, and the anchor and words of each of its headings."""
    from markdown_it import MarkdownIt

    text = _MARK.sub("", DOCUMENT.read_text(encoding="utf-8"))  # the marks of its generated numbers
    made = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    for wide in ("pre", "table"):  # what may be wider than the window is reached by keyboard
        made = made.replace(f"<{wide}>", f'<{wide} tabindex="0">')
    headings = [(re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-"), words) for words in _HEADING.findall(made)]
    for anchor, words in headings:
        made = made.replace(f"<h2>{words}</h2>", f'<h2 id="{anchor}">{words}</h2>')
    # our own document; HTML in it would be shown as text
    title, end, rest = made.partition("</h1>")
    return Markup(title + end), Markup(rest), [(anchor, Markup(words).unescape()) for anchor, words in headings]
