"""A row's answers, item by item: filtered and cut into pages on the server.

A run of this installation has its raw answers in the queue, a published row in `eval_queue.scoring.released`. Texts
come from the benchmark in use if it is the one that was asked, never from a result; sources and what an item counts
for come from its key, which is there without texts too. No HTML is made here.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import compress
from operator import attrgetter
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from cachetools import LRUCache

from data.benchmark import Benchmark
from data.sources.key_file import KeyTable
from data.values import BY_NAME, DIMENSIONS, VALUES
from eval_queue.records import Result
from eval_queue.scoring.formulas import Floats
from eval_queue.scoring.released import Released

if TYPE_CHECKING:
    import pyarrow as pa

PAGE_SIZE: Final = 20
LONGEST_SHOWN: Final = 2000
"""Characters of an answer that pages show, and that are remembered; files have it whole."""
AT_ONCE: Final = 2
"""How many rows' answers are read at the same time: a row's may be large."""
ITEMS_BYTES: Final = 32 * 2**20
"""How much of rows' items is remembered."""

_ITEM_BYTES: Final = 700
_GIVEN_BYTES: Final = 120

_BATCH: Final = 64
"""Answers that are in memory whole at the same time, of a row that is read item by item."""
_OPTIONS: Final = 1000
"""More than any response's id: makes one number of a query's and a response's."""


class Given(NamedTuple):
    """One answer."""

    variant: str
    raw: str | None
    """What the model wrote, at most `LONGEST_SHOWN` characters of it; None where the request failed, or where nothing
    of it is kept here."""
    rating: int | None
    unscored: str | None
    """Why there is no rating."""
    length: int | None = None
    """Characters of what it wrote; None where the request failed."""

    @property
    def is_cut(self) -> bool:
        """Whether `raw` is the beginning of something longer."""
        return self.raw is not None and self.length is not None and self.length > len(self.raw)


class CountsFor(NamedTuple):
    """A dimension that an item counts for."""

    dimension: str
    """The name people write."""
    rho: float | None = None
    """Correlation of people's ratings of the item with their own scores; None where only the key is known."""
    p: float | None = None
    """Its p-value, likewise."""


@dataclass(frozen=True)
class ItemAnswers:
    """What a model answered about one item, and what is known of the item."""

    query_id: int
    option_id: int
    mean: float | None
    given: tuple[Given, ...] = ()
    """Raw answers in the order of `VARIANTS`."""
    source: str | None = None
    title: str | None = None
    query: str | None = None
    text: str | None = None
    counts_for: tuple[CountsFor, ...] = ()
    """What the item speaks for, in the order of `DIMENSIONS`."""
    people: float | None = None
    """Mean rating by the people who rated the item, where enough did and it is at hand."""

    @property
    def name(self) -> str:
        """Short name for addresses, e.g. `1003-2`."""
        return f"{self.query_id}-{self.option_id}"

    @property
    def values(self) -> tuple[str, ...]:
        """Those of the ten values that the item speaks for."""
        return tuple(c.dimension for c in self.counts_for if BY_NAME[c.dimension] in VALUES)


@dataclass(frozen=True)
class Filters:
    """What a visitor wants to see; an empty field keeps everything."""

    value: str = ""
    """A dimension that the item must count for."""
    source: str = ""
    rating: str = ""
    variant: str = ""
    read: str = ""
    q: str = ""
    """Words that must occur, each in the item's name (`1003-2`) or its texts."""
    page: int = 1

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Filters:
        """Read an address. What is no known choice keeps no item."""
        page = query.get("page", "")
        return cls(
            value=query.get("value", "")[:100],
            source=query.get("source", "")[:100],
            rating=query.get("rating", "")[:100],
            variant=query.get("variant", "")[:100],
            read=query.get("read", "")[:100],
            q=" ".join(query.get("q", "")[:100].split()),
            page=int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
        )

    def keeps(self, item: ItemAnswers) -> bool:
        """Whether an item passes. Rating, variant and read must hold for one and the same answer."""
        if self.value and all(self.value != c.dimension for c in item.counts_for):
            return False
        if self.source and self.source != item.source:
            return False
        if self.q and not self._found(item):
            return False
        if not (self.rating or self.variant or self.read):
            return True
        return any(
            (not self.rating or str(g.rating) == self.rating)
            and (not self.variant or g.variant == self.variant)
            and (not self.read or self.read == ("unread" if g.rating is None else "read"))
            for g in item.given
        )

    def _found(self, item: ItemAnswers) -> bool:
        texts = " ".join(filter(None, (item.title, item.query, item.text))).casefold()
        return all(word in texts or item.name.startswith(word.replace("/", "-")) for word in self.q.casefold().split())


