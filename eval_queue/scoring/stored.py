"""A stored run's table of answers (`eval_queue.asking.outcome`) as an array of ratings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from data.benchmark import VARIANTS
from data.errors import InputError
from data.people.item_means import Items
from eval_queue.scoring.formulas import Floats

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS: Final = ["prompt_variant", "portrait_id", "option_id", "rating"]
"""What is read of a table of answers."""

_OPTIONS: Final = 1000
"""More than any response's id: makes one number of a query's and a response's."""


def ratings_of(table: pa.Table, items: Items) -> Floats:
    """A row's table of answers as an array.

    Args:
        table: one row a prompt, with `COLUMNS`.
        items: the items, in whose order the ratings stand.

    Returns:
        Shape (6 variants, items), NaN where there is no rating.

    Raises:
        InputError: it holds an item or a variant that the benchmark does not have.
    """
    import pyarrow as pa

    columns = COLUMNS[1:]
    query, option, rating = (table[name].cast(pa.float64()).to_numpy(zero_copy_only=False) for name in columns)
    ids = np.array(list(items.item_index), dtype=np.int64).reshape(-1, 2)
    wanted, known = query * _OPTIONS + option, ids[:, 0] * _OPTIONS + ids[:, 1]
    order = np.argsort(known)
    at = order[np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)]
    variants = {name: i for i, name in enumerate(VARIANTS)}
    variant = np.array([variants.get(name, -1) for name in table["prompt_variant"].to_pylist()], dtype=np.intp)
    if (strange := np.flatnonzero((known[at] != wanted) | (variant < 0))).size:
        first = strange[0]
        asked = f"{query[first]:.0f}/{option[first]:.0f}, {table['prompt_variant'][int(first)]}"
        raise InputError(f"the stored answers hold a prompt that the benchmark does not have: {asked}")
    ratings = np.full((len(VARIANTS), len(known)), np.nan)
    ratings[variant, np.array(list(items.item_index.values()), dtype=np.intp)[at]] = rating
    return ratings


def read_ratings(data: bytes, items: Items) -> Floats:
    """The same of a Parquet file's bytes; errors as for `ratings_of`, and pyarrow's where it is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    return ratings_of(pq.read_table(pa.BufferReader(data), columns=COLUMNS), items)
