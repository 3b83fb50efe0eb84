"""Between the socket and the Hub's routes: the request log, and faults by rule.

A fault happens on the wire, so the client meets it as it would meet the real one: a status with a body, a connection
that closes before, within or after an answer, an answer that comes late, is old or is torn. Whether the Hub's work is
done before it fails is part of the rule.
"""

from __future__ import annotations

import asyncio
import fnmatch
import json
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import MutableHeaders
from starlette.routing import BaseRoute, Match

CONTROL = "/_control"
"""Paths below it set the Hub up; they are neither logged nor faulted."""
STALE = "hub.stale"
"""In an ASGI scope: how many commits behind a ref is to be read."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Close = Callable[[Message], None]


class Fault(BaseModel):
    """One rule. Of several rules the first that fires decides; those behind it do not count that request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    route: str = "*"
    """Name of a route as in the log (`commit`, `tree`, `info`, `resolve` ...), as a shell pattern."""
    method: str = "*"
    repo: str = "*"
    """Repository id, as a shell pattern."""
    path: str = "*"
    """Path in the repository, as a shell pattern."""
    user: str = "*"
    skip: int = Field(default=0, ge=0)
    """How many matching requests pass first."""
    every: int = Field(default=1, ge=1)
    """Of those that follow, the first of each so many meets the fault."""
    times: int | None = Field(default=1, ge=1)
    """How often it fires; None: until it is cleared."""

    after: bool = False
    """The Hub does its work first, then waits, fails or cuts."""
    delay: float = Field(default=0.0, ge=0)
    """Seconds to wait; clearing the faults ends the wait."""
    status: int | None = Field(default=None, ge=400, le=599)
    retry_after: int | None = Field(default=None, ge=0)
    """Seconds in a `Retry-After` header beside `status`."""
    headers: dict[str, str] = Field(default_factory=dict)
    """More headers beside `status`, e.g. a `Retry-After` that is a date, or `RateLimit`."""
    words: str | None = None
    """What the error says, in place of a sentence of the test Hub's own."""
    page: bool = False
    """The error is a page of HTML, as of a proxy in between."""
    drip: float = Field(default=0.0, ge=0)
    """The answer comes byte by byte, with so many seconds in between."""
    cut: bool = False
    """Close the connection without any answer."""
    stale: int = Field(default=0, ge=0)
    """A branch is read this many commits behind its head. Writing is not affected."""
    torn: Literal["dropped", "text", "entries", "next-lost", "next-wrong"] | None = None
    """How the answer's body is damaged: `dropped`: half of it, then the connection closes; `text`: half of it, as if it
    were all. Of a listing page: `entries`: every other entry is missing; `next-lost`: no link to the next page;
    `next-wrong`: a link that leads nowhere."""


class Logged(BaseModel):
    """One request in the log. A token never gets here."""

    model_config = ConfigDict(frozen=True)

    number: int
    method: str
    route: str
    repo: str
    path: str
    query: str
    user: str
    """Empty for anonymous requests and for unknown tokens."""
    status: int
    """0 if there was no answer, or only part of one."""
    fault: int | None
    """Number of the rule that fired."""
    seconds: float


@dataclass
class _Rule:
    number: int
    fault: Fault
    matched: int = 0
    fired: int = 0
    held: int = 0
    cleared: asyncio.Event = field(default_factory=asyncio.Event)

    def fires(self, seen: dict[str, str]) -> bool:
        fault = self.fault
        if fault.times is not None and self.fired >= fault.times:
            return False
        wanted = {name: getattr(fault, name) for name in ("route", "method", "repo", "path", "user")}
        if not all(fnmatch.fnmatchcase(seen[name], pattern) for name, pattern in wanted.items()):
            return False
        turn = self.matched - fault.skip
        self.matched += 1
        if turn < 0 or turn % fault.every:
            return False
        self.fired += 1
        return True


