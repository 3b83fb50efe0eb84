"""What comes before and after every request: which addresses there are, how long, and which headers answers have.

Gradio serves more than these pages use (uploads, a proxy, files by path, streams, dashboards, listeners by number).
Only what is named here can be reached; listeners of a page answer that page alone (`leaderboard.server.page_token`),
and take plain values only, never a file or an address. An error that nobody expected is an answer in plain words, one
line in the log, and never a traceback that a visitor can repeat.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leaderboard.server.page_token import HEADER, PageTokens

LONGEST_ADDRESS: Final = 8_000
"""Bytes of an address, its fields included."""
LONGEST_BODY: Final = 200_000
"""Bytes of what a page or a program sends, uploads aside: a form's fields, or the arguments of an endpoint."""

LONGEST_NAME: Final = 255
"""Bytes between two slashes of an address: no file system has longer names."""
DEEPEST: Final = 100
"""How deeply what a program sends may be nested."""

FRAMES: Final = "frame-ancestors 'self' https://huggingface.co https://*.hf.space"
"""A Space is shown in a frame of the Hub's."""
DOCUMENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; " + FRAMES
)
"""Of pages that are documents: no program but the site's own files. Drawings carry their styles in themselves."""
GRADIO_POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; " + FRAMES
)
"""Of pages that Gradio draws: its configuration stands in the page, and it compiles some of what listeners do there."""
FILE_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; " + FRAMES
"""Of everything else, should a browser show it as a page."""

_OPEN: Final = re.compile(
    r"/gradio_api/(?:info|openapi\.json|app_id|startup-events|theme\.css|reset|cancel"
    r"|heartbeat/[A-Za-z0-9]{1,64}|queue/(?:join|data)|run/predict|mcp(?:/.*)?)/?"
)
"""What may be asked of Gradio's interface."""
_CALL: Final = re.compile(r"/gradio_api/call/(?:v2/)?([^/]+)(?:/[A-Za-z0-9-]{1,64})?/?")
_CLOSED: Final = re.compile(
    r"/(?:gradio_api|monitoring|dev|file|proxy|custom_component|runs|svelte)(?:[/=].*)?|/token/?"
)
_INFO: Final = "/gradio_api/info"
_TOOLS: Final = ("/gradio_api/mcp", "/mcp")
_DIRECT: Final = "/gradio_api/run/predict"
_LISTENERS: Final = ("/gradio_api/queue/join", _DIRECT)
"""Where a page calls its listeners, through Gradio's queue or past it."""
_PLAIN_VALUES: Final = "An argument must be a text, a number, a truth value, null, or a list of such."

_log = logging.getLogger(__name__)


