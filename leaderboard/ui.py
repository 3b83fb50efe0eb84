"""All pages together: routes, frame, and how the app is launched."""

from __future__ import annotations

import logging
from functools import partial
from types import ModuleType
from typing import Any, Final

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request

from leaderboard import api, programs
from leaderboard.exports import routes
from leaderboard.pages.about import page as about
from leaderboard.pages.alike import page as alike
from leaderboard.pages.benchmark import page as benchmark
from leaderboard.pages.board import page as board
from leaderboard.pages.compare import page as compare
from leaderboard.pages.dates import page as dates
from leaderboard.pages.glossary import page as glossary
from leaderboard.pages.groups import page as groups
from leaderboard.pages.map import page as map_page
from leaderboard.pages.methodology import page as methodology
from leaderboard.pages.model import page as model
from leaderboard.pages.news import feed
from leaderboard.pages.news import page as news
from leaderboard.pages.queue import page as queue
from leaderboard.pages.submit import packages
from leaderboard.pages.submit import page as submit
from leaderboard.pages.submit.packages import Packages
from leaderboard.pages.take import page as take
from leaderboard.pages.value import page as value
from leaderboard.server.guard import Guard
from leaderboard.server.operations import Operations
from leaderboard.server.page_token import PageTokens
from leaderboard.site.site import Site
from leaderboard.web import assets, discovery, document
from leaderboard.web.cache import Cache
from leaderboard.web.frame import LOGO, TITLE, footer, masthead
from leaderboard.web.head import head_html, head_of, origin, title_of
from leaderboard.web.refresh import PACKED_BYTES, PageValues, RefreshMiddleware
from leaderboard.web.terms import notes
from leaderboard.web.theme import theme

_log = logging.getLogger(__name__)

WORKED_WITH: Final = (("Submit", submit), ("Queue", queue))
"""Name and module of each page that Gradio draws."""
READ: Final[tuple[document.ReadingPage, ...]] = (
    *(model, value, compare, map_page, alike, dates, groups),
    *(take, benchmark, news, about, methodology, glossary),
)
"""Pages that are documents of their own."""


class _QuietBlocks(gr.Blocks):
    """Listeners whose trouble is an answer: Gradio would print a traceback for whatever a forged argument breaks."""

    async def process_api(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """See `gradio.Blocks.process_api`."""
        try:
            return await super().process_api(*args, **kwargs)
        except gr.Error as error:
            error.print_exception = False
            raise
        except Exception as error:  # noqa: BLE001 - who asked is told, the log has one line
            _log.error("a listener could not answer: %s", type(error).__name__)
            _log.debug("why it could not", exc_info=True)
            raise gr.Error("This cannot be done: an argument is not what it must be.", print_exception=False) from None


class Ui:
    """The assembled pages."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.fresh = PageValues()
        self._documents = Cache[document.Kept](document.KEPT_BYTES)
        self._files = Cache[routes.File](routes.KEPT_BYTES)
        self._packed = Cache[bytes](PACKED_BYTES)
        caches: dict[str, Cache[Any]] = {"pages": self._documents, "files": self._files, "compressed": self._packed}
        self.fresh.caches = {name: partial(getattr, kept, "bytes") for name, kept in caches.items()}
        self.fresh.caches["answers"] = lambda: site.items.bytes
        self.operations = Operations(site, self.fresh.caches)
        self.packages = Packages(site)
        # its own first page is the board's address, and has nothing on it but what programs call
        self.blocks = _QuietBlocks(title=TITLE, analytics_enabled=False, fill_width=True)
        for name, module in WORKED_WITH:
            scripts = ("appearance.js", "listeners.js", *getattr(module, "SCRIPTS", ()))
            self.fresh.scripts[module.ROUTE] = [assets.address(script) for script in scripts]
            with self.blocks.route(name, module.ROUTE):
                self._page(module)
        for listener in self.blocks.fns.values():
            listener.api_visibility = "private"  # those that Gradio's own sign-in button adds are not
        private = frozenset(self.blocks.fns)
        with self.blocks:
            api.register(site)
            for number, fn in self.blocks.fns.items():
                if number not in private:
                    fn.page = ""  # else the last one's; the guard asks Gradio for those of the page that opens
        self.fresh.heads = {module.ROUTE: partial(self._head, name, module) for name, module in WORKED_WITH}
        self.fresh.blocks = self.blocks
        self.tokens = PageTokens()
        self._guard = Middleware(
            Guard,
            tokens=self.tokens,
            private=private,
            public={str(fn.api_name): number for number, fn in self.blocks.fns.items() if number not in private},
            arguments=api.arguments(),
            gradio=frozenset(module.ROUTE for _, module in WORKED_WITH),
            count=self.operations.count,
            uploads={f"/{packages.ADDRESS}": site.rules.upload_bytes},
        )

    def _head(self, name: str, module: ModuleType, request: Request) -> tuple[str, str]:
        about = head_of(self.site, module, request.query_params)
        return title_of(about, name), head_html(about, name, origin(request))

    def _page(self, module: ModuleType) -> None:
        head = partial(masthead, self.site, module.ROUTE)
        top = queue.words(head())
        module.build(self.site, self.fresh)
        # after the page itself, whose look at the store tells whether it can be reached
        self.fresh.add(module.ROUTE, top, head)
        queue.words(footer(self.site) + notes())

    def launch_options(self) -> dict[str, Any]:
        """Arguments of `Blocks.launch` that belong to the pages."""
        return {
            "theme": theme(),
            "css_paths": [assets.FILES["page.css"]],
            "favicon_path": LOGO,
            "footer_links": [],
            "run_history": False,
            "ssr_mode": False,
            "mcp_server": False,  # `programs` serves the tools
            "app_kwargs": {
                "middleware": [
                    self._guard,
                    Middleware(GZipMiddleware, minimum_size=1000, compresslevel=5),
                    Middleware(RefreshMiddleware, fresh=self.fresh, packed=self._packed),
                ],
                "exception_handlers": {404: discovery.missing(self.site)},
                "routes": [
                    self.tokens.route(),
                    *self.packages.routes(),
                    *discovery.routes(self.site, READ),
                    *feed.routes(self.site),
                    board.late_route(self.site),
                    benchmark.json_route(self.site),
                    *self.operations.routes(),
                    *programs.routes(self.site),
                    *routes.routes(self.site, self._files),
                    *document.routes(self.site, (board.Page(), *READ), self._documents),
                ],
            },
        }
