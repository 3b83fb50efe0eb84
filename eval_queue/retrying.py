"""Trying again: how often, and at what pace, where others were faster or the store did not answer."""

from __future__ import annotations

from typing import Final

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from eval_queue.store import StoreUnavailable, WriteConflict

_CONFLICTS: Final = 50
_OUTAGES: Final = 4


def again() -> Retrying:
    """A call of this calls a function until it succeeds, a bounded number of times with growing, jittered pauses."""
    outages = 0

    def enough(state: RetryCallState) -> bool:
        nonlocal outages
        outages += state.outcome is not None and isinstance(state.outcome.exception(), StoreUnavailable)
        return outages >= _OUTAGES or state.attempt_number >= _CONFLICTS

    return Retrying(
        retry=retry_if_exception_type((WriteConflict, StoreUnavailable)),
        stop=enough,
        wait=wait_random_exponential(multiplier=0.01, max=1.0),
        reraise=True,
    )
