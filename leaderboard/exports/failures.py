"""What programs and readers are told of an error, the same wherever they ask: words, and the status of HTTP."""

from __future__ import annotations

import logging

from data.errors import InputError
from eval_queue.store.local import StoreUnavailable, WriteConflict
from leaderboard.exports.tables import UnknownRow
from leaderboard.files.formats import UnknownFile

_log = logging.getLogger(__name__)


def in_words(error: Exception, happened: str, otherwise: str = "This cannot be answered now.") -> tuple[str, int]:
    """What is said of an error. One that nobody expected is logged: `happened` says of what, `otherwise` is told."""
    if isinstance(error, InputError):
        return str(error), 404 if isinstance(error, UnknownFile | UnknownRow) else 400
    if isinstance(error, StoreUnavailable | WriteConflict):
        return "The store cannot be reached now. Try again later.", 503
    _log.error("%s", happened, exc_info=error)
    return otherwise, 500
