"""What programs of this project write to their log: one line an event, as text or JSON, and never without bound.

Lines about a submission carry its id. Of lines that say the same, few a minute are written, and then how many were
left out: whatever a visitor can repeat, the log of a day stays readable and the disk does not fill.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from cachetools import LRUCache

SAME_A_MINUTE: Final = 20
"""Lines of one kind: same place in the program, same words but for what is put into them."""
ALL_A_MINUTE: Final = 600
LONGEST: Final = 8_000
"""Characters of a line."""

_KINDS_KEPT: Final = 1000
_WINDOW: Final = 60.0
_about: ContextVar[str | None] = ContextVar("submission", default=None)


@contextmanager
def about(submission: str) -> Iterator[None]:
    """Everything logged inside, in this thread, is about a submission."""
    token = _about.set(submission)
    try:
        yield
    finally:
        _about.reset(token)


def set_up_logging(*, as_json: bool) -> None:
    """Send the log of this process to standard error, bounded: a JSON object a line, for programs, or text."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Bounded())
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    # these log every request, with addresses
    for name in ("aiohttp", "httpx", "httpx2", "httpcore", "httpcore2", "openai", "urllib3", "mcp", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)


def adopt(*names: str) -> None:
    """Let what other programs log under these names go the same way, instead of to handlers of their own."""
    for name in names:
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True


class Bounded(logging.Filter):
    """Lets few lines of one kind pass in a minute, and says of the next how many were left out.

    Args:
        same: lines of one kind a minute.
        all_: lines of all kinds together a minute.
        clock: seconds, from anywhere.
    """

    def __init__(
        self, same: int = SAME_A_MINUTE, all_: int = ALL_A_MINUTE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._same, self._all, self._clock = same, all_, clock
        self._lock = threading.Lock()
        self._kinds: LRUCache[tuple[str, int, str], list[float]] = LRUCache(_KINDS_KEPT)
        self._total = [clock(), 0.0, 0.0]

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is written."""
        kind = (record.name, record.levelno, str(record.msg)[:200])
        now = self._clock()
        with self._lock:
            own = self._kinds.setdefault(kind, [now, 0.0, 0.0])
            for count in (own, self._total):
                if now - count[0] >= _WINDOW:
                    count[:2] = [now, 0.0]
            if own[1] >= self._same or self._total[1] >= self._all:
                own[2] += 1
                return False
            own[1] += 1
            self._total[1] += 1
            record.left_out, own[2] = int(own[2]), 0.0
        return True


class TextFormatter(logging.Formatter):
    """A line for people."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, without control characters that somebody put into it; a traceback on lines of its own."""
        about_, count = _about.get(), getattr(record, "left_out", 0)
        head = f"{self.formatTime(record)} {record.levelname} {f'[{about_}] ' if about_ else ''}"
        said = "".join(c if c.isprintable() else " " for c in record.getMessage())
        left_out = f" ({count} more like this were left out)" if count else ""
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return f"{head}{said}{left_out}{trace}"[:LONGEST]


class JsonFormatter(logging.Formatter):
    """A JSON object a line: `time`, `level`, `logger`, `message`, and where there are any `submission`, `trace`."""

    def format(self, record: logging.LogRecord) -> str:
        """See the class."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage()[:LONGEST],
        }
        if (submission := _about.get()) is not None:
            line["submission"] = submission
        if left_out := getattr(record, "left_out", 0):
            line["left_out"] = left_out
        if record.exc_info and (trace := self.formatException(record.exc_info).strip()):
            line["trace"] = trace[:LONGEST]
        return orjson.dumps(line, default=str).decode()
