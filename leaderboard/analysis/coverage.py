"""What was read of a row's answers: how many and how they were rated, by source of the query and variant of the prompt.

Pure functions over the ratings of a row (`leaderboard.boards.row_answers`) and its table of answers; no texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from data.benchmark import VARIANTS
from data.sources.key_file import KeyTable
from eval_queue.reading.answers import UNSCORED_KINDS
from eval_queue.records import Record
from eval_queue.scoring.formulas import Floats
from eval_queue.scoring.profiles import number

if TYPE_CHECKING:
    import pyarrow as pa

ALL: Final = "all"
"""Stands for every source, or every variant."""
NOT_ASKED: Final = "not asked"
"""Prompts without any answer."""


class Cell(Record):
    """The answers to one source's queries under one variant."""

    source: str
    variant: str
    prompts: int
    rated: int
    """How many of them were read as a rating."""
    mean: float | None
    """Mean rating; null without any."""
    low: float | None
    """Lower end of its 95 % t interval over queries; null with fewer than two."""
    high: float | None
    """Upper end."""

    @property
    def share(self) -> float:
        """Share of the prompts with a rating, 0 to 1."""
        return self.rated / self.prompts if self.prompts else 0.0


class Unread(Record):
    """Answers without a rating, of one kind."""

    kind: str
    count: int
    by_source: dict[str, int]


class ReadShare(Record):
    """A row's answers by source and variant."""

    sources: list[str]
    """In the benchmark's order."""
    cells: list[Cell]
    """Each source under each variant, `all` last on both sides."""
    unread: list[Unread]
    """Kinds that occur."""

    def row(self, source: str) -> list[Cell]:
        """The cells of a source, `all` last."""
        return [cell for cell in self.cells if cell.source == source]


def read_share(ratings: Floats, table: pa.Table, key: KeyTable) -> ReadShare:
    """Count a row's answers.

    Args:
        ratings: shape (6 variants, items), NaN where there is none.
        table: the same row's answers, one row a prompt.
        key: the items.
    """
    of = np.array(key.sources)
    sources = list(dict.fromkeys(key.sources))
    cells = []
    for source in [*sources, ALL]:
        items = np.ones(len(of), dtype=np.bool_) if source == ALL else of == source
        for v, variant in enumerate([*VARIANTS, ALL]):
            part = ratings[:, items] if variant == ALL else ratings[v : v + 1, items]
            mean, half = _mean(part, key.query_index[items])
            cells.append(
                Cell(
                    source=source,
                    variant=variant,
                    prompts=part.size,
                    rated=int(np.isfinite(part).sum()),
                    mean=number(mean),
                    low=number(mean - half),
                    high=number(mean + half),
                )
            )
    return ReadShare(sources=sources, cells=cells, unread=_unread(ratings, table, key, sources))


def _mean(ratings: Floats, query_index: np.ndarray[tuple[int, ...], np.dtype[np.intp]]) -> tuple[float, float]:
    """Mean of ratings and half its 95 % interval, a ratio of sums over queries; NaN where it cannot be had."""
    from scipy.special import stdtrit

    rated = np.isfinite(ratings)
    size = query_index.max(initial=-1) + 1
    n = np.bincount(query_index, rated.sum(axis=0), size)
    total = np.bincount(query_index, np.where(rated, ratings, 0.0).sum(axis=0), size)
    n, total = n[n > 0], total[n > 0]
    if not n.size:
        return np.nan, np.nan
    mean = total.sum() / n.sum()
    if n.size < 2:
        return float(mean), np.nan
    se = np.sqrt(n.size / (n.size - 1) * np.square(total - mean * n).sum()) / n.sum()
    return float(mean), float(-stdtrit(n.size - 1, 0.025) * se)


def _unread(ratings: Floats, table: pa.Table, key: KeyTable, sources: list[str]) -> list[Unread]:
    source_of = dict(zip(key.ids[:, 0].tolist(), key.sources, strict=True))
    counts: dict[str, dict[str, int]] = {}
    for query, kind in zip(table["portrait_id"].to_pylist(), table["unscored"].to_pylist(), strict=True):
        if kind is not None:
            by_source = counts.setdefault(kind, dict.fromkeys(sources, 0))
            by_source[source_of[query]] += 1
    if table.num_rows < ratings.size:
        asked = np.bincount([sources.index(source_of[q]) for q in table["portrait_id"].to_pylist()], None, len(sources))
        prompts = [key.sources.count(source) * len(VARIANTS) for source in sources]
        counts[NOT_ASKED] = {s: int(p - a) for s, p, a in zip(sources, prompts, asked, strict=True)}
    order = [*UNSCORED_KINDS, NOT_ASKED]
    return [
        Unread(kind=kind, count=sum(by_source.values()), by_source=by_source)
        for kind, by_source in sorted(counts.items(), key=lambda c: order.index(c[0]) if c[0] in order else len(order))
    ]
