"""What the Groups page says of both readings side by side: which claims the other one would change."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from eval_queue.records import Result
from leaderboard.boards.group_similarity import Table
from leaderboard.groups.group_report import HeldBy, Lean, LikeRaters, ModelProximity

Both = tuple[ModelProximity, ModelProximity]


class BothLeans(NamedTuple):
    """A lean under both readings; null where the row is not set against groups."""

    name: str
    published: Lean | None
    match: Lean | None
    holds: tuple[int | None, int | None]
    """Prompts that, taken alone, lean the same way under each reading; null where that is not known."""


class OtherReading(NamedTuple):
    """Counts under both readings, as published first, and the chosen model's leans."""

    models: int
    reported: tuple[int, int]
    sure: tuple[int, int]
    """Leans that are sure."""
    leaning: tuple[list[str], list[str]]
    """Models with a lean that is sure. Names as given."""
    named: tuple[int, int]
    """Models with a nearest group."""
    gate: list[str]
    """Models that only one reading sets against groups."""
    turned: int
    """Leans that both readings report, with another sign."""
    of: int
    """How many leans both report."""
    leans: list[BothLeans]
    held: tuple[HeldBy | None, HeldBy | None]
    like: tuple[LikeRaters, LikeRaters] | None


def other_reading(published: Table, match: Table, chosen: Result | None) -> OtherReading:
    """Set both readings of a board's rows among people side by side, for the rows that have both."""
    both = [(row, match.rows[id_]) for id_, row in published.rows.items() if id_ in match.rows]
    shown = [(p.leans[c].lean, m.leans[c].lean) for p, m in both for c in p.leans if p.reported and m.reported]
    signs = [a * b for a, b in shown if a is not None and b is not None]
    leans: list[BothLeans] = []
    held: tuple[HeldBy | None, HeldBy | None] = (None, None)
    like = None
    if chosen is not None and chosen.id in published.rows and chosen.id in match.rows:
        p, m = published.rows[chosen.id], match.rows[chosen.id]
        held, like = (p.held, m.held), (p.like_raters, m.like_raters)
        leans = [
            BothLeans(
                c,
                p.leans[c] if p.reported else None,
                m.leans[c] if m.reported else None,
                (p.held.leans.get(c) if p.held else None, m.held.leans.get(c) if m.held else None),
            )
            for c in p.leans
        ]
    return OtherReading(
        models=len(both),
        reported=_count(both, lambda m: m.reported),
        sure=(sum(_sure(p) for p, _ in both), sum(_sure(m) for _, m in both)),
        leaning=([p.model for p, _ in both if _sure(p)], [m.model for _, m in both if _sure(m)]),
        named=_count(both, lambda m: m.nearest.group is not None),
        gate=[m.model for p, m in both if p.reported != m.reported],
        turned=sum(x < 0 for x in signs),
        of=len(signs),
        leans=leans,
        held=held,
        like=like,
    )


def _sure(m: ModelProximity) -> int:
    return sum(lean.sure for lean in m.leans.values()) if m.reported else 0


def _count(both: list[Both], holds: Callable[[ModelProximity], bool]) -> tuple[int, int]:
    return sum(holds(p) for p, _ in both), sum(holds(m) for _, m in both)
