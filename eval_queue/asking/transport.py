"""The way to an endpoint: replies of a bounded size, no redirects, its key where it belongs, and why there is no way.

What a reply may take is bounded after it is expanded: neither an endless body nor a small bomb fills the memory.
A redirect is never followed: prompts and key would go where the operator did not send them. What listens on this
machine is asked without any proxy. No cookie is kept, and nothing of the user's own (`~/.netrc`) is sent.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import socket
import ssl
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from types import TracebackType
from typing import Final, NamedTuple, Self
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import aiohttp
import httpx2
import orjson
from aiohttp.http_exceptions import ContentEncodingError, HttpProcessingError

from eval_queue.asking.diagnosis import EndpointError

MAX_REPLY_BYTES: Final = 10_000_000
"""The largest reply that is read, expanded."""
CONNECT_SECONDS: Final = 10.0

_MOST_FIELDS: Final = 256
"""Header fields of a reply, ..."""
_LONGEST_FIELD: Final = 32_768
"""... and bytes of each."""
_IDLE_SECONDS: Final = 4.0
"""So long an idle connection is kept: less than the five seconds after which many servers close one."""
_OWN_PATH: Final = re.compile(r"/chat/completions/?$")


class ReplyTooLarge(aiohttp.ClientError):
    """A reply of more than `MAX_REPLY_BYTES`; what came of it is thrown away."""


NO_REPLY: Final = (aiohttp.ClientError, HttpProcessingError, OSError)
"""What `Session` raises where a request brought no reply; a time-out is an `OSError`, too."""
_HUNG_UP: Final = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientConnectionResetError)


class Base(NamedTuple):
    """An endpoint's address in the two parts that requests are made of."""

    url: str
    """Up to and with `/v1`, without a slash at the end."""
    query: Mapping[str, str]
    """What stands behind the path of every request, e.g. Azure's `api-version`."""


def base_of(address: str) -> Base:
    """The parts of an address, also of one that names the path of the requests themselves."""
    parts = urlsplit(address)
    path = _OWN_PATH.sub("", parts.path).rstrip("/")
    return Base(urlunsplit((parts.scheme, parts.netloc, path, "", "")), dict(parse_qsl(parts.query)))


def key_of(variable: str | None) -> str:
    """The key in an environment variable; empty where no variable is named.

    Raises:
        EndpointError: `auth`, when it is not set, or holds what no header can carry.
    """
    if not variable:
        return ""
    key = os.environ.get(variable, "").strip()
    if not key:
        raise EndpointError("auth", f"the environment variable {variable} is not set", fatal=True)
    odd = next((i for i, c in enumerate(key) if not "!" <= c <= "~"), None)
    if odd is not None:
        message = f"the key in the environment variable {variable} cannot be sent: its character {odd + 1} is "
        raise EndpointError("auth", f"{message}U+{ord(key[odd]):04X}, and keys have plain letters only", fatal=True)
    return key


class Response(NamedTuple):
    """A whole reply, whatever its status."""

    status: int
    headers: Mapping[str, str]
    """By name, in any case."""
    content: bytes