class Gate:
    """ASGI application around the Hub's own.

    Args:
        app: the routes.
        routes: their list, by which a request gets its name.
        user_of: the user's name behind an `Authorization` header.
        close: closes the connection that a scope belongs to.
    """

    def __init__(
        self,
        app: Callable[[Message, Receive, Send], Awaitable[None]],
        routes: list[BaseRoute],
        user_of: Callable[[str], str],
        close: Close,
    ) -> None:
        self.app, self.routes, self.user_of, self.close = app, routes, user_of, close
        self.log: list[Logged] = []
        self.ahead = timedelta()
        """By how much the Hub's clock, as its answers tell it, is ahead of this machine's."""
        self._rules: list[_Rule] = []
        self._requests = 0
        self._forgotten = 0
        self._faults = 0

    def add(self, fault: Fault) -> int:
        """Put a rule behind the others; its number."""
        self._faults += 1
        self._rules.append(_Rule(self._faults, fault))
        return self._faults

    def clear(self, number: int | None = None) -> None:
        """Remove one rule, or all; whoever waits because of them goes on."""
        for rule in self._rules:
            if number in (None, rule.number):
                rule.cleared.set()
        self._rules = [rule for rule in self._rules if not rule.cleared.is_set()]

    def fired(self) -> dict[int, int]:
        """How often each present rule has fired."""
        return {rule.number: rule.fired for rule in self._rules}

    def held(self) -> dict[int, int]:
        """How many requests each present rule has begun to delay; with `after`, the Hub has done its work by then."""
        return {rule.number: rule.held for rule in self._rules}

    def forget(self) -> None:
        """Begin a new log. What is still under way, as of a client that gave up long ago, will not be in it."""
        self.log.clear()
        self._forgotten = self._requests

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        # Routes are matched on the encoded path: a revision and a listed folder are one segment each, slashes and all.
        scope["path"] = scope["raw_path"].decode("ascii")
        if scope["path"].startswith(CONTROL):
            await self.app(scope, receive, send)
            return
        seen = self._describe(scope)
        rule = next((rule for rule in self._rules if rule.fires(seen)), None)
        self._requests += 1
        number, begun, status = self._requests, time.monotonic(), 0

        logged = False

        def record(status: int) -> None:
            # Before the client can know that its request is over: whoever counts requests then counts this one.
            nonlocal logged
            if not logged and number > self._forgotten:
                self.log.append(
                    Logged(
                        number=number,
                        query=scope["query_string"].decode("latin-1"),
                        status=status,
                        fault=rule.number if rule else None,
                        seconds=time.monotonic() - begun,
                        **seen,
                    )
                )
            logged = True

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = str(uuid.uuid4())
                headers.setdefault("Date", format_datetime(datetime.now(UTC) + self.ahead, usegmt=True))
            elif not message.get("more_body"):
                record(status)
            await send(message)

        async def hang_up() -> None:
            record(0)
            self.close(scope)
            while (await receive())["type"] != "http.disconnect":
                pass

        try:
            if rule is None:
                await self.app(scope, receive, answer)
            else:
                await self._fail(rule, scope, receive, answer, hang_up)
        finally:
            record(0)

    def _describe(self, scope: Message) -> dict[str, str]:
        route, params = "other", {}
        for candidate in self.routes:
            match, child = candidate.matches(scope)
            if match is Match.FULL:
                route, params = str(getattr(candidate, "name", "other")), child["path_params"]
                break
        authorization = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        return {
            "route": route,
            "method": scope["method"],
            "repo": unquote(f"{params['owner']}/{params['name']}") if "owner" in params else "",
            "path": unquote(params.get("path", "")),
            "user": self.user_of(authorization),
        }

    async def _fail(
        self, rule: _Rule, scope: Message, receive: Receive, send: Send, hang_up: Callable[[], Awaitable[None]]
    ) -> None:
        """Act out a rule."""
        fault = rule.fault
        if fault.stale:
            scope[STALE] = fault.stale
        if not fault.after:
            await _wait(rule)
            if fault.status or fault.cut:
                await _drain(receive)
                return await _refuse(fault, send, hang_up)
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self.app(scope, receive, keep)
        if fault.after:
            await _wait(rule)
            if fault.status or fault.cut:
                return await _refuse(fault, send, hang_up)
        start = messages[0]
        body = b"".join(message.get("body", b"") for message in messages[1:])
        headers = MutableHeaders(scope=start)
        if fault.torn == "dropped":
            await send(start)
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            return await hang_up()
        if fault.torn and start["status"] == 200:
            body = _torn(fault.torn, body, headers)
            if scope["method"] != "HEAD":
                headers["content-length"] = str(len(body))
        await send(start)
        if fault.drip:
            for at in range(len(body) - 1):
                await send({"type": "http.response.body", "body": body[at : at + 1], "more_body": True})
                await _wait(rule, fault.drip)
            body = body[-1:]  # with it the request is over, and in the log
        await send({"type": "http.response.body", "body": body})


async def _refuse(fault: Fault, send: Send, hang_up: Callable[[], Awaitable[None]]) -> None:
    if fault.cut:
        return await hang_up()
    assert fault.status is not None
    message = fault.words or ("too many requests" if fault.status == 429 else "the Hub could not answer (injected)")
    body = f"<html><h1>{message}</h1></html>".encode() if fault.page else json.dumps({"error": message}).encode()
    kind = b"text/html" if fault.page else b"application/json"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in fault.headers.items()]
    if fault.retry_after is not None:
        headers.append((b"retry-after", str(fault.retry_after).encode()))
    await send({"type": "http.response.start", "status": fault.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _wait(rule: _Rule, seconds: float | None = None) -> None:
    seconds = rule.fault.delay if seconds is None else seconds
    if seconds:
        rule.held += 1
        try:
            await asyncio.wait_for(rule.cleared.wait(), seconds)
        except TimeoutError:
            return


async def _drain(receive: Receive) -> None:
    """Read the whole request: a socket closed with unread bytes would reset the connection instead of ending it."""
    while (message := await receive())["type"] == "http.request" and message.get("more_body"):
        pass


def _torn(how: str, body: bytes, headers: MutableHeaders) -> bytes:
    if how == "text":
        return body[: len(body) // 2]
    if how == "entries":
        return json.dumps(json.loads(body)[::2]).encode()
    if how == "next-lost":
        del headers["link"]
    elif "link" in headers:
        headers["link"] = headers["link"].replace("cursor=", "cursor=lost-")
    return body
