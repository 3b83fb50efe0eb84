"""News: rows, changes of method, data and versions, the newest first; `kind` in the address chooses one of them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Final

from leaderboard.charts.portrait import true_minus
from leaderboard.site.news import KINDS, News, news
from leaderboard.site.site import Site
from leaderboard.web.fields import unknown
from leaderboard.web.markup import render

ROUTE: Final = "news"
NAME: Final = "What is new"
DESCRIPTION: Final = "New rows, changes of method, data and versions of the Value Portrait Leaderboard; also as a feed."
FIELDS: Final = ("kind",)
MOST: Final = 200
"""So many are listed."""


def problems(site: Site, query: Mapping[str, str]) -> list[str]:
    """What the address says that cannot be meant, a sentence each."""
    del site
    return unknown(query, {"kind": KINDS})


def data(site: Site, query: Mapping[str, str]) -> list[News]:
    """What the page lists, for programs."""
    kind = query.get("kind", "")
    return [n for n in news(site) if not kind or n.kind == kind]


def content(site: Site, query: Mapping[str, str]) -> str:
    """The page as HTML for the fields of an address."""
    found = data(site, query)
    kind = query.get("kind", "")
    days = [(day, list(of)) for day, of in groupby(found[:MOST], key=lambda n: n.when.date())]
    return render(
        "news.html",
        days=days,
        total=len(found),
        most=MOST,
        kinds=KINDS.items(),
        kind=kind if kind in KINDS else "",
        true_minus=true_minus,
    )
