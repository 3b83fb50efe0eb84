"""Terms that open in place: the first time in each part of a page that one is used, its words become a button.

A button opens a note with the term's meaning (`leaderboard.vocabulary.glossary`), by the browser's own popovers: no
script is needed, Escape and a click elsewhere close it, and a keyboard and a finger reach it like a pointer. Marked are
words in running text, lists and tables; not those in links, headings, forms, drawings, code, or in what a model or a
person said (`data-verbatim`). The board, which is drawn by a script, takes the same notes from its page
(`static/terms.js`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Final

from markupsafe import Markup

from leaderboard.vocabulary.glossary import TERMS, Term, by_form
from leaderboard.web.markup import render

_TOKEN: Final = re.compile(r"<!--.*?-->|<[^>]*>", re.DOTALL)
_TAG: Final = re.compile(r"<(/?)([a-zA-Z][\w-]*)")
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
    return made + notes((t for t in TERMS if t in used), by_script=False) if used else html


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


def _mark(html: str) -> tuple[str, set[Term]]:
    out: list[str] = []
    used: set[Term] = set()
    seen: set[Term] = set()
    within = ""  # the element in which nothing is marked, while in one
    depth = last = 0

    def button(found: re.Match[str]) -> str:
        before, words, after = found.groups()
        term = by_form()[" ".join(words.split()).casefold()]
        if term in seen:
            return found[0]
        seen.add(term)
        used.add(term)
        made = f'<button type="button" class="vp-term" popovertarget="{note_id(term)}">{words}</button>'
        # a line may break beside a button, but not between a word and its comma; style sheets know no such element
        return f"<vp-unbroken>{before}{made}{after}</vp-unbroken>" if before or after else made

    for token in _TOKEN.finditer(html):
        text = html[last : token.start()]
        out.append(text if within else _pattern().sub(button, text))
        out.append(token[0])
        last = token.end()
        tag = _TAG.match(token[0])
        if tag is None:
            continue
        closing, name = bool(tag[1]), tag[2].lower()
        if within:
            if name == within and not token[0].endswith("/>"):
                depth += -1 if closing else 1
                within = within if depth else ""
        elif not closing and name not in _VOID and not token[0].endswith("/>"):
            if name in _CLOSED or "data-verbatim" in token[0] or 'aria-hidden="true"' in token[0]:
                within, depth = name, 1
            elif name in _PARTS:
                seen = set()
    text = html[last:]
    out.append(text if within else _pattern().sub(button, text))
    return "".join(out), used


def listed(terms: Iterable[Term]) -> Markup:
    """Terms with their meanings as a list, for a page that explains them all."""
    return Markup(render("term_list.html", terms=list(terms)))  # a template of ours, which escapes