class Guard:
    """ASGI middleware around all routes.

    Args:
        app: what it guards.
        tokens: which pages may use the listeners.
        private: numbers of the listeners that only a page may call.
        public: numbers of those that programs may call too, by name.
        arguments: what these take, by name.
        gradio: routes of the pages that Gradio draws.
        count: takes the kind, status and seconds of each request.
        uploads: addresses where a page sends a file, and how many bytes it may have.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        tokens: PageTokens,
        private: frozenset[int],
        public: Mapping[str, int],
        arguments: Mapping[str, Collection[str]],
        gradio: frozenset[str],
        count: Callable[[str, int, float], None],
        uploads: Mapping[str, int],
    ) -> None:
        self._app = app
        self._tokens = tokens
        self._private = private
        self._public = public
        self._arguments = arguments
        self._gradio = gradio
        self._count = count
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # nothing here speaks over a WebSocket
        path = scope["path"].removeprefix(scope.get("root_path", "")) or "/"
        begun, status, since = False, 500, time.monotonic()

        async def with_headers(message: Message) -> None:
            nonlocal begun, status
            if message["type"] == "http.response.start":
                begun = True
                if path.rstrip("/") == _DIRECT and message["status"] == 500:
                    message["status"] = 422  # so Gradio says that a listener refused
                status = message["status"]
                self._add_headers(path, message)
            await send(message)

        if path.rstrip("/") == _INFO and b"page=" not in scope["query_string"]:
            # what Gradio says of all pages names the host that was asked first, to everybody; of one page it does not
            scope = {**scope, "query_string": scope["query_string"] + b"&page="}
        try:
            refusal, receive = await self._checked(scope, path, receive)
            await (refusal or self._app)(scope, receive, with_headers)
        except Exception as error:  # noqa: BLE001 - whoever asked is told, and the log has one line
            _log.error("%s %s could not be answered: %s", scope["method"], path[:80], type(error).__name__)
            if not begun:
                await _sorry(path, error)(scope, receive, with_headers)
        finally:
            self._count(_kind(path), status, time.monotonic() - since)

    async def _checked(self, scope: Scope, path: str, receive: Receive) -> tuple[Response | None, Receive]:
        """The refusal of a request, if it is one to refuse, and from where its body is read on."""
        if len(scope.get("raw_path") or path.encode()) + len(scope["query_string"]) > LONGEST_ADDRESS:
            return _plain(414, f"This address is too long: at most {LONGEST_ADDRESS} bytes are read."), receive
        if any(len(name.encode(errors="replace")) > LONGEST_NAME for name in path.split("/")):
            return _plain(404, "There is nothing here."), receive
        called = _CALL.fullmatch(path)
        if _CLOSED.fullmatch(path) and not (called[1] in self._public if called else _OPEN.fullmatch(path)):
            return _plain(404, "There is nothing here."), receive
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return None, receive
        headers = Headers(scope=scope)
        most = self._uploads.get(path, LONGEST_BODY)
        length = headers.get("content-length", "")
        if length and not (length.isascii() and length.isdigit() and int(length[:20]) <= most):
            return _plain(413, f"This is too much at once: at most {most} bytes are taken."), receive
        if path in self._uploads:
            # its own route counts what arrives
            return None if self._tokens.knows(headers.get(HEADER, ""), scope) else _not_from_a_page(), receive
        body = await _whole(receive, most)
        if body is None:
            return _plain(413, f"This is too much at once: at most {most} bytes are taken."), receive
        if path.startswith(_TOOLS):
            if _parsed(body) is None:
                return _plain(400, "This is not JSON, or is nested too deeply."), receive
        elif path.startswith("/gradio_api/"):
            refused = self._listener_refused(headers, scope, path, body)
            if refused is not None:
                return refused, receive
        return None, _again(body, receive)

    def _listener_refused(self, headers: Headers, scope: Scope, path: str, body: bytes) -> Response | None:
        sent: Any = _parsed(body) if body else {}
        if not isinstance(sent, dict):
            return _plain(400, "A JSON object was expected.")
        if path.rstrip("/") not in _LISTENERS:
            data = sent.get("data")
            by_place = isinstance(data, list) and len(sent) == 1
            called = _CALL.fullmatch(path)
            taken = self._arguments.get(called[1] if called else "")
            unknown = [] if by_place or taken is None else [name for name in sent if name not in taken]
            if unknown and "/call/v2/" in path:
                expected = ", ".join(taken or ()) or "none"
                return _plain(400, f"{unknown[0][:80]}: there is no such argument; expected: {expected}")
            given: list[Any] = data if isinstance(data, list) and by_place else list(sent.values())
            return None if all(map(_plain_value, given)) else _plain(400, _PLAIN_VALUES)
        number, session, data = sent.get("fn_index"), sent.get("session_hash"), sent.get("data")
        if type(number) is not int or not isinstance(session, str) or not session or not isinstance(data, list):
            return _plain(400, "fn_index must be a number, session_hash a text and data a list.")
        if not all(_plain_value(value) for value in data):
            return _plain(400, _PLAIN_VALUES)
        if number in self._private and not self._tokens.knows(headers.get(HEADER, ""), scope, session=session):
            return _not_from_a_page()
        if number not in self._private and number not in self._public.values():
            return _plain(404, "There is no such listener here.")
        return None

    def _add_headers(self, path: str, start: Message) -> None:
        headers = MutableHeaders(raw=list(start["headers"]))
        headers["X-Content-Type-Options"] = "nosniff"
        headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
        given = headers.get("content-security-policy")
        if given is None and start["status"] == 304:
            pass  # a browser takes the headers of this answer for those of the page that it has kept
        elif given is None:
            html = headers.get("content-type", "").startswith("text/html")
            drawn = path.strip("/") in self._gradio
            headers["Content-Security-Policy"] = (
                GRADIO_POLICY if html and drawn else DOCUMENT_POLICY if html else FILE_POLICY
            )
        elif "frame-ancestors" not in given:
            headers["Content-Security-Policy"] = f"{given}; {FRAMES}"
        start["headers"] = headers.raw


def _kind(path: str) -> str:
    """What a request asks for, in one of few words: names of pages and files come from visitors."""
    first, _, rest = path.strip("/").partition("/")
    kinds = {"download": "file", "chart": "file", "vp": "asset", "assets": "asset", "static": "asset", "login": "login"}
    if first == "gradio_api":
        return "stream" if rest.startswith(("queue/data", "heartbeat")) else "call"
    return kinds.get(first, "page")


def _parsed(body: bytes) -> Any:
    """The JSON of a body; None where it is none, or is nested so deeply that it would break other parsers."""
    if body.count(b"[") + body.count(b"{") > DEEPEST and _depth(body) > DEEPEST:
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _depth(body: bytes) -> int:
    """How deeply brackets are nested, those in texts included, so that it is never less than the JSON's depth."""
    deepest = depth = 0
    for c in re.findall(rb"[][{}]", body):
        depth += 1 if c in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _plain_value(value: object) -> bool:
    """Whether an argument is one that listeners here take: Gradio fetches and copies what looks like a file."""
    if isinstance(value, list):
        return all(v is None or isinstance(v, str | int | float) for v in value)
    return value is None or isinstance(value, str | int | float)


def _plain(status: int, words: str) -> Response:
    return PlainTextResponse(f"{words}\n", status)


def _not_from_a_page() -> Response:
    # Gradio's page shows `detail`
    content = orjson.dumps({"detail": "Only an open page of this board may do this. Reload the page."})
    return Response(content, 403, media_type="application/json")


def _sorry(path: str, error: Exception) -> Response:
    if not path.startswith("/login"):
        return _plain(500, "This cannot be answered now. The operator's log says why.")
    away = not isinstance(error, ValueError | KeyError | TypeError)
    words = (
        "Hugging Face could not be reached, or refused, so nobody is signed in. Try again later."
        if away
        else "This address of the sign-in is not one that Hugging Face sends people to."
    )
    page = (
        f'<!doctype html><html lang="en"><title>Not signed in</title><p>{words} <a href="/">To the board</a></p></html>'
    )
    return HTMLResponse(page, 502 if away else 400)


async def _whole(receive: Receive, most: int) -> bytes | None:
    """A request's body; None where it is larger than it may be."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """A body that was read, as if it had not been."""
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
