"""Waiting for what another thread or process does, for as long as the busiest machine may need."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

LIMIT: Final = 240.0
"""Seconds: far longer than anything takes that is waited for, so that only what never happens fails a test."""


def until(condition: Callable[[], object], seconds: float = LIMIT) -> None:
    """Look again and again until a condition holds.

    Raises:
        AssertionError: it never did.
    """
    end, pause = time.monotonic() + seconds, 0.005
    while not condition():
        assert time.monotonic() < end, f"this did not happen within {seconds:g} s"
        time.sleep(pause)
        pause = min(1.3 * pause, 0.1)  # looking takes a processor that what is waited for could use
