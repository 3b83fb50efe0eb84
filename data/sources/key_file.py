"""Which item speaks for which dimension, without any text: what scoring needs of a benchmark that is not at hand.

`data/published/key.parquet` holds it for the published benchmark (columns `portrait_id, option_id, source` and one
boolean a dimension; the metadata field `benchmark_digest` names the benchmark), so that a fresh clone without a network
can compare and resample the published models.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data import shipped
from data.benchmark import Benchmark
from data.errors import InputError
from data.values import DIMENSIONS

PUBLISHED: Final = shipped.PUBLISHED / "key.parquet"


@dataclass(frozen=True, eq=False)
class KeyTable:
    """The items of a benchmark and what they count for.

    Attributes:
        digest: of the benchmark.
        ids: (`portrait_id`, `option_id`) of each item, shape (items, 2), in the benchmark's order.
        sources: where each item's query was asked, e.g. `Reddit`.
        selected: which item counts for which dimension, shape (items, 19), order `data.values.DIMENSIONS`.
    """

    digest: str
    ids: NDArray[np.int64]
    sources: tuple[str, ...]
    selected: NDArray[np.bool_]

    @classmethod
    def of(cls, benchmark: Benchmark) -> KeyTable:
        """The key of a benchmark at hand."""
        return cls(
            benchmark.digest,
            np.array([item.id for item in benchmark.items], dtype=np.int64).reshape(-1, 2),
            tuple(benchmark.query_by_id[item.query_id].source for item in benchmark.items),
            benchmark.key.selected,
        )

    @cached_property
    def item_index(self) -> dict[tuple[int, int], int]:
        """Row of an item, by (`portrait_id`, `option_id`)."""
        return {(query, option): i for i, (query, option) in enumerate(self.ids.tolist())}

    @cached_property
    def query_index(self) -> NDArray[np.intp]:
        """For each item the position of its query: the clusters of the bootstrap, shape (items,)."""
        return np.asarray(np.unique(self.ids[:, 0], return_inverse=True)[1].astype(np.intp))


def write_key(table: KeyTable, path: Path = PUBLISHED) -> None:
    """Write the file, in place of an older one."""
    import pyarrow as pa

    columns = {
        "portrait_id": pa.array(table.ids[:, 0], pa.int32()),
        "option_id": pa.array(table.ids[:, 1], pa.int8()),
        "source": pa.array(table.sources).dictionary_encode(),
        **{d.name: pa.array(table.selected[:, i]) for i, d in enumerate(DIMENSIONS)},
    }
    shipped.write_parquet(path, pa.table(columns), table.digest)


@lru_cache(maxsize=2)
def read_key(path: Path = PUBLISHED) -> KeyTable:
    """Read the file.

    Raises:
        InputError: it is missing, or not such a file.
    """
    table = shipped.read_parquet(path, "a key")
    try:
        ids = np.column_stack([table[name].to_numpy().astype(np.int64) for name in ("portrait_id", "option_id")])
        selected = np.column_stack([table[d.name].to_numpy().astype(np.bool_) for d in DIMENSIONS])
        sources = tuple(table["source"].to_pylist())
    except KeyError as error:
        raise InputError(f"lacks the column {error}; {shipped.REWRITE}", file=path) from error
    return KeyTable(shipped.digest_of(table), ids, sources, selected)