class Session:
    """Connections to one endpoint. An async context manager; belongs to one event loop.

    Args:
        address: base URL up to and with `/v1`.
        key: sent as a bearer token, unless the address itself has a user.
        timeout: seconds for a request, all of it.
        connections: so many at once.

    Raises:
        EndpointError: `endpoint_gone`, when a proxy in the environment cannot be used.
    """

    def __init__(self, address: str, key: str, *, timeout: float, connections: int) -> None:
        base, url = base_of(address), urlsplit(address)
        host = url.netloc.rpartition("@")[2]
        self._root = urlunsplit((url.scheme, host, "", "", ""))
        self._base = urlunsplit((url.scheme, host, urlsplit(base.url).path, "", ""))
        self._query = f"?{urlencode(base.query)}" if base.query else ""
        self._timeout = timeout
        authorization = f"Bearer {key or 'none'}"
        if url.username is not None:
            pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
            authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=connections,
                keepalive_timeout=_IDLE_SECONDS,
                # the system's own trust on every platform, or what SSL_CERT_FILE names
                ssl=httpx2.create_ssl_context() if url.scheme == "https" else True,
            ),
            headers={
                "Authorization": authorization,
                "Accept": "application/json",
                "Content-Type": "application/json",
            },
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=_proxy(address),
            timeout=aiohttp.ClientTimeout(total=None, connect=min(CONNECT_SECONDS, timeout)),
            max_headers=_MOST_FIELDS,
            max_field_size=_LONGEST_FIELD,
            max_line_size=_LONGEST_FIELD,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def post(self, path: str, body: object) -> Response:
        """Send JSON to a path behind the address.

        Raises:
            NO_REPLY: there was none.
        """
        return await self._exchange("POST", f"{self._base}{path}{self._query}", orjson.dumps(body))

    async def get(self, path: str, *, root: bool = False) -> Response:
        """Read a path behind the address, or from the root of its host.

        Raises:
            NO_REPLY: there was none.
        """
        return await self._exchange("GET", f"{self._root if root else self._base}{path}{self._query}")

    async def _exchange(self, method: str, url: str, data: bytes | None = None) -> Response:
        async with asyncio.timeout(self._timeout):
            try:
                return await self._try(method, url, data)
            except _HUNG_UP as error:
                if isinstance(error, aiohttp.ClientConnectorError):
                    raise
            # an idle connection that the server closes just when it is used again is no failure: once more at once
            return await self._try(method, url, data)

    async def _try(self, method: str, url: str, data: bytes | None) -> Response:
        async with self._session.request(method, url, data=data, allow_redirects=False) as response:
            content = bytearray()
            async for part in response.content.iter_any():
                content += part
                if len(content) > MAX_REPLY_BYTES:
                    raise ReplyTooLarge
            return Response(response.status, response.headers, bytes(content))


async def get_once(address: str, key: str, path: str, *, timeout: float) -> Response:
    """As `Session.get`, for a single request."""
    async with Session(address, key, timeout=timeout, connections=1) as session:
        return await session.get(path)


# --- why there is no reply ------------------------------------------------------------------------------------------


def on_this_machine(address: str) -> bool:
    """Whether an address is of this machine, where no proxy leads."""
    host = urlsplit(address).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def proxy_of(address: str) -> str | None:
    """The environment variable whose proxy requests to an address go through; None for no proxy."""
    parts = urlsplit(address)
    if on_this_machine(address) or urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    proxies = urllib.request.getproxies()
    return next((f"{kind.upper()}_PROXY" for kind in (parts.scheme, "all") if proxies.get(kind)), None)


def _proxy(address: str) -> str | None:
    """The address of that proxy."""
    variable = proxy_of(address)
    if variable is None:
        return None
    named = urllib.request.getproxies()[variable.removesuffix("_PROXY").lower()]
    proxy = named if "://" in named else f"http://{named}"
    with suppress(ValueError):
        parts = urlsplit(proxy)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return proxy
    why = "does not name a proxy that can be used"
    if proxy.lower().startswith("socks"):
        why = "names a SOCKS proxy, which cannot be used here; use an HTTP proxy"
    message = f"the environment variable {variable} {why}, or name the endpoint's host in NO_PROXY"
    raise EndpointError("endpoint_gone", message, fatal=True)


class _Way(NamedTuple):
    words: str
    lasting: bool
    """Whether it is so for every prompt, and will be."""


def why_no_reply(error: BaseException, address: str, *, timeout: float, answered: bool) -> EndpointError:
    """Why a request brought no reply.

    Args:
        error: one of `NO_REPLY`.
        address: of the endpoint.
        timeout: seconds that the request had.
        answered: whether this endpoint answered before; then whatever it is may pass.
    """
    chain = list(_causes(error))
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        seconds = min(CONNECT_SECONDS, timeout)
        return EndpointError(
            "endpoint_gone", f"no connection ({_way(chain, address).words}) within {seconds:g} s", retry=True
        )
    if isinstance(error, TimeoutError):
        return EndpointError("timeout", f"no answer within {timeout:g} s", retry=True, busy=True)
    if isinstance(error, ReplyTooLarge):
        message = f"the reply is larger than {MAX_REPLY_BYTES / 1e6:g} MB; it was cut off and not kept"
        return EndpointError("bad_response", message)
    if any(isinstance(e, ContentEncodingError) for e in chain):
        return EndpointError("bad_response", "the reply's compression is damaged, or unknown here", retry=True)
    way = _way(chain, address)
    return EndpointError(
        "endpoint_gone",
        f"no connection ({way.words})",
        fatal=way.lasting and not answered,
        retry=not way.lasting or answered,
    )


