"""How this project's programs speak with the Hub: time limits on every request, and failures in words of ours.

`huggingface_hub` sets no limit of its own, and asks for none explicitly in some calls, so that a Hub that hangs would
hang us. Guarantees: after `set_up` each request ends within a known time, and within `bounded` a whole call with the
library's own repetitions does; `reason` holds neither token nor address. What is asked is the callers' matter.

Files go up and down as Git LFS objects over this client, never through `hf_xet`. That native library knows none of our
limits: a token route that hangs would hang the process, its signals included. The Hub documents that clients without
Xet upload by Git LFS for good and that it moves such files to Xet by itself
(https://huggingface.co/docs/hub/xet/legacy-git-lfs); `huggingface_hub` 2.4 has this path beside the other
(`_commit_api._upload_files`). Our files have kilobytes, for which chunked deduplication saves nothing.

A Hub that says 429 is not asked again by any thread of this process before the time that it names (`Retry-After` in
seconds or as a date, its rate-limit headers, or the hour in its sentence about commits).
"""

from __future__ import annotations

import functools
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import httpx2
from huggingface_hub import CommitOperationAdd, HfApi, constants, set_client_factory
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
LONGEST_PAUSE: Final = 86_400.0
"""For how long a Hub that asks for it is left alone at most, in seconds."""
LEAVING_SECONDS: Final = 10.0
"""How long calls may go on once the program has been told to end."""

_WAITED_OUT: Final = 10.0
"""A pause up to so many seconds is waited out inside a call, if its time allows."""
_UNNAMED_PAUSE: Final = 1.0
"""After a first 429 that names no time; doubled with each further one, up to the Hub's window of five minutes."""
_LONGEST_UNNAMED_PAUSE: Final = 300.0
_SPAN: Final = re.compile(r"\bin (?:about )?(an?|\d{1,4}) (second|minute|hour)", re.IGNORECASE)
_HOURLY: Final = re.compile(r"\bhourly\b|\bper hour\b", re.IGNORECASE)
_SECONDS: Final = {"second": 1.0, "minute": 60.0, "hour": 3600.0}

NONSENSE: Final = (ValueError, KeyError, TypeError, AttributeError)
"""What the library raises where an answer is not the Hub's: of a proxy in between, say, or a page of maintenance."""


class OutOfTime(Exception):
    """A call has used up its time, or would if it waited as long as the Hub wishes."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds to wait, as the Hub wishes; None where it says nothing."""


FAILURES: Final = (HfHubHTTPError, OfflineModeIsEnabled, OutOfTime, httpx2.HTTPError, *NONSENSE)
"""As what a call can fail, within `bounded`; `reason` has words for each."""


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
    """Bound a call in time; one inside another ends with it at the latest.

    Args:
        seconds: for all of it.
        timeout: seconds that one request may go without a sign of life.
        on_answer: is given each answer, whatever its status.

    Raises:
        OutOfTime: the time is up.
    """
    set_up()
    outer = _call.get()
    deadline = time.monotonic() + seconds
    call = Call(timeout, deadline if outer is None else min(deadline, outer.deadline), on_answer)
    before = _call.set(call)
    try:
        yield call
    finally:
        _call.reset(before)


def upload(api: HfApi, repo: str, operations: Iterable[object]) -> None:
    """Send the contents of a commit that are no plain files of Git ahead of it, one after the other.

    The library would send several at once from threads of its own, which know nothing of the call's limit.
    """
    for operation in operations:
        if isinstance(operation, CommitOperationAdd) and not operation.path_in_repo.endswith(
            (".json", ".jsonl", ".md")
        ):
            api.preupload_lfs_files(repo, [operation], repo_type="dataset", num_threads=1, free_memory=False)


