"""Trying again: how often, and at what pace, where others were faster or the store did not answer.

Whoever was too slow waits in proportion to what an attempt takes: milliseconds in a folder, seconds on the Hub. Shorter
pauses would have many workers spend their time on attempts that somebody else makes useless.
"""

from __future__ import annotations

import random
from typing import Final

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from eval_queue.store.local import StoreUnavailable, WriteConflict

_CONFLICTS: Final = 50
_OUTAGES: Final = 4
_SHORTEST_PAUSE: Final = 0.01
_LONGEST_PAUSE: Final = 1.0
"""In seconds: short beside any lease, since a sign of life may have to wait so long several times."""
_DOUBLINGS: Final = 5


def again() -> Retrying:
    """A call of this calls a function until it succeeds, a bounded number of times with growing, jittered pauses."""
    outages, paused = 0, 0.0

    def enough(state: RetryCallState) -> bool:
        nonlocal outages
        outages += _unavailable(state)
        return outages >= _OUTAGES or state.attempt_number >= _CONFLICTS

    def pause(state: RetryCallState) -> float:
        nonlocal paused
        attempt = max(((state.seconds_since_start or 0.0) - paused) / state.attempt_number, _SHORTEST_PAUSE)
        if _unavailable(state):
            attempt = _SHORTEST_PAUSE  # such a store has done its own waiting
        longest = min(attempt * 2.0 ** min(state.attempt_number, _DOUBLINGS), _LONGEST_PAUSE)
        chosen = random.uniform(0.0, longest)
        paused += chosen
        return chosen

    return Retrying(
        retry=retry_if_exception_type((WriteConflict, StoreUnavailable)),
        stop=enough,
        wait=pause,
        reraise=True,
    )


def _unavailable(state: RetryCallState) -> bool:
    return state.outcome is not None and isinstance(state.outcome.exception(), StoreUnavailable)
