"""A small OpenAI-compatible chat server for tests: real HTTP, faults on demand, and it counts what it is asked.

It stands in for paid and remote endpoints, which tests cannot have. Run as a program it serves one fixed answer, for
measurements that must not share an interpreter with the client.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import socket
import ssl
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

from tests.support.waiting import until

PHRASES = (
    "very much like me",
    "like me",
    "somewhat like me",
    "a little like me",
    "not like me",
    "not like me at all",
)


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    body: dict[str, Any]
    headers: dict[str, str]
    path: str
    times: int
    """How often this prompt has been asked so far, this time included."""

    @property
    def prompt(self) -> str:
        return str(self.body["messages"][-1]["content"])


@dataclass(frozen=True)
class Response:
    """What to send back, and how."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    until: threading.Event | None = None
    """Send nothing until this is set."""
    hang: bool = False
    """Send nothing until the client gives up."""
    gone: bool = False
    """Close the connection without a word."""
    cut: bool = False
    """Send half of the body, then close the connection."""
    drip: float = 0.0
    """Seconds between single bytes of the body."""
    endless: bool = False
    """Send the body again and again until the client hangs up."""
    old: bool = False
    """Answer in HTTP/1.0 without a length: the connection's end is the body's."""


def say(
    text: str | None,
    *,
    finish_reason: str = "stop",
    model: str = "served-model-0001",
    delay: float = 0.0,
    **message: object,
) -> Response:
    """An ordinary chat completion."""
    tokens = len((text or "").split())
    completion = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [
            {
                "index": 0,
                "finish_reason": finish_reason,
                "message": {"role": "assistant", "content": text, **message},
            }
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": tokens, "total_tokens": 100 + tokens},
    }
    return Response(json.dumps(completion).encode(), delay=delay)


def fail(
    status: int, message: object = "it went wrong", *, headers: Mapping[str, str] | None = None, **more: object
) -> Response:
    """An error in the usual dialect; a `bytes` message is sent as the whole body."""
    body = message if isinstance(message, bytes) else json.dumps({"error": {"message": message, **more}}).encode()
    return Response(body, status=status, headers=headers or {})


def rate(asked: Asked) -> Response:
    """A phrase that depends on nothing but the prompt."""
    return say(PHRASES[hashlib.sha256(asked.prompt.encode()).digest()[0] % 6])


def held_after(answers: int, go: threading.Event | None = None) -> Callable[[Asked], Response]:
    """So many answers to each model at once and no more until `go` is set: it cannot end before the test has acted."""
    go, asked_of = go or threading.Event(), Counter[str]()

    def behave(asked: Asked) -> Response:
        model = str(asked.body["model"])
        asked_of[model] += 1
        return rate(asked) if asked_of[model] <= answers else replace(rate(asked), until=go)

    return behave


class ChatServer:
    """Serves on a free port of this machine, in a thread of its own, for the length of a `with` block."""

    def __init__(
        self,
        behave: Callable[[Asked], Response] = rate,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.behave = behave
        self.host = host
        self.pages: dict[str, Response] = {}
        """What is answered to a GET, by path; 404 where nothing stands."""
        self.tls = tls
        self.sent = 0
        """Bytes of endless bodies so far."""
        self.asked: list[Asked] = []
        self.answered: Counter[str] = Counter()
        """How often each prompt got a complete 200."""
        self.connected = 0
        """Connections that are open, with all that came on them before they were closed."""
        self.at_once = 0
        self.most_at_once = 0
        self._port = port
        self._times: Counter[str] = Counter()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self._port}/v1"

    @property
    def times(self) -> Counter[str]:
        """How often each prompt was asked."""
        return Counter(asked.prompt for asked in self.asked)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def alone(self) -> None:
        """Wait until nobody is connected any more: what those sent who are gone has arrived then."""
        # connections are taken in turn: with this one answered none waits of those before it
        with socket.create_connection((self.host, self._port)) as last:
            last.sendall(b"GET / HTTP/1.1\r\n\r\n")
            last.recv(1)
        until(lambda: not self.connected)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._run())
        self._loop.close()

    async def _run(self) -> None:
        self._stop = asyncio.Event()
        connections: set[asyncio.Task[None]] = set()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self._connection(reader, writer))
            connections.add(task)
            task.add_done_callback(connections.discard)

        server = await asyncio.start_server(connected, self.host, self._port, backlog=1024, ssl=self.tls)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected += 1
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.connected -= 1
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its response; whether the connection stays open."""
        request_line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
        if request_line.startswith("GET "):
            page = self.pages.get(request_line.split()[1].partition("?")[0], Response(status=404))
            head = {"content-length": str(len(page.body)), **page.headers}
            fields = "".join(f"{name}: {value}\r\n" for name, value in head.items())
            writer.write(f"HTTP/1.1 {page.status} X\r\n{fields}\r\n".encode() + page.body)
            await writer.drain()
            return True
        body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))))
        prompt = str(body["messages"][-1]["content"])
        self._times[prompt] += 1
        asked = Asked(body, headers, request_line.split()[1], self._times[prompt])
        self.asked.append(asked)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            response = self.behave(asked)
            if response.hang:
                await reader.read()
                return False
            await asyncio.sleep(response.delay)
            while response.until is not None and not response.until.is_set():
                await asyncio.sleep(0.01)
            if response.gone:
                return False
        finally:
            self.at_once -= 1
        head = {"content-type": "application/json", "content-length": str(len(response.body)), **response.headers}
        if response.endless:
            writer.write(b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n")
            while True:
                writer.write(response.body)
                self.sent += len(response.body)
                await writer.drain()
        if response.old:
            self._count(prompt, response)
            writer.write(f"HTTP/1.0 {response.status} X\r\n\r\n".encode() + response.body)
            await writer.drain()
            return False
        if not (response.cut or response.drip):
            self._count(prompt, response)
        writer.write(f"HTTP/1.1 {response.status} X\r\n".encode())
        writer.write("".join(f"{name}: {value}\r\n" for name, value in head.items()).encode() + b"\r\n")
        if response.cut:
            writer.write(response.body[: len(response.body) // 2])
            await writer.drain()
            return False
        rest = response.body
        if response.drip:
            for byte in rest[:-1]:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(response.drip)
            rest = rest[-1:]
            self._count(prompt, response)
        writer.write(rest)
        await writer.drain()
        return True

    def _count(self, prompt: str, response: Response) -> None:
        """Before the last byte is sent: a test reads the number as soon as its client has the answer."""
        if response.status == 200:
            self.answered[prompt] += 1


def _serve_alone(seconds: float, jitter: float) -> None:
    """Answer after `seconds`, and refuse what is above the capacity named by the last line of standard input."""
    capacity = 1_000_000
    dice = random.Random(0)

    def behave(asked: Asked) -> Response:
        if chat.at_once > capacity:
            return fail(429, "too many requests at once")
        return say("like me", delay=seconds * dice.uniform(1 - jitter, 1 + jitter))

    with ChatServer(behave) as chat:
        sys.stdout.write(chat.address + "\n")
        sys.stdout.flush()
        for line in sys.stdin:
            capacity = int(line)
            good = sum(chat.answered.values())
            sys.stdout.write(f"{good} {len(chat.asked)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    _serve_alone(float(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0)
