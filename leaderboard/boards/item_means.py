"""Boards' rows as mean ratings of each item: shipped for the published models, else from the stored answers.

What was read once is kept (about 4 kB a row). A page that needs a thousand rows reads them over several views, so that
nobody waits for all of them: `Found.finished` says whether there are more to come.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from data.errors import InputError
from data.people.item_means import Items
from eval_queue.scoring.formulas import Floats
from eval_queue.store.local import StoreUnavailable, WriteConflict
from leaderboard.boards.rank_intervals import published_means, stored_means
from leaderboard.boards.results import Board

AT_ONCE: Final = 60
"""How many rows' answers are read for one view."""

_log = logging.getLogger(__name__)


class Found(NamedTuple):
    """What could be had."""

    means: dict[str, Floats]
    """By id of the row, shape (items,), NaN where it has no rating; rows without answers at hand are absent."""
    finished: bool
    """Whether nothing more is to be had by asking again."""


class RowMeans:
    """Mean ratings of rows. Threads may share it.

    Args:
        answers: a run's table of answers by id of its result; raises `InputError` where there is none.
    """

    def __init__(self, answers: Callable[[str], bytes]) -> None:
        self._answers = answers
        self._known: dict[tuple[str, str], Floats | None] = {}
        self._lock = threading.Lock()

    def of(self, board: Board, items: Items, first: Sequence[str] = ()) -> Found:
        """The rows of a board.

        Args:
            board: whose rows.
            items: the items they answered.
            first: ids of rows that must not wait for another view.
        """
        with self._lock:
            names = {r.id: (r.id, r.created.isoformat()) for r in board.results}
            unread = {id_: name for id_, name in names.items() if name not in self._known}
            finished = True
            if unread:
                shipped = published_means(items, [r for r in board.results if r.id in unread])
                self._known |= {names[id_]: means for id_, means in shipped.items()}
                waiting = sorted(unread.keys() - shipped.keys(), key=lambda id_: (id_ not in first, id_))
                finished = len(waiting) <= AT_ONCE
                for id_ in waiting[:AT_ONCE]:
                    finished &= self._read(names[id_], items)
            known = {id_: self._known.get(name) for id_, name in names.items()}
        return Found({id_: means for id_, means in known.items() if means is not None}, finished)

    def _read(self, name: tuple[str, str], items: Items) -> bool:
        """Read one row's answers; whether that is settled."""
        try:
            self._known[name] = stored_means(self._answers(name[0]), items)
        except InputError:
            self._known[name] = None
        except (StoreUnavailable, WriteConflict) as error:
            _log.warning("the answers of %s cannot be had now: %s", name[0], error)
            return False
        except (ValueError, KeyError, OSError):  # a damaged table must not cost the others their place
            _log.exception("the stored answers of %s cannot be used", name[0])
            self._known[name] = None
        return True
