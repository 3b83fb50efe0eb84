"""Glossary: all terms of the pages with their meanings; on the pages themselves each opens in place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from leaderboard.site.site import Site
from leaderboard.vocabulary.glossary import GROUPS, TERMS
from leaderboard.web.markup import render
from leaderboard.web.terms import listed

ROUTE: Final = "glossary"
NAME: Final = "Glossary"
DESCRIPTION: Final = "What the terms on these pages mean, from alpha to weighted kappa, in a few sentences each."
FIELDS: Final = ()


def content(site: Site, query: Mapping[str, str]) -> str:
    """The page as HTML; its address has no fields."""
    del site, query
    groups = [(key, words, listed(t for t in TERMS if t.group == key)) for key, words in GROUPS.items()]
    return render("glossary.html", groups=groups)
