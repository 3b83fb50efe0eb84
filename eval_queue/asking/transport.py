"""The way to an endpoint: replies of a bounded size, no redirects, its key where it belongs, and why there is no way.

What a reply may take is bounded after it is expanded: neither an endless body nor a small bomb fills the memory.
A redirect is never followed: prompts and key would go where the operator did not send them. What listens on this
machine is asked without any proxy.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import ssl
import urllib.request
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import httpx2
import openai

from eval_queue.asking.diagnosis import EndpointError

MAX_REPLY_BYTES: Final = 10_000_000
"""The largest reply that is read, expanded."""
CONNECT_SECONDS: Final = 10.0

_OWN_PATH: Final = re.compile(r"/chat/completions/?$")


class ReplyTooLarge(httpx2.RequestError):
    """A reply of more than `MAX_REPLY_BYTES`; what came of it is thrown away."""


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


def async_client(address: str, key: str, *, timeout: float, connections: int) -> openai.AsyncOpenAI:
    """A client that asks one endpoint.

    Raises:
        EndpointError: `endpoint_gone`, when a proxy in the environment cannot be used.
    """
    common = _common(address, key, timeout)
    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
    try:
        http = _AsyncClient(limits=limits, follow_redirects=False, trust_env=not on_this_machine(address))
    except (ImportError, ValueError, httpx2.InvalidURL) as error:
        raise _no_proxy(error) from None
    return openai.AsyncOpenAI(**common, http_client=http)


def client(address: str, key: str, *, timeout: float) -> openai.OpenAI:
    """The same for a few requests, one after the other."""
    common = _common(address, key, timeout)
    try:
        http = _Client(follow_redirects=False, trust_env=not on_this_machine(address))
    except (ImportError, ValueError, httpx2.InvalidURL) as error:
        raise _no_proxy(error) from None
    return openai.OpenAI(**common, http_client=http)


def _common(address: str, key: str, timeout: float) -> dict[str, Any]:
    # the transport logs every address at level INFO
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    base = base_of(address)
    return {
        "base_url": base.url,
        "api_key": key or "none",
        "max_retries": 0,
        "timeout": openai.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout)),
        "default_query": base.query,
        # the client would send the operator's own OpenAI account to any endpoint
        "default_headers": {"OpenAI-Organization": openai.omit, "OpenAI-Project": openai.omit},
    }


class _AsyncClient(openai.DefaultAsyncHttpxClient):
    """Reads every body here, up to its bound; those who asked get a whole response."""

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        response = await super().send(request, **{**options, "stream": True})
        content = bytearray()
        try:
            async for part in response.aiter_bytes():
                content += part
                if len(content) > MAX_REPLY_BYTES:
                    raise ReplyTooLarge("too large", request=request)
        finally:
            await response.aclose()
        return _whole(response, request, bytes(content))


class _Client(openai.DefaultHttpxClient):
    """As `_AsyncClient`."""

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        response = super().send(request, **{**options, "stream": True})
        content = bytearray()
        try:
            for part in response.iter_bytes():
                content += part
                if len(content) > MAX_REPLY_BYTES:
                    raise ReplyTooLarge("too large", request=request)
        finally:
            response.close()
        return _whole(response, request, bytes(content))


def _whole(response: httpx2.Response, request: httpx2.Request, content: bytes) -> httpx2.Response:
    about_the_way = ("content-encoding", "content-length", "transfer-encoding")
    headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in about_the_way]
    return httpx2.Response(response.status_code, headers=headers, content=content, request=request)


# --- why there is no way --------------------------------------------------------------------------------------------


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


def _no_proxy(error: Exception) -> EndpointError:
    names = " or ".join(f"{kind.upper()}_PROXY" for kind in urllib.request.getproxies() if kind != "no")
    if isinstance(error, ImportError):
        why = "names a SOCKS proxy, which needs a package that is not installed; use an HTTP proxy"
    else:
        why = "does not name a proxy that can be used"
    message = f"the environment variable {names or 'of the proxy'} {why}, or name the endpoint's host in NO_PROXY"
    return EndpointError("endpoint_gone", message, fatal=True)


def never_connected(error: BaseException) -> bool:
    """Whether a time-out came before there was a connection."""
    return any(isinstance(e, httpx2.ConnectTimeout) for e in _causes(error))


class _Way(NamedTuple):
    words: str
    lasting: bool
    """Whether it is so for every prompt, and will be."""


def no_connection(error: BaseException | None, address: str, *, answered: bool) -> EndpointError:
    """Why a request did not get through.

    Args:
        error: what the client raised, with its causes.
        address: of the endpoint.
        answered: whether this endpoint answered before; then whatever it is may pass.
    """
    chain = list(_causes(error))
    if any(isinstance(e, ReplyTooLarge) for e in chain):
        message = f"the reply is larger than {MAX_REPLY_BYTES / 1e6:g} MB; it was cut off and not kept"
        return EndpointError("bad_response", message)
    if any(isinstance(e, httpx2.DecodingError) for e in chain):
        return EndpointError("bad_response", "the reply's compression is damaged", retry=True)
    way = _way(chain, address)
    return EndpointError(
        "endpoint_gone",
        f"no connection ({way.words})",
        fatal=way.lasting and not answered,
        retry=not way.lasting or answered,
    )


def _way(chain: list[BaseException], address: str) -> _Way:
    scheme = urlsplit(address).scheme
    proxy = proxy_of(address)
    said = " ".join(str(e) for e in chain)
    if any(isinstance(e, httpx2.UnsupportedProtocol | httpx2.InvalidURL) for e in chain):
        return _Way("the address begins with neither http:// nor https://, or is none", True)
    for e in chain:
        if isinstance(e, ssl.SSLCertVerificationError):
            why = str(e.verify_message or "unknown reason")
            return _Way(f"its certificate is not trusted: {why}; SSL_CERT_FILE may name a file of those to trust", True)
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return _Way("its certificate is not trusted; SSL_CERT_FILE may name a file of those to trust", True)
    if any(isinstance(e, ssl.SSLError) for e in chain) or "[SSL" in said:
        if "WRONG_VERSION_NUMBER" in said or "RECORD_LAYER" in said or "UNKNOWN_PROTOCOL" in said:
            return _Way("it does not speak TLS here: should the address begin with http:// instead of https://?", True)
        return _Way("the TLS handshake failed: should the address begin with http:// instead of https://?", False)
    if any(isinstance(e, httpx2.ProxyError) for e in chain):
        return _Way(f"the proxy in {proxy or 'the environment'} does not let the request through", False)
    for e in chain:
        if isinstance(e, socket.gaierror) or "Name or service not known" in str(e) or "getaddrinfo" in str(e):
            what = f"the host of the proxy in {proxy}" if proxy else "its host"
            passing = isinstance(e, socket.gaierror) and e.errno == socket.EAI_AGAIN
            return _Way(f"{what} is not known: check the spelling, and this machine's network", not passing)
    if any(isinstance(e, httpx2.ConnectError | httpx2.ConnectTimeout) for e in chain):
        refused = (
            any(isinstance(e, ConnectionRefusedError) for e in chain) or "refused" in said or "All connection" in said
        )
        if proxy:
            return _Way(
                f"the proxy in {proxy} does not answer; unset it, or name the endpoint's host in NO_PROXY", False
            )
        return _Way("nothing listens there" if refused else "it cannot be reached", False)
    if any(isinstance(e, httpx2.RemoteProtocolError) for e in chain) and scheme == "http":
        return _Way(
            "it hung up in the middle, or does not speak HTTP here: should the address begin with https://?", False
        )
    name = type(chain[1] if len(chain) > 1 else chain[0]).__name__ if chain else "unknown cause"
    return _Way(name, False)


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