def _way(chain: list[BaseException], address: str) -> _Way:
    proxy = proxy_of(address)
    said = " ".join(str(e) for e in chain)

    def among(*kinds: type[BaseException]) -> bool:
        return any(isinstance(e, kinds) for e in chain)

    if among(aiohttp.NonHttpUrlClientError, aiohttp.InvalidURL):
        return _Way("the address begins with neither http:// nor https://, or is none", True)
    if among(ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in said:
        why = next((w for e in reversed(chain) if (w := getattr(e, "verify_message", ""))), "unknown reason")
        return _Way(f"its certificate is not trusted: {why}; SSL_CERT_FILE may name a file of those to trust", True)
    if among(ssl.SSLError) or "[SSL" in said:
        if "WRONG_VERSION_NUMBER" in said or "RECORD_LAYER" in said or "UNKNOWN_PROTOCOL" in said:
            return _Way("it does not speak TLS here: should the address begin with http:// instead of https://?", True)
        return _Way("the TLS handshake failed: should the address begin with http:// instead of https://?", False)
    if among(aiohttp.ClientHttpProxyError):
        return _Way(f"the proxy in {proxy or 'the environment'} does not let the request through", False)
    if among(aiohttp.ClientConnectorDNSError):
        what = f"the host of the proxy in {proxy}" if proxy else "its host"
        passing = any(isinstance(e, socket.gaierror) and e.errno == socket.EAI_AGAIN for e in chain)
        return _Way(f"{what} is not known: check the spelling, and this machine's network", not passing)
    if among(aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        if proxy:
            why = f"the proxy in {proxy} does not answer; unset it, or name the endpoint's host in NO_PROXY"
            return _Way(why, False)
        refused = among(ConnectionRefusedError) or "Connect call failed" in said
        return _Way("nothing listens there" if refused else "it cannot be reached", False)
    if urlsplit(address).scheme == "http" and among(
        aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError, aiohttp.ClientResponseError
    ):
        why = "it hung up in the middle, or does not speak HTTP here: should the address begin with https://?"
        return _Way(why, False)
    return _Way(type(chain[-1]).__name__, False)


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


# --- redirects ------------------------------------------------------------------------------------------------------


def redirected(status: int, location: str | None, address: str) -> EndpointError:
    """An endpoint that sends requests elsewhere: where to, without saying it where everybody reads."""
    asked = httpx2.URL(f"{base_of(address).url}/chat/completions")
    try:
        target = asked.join(location or "")
    except (httpx2.InvalidURL, ValueError):
        target = asked
    if not location:
        words, advice = "without saying where to", "check base_url"
    elif target.copy_with(query=None) == asked:
        words, advice = "to itself", "check base_url, and the server or the proxy before it"
    elif target.host != asked.host:
        words, advice = "to another host", "give the address it names as base_url if it is the right one"
    elif target.scheme != asked.scheme:
        words, advice = f"to {target.scheme}", f"write {target.scheme}:// in base_url"
    elif target.port != asked.port:
        words, advice = "to another port", "give the address it names as base_url"
    else:
        words, advice = "to another path", "give the address it names as base_url"
    base = base_of(str(target.copy_with(query=None, fragment=None, username=None, password=None)))
    return EndpointError(
        "redirected",
        f"the endpoint redirects {words} (HTTP {status}), which is not followed; {advice}",
        fatal=True,
        detail=f"base_url redirects to {base.url}; use that address" if location and words != "to itself" else None,
    )
