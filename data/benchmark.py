"""What a benchmark is: queries, items, prompt templates, and the key that says which item speaks for which value.

Pure records and arithmetic; where a benchmark comes from is `data.sources.loading`. Arrays over items follow
`Benchmark.items`, arrays over dimensions follow `data.values.DIMENSIONS`. Nothing here holds a participant's rating.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.values import DIMENSIONS, SCALE_COLUMNS, Scale

VARIANTS: Final = ("v1", "v1_reversed", "v2", "v2_reversed", "v3", "v3_reversed")
"""The six prompt variants; a reversed one lists the answer options in reverse order."""

RATING_PHRASES: Final[dict[int, str]] = {
    6: "very much like me",
    5: "like me",
    4: "somewhat like me",
    3: "a little like me",
    2: "not like me",
    1: "not like me at all",
}
"""The answer scale, from most to least alike."""

MIN_RHO: Final = 0.3
"""An item counts for a dimension only above this correlation (strictly, positive side only)."""
MAX_P: Final = 0.05
"""... and only below this p-value (strictly)."""

_PLACEHOLDER = re.compile(r"\{(title|text|content)\}")


@dataclass(frozen=True)
class Query:
    """A person's question or message."""

    id: int
    """Upstream's `portrait_id`."""
    source: str
    """Where it was asked, e.g. `Reddit`."""
    title: str | None
    """Its headline; None for kinds of query that have none."""
    text: str
    """The question itself."""


@dataclass(frozen=True)
class Item:
    """One response to a query: what people and models rate."""

    query_id: int
    option_id: int
    text: str

    @property
    def id(self) -> tuple[int, int]:
        """(`portrait_id`, `option_id`)."""
        return self.query_id, self.option_id


@dataclass(frozen=True)
class Template:
    """One variant's wording, for queries with and without a title. Placeholders: `{title}`, `{text}`, `{content}`."""

    titled: str
    untitled: str

    def fill(self, query: Query, item: Item) -> str:
        """The prompt for one item. Placeholders are replaced once; braces inside the texts stay as they are."""
        wording = self.untitled if query.title is None else self.titled
        parts = {"title": query.title or "", "text": query.text, "content": item.text}
        return _PLACEHOLDER.sub(lambda m: parts[m[1]], wording)


@dataclass(frozen=True)
class Key:
    """Correlations between people's ratings of an item and their own scores.

    Attributes:
        rho: Spearman correlations, shape (items, 19), NaN where a benchmark has none.
        p: two-sided p-values, same shape.
    """

    rho: NDArray[np.float64]
    p: NDArray[np.float64]

    @cached_property
    def selected(self) -> NDArray[np.bool_]:
        """Which item counts for which dimension: rho > 0.3 and p < 0.05, shape (items, 19)."""
        return (self.rho > MIN_RHO) & (self.p < MAX_P)


@dataclass(frozen=True)
class Benchmark:
    """A complete benchmark: enough to ask a model and to score its answers."""

    name: str
    """`value-portrait` or `practice`, or the name a Hub dataset gives."""
    version: str
    """Upstream's commit, or the practice benchmark's own version."""
    queries: tuple[Query, ...]
    """In order of id."""
    items: tuple[Item, ...]
    """In order of (query, option): the order of every array over items."""
    templates: dict[str, Template]
    """One per variant of `VARIANTS`, in that order."""
    key: Key
    origin: str = field(default="", compare=False)
    """A sentence for people: where it was loaded from and why. Not part of the identity."""
    source: str | Path | None = field(default=None, compare=False)
    """What to load it from again, and the ratings behind its key; None where it was put together by hand."""
    raters: int = field(default=0, compare=False)
    """How many people's ratings stand behind the key (0: unknown)."""
    groups: int = field(default=0, compare=False)
    """How many survey groups they formed (0: unknown)."""

    @cached_property
    def query_by_id(self) -> dict[int, Query]:
        """Queries by id."""
        return {q.id: q for q in self.queries}

    @cached_property
    def item_index(self) -> dict[tuple[int, int], int]:
        """Row of an item in arrays over items, by (`portrait_id`, `option_id`)."""
        return {item.id: i for i, item in enumerate(self.items)}

    @cached_property
    def query_index(self) -> NDArray[np.intp]:
        """For each item the position of its query in `queries`: the clusters of the bootstrap, shape (items,)."""
        at = {q.id: i for i, q in enumerate(self.queries)}
        return np.array([at[item.query_id] for item in self.items], dtype=np.intp)

    @property
    def n_prompts(self) -> int:
        """How many prompts a full evaluation asks."""
        return len(self.items) * len(self.templates)

    @property
    def is_practice(self) -> bool:
        """Whether this is the embedded practice benchmark, whose rows never stand beside others."""
        return self.name == "practice"

    def prompt(self, item: Item, variant: str) -> str:
        """The text a model is asked for `item` under `variant`."""
        return self.templates[variant].fill(self.query_by_id[item.query_id], item)

    def items_per_dimension(self) -> dict[str, int]:
        """How many items count for each dimension, by the name people write."""
        counts = self.key.selected.sum(axis=0)
        return {d.name: int(n) for d, n in zip(DIMENSIONS, counts, strict=True)}

    def items_per_scale(self) -> dict[Scale, int]:
        """How many distinct items count for at least one dimension of each scale."""
        return {s: int(self.key.selected[:, c].any(axis=1).sum()) for s, c in SCALE_COLUMNS.items()}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical content (texts, templates, key): the identity that results name."""
        content = {
            "queries": [[q.id, q.source, q.title, q.text] for q in self.queries],
            "items": [[i.query_id, i.option_id, i.text] for i in self.items],
            "templates": {v: [t.titled, t.untitled] for v, t in self.templates.items()},
            "dimensions": [d.key for d in DIMENSIONS],
            # repr of a float is exact and the same everywhere; None stands for "no correlation"
            "key": [
                [None if np.isnan(r) else [float(r), float(p)] for r, p in zip(rho, pv, strict=True)]
                for rho, pv in zip(self.key.rho, self.key.p, strict=True)
            ],
        }
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
