"""All pages together: routes, frame, and how the app is launched."""

from __future__ import annotations

from functools import partial
from types import ModuleType
from typing import Any, Final

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from leaderboard import api
from leaderboard.exports import routes
from leaderboard.pages.about import page as about
from leaderboard.pages.benchmark import page as benchmark
from leaderboard.pages.board import page as board
from leaderboard.pages.compare import page as compare
from leaderboard.pages.groups import page as groups
from leaderboard.pages.map import page as map_page
from leaderboard.pages.model import page as model
from leaderboard.pages.queue import page as queue
from leaderboard.pages.submit import page as submit
from leaderboard.pages.take import page as take
from leaderboard.site.site import Site
from leaderboard.web import assets, document
from leaderboard.web.frame import LOGO, TITLE, footer, masthead
from leaderboard.web.refresh import PageValues, RefreshMiddleware
from leaderboard.web.theme import theme

WORKED_WITH: Final = (("Board", board), ("Submit", submit), ("Queue", queue))
"""Name and module of each page that Gradio draws; the first one opens."""
READ: Final[tuple[document.ReadingPage, ...]] = (model, compare, map_page, groups, take, benchmark, about)
"""Pages that are documents of their own."""


class Ui:
    """The assembled pages."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.fresh = PageValues()
        # files that visitors handed in are forgotten within two hours
        forget = (3600, 3600)
        with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True, delete_cache=forget) as self.blocks:
            self._page(board)
        for name, module in WORKED_WITH[1:]:
            with self.blocks.route(name, module.ROUTE):
                self._page(module)
        for listener in self.blocks.fns.values():
            listener.api_visibility = "private"  # those that Gradio's own sign-in button adds are not
        with self.blocks:
            api.register(site)
        self.fresh.blocks = self.blocks

    def _page(self, module: ModuleType) -> None:
        words = partial(gr.HTML, js_on_load=None, apply_default_css=False, elem_classes="vp")
        head = partial(masthead, self.site, module.ROUTE)
        top = words(head())
        module.build(self.site, self.fresh)
        # after the page itself, whose look at the store tells whether it can be reached
        self.fresh.add(module.ROUTE, top, head)
        words(footer(self.site))

    def launch_options(self) -> dict[str, Any]:
        """Arguments of `Blocks.launch` that belong to the pages."""
        return {
            "theme": theme(),
            "css_paths": [assets.FILES["page.css"], assets.FILES["board.css"]],
            "favicon_path": LOGO,
            "footer_links": [],
            "run_history": False,
            "ssr_mode": False,
            "mcp_server": True,
            "max_file_size": self.site.rules.upload_bytes,
            "app_kwargs": {
                "middleware": [
                    Middleware(GZipMiddleware, minimum_size=1000, compresslevel=5),
                    Middleware(RefreshMiddleware, fresh=self.fresh),
                ],
                "routes": [
                    board.late_route(self.site),
                    benchmark.json_route(self.site),
                    *routes.routes(self.site),
                    *document.routes(self.site, READ),
                ],
            },
        }
