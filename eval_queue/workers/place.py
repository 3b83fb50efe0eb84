"""What is wrong with where an installation keeps its records and answers, in sentences for people."""

from __future__ import annotations

import os
import time
from typing import Final

from eval_queue.settings import Settings
from eval_queue.store.shown import why_not_writable, will_last

LOOK_SECONDS: Final = 30.0
"""How old what is said may be."""

NO_REPOSITORIES: Final = (
    "This Space keeps its submissions and results on its own disk, which is emptied whenever it restarts. Its operator "
    "can keep them: set VALUE_PORTRAIT_REQUESTS_REPO and VALUE_PORTRAIT_RESULTS_REPO to two dataset repositories."
)


class Worries:
    """What is wrong, looked at now and then.

    Args:
        settings: the installation's.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._next = 0.0
        self._found: tuple[str, ...] = ()

    def now(self) -> tuple[str, ...]:
        """Each worry in a sentence or two; none where all is well. No sentence names a folder."""
        if time.monotonic() >= self._next:
            self._found = worries(self._settings)
            self._next = time.monotonic() + LOOK_SECONDS
        return self._found


def worries(settings: Settings) -> tuple[str, ...]:
    """What is wrong now; see `Worries.now`."""
    found = []
    if os.environ.get("SPACE_ID") and not settings.on_hub and not will_last(settings.store):
        found.append(NO_REPOSITORIES)
    why = why_not_writable(settings.store)
    if why is not None:
        lost = (
            "The answers of unfinished evaluations cannot be kept, so nothing can be evaluated here"
            if settings.on_hub
            else "Nothing can be submitted or evaluated here"
        )
        found.append(
            f"The folder of this installation cannot be written ({why}). {lost} until its operator mends that or sets "
            "VALUE_PORTRAIT_STORE to another one."
        )
    return tuple(found)
