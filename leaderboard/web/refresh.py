"""Pages whose content is as new as the request that asks for them, without a second request.

Gradio writes the values that components had at the start into every page. This puts the present values in their place
just before a page is sent, so that a page arrives with its data in it and nothing on it changes a moment later.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import gradio as gr
import orjson
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leaderboard.web.cache import Cache, compressed

PACKED_BYTES: Final = 32 * 2**20
"""How much of compressed pages is remembered."""

_CHARSET: Final = b'<meta charset="utf-8" />'
_GRADIOS_OWN: Final = re.compile(rb'<meta\s+(?:property="og:|name="twitter:)[^>]*>|<title>.*?</title>', re.DOTALL)
"""What Gradio's page says of itself to previews."""
_EARLY: Final = (
    "<style>gradio-app .wrap.full.translucent { position: fixed !important; inset: 0 !important; } "
    ".nav-holder { display: none; }</style>"
)
"""What would move while Gradio loads: its message, and its own navigation, which the style sheets take away later."""

_log = logging.getLogger(__name__)


@dataclass
class PageValues:
    """Which components of which page are renewed by what."""

    values: dict[str, list[tuple[gr.HTML, Callable[[], str]]]] = field(default_factory=dict)
    """By page: `` for the first one, else its route."""
    scripts: dict[str, Sequence[str]] = field(default_factory=dict)
    """Addresses of scripts that run before all others, by page."""
    caches: dict[str, Callable[[], int]] = field(default_factory=dict)
    """Bytes that each cache of finished pages and files takes now, by its name."""
    heads: dict[str, Callable[[Request], tuple[str, str]]] = field(default_factory=dict)
    """By page: its title and the elements of `<head>` that say what it is, for a request."""
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


class RefreshMiddleware:
    """ASGI middleware that renews a page before it is sent, and sends what did not change as cheaply as it can.

    A page holds its whole table, so compressing it costs more than making it. It is compressed once for all visitors
    who are sent the same bytes, and not sent again to one who has them already.
    """

    def __init__(self, app: ASGIApp, fresh: PageValues, packed: Cache[bytes] | None = None) -> None:
        self.app = app
        self.fresh = fresh
        self._packed = packed or Cache[bytes](PACKED_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass every request on, renewed first where it asks for a page."""
        page = scope["path"].removeprefix(scope.get("root_path", "")).strip("/") if scope["type"] == "http" else None
        if page not in self.fresh.values or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        await run_in_threadpool(self.fresh.renew, page)
        await self._send_once(scope, receive, send, self.fresh.scripts.get(page, ()))

    async def _send_once(self, scope: Scope, receive: Receive, send: Send, scripts: Sequence[str]) -> None:
        start: Message = {}
        parts: list[bytes] = []

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            if message["type"] != "http.response.body":
                await send(message)
                return
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                body = await run_in_threadpool(self._with_head, scope, b"".join(parts))
                if scripts:
                    tags = _EARLY + "".join(f'<script src="{script}"></script>' for script in scripts)
                    body = body.replace(b"<head>", f"<head>{tags}".encode(), 1)
                await self._answer(Headers(scope=scope), start, body, send)

        await self.app(scope, receive, collect)

    def _with_head(self, scope: Scope, body: bytes) -> bytes:
        """The page as it calls itself, where Gradio has words of its own."""
        page = scope["path"].removeprefix(scope.get("root_path", "")).strip("/")
        end = body.find(b"window.gradio_config")
        if page not in self.fresh.heads or end < 0:
            return body
        title, head = self.fresh.heads[page](Request(scope))
        before = _GRADIOS_OWN.sub(b"", body[:end]).replace(_CHARSET, _CHARSET + head.encode(), 1)
        blocks = self.fresh.blocks
        was = orjson.dumps({"title": blocks.title if blocks else ""})[1:-1]
        return before + body[end:].replace(was, orjson.dumps({"title": title})[1:-1].replace(b"<", b"\\u003c"), 1)

    async def _answer(self, asked: Headers, start: Message, body: bytes, send: Send) -> None:
        headers = MutableHeaders(raw=list(start["headers"]))
        if start["status"] == 200 and "content-encoding" not in headers:
            digest = hashlib.sha256(body).hexdigest()[:24]
            tag = f'W/"{digest}"'
            headers["ETag"] = tag
            headers["Cache-Control"] = "no-cache"
            headers.add_vary_header("Accept-Encoding")
            if asked.get("if-none-match") == tag:
                del headers["content-length"]
                await send({**start, "status": 304, "headers": headers.raw})
                await send({"type": "http.response.body", "body": b""})
                return
            if "gzip" in asked.get("accept-encoding", ""):
                body = await run_in_threadpool(self._packed.get, digest, partial(compressed, body))
                headers["Content-Encoding"] = "gzip"
            headers["Content-Length"] = str(len(body))
        await send({**start, "headers": headers.raw})
        await send({"type": "http.response.body", "body": body})
