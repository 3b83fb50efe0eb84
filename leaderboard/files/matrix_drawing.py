"""The matrix of similarities as a file of its own, and its numbers. Pure."""

from __future__ import annotations

from typing import Final

from eval_queue.store.compiled import Column
from leaderboard.files.formats import Sheet, UnknownFile
from leaderboard.files.standalone import standalone
from leaderboard.pages.alike.page import Alike, drawing

_PAIRS: Final = (
    Column("first", "string", "A model's name."),
    Column("first_id", "string", "Its row's id."),
    Column("second", "string", "The other model's name."),
    Column("second_id", "string", "Its row's id."),
    Column("r", "double", "Correlation of what sets both apart from the mean of all models, over the ten values."),
    Column("low", "double", "Lower end of its 95 % interval."),
    Column("high", "double", "Upper end of it."),
    Column("reading", "string", "published: of scores by the key; match: of matches on all items."),
    Column("told_apart", "bool", "Whether the pair is distinguishable from the average pair (5 % FDR)."),
)
_NONE: Final = "the rows of this table cannot be compared, or not yet; try again in a moment"


def matrix_svg(found: Alike) -> str:
    """The drawing.

    Raises:
        UnknownFile: there is nothing to draw, or not yet.
    """
    if not (drawn := drawing(found)):
        raise UnknownFile(_NONE)
    what = "matches on all items" if found.reading == "match" else "values"
    said = (
        f"Correlation of what sets models apart from their mean, over ten {what}. Teal: more alike than the "
        "mean pair; plum: less; blank: not distinguishable (false discovery rate 5 %). Order: average linkage, optimal "
        "leaves."
    )
    return standalone(drawn, caption=said)


def matrix_sheet(found: Alike) -> Sheet:
    """All pairs; errors as for the drawing."""
    if found.compared is None:
        raise UnknownFile(_NONE)
    rows = tuple(
        {
            "first": p.first.model,
            "first_id": p.first.id,
            "second": p.second.model,
            "second_id": p.second.id,
            "r": p.r,
            "low": p.low,
            "high": p.high,
            "reading": found.reading,
            "told_apart": p.told,
        }
        for p in found.pairs
    )
    return Sheet("matrix", {"average_pair": f"{found.compared.mean:.4f}"}, _PAIRS, rows)
