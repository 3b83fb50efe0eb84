"""How this project's programs speak with the Hub: time limits on every request, and failures in words of ours.

`huggingface_hub` sets no limit of its own, and asks for none explicitly in some calls, so that a Hub that hangs would
hang us. Guarantees: after `set_up` each request ends within a known time, and within `bounded` a whole call with the
library's own repetitions does; `reason` holds neither token nor address. What is asked is the callers' matter.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

import httpx2
from huggingface_hub import set_client_factory
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # documented there, not declared
    disable_progress_bars,
    parse_ratelimit_headers,
)
from huggingface_hub.utils._http import hf_request_event_hook

REQUEST_SECONDS: Final = 15.0
"""How long one request may go without a sign of life."""
CONNECT_SECONDS: Final = 5.0
"""How long a connection may take."""
NONSENSE: Final = (ValueError, KeyError, TypeError, AttributeError)
"""What the library raises where an answer is not the Hub's: of a proxy in between, say, or a page of maintenance."""


class OutOfTime(Exception):
    """A call has used up its time, or would if it waited as long as the Hub wishes."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds to wait, as the Hub wishes; None where it says nothing."""


@dataclass
class Call:
    """One call with all the requests it makes in its own thread."""

    timeout: float
    deadline: float
    """On the monotonic clock."""
    on_answer: Callable[[httpx2.Response], None] | None = None
    answered: bool = False
    """Whether any request was answered with success."""
    commit_sent: bool = False
    """Whether a commit left for the Hub: the library sends none that would change nothing."""


_call: ContextVar[Call | None] = ContextVar("call", default=None)


@contextmanager
def bounded(
    seconds: float,
    *,
    timeout: float = REQUEST_SECONDS,
    on_answer: Callable[[httpx2.Response], None] | None = None,
) -> Iterator[Call]:
    """Bound a call in time.

    Args:
        seconds: for all of it.
        timeout: seconds that one request may go without a sign of life.
        on_answer: is given each answer, whatever its status.

    Raises:
        OutOfTime: the time is up.
    """
    set_up()
    call = Call(timeout, time.monotonic() + seconds, on_answer)
    before = _call.set(call)
    try:
        yield call
    finally:
        _call.reset(before)


@functools.cache
def set_up() -> None:
    """Once in a process: limits on every request of the library, and no noise of its own."""
    set_client_factory(_client)
    disable_progress_bars()
    # failures are told by who asked, in words without an address
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    # the transport logs every address at level INFO
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)


def reason(error: Exception) -> str:
    """Why a call failed, in plain words."""
    if isinstance(error, OutOfTime):
        return str(error)
    if isinstance(error, OfflineModeIsEnabled):
        return "this program is in offline mode (HF_HUB_OFFLINE)"
    if isinstance(error, HfHubHTTPError):
        # the Hub says 401 of a repository that an anonymous visitor may not see
        hidden = isinstance(error, RepositoryNotFoundError) and "Invalid credentials" not in str(error)
        return "there is no such repository, or the token may not see it" if hidden else status_reason(status(error))
    if isinstance(error, httpx2.TimeoutException):
        return "it did not answer in time"
    if isinstance(error, httpx2.ConnectError):
        return "no connection to it"
    if isinstance(error, httpx2.HTTPError):
        return "the connection to it broke"
    return "its answer cannot be read"


def status(error: HfHubHTTPError) -> int:
    """The status of a refused request."""
    return int(error.response.status_code)


def status_reason(code: int) -> str:
    """What a status means for the operator."""
    known = {
        401: "it does not accept the token",
        402: "it asks for payment",
        403: "the token may not do this",
        429: "it has had too many requests from here",
    }
    return known.get(code, f"it answered with status {code}")


def wished_wait(response: httpx2.Response) -> float | None:
    """Seconds after which the Hub wants to be asked again; None where it says nothing."""
    limit = parse_ratelimit_headers(response.headers)
    if response.status_code == 429 and limit is not None and limit.remaining == 0:
        return float(limit.reset_in_seconds)
    value = str(response.headers.get("retry-after", ""))
    return float(value) if value.isdigit() else None


def _client() -> httpx2.Client:
    return httpx2.Client(
        timeout=None,  # each request gets its own below
        follow_redirects=True,
        event_hooks={"request": [hf_request_event_hook, _before], "response": [_after]},
    )


def _before(request: httpx2.Request) -> None:
    call = _call.get()
    timeout = REQUEST_SECONDS
    if call is not None:
        left = call.deadline - time.monotonic()
        if left <= 0:
            raise OutOfTime("it did not answer in time")
        timeout = min(call.timeout, left)
        call.commit_sent |= request.method == "POST" and "/commit/" in request.url.path
    given = request.extensions.get("timeout") or {}
    # some calls of the library ask for no limit at all
    if all(seconds is None for seconds in given.values()):
        limits = httpx2.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS))
        request.extensions["timeout"] = limits.as_dict()


def _after(response: httpx2.Response) -> None:
    call = _call.get()
    if call is None:
        return
    call.answered |= response.is_success
    if call.on_answer is not None:
        call.on_answer(response)
    wait = wished_wait(response)
    # the library sleeps this long plus a second
    if response.is_error and wait is not None and time.monotonic() + wait + 1 > call.deadline:
        raise OutOfTime(status_reason(response.status_code), retry_after=wait)
