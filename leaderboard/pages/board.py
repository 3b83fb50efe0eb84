"""The board: all models on one benchmark. What it shows is `leaderboard.table`, how it behaves is `static/board.js`."""

from __future__ import annotations

from functools import partial
from typing import Final

import gradio as gr

from data.values import VALUES
from leaderboard.charts import portrait
from leaderboard.fresh import Fresh
from leaderboard.site import Site
from leaderboard.table import payload
from leaderboard.theme import STATIC

ROUTE = ""
SCRIPTS: Final = ("board.js",)
"""The program of the table; it defines `mountBoard(element, text)`."""


def frames() -> str:
    """The drawings that the program fills, as HTML: they belong into the element it draws in."""
    empty: list[float | None] = [None] * len(VALUES)
    return (
        f'<template class="vp-frame-full">{portrait(empty)}</template>'
        f'<template class="vp-frame-thumb">{portrait(empty, kind="thumb")}</template>'
    )


def whole(site: Site) -> str:
    """The table as JSON with all that can be known of it, however long that takes."""
    return payload(site.boards(), site.rankings.of)


def build(site: Site, fresh: Fresh) -> None:
    """Lay the page out."""
    value = partial(_payload, site, {})
    board = gr.HTML(
        value(),
        # the template never refers to the value: Gradio would read it as HTML
        html_template=frames(),
        js_on_load=(STATIC / "board.js").read_text(encoding="utf-8") + "\nmountBoard(element, props.value);",
        apply_default_css=False,
        elem_id="board",
        elem_classes="vp",
    )
    fresh.add(ROUTE, board, value)


def _payload(site: Site, last: dict[str, str]) -> str:
    """The table as JSON, computed again only where the results changed."""
    revision = site.revision()
    if revision not in last:
        last.clear()
        last[revision] = payload(site.boards(), site.rankings.of)
    return last[revision]
