"""Waiting for what another thread or process does, for as long as the busiest machine may need."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

LIMIT: Final = 240.0
"""Seconds: far longer than anything takes that is waited for, so that only what never happens fails a test."""


def until(condition: Callable[[], T | None], seconds: float = LIMIT, *, longest_pause: float = 0.1) -> T:
    """Look again and again until a condition holds; what it gave then.

    Args:
        condition: what must become true.
        seconds: how long that may take.
        longest_pause: between two looks, in seconds; they are closer together at first.

    Raises:
        AssertionError: it never did.
    """
    end, pause = time.monotonic() + seconds, 0.005
    while not (found := condition()):
        assert time.monotonic() < end, f"this did not happen within {seconds:g} s"
        time.sleep(pause)
        pause = min(1.3 * pause, longest_pause)  # looking takes a processor that what is waited for could use
    return found
