"""What stands around the content of every page: the top bar, the outage notice and the footer.

The same HTML serves the pages that Gradio draws and those that are documents of their own (`leaderboard.web.document`).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import gradio as gr
from markupsafe import Markup

from leaderboard.site.citation import version
from leaderboard.site.links import outward
from leaderboard.site.site import Site
from leaderboard.web.markup import render

TITLE: Final = "Value Portrait Leaderboard"
LOGO: Final = Path(__file__).resolve().parent / "static" / "logo.svg"
"""The mean portrait of the published models; `tools/screenshots.py --readme` draws it."""

NAVIGATION: Final = (
    ("Board", ""),
    ("Compare", "compare"),
    ("Map", "map"),
    ("Alike", "alike"),
    ("Dates", "dates"),
    ("Groups", "groups"),
    ("Take the test", "take"),
    ("Benchmark", "benchmark"),
    ("Submit", "submit"),
    ("Queue", "queue"),
    ("News", "news"),
    ("About", "about"),
)
"""Name and route of each page that the top bar names, in its order."""


@cache
def _logo() -> Markup:
    return Markup(LOGO.read_text(encoding="utf-8"))  # drawn by `charts`, not by a visitor


def masthead(site: Site, route: str) -> str:
    """The top bar of the page at `route`, and what is known of an outage of the store."""
    return render("masthead.html", pages=NAVIGATION, current=route, logo=_logo(), outage=site.queue.outage())


def footer(site: Site) -> str:
    """What stands under every page."""
    known = {"version": version(), "gradio": gr.__version__, "outward": outward(site)}
    return render("footer.html", benchmark=site.benchmark, **known)
