"""What the Groups page says of the reading on all items and of single prompts: which claims would be others."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from eval_queue.records import Result
from leaderboard.analysis.group_report import GroupClaims, HeldBy, Lean, LikeRaters, ModelProximity
from leaderboard.boards.group_similarity import Table


class BothLeans(NamedTuple):
    """A lean under both readings; null where the row is not set against groups."""

    name: str
    published: Lean | None
    match: Lean | None
    holds: int
    """Prompts that, taken alone, lean the same way under the reading as published."""


class OtherReading(NamedTuple):
    """Counts under both readings, as published first, and the chosen model's leans."""

    models: int
    reported: tuple[int, int]
    sure: tuple[int, int]
    named: tuple[int, int]
    leaning: list[str]
    """Models with a lean that would be sure by matches. Names as given."""
    gate: list[str]
    """Models that only one reading sets against groups."""
    turned: int
    """Leans that both readings report, with another sign."""
    leans: list[BothLeans]
    held: HeldBy | None
    like: tuple[LikeRaters, LikeRaters] | None


def other_reading(found: GroupClaims, table: Table, chosen: Result | None) -> OtherReading:
    """Set both readings side by side.

    Args:
        found: the released models by their matches.
        table: the rows of their board among people, as published.
        chosen: the row that the page is about.
    """
    match = {m.model: m for m in found.models}
    published = {m.model: m for m in table.rows.values() if m.model in match}
    both = [(published[name], m) for name, m in match.items() if name in published]
    shown = [(p.leans[c].lean, m.leans[c].lean) for p, m in both for c in p.leans if p.reported and m.reported]
    leans: list[BothLeans] = []
    held = like = None
    row = None if chosen is None else table.rows.get(chosen.id)
    if chosen is not None and row is not None and chosen.origin == "published" and chosen.model in match:
        other, held = match[chosen.model], found.held[chosen.model]
        like = row.like_raters, other.like_raters
        leans = [
            BothLeans(
                c, row.leans[c] if row.reported else None, other.leans[c] if other.reported else None, held.leans[c]
            )
            for c in row.leans
            if c in held.leans
        ]
    return OtherReading(
        models=len(both),
        reported=_count(both, lambda m: m.reported),
        sure=(sum(_sure(p) for p, _ in both), sum(_sure(m) for _, m in both)),
        named=_count(both, lambda m: m.nearest.group is not None),
        leaning=[m.model for _, m in both if _sure(m)],
        gate=[m.model for p, m in both if p.reported != m.reported],
        turned=sum(a * b < 0 for a, b in shown if a is not None and b is not None),
        leans=leans,
        held=held,
        like=like,
    )


def _sure(m: ModelProximity) -> int:
    return sum(lean.sure for lean in m.leans.values()) if m.reported else 0


def _count(
    both: list[tuple[ModelProximity, ModelProximity]], holds: Callable[[ModelProximity], bool]
) -> tuple[int, int]:
    return sum(holds(p) for p, _ in both), sum(holds(m) for _, m in both)
