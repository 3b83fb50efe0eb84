"""A row's answers, item by item: filtered and cut into pages on the server.

A run of this installation has its raw answers in the queue, a published row in `eval_queue.released`. Texts and keys
come from the benchmark in use if it is the one that was asked, never from a result. No HTML is made here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from data.benchmark import VARIANTS, Benchmark
from data.values import BY_NAME, VALUES
from eval_queue.records import Result
from eval_queue.released import Released

if TYPE_CHECKING:
    import pyarrow as pa

PAGE_SIZE: Final = 20


class Given(NamedTuple):
    """One answer."""

    variant: str
    raw: str | None
    """What the model wrote; None where the request failed, or where it is longer than what is kept here."""
    rating: int | None
    unscored: str | None
    """Why there is no rating."""
    length: int | None = None
    """Characters of what it wrote, where that is not kept here."""


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
    values: tuple[str, ...] = ()
    """The values the item speaks for."""


@dataclass(frozen=True)
class Filters:
    """What a visitor wants to see; an empty field keeps everything."""

    value: str = ""
    source: str = ""
    rating: str = ""
    variant: str = ""
    read: str = ""
    page: int = 1

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Filters:
        """Read an address. What is no known choice counts as not given."""
        page = query.get("page", "")
        return cls(
            value=query.get("value", "") if query.get("value") in {d.name for d in VALUES} else "",
            source=query.get("source", "")[:100],
            rating=query.get("rating", "") if query.get("rating") in set("123456") else "",
            variant=query.get("variant", "") if query.get("variant") in VARIANTS else "",
            read=query.get("read", "") if query.get("read") in ("read", "unread") else "",
            page=int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
        )

    def keeps(self, item: ItemAnswers) -> bool:
        """Whether an item passes. Rating, variant and read must hold for one and the same answer."""
        if self.value and self.value not in item.values:
            return False
        if self.source and self.source != item.source:
            return False
        if not (self.rating or self.variant or self.read):
            return True
        return any(
            (not self.rating or str(g.rating) == self.rating)
            and (not self.variant or g.variant == self.variant)
            and (not self.read or (g.rating is not None) == (self.read == "read"))
            for g in item.given
        )


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


def answers_table(result: Result, benchmark: Benchmark, raw: Callable[[str], bytes], released: Released) -> pa.Table:
    """A row's answers, one row a prompt.

    Args:
        result: the row.
        benchmark: the one in use.
        raw: the table of a run's answers by id of its result; raises `InputError` where there is none.
        released: the released models' answers.

    Raises:
        InputError: nothing is stored for this row.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if result.origin == "published":
        return released.table(result.model, benchmark)
    return pq.read_table(pa.BufferReader(raw(result.id)))


def answers_of(
    result: Result, benchmark: Benchmark, raw: Callable[[str], bytes], released: Released
) -> tuple[ItemAnswers, ...]:
    """All items of a row, in the order of their ids; arguments and errors as for `answers_table`.

    Texts are there only if `benchmark` is the one that the row was asked.
    """
    plain = _by_item(answers_table(result, benchmark, raw, released))
    if benchmark.digest != result.benchmark.digest:
        return plain
    return tuple(_described(item, benchmark) for item in plain)


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


def _described(item: ItemAnswers, benchmark: Benchmark) -> ItemAnswers:
    at = benchmark.item_index.get((item.query_id, item.option_id))
    if at is None:
        return item
    query = benchmark.query_by_id[item.query_id]
    return ItemAnswers(
        item.query_id,
        item.option_id,
        item.mean,
        item.given,
        query.source,
        query.title,
        query.text,
        benchmark.items[at].text,
        tuple(d.name for d, on in zip(BY_NAME.values(), benchmark.key.selected[at], strict=True) if on and d in VALUES),
    )


def _by_item(table: pa.Table) -> tuple[ItemAnswers, ...]:
    names = ["portrait_id", "option_id", "prompt_variant", "raw_response", "rating", "unscored"]
    if "length" in table.column_names:
        names.append("length")
    columns = table.select(names).to_pydict()
    by_item: dict[tuple[int, int], list[Given]] = {}
    for query, option, *answer in zip(*(columns[name] for name in names), strict=True):
        by_item.setdefault((query, option), []).append(Given(*answer))
    made = []
    for (query, option), given in sorted(by_item.items()):
        given.sort(key=lambda g: VARIANTS.index(g.variant))
        ratings = [g.rating for g in given if g.rating is not None]
        made.append(ItemAnswers(query, option, sum(ratings) / len(ratings) if ratings else None, tuple(given)))
    return tuple(made)