class _Pauses:
    """Until when which host is left alone. Threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[bytes, float] = {}
        self._unnamed: dict[bytes, int] = {}

    def left(self, host: bytes) -> float:
        """Seconds for which a host is not to be asked."""
        with self._lock:
            return self._until.get(host, 0.0) - time.monotonic()

    def note(self, host: bytes, seconds: float | None) -> float:
        """A host has had enough; how long it is left alone now."""
        with self._lock:
            if seconds is None:
                before = self._unnamed.get(host, 0)
                self._unnamed[host] = before + 1
                seconds = min(_UNNAMED_PAUSE * 2.0 ** min(before, 16), _LONGEST_UNNAMED_PAUSE)
            seconds = min(seconds, LONGEST_PAUSE)
            self._until[host] = max(self._until.get(host, 0.0), time.monotonic() + seconds)
            return seconds

    def answered(self, host: bytes) -> None:
        """A host does what it is asked again."""
        if self._unnamed:
            with self._lock:
                self._unnamed.pop(host, None)

    def forget(self) -> None:
        """Ask everybody again."""
        with self._lock:
            self._until.clear()
            self._unnamed.clear()


PAUSES: Final = _Pauses()
_end: list[float] = []
"""When all calls end, on the monotonic clock; empty while the program has not been told to end."""


def leave(seconds: float = LEAVING_SECONDS) -> None:
    """The program has been told to end: from now on no call goes on for longer than this."""
    if not _end:
        _end.append(time.monotonic() + seconds)


def set_up() -> None:
    """Limits on every request of the library, no native uploads, and no noise of its own."""
    constants.HF_HUB_DISABLE_XET = True
    _once()


@functools.cache
def _once() -> None:
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


def underneath(error: BaseException) -> BaseException:
    """What an upload failed of: the library wraps it into a `RuntimeError`."""
    cause = error.__cause__
    return cause if type(error) is RuntimeError and isinstance(cause, Exception) else error


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
    value = str(response.headers.get("retry-after", "")).strip()
    if value:
        return float(value) if value.isdecimal() else _until_date(value, response)
    return _named_in_words(response) if response.status_code == 429 else None


def _until_date(value: str, response: httpx2.Response) -> float | None:
    """Seconds until a date that an answer names, by the clock of who answered."""
    try:
        then = parsedate_to_datetime(value)
    except ValueError:
        return None
    try:
        now = parsedate_to_datetime(str(response.headers.get("date", "")))
    except ValueError:
        now = datetime.now(UTC)
    if then.tzinfo is None or now.tzinfo is None:
        return None
    return max(0.0, (then - now).total_seconds())


def _named_in_words(response: httpx2.Response) -> float | None:
    """Seconds as the sentence of a 429 names them: the limit of commits comes without any header."""
    try:
        text = response.text[:2000]
    except httpx2.StreamError:  # nobody has read it
        return None
    if span := _SPAN.search(text):
        number = 1.0 if span[1].lower() in ("a", "an") else float(span[1])
        return number * _SECONDS[span[2].lower()]
    return _SECONDS["hour"] if _HOURLY.search(text) else None


def _client() -> httpx2.Client:
    return httpx2.Client(
        timeout=None,  # each request gets its own below
        follow_redirects=True,
        event_hooks={"request": [hf_request_event_hook, _before], "response": [_after]},
    )


def _before(request: httpx2.Request) -> None:
    call = _call.get()
    deadline = min(_end, default=float("inf"))
    if call is not None:
        deadline = min(deadline, call.deadline)
    _wait_out(request.url.netloc, deadline)
    left = deadline - time.monotonic()
    if left <= 0:
        raise OutOfTime("it did not answer in time")
    timeout = min(REQUEST_SECONDS if call is None else call.timeout, left)
    if call is not None:
        call.commit_sent |= request.method == "POST" and "/commit/" in request.url.path
    given = request.extensions.get("timeout") or {}
    # some calls of the library ask for no limit at all
    if all(seconds is None for seconds in given.values()):
        limits = httpx2.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS))
        request.extensions["timeout"] = limits.as_dict()


def _wait_out(host: bytes, deadline: float) -> None:
    """Wait until a host may be asked again, if that is soon.

    Raises:
        OutOfTime: it is not.
    """
    left = PAUSES.left(host)
    if left <= 0:
        return
    if left > min(_WAITED_OUT, deadline - time.monotonic()):
        raise OutOfTime(_left_alone(left), retry_after=left)
    time.sleep(left)


def _left_alone(seconds: float) -> str:
    then = datetime.now(UTC) + timedelta(seconds=seconds)
    when = then.strftime("%H:%M" if seconds < 43_200 else "%Y-%m-%d %H:%M")
    return f"it has had too many requests from here and is left alone until {when} UTC, as it wishes"


def _after(response: httpx2.Response) -> None:
    call = _call.get()
    host = response.request.url.netloc
    if call is not None:
        # a server that sends a little now and then keeps within the limit on each step
        response.stream = _Timed(response.stream, call)
        call.answered |= response.is_success
        if call.on_answer is not None:
            call.on_answer(response)
    if response.is_success:
        PAUSES.answered(host)
    if response.status_code == 429:
        response.read()
    wait = wished_wait(response)
    if response.status_code == 429 or (response.status_code == 503 and wait is not None):
        wait = PAUSES.note(host, wait)
    # the library sleeps this long plus a second
    if call is not None and response.is_error and wait is not None and time.monotonic() + wait + 1 > call.deadline:
        said = _left_alone(wait) if response.status_code == 429 else status_reason(response.status_code)
        raise OutOfTime(said, retry_after=wait)


class _Timed(httpx2.SyncByteStream):
    """The body of an answer that has to come within its call's time."""

    def __init__(self, stream: httpx2.SyncByteStream | httpx2.AsyncByteStream, call: Call) -> None:
        self._stream = stream
        self._call = call

    def __iter__(self) -> Iterator[bytes]:
        assert isinstance(self._stream, httpx2.SyncByteStream)
        for part in self._stream:
            if time.monotonic() > self._call.deadline:
                raise OutOfTime("it did not answer in time")
            yield part

    def close(self) -> None:
        """Close the stream inside."""
        assert isinstance(self._stream, httpx2.SyncByteStream)
        self._stream.close()
