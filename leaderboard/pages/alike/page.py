"""Alike and unlike: all pairs of models by what sets them apart from the average.

The address is the state: `reading` (`published`, `all`), `table` (a board, or `practice`).

What is computed is said in `leaderboard.analysis.profile_similarity`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlencode

import numpy as np

from data.people.norms import Reading
from data.values import VALUES
from eval_queue.records import Result
from leaderboard.analysis.profile_similarity import Similarities
from leaderboard.boards.background import Working
from leaderboard.boards.readings import ADDRESS_READINGS, cell_of, reading_of
from leaderboard.boards.relations import MOST, Relations
from leaderboard.boards.results import table_names, table_of
from leaderboard.charts.matrix import MatrixCell, matrix
from leaderboard.charts.portrait import number
from leaderboard.site.site import Site
from leaderboard.web.document import Volatile
from leaderboard.web.fields import offered, unknown
from leaderboard.web.markup import render

ROUTE: Final = "alike"
NAME: Final = "Alike and unlike"
DESCRIPTION: Final = (
    "Which language models are alike, and which unlike, in what sets their values apart from the average of all, and "
    "which pairs are not distinguishable."
)
FIELDS: Final = ("reading", "table")


class Pair(NamedTuple):
    """Two rows."""

    first: Result
    second: Result
    r: float
    low: float | None
    high: float | None
    told: bool
    """Whether they are told apart from the average pair."""


class Alike(NamedTuple):
    """What is shown."""

    table: str | None
    practice: bool
    reading: Reading
    working: bool
    relations: Relations | None
    rows: tuple[Result, ...]
    """Those that are compared, like beside like."""
    pairs: tuple[Pair, ...]
    """All pairs, the most alike first."""

    @property
    def compared(self) -> Similarities | None:
        """The similarities themselves."""
        return self.relations.pairs if self.relations else None


def problems(site: Site, query: Mapping[str, str]) -> list[str]:
    """What the address says that cannot be meant, a sentence each."""
    return unknown(query, {"reading": ADDRESS_READINGS, "table": table_names(site.boards())})


def data(site: Site, query: Mapping[str, str]) -> Alike:
    """What the page shows, for programs."""
    board, reading = table_of(site.boards(), query.get("table", "")), reading_of(query.get("reading"))
    if board is None:
        return Alike(None, False, reading, False, None, (), ())
    so_far = site.relations_so_far(board, reading)
    if so_far is None or isinstance(so_far, Working) or so_far.pairs is None:
        relations = None if isinstance(so_far, Working) else so_far
        return Alike(board.key.slug, board.practice, reading, isinstance(so_far, Working), relations, (), ())
    by_id = {r.id: r for r in board.results}
    rows, s = [by_id[id_] for id_ in so_far.ids], so_far.pairs
    told = s.told_apart
    pairs = [
        Pair(rows[i], rows[j], float(s.r[i, j]), float(s.low[i, j]), float(s.high[i, j]), bool(told[i, j]))
        for i in range(len(rows))
        for j in range(i + 1, len(rows))
    ]
    pairs.sort(key=lambda p: (-p.r, p.first.model.casefold(), p.second.model.casefold()))
    ordered = tuple(rows[i] for i in s.order)
    return Alike(board.key.slug, board.practice, reading, False, so_far, ordered, tuple(pairs))


def drawing(found: Alike) -> str:
    """The matrix as SVG; empty where there is none."""
    s = found.compared
    if s is None:
        return ""
    order, told = s.order.tolist(), s.told_apart
    cells = [
        [MatrixCell(float(s.r[i, j]), float(s.low[i, j]), float(s.high[i, j]), bool(told[i, j])) for j in order]
        for i in order
    ]
    return matrix([r.model for r in found.rows], cells, s.mean)


def content(site: Site, query: Mapping[str, str]) -> str:
    """The page as HTML for the fields of an address."""
    found = data(site, query)
    s, boards = found.compared, site.boards()
    told = [p for p in found.pairs if p.told]
    names = {r.id: r.model for b in boards for r in b.results}
    left_out = found.relations.left_out if found.relations else {}
    page = render(
        "alike.html",
        f=found,
        picture=drawing(found),
        mean=s.mean if s else None,
        like=[p for p in told if s and p.r > s.mean],
        unlike=[p for p in reversed(told) if s and p.r <= s.mean],
        left_out=[(id_, names.get(id_, id_), why) for id_, why in left_out.items()],
        boards=offered(boards),
        most=MOST,
        plain=_plain(found),
        file=urlencode({"table": found.table or ""} | ({"reading": "all"} if found.reading == "match" else {})),
        number=number,
    )
    return Volatile(page) if found.working else page


def _plain(found: Alike) -> float | None:
    """Median correlation of the rows' whole profiles, pair by pair; None where that is not known."""
    cells = [[cell_of(r, d, found.reading) for d in VALUES] for r in found.rows]
    ten = np.array([[np.nan if c is None else c.score for c in row] for row in cells]).reshape(-1, len(VALUES))
    usable = ten[np.isfinite(ten).all(axis=1) & (np.ptp(ten, axis=1) > 0)]
    if len(usable) < 2:
        return None
    return float(np.median(np.corrcoef(usable)[np.triu_indices(len(usable), 1)]))