@dataclass(frozen=True)
class AnswersPage:
    """One page of answers."""

    items: tuple[ItemAnswers, ...]
    found: int
    page: int
    pages: int
    texts: bool
    """Whether the benchmark that was asked is in use here, so that texts can be shown."""
    sources: tuple[str, ...] = field(default=())


def answers_table(
    result: Result,
    benchmark: Benchmark,
    raw: Callable[[str], bytes],
    released: Released,
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """A row's answers, one row a prompt.

    Args:
        result: the row.
        benchmark: the one in use.
        raw: the table of a run's answers by id of its result; raises `InputError` where there is none.
        released: the released models' answers.
        columns: those that are read of a stored run; None for all.

    Raises:
        InputError: nothing is stored for this row.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if result.origin == "published":
        return released.table(result.model, benchmark)
    return pq.read_table(pa.BufferReader(raw(result.id)), columns=columns)


def answer_batches(
    result: Result,
    benchmark: Benchmark,
    raw: Callable[[str], bytes],
    released: Released,
    columns: Collection[str] | None = None,
) -> Iterator[pa.RecordBatch]:
    """As `answers_table`, some answers after the other: a row's texts are never in memory all at once."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if result.origin == "published":
        found = released.table(result.model, benchmark)
        kept = found.column_names if columns is None else [n for n in found.column_names if n in columns]
        yield from found.select(kept).to_batches(_BATCH)
        return
    with pq.ParquetFile(pa.BufferReader(raw(result.id))) as file:
        names = file.schema_arrow.names
        kept = names if columns is None else [n for n in names if n in columns]
        yield from file.iter_batches(_BATCH, columns=kept)


def answers_of(
    result: Result,
    benchmark: Benchmark,
    raw: Callable[[str], bytes],
    released: Released,
    key: KeyTable | None = None,
    people: Floats | None = None,
    only: Collection[tuple[int, int]] | None = None,
) -> tuple[ItemAnswers, ...]:
    """All items of a row, in the order of their ids; texts only if `benchmark` is the one that the row was asked.

    Args:
        result: as for `answers_table`, and so the next three and the errors.
        benchmark: see there.
        raw: see there.
        released: see there.
        key: that of the row's benchmark; None where it is not known.
        people: mean rating of each item of `benchmark` by people, NaN where it is not to be shown.
        only: items that are wanted; None for all.
    """
    batches = answer_batches(result, benchmark, raw, released, _READ)
    plain = _by_item(batches if only is None else (_of(batch, only) for batch in batches))
    if benchmark.digest == result.benchmark.digest:
        return tuple(_described(item, benchmark, people) for item in plain)
    return plain if key is None else tuple(_keyed(item, key) for item in plain)


def readings_digest(table: pa.Table) -> str:
    """SHA-256 of what a row's answers were read as, prompt by prompt; two rows share it only if all readings agree."""
    columns = (table[name].to_pylist() for name in ("portrait_id", "option_id", "prompt_variant", "rating"))
    read = sorted((*prompt, rating or 0) for *prompt, rating in zip(*columns, strict=True))
    return hashlib.sha256(repr(read).encode()).hexdigest()


class AnswersKept:
    """The items of the rows looked at last, so that a filter or a page costs no reading. Threads may share it.

    Args:
        read: a row's items, as from `answers_of`.
        most: how many bytes are kept, about.
    """

    def __init__(self, read: Callable[[Result], tuple[ItemAnswers, ...]], most: int = ITEMS_BYTES) -> None:
        self._read = read
        self._kept: LRUCache[tuple[str, str], tuple[ItemAnswers, ...]] = LRUCache(most, getsizeof=_bytes_of)
        self._lock = Lock()
        self._turns = BoundedSemaphore(AT_ONCE)

    @property
    def bytes(self) -> int:
        """What is kept now takes about so many bytes."""
        return int(self._kept.currsize)

    def of(self, result: Result) -> tuple[ItemAnswers, ...]:
        """A row's items; errors as for `answers_of`, and nothing is kept then."""
        name = (result.id, result.created.isoformat())
        if (known := self._known(name)) is not None:
            return known
        with self._turns:
            if (known := self._known(name)) is not None:  # another has read it meanwhile
                return known
            made = self._read(result)
            with self._lock, suppress(ValueError):  # one row's items may be more than is kept
                self._kept[name] = made
            return made

    def _known(self, name: tuple[str, str]) -> tuple[ItemAnswers, ...] | None:
        with self._lock:
            return self._kept.get(name)


def _bytes_of(items: tuple[ItemAnswers, ...]) -> int:
    """About what items take in memory; their texts are the benchmark's own."""
    return sum(_ITEM_BYTES + sum(_GIVEN_BYTES + sys.getsizeof(g.raw) for g in item.given) for item in items)


def cut(items: tuple[ItemAnswers, ...], filters: Filters, *, texts: bool) -> AnswersPage:
    """Filter items and take one page of what is left; a page beyond the last one is the last one."""
    kept = [item for item in items if filters.keeps(item)]
    pages = max(1, -(-len(kept) // PAGE_SIZE))
    page = min(max(1, filters.page), pages)
    start = (page - 1) * PAGE_SIZE
    return AnswersPage(
        tuple(kept[start : start + PAGE_SIZE]),
        len(kept),
        page,
        pages,
        texts,
        tuple(sorted({item.source for item in items if item.source})),
    )


def _described(item: ItemAnswers, benchmark: Benchmark, people: Floats | None) -> ItemAnswers:
    at = benchmark.item_index.get((item.query_id, item.option_id))
    if at is None:
        return item
    query, key = benchmark.query_by_id[item.query_id], benchmark.key
    return replace(
        item,
        source=query.source,
        title=query.title,
        query=query.text,
        text=benchmark.items[at].text,
        counts_for=tuple(
            CountsFor(d.name, float(key.rho[at, i]), float(key.p[at, i]))
            for i, d in compress(enumerate(DIMENSIONS), key.selected[at].tolist())
        ),
        people=None if people is None or not np.isfinite(people[at]) else float(people[at]),
    )


def _keyed(item: ItemAnswers, key: KeyTable) -> ItemAnswers:
    at = key.item_index.get((item.query_id, item.option_id))
    if at is None:
        return item
    counts_for = tuple(CountsFor(d.name) for d in compress(DIMENSIONS, key.selected[at].tolist()))
    return replace(item, source=key.sources[at], counts_for=counts_for)


def _of(batch: pa.RecordBatch, only: Collection[tuple[int, int]]) -> pa.RecordBatch:
    """The rows of some items."""
    import pyarrow as pa
    import pyarrow.compute as pc

    queries, options = (pc.cast(batch[name], pa.int64()) for name in ("portrait_id", "option_id"))
    wanted = pa.array([query * _OPTIONS + option for query, option in only], pa.int64())
    return batch.filter(pc.is_in(pc.add(pc.multiply(queries, _OPTIONS), options), wanted))


_READ: Final = ("portrait_id", "option_id", "prompt_variant", "raw_response", "rating", "unscored", "length")


def _by_item(batches: Iterable[pa.RecordBatch]) -> tuple[ItemAnswers, ...]:
    import pyarrow.compute as pc

    by_item: dict[tuple[int, int], list[Given]] = {}
    for batch in batches:
        texts = batch["raw_response"]
        shown = pc.utf8_slice_codeunits(texts, 0, LONGEST_SHOWN)
        lengths = pc.utf8_length(texts)
        if "length" in batch.schema.names:  # of texts that are not kept here
            lengths = pc.coalesce(lengths, batch["length"])
        asked = (batch[name] for name in ("portrait_id", "option_id", "prompt_variant"))
        columns = (*asked, shown, batch["rating"], batch["unscored"], lengths)
        for query, option, *answer in zip(*(column.to_pylist() for column in columns), strict=True):
            by_item.setdefault((query, option), []).append(Given(*answer))
    made = []
    for (query, option), given in sorted(by_item.items()):
        given.sort(key=attrgetter("variant"))  # as in `VARIANTS`
        ratings = [g.rating for g in given if g.rating is not None]
        made.append(ItemAnswers(query, option, sum(ratings) / len(ratings) if ratings else None, tuple(given)))
    return tuple(made)
