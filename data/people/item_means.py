"""Mean ratings of each item by each released model: one small Parquet file of figures, without any text.

Columns `model`, `portrait_id`, `option_id`, `mean` (null where a model has no rating of the item); the metadata field
`benchmark_digest` says which benchmark the items belong to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from data import shipped
from data.benchmark import Benchmark
from data.errors import InputError

PUBLISHED: Final = shipped.PUBLISHED / "item_means.parquet"
"""The file of the released models."""

_COLUMNS: Final = ("model", "portrait_id", "option_id", "mean")


class Items(Protocol):
    """What must be known of a benchmark: itself, or its key without texts (`data.sources.key_file.KeyTable`)."""

    @property
    def digest(self) -> str:
        """Its identity."""
        ...

    @property
    def item_index(self) -> Mapping[tuple[int, int], int]:
        """Row of an item in arrays over items, by (`portrait_id`, `option_id`)."""
        ...


@dataclass(frozen=True)
class ItemMeans:
    """What several models answered, item by item.

    Attributes:
        models: names, in the order of the rows of `means`.
        means: mean rating over the variants that have one, shape (models, items), NaN where a model has none. Items in
            the order of `Benchmark.items`.
    """

    models: tuple[str, ...]
    means: NDArray[np.float64]


def write_item_means(benchmark: Benchmark, found: ItemMeans, path: Path = PUBLISHED) -> None:
    """Write the file, in place of an older one."""
    import pyarrow as pa

    ids = np.array([item.id for item in benchmark.items])
    n = len(found.models)
    columns = {
        "model": pa.array(np.repeat(found.models, len(ids)).tolist()).dictionary_encode(),
        "portrait_id": pa.array(np.tile(ids[:, 0], n), pa.int32()),
        "option_id": pa.array(np.tile(ids[:, 1], n), pa.int8()),
        "mean": pa.array(found.means.ravel(), pa.float64(), from_pandas=True),
    }
    shipped.write_parquet(path, pa.table(columns), benchmark.digest)


def read_item_means(benchmark: Items, path: Path = PUBLISHED) -> ItemMeans | None:
    """Read the file.

    Returns:
        The means, models in order of name; None where there is no file or it belongs to another benchmark.

    Raises:
        InputError: it is not such a file, or names an item that the benchmark does not have.
    """
    if not path.exists():
        return None
    table = shipped.read_parquet(path, "item means")
    if shipped.digest_of(table) != benchmark.digest:
        return None
    if lacking := [name for name in _COLUMNS if name not in table.column_names]:
        raise InputError(f"lacks this column; {shipped.REWRITE}", file=path, field=lacking[0])
    names, queries, options, values = (table[name].to_pylist() for name in _COLUMNS)
    models = tuple(sorted(set(names)))
    row = {name: i for i, name in enumerate(models)}
    means = np.full((len(models), len(benchmark.item_index)), np.nan)
    for name, query, option, value in zip(names, queries, options, values, strict=True):
        item = benchmark.item_index.get((query, option))
        if item is None:
            message = f"item {query}/{option} is not in the benchmark; {shipped.REWRITE}"
            raise InputError(message, file=path, field="portrait_id")
        means[row[name], item] = np.nan if value is None else value
    return ItemMeans(models, means)
