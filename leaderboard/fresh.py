"""Pages whose content is as new as the request that asks for them, without a second request.

Gradio writes the values that components had at the start into every page. This puts the present values in their place
just before a page is sent, so that a page arrives with its data in it and nothing on it changes a moment later.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

_log = logging.getLogger(__name__)


@dataclass
class Fresh:
    """Which components of which page are renewed by what."""

    values: dict[str, list[tuple[gr.HTML, Callable[[], str]]]] = field(default_factory=dict)
    """By page: `` for the first one, else its route."""
    blocks: gr.Blocks | None = None
    """Set once the app is assembled."""

    def add(self, page: str, component: gr.HTML, value: Callable[[], str]) -> None:
        """Renew `component` on `page` by calling `value`, which must be cheap while nothing changes."""
        self.values.setdefault(page, []).append((component, value))

    def renew(self, page: str) -> None:
        """Put the present values of a page in place. One that fails keeps its last value."""
        if self.blocks is None or page not in self.values:
            return
        configured: Mapping[int, Any] = {c["id"]: c for c in self.blocks.config["components"]}
        for component, value in self.values[page]:
            try:
                present = value()
            except Exception:  # noqa: BLE001 - an old table serves a visitor better than an error page
                _log.exception("%s could not be renewed", component.elem_id)
                continue
            component.value = present
            configured[component._id]["props"]["value"] = present


class FreshPages:
    """ASGI middleware that renews a page before it is sent."""

    def __init__(self, app: ASGIApp, fresh: Fresh) -> None:
        self.app = app
        self.fresh = fresh

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass every request on, renewed first where it asks for a page."""
        if scope["type"] == "http" and scope["method"] == "GET":
            page = scope["path"].removeprefix(scope.get("root_path", "")).strip("/")
            if page in self.fresh.values:
                await run_in_threadpool(self.fresh.renew, page)
        await self.app(scope, receive, send)
