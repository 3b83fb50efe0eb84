"""Which requests come from an open page: a token that the page fetches once and sends with each call of a listener.

A token holds when and for whom it was made, and a signature; it is valid for a day, for the person who was signed in
then, and for the first of Gradio's sessions that uses it. It does not say who somebody is, sign-in does that; it keeps
programs and other sites from calling by number what is made for a page.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from cachetools import LRUCache
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from leaderboard.web import assets

HEADER: Final = "X-Page-Token"
VALID_SECONDS: Final = 24 * 3600
_SESSIONS_KEPT: Final = 20_000


class PageTokens:
    """The tokens of this process: a restart makes them void, and an open page fetches a new one.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._sessions: LRUCache[str, str] = LRUCache(_SESSIONS_KEPT)

    def new(self, scope: Mapping[str, Any]) -> str:
        """A token for whoever asks."""
        told = f"{int(self._clock())}.{secrets.token_hex(8)}"
        return f"{told}.{self._signed(told, scope)}"

    def knows(self, token: str, scope: Mapping[str, Any], *, session: str | None = None) -> bool:
        """Whether a token is valid for whoever sends it, in Gradio's session of this name."""
        told, _, signature = token.rpartition(".")
        made = told.partition(".")[0]
        if not (made.isascii() and made.isdigit() and len(token) < 200 and signature.isascii()):
            return False
        if not hmac.compare_digest(signature, self._signed(told, scope)):
            return False
        if not 0 <= self._clock() - int(made) <= VALID_SECONDS:
            return False
        # only this process's own tokens reach this line, so that nobody can fill the memory
        return session is None or self._sessions.setdefault(token, session) == session

    def route(self) -> Route:
        """Where a page fetches its token. A page of another site is refused."""

        def answer(request: Request) -> Response:
            if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
                return PlainTextResponse("Only a page of this board may ask for this.\n", 403)
            return PlainTextResponse(self.new(request.scope), headers={"Cache-Control": "no-store"})

        return Route(f"/{assets.ROUTE}/page-token", answer, methods=["POST"])

    def _signed(self, told: str, scope: Mapping[str, Any]) -> str:
        return hmac.new(self._secret, f"{told} {signed_in(scope) or ''}".encode(), hashlib.sha256).hexdigest()[:32]


def signed_in(scope: Mapping[str, Any]) -> str | None:
    """The name on the Hub in the session that Gradio keeps after a sign-in; None for nobody."""
    session = scope.get("session")
    info = session.get("oauth_info") if isinstance(session, dict) else None
    if not isinstance(info, dict) or (info.get("expires_at") or time.time() + 1) < time.time():
        return None
    name = (info.get("userinfo") or {}).get("preferred_username")
    return name if isinstance(name, str) and name else None
