"""All pages together: routes, masthead, footer, and how the app is launched."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import gradio as gr
from markupsafe import Markup
from starlette.middleware import Middleware

from leaderboard.citation import version
from leaderboard.fresh import Fresh, FreshPages
from leaderboard.markup import render
from leaderboard.pages import about, benchmark, board, model, queue, submit
from leaderboard.site import Site
from leaderboard.theme import CSS, theme

TITLE: Final = "Value Portrait Leaderboard"
LOGO: Final = Path(__file__).resolve().parent.parent / "assets" / "logo.svg"
"""The mean portrait of the published models; `tools/screenshots.py --readme` draws it."""
PAGES: Final = (("Board", board), ("Submit", submit), ("Queue", queue), ("Benchmark", benchmark), ("About", about))
"""Name and module of each page, in the order of the top bar."""
UNLISTED: Final = (("Model", model),)
"""Pages that others lead to; the top bar does not name them."""


class Ui:
    """The assembled pages."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.fresh = Fresh()
        # files that visitors handed in are forgotten within two hours
        forget = (3600, 3600)
        with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True, delete_cache=forget) as self.blocks:
            self._page(board)
        for name, module in (*PAGES[1:], *UNLISTED):
            with self.blocks.route(name, module.ROUTE):
                self._page(module)
        for listener in self.blocks.fns.values():
            listener.api_visibility = "private"  # those that Gradio's own sign-in button adds are not
        self.fresh.blocks = self.blocks

    def _page(self, module: ModuleType) -> None:
        words = partial(gr.HTML, js_on_load=None, apply_default_css=False, elem_classes="vp")
        head = partial(self._masthead, module.ROUTE)
        top = words(head())
        module.build(self.site, self.fresh)
        # after the page itself, whose look at the store tells whether it can be reached
        self.fresh.add(module.ROUTE, top, head)
        words(render("footer.html", benchmark=self.site.benchmark, version=version(), gradio=gr.__version__))

    def _masthead(self, route: str) -> str:
        logo = Markup(LOGO.read_text(encoding="utf-8"))
        links = [(name, m.ROUTE) for name, m in PAGES]
        return render("masthead.html", pages=links, current=route, logo=logo, outage=self.site.queue.outage())

    def launch_options(self) -> dict[str, Any]:
        """Arguments of `Blocks.launch` that belong to the pages."""
        return {
            "theme": theme(),
            "css_paths": [CSS],
            "favicon_path": LOGO,
            "footer_links": [],
            "run_history": False,
            "ssr_mode": False,
            "max_file_size": self.site.rules.upload_bytes,
            "app_kwargs": {
                "middleware": [Middleware(FreshPages, fresh=self.fresh)],
                "routes": [benchmark.json_route(self.site)],
            },
        }
