"""Terms that open in place: the first time in each part of a page that one is used, its words become a button.

A button opens a note with the term's meaning (`leaderboard.vocabulary.glossary`), by the browser's own popovers: no
script is needed, Escape and a click elsewhere close it, and a keyboard and a finger reach it like a pointer. Marked are
words in running text, lists and tables; not those in links, headings, forms, drawings, code, or in what a model or a
person said (`data-verbatim`). The board, which is drawn by a script, takes the same notes from its page
(`static/terms.js`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import Final

from markupsafe import Markup

from leaderboard.vocabulary.glossary import TERMS, Term, by_form
from leaderboard.web.markup import render

_TAG: Final = re.compile(r"<!--.*?-->|<(/?)([a-zA-Z][\w-]*)[^>]*>", re.DOTALL)
_KEPT: Final = 500
"""Characters of a text that is kept with its terms: what models say is longer, and each is another one."""
_PARTS: Final = frozenset({"section", "article", "aside"})
"""Where a term is opened anew."""
_CLOSED: Final = frozenset(
    {
        *("a", "button", "form", "label", "nav", "option", "select", "summary", "textarea"),
        *("h1", "h2", "h3", "h4", "title", "dfn", "code", "pre"),
        *("math", "noscript", "script", "style", "svg", "template"),
    }
)
"""Elements in which nothing is marked."""
_VOID: Final = frozenset({"br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"})


def note_id(term: Term) -> str:
    """The id of a term's note on a page."""
    return f"term-{term.anchor}"


def marked(html: str) -> str:
    """The same HTML with the terms in it as buttons; their notes must stand on the page, too."""
    return _mark(html)[0]


def explained(html: str) -> str:
    """A page's content with the terms in it as buttons, and the notes they open behind it."""
    made, used = _mark(html)
    return made + _notes_of(tuple(t for t in TERMS if t in used)) if used else html


@lru_cache(maxsize=64)
def _notes_of(terms: tuple[Term, ...]) -> str:
    return notes(terms, by_script=False)  # pages of one kind have the same terms


def notes(terms: Iterable[Term] = TERMS, *, by_script: bool = True) -> str:
    """The notes of terms, which a browser shows when they are asked for.

    Args:
        terms: which.
        by_script: whether a script marks terms on the page, and must know the forms they have.
    """
    return render("terms.html", terms=[(note_id(t), t) for t in terms], by_script=by_script)


@cache
def _pattern() -> re.Pattern[str]:
    longest = sorted(by_form(), key=len, reverse=True)
    words = "|".join(re.escape(form).replace(r"\ ", r"\s+") for form in longest)
    return re.compile(rf"([(“]?)(?<![\w’-])(?<!Value )({words})(?![\w’-])([)”.,;:?!]*)", re.IGNORECASE)


def _split(text: str) -> Sequence[str]:
    """Running text cut at its terms: text, then of each term what touches it, its words, what touches it, and text."""
    return _kept_split(text) if len(text) <= _KEPT else _pattern().split(text)


@lru_cache(maxsize=2048)
def _kept_split(text: str) -> tuple[str, ...]:
    return tuple(_pattern().split(text))  # pages have most of their texts in common


def _mark(html: str) -> tuple[str, set[Term]]:
    out: list[str] = []
    used: set[Term] = set()
    seen: set[Term] = set()

    def add(text: str) -> None:
        if not text or text.isspace():
            out.append(text)
            return
        parts = _split(text)
        out.append(parts[0])
        for i in range(1, len(parts), 4):
            before, words, after, plain = parts[i : i + 4]
            term = by_form()[" ".join(words.split()).casefold()]
            if term in seen:
                out.append(before + words + after + plain)
                continue
            seen.add(term)
            used.add(term)
            button = f'<button type="button" class="vp-term" popovertarget="{note_id(term)}">{words}</button>'
            # a line may break beside a button, but not between a word and its comma; style sheets know no such element
            out.append(f"<vp-unbroken>{before}{button}{after}</vp-unbroken>" if before or after else button)
            out.append(plain)

    last = 0
    while (tag := _TAG.search(html, last)) is not None:
        add(html[last : tag.start()])
        last = tag.end()
        closing, name = tag[1], (tag[2] or "").lower()
        if name and not closing and name not in _VOID and not tag[0].endswith("/>"):
            if name in _CLOSED or "data-verbatim" in tag[0] or 'aria-hidden="true"' in tag[0]:
                last = _behind(html, name, last)
            elif name in _PARTS:
                seen.clear()
        out.append(html[tag.start() : last])
    add(html[last:])
    return "".join(out), used


def _behind(html: str, name: str, begin: int) -> int:
    """Where an element ends whose content begins at `begin`."""
    depth = 1
    for tag in _tags(name).finditer(html, begin):
        if not tag[0].endswith("/>"):
            depth += -1 if tag[1] else 1
        if not depth:
            return tag.end()
    return len(html)


@cache
def _tags(name: str) -> re.Pattern[str]:
    return re.compile(rf"<(/?){name}(?![\w-])[^>]*>", re.IGNORECASE)


def listed(terms: Iterable[Term]) -> Markup:
    """Terms with their meanings as a list, for a page that explains them all."""
    return Markup(render("term_list.html", terms=list(terms)))  # a template of ours, which escapes
