"""Which templates belong to the benchmark in use, and those of the published benchmark as files.

`data/published/templates.parquet` and `resampled_templates.parquet` hold the tables that a Hub dataset holds too
(`data.sources.tables`); the metadata field `benchmark_digest` names the benchmark. With them a model's match is the
same whether or not people's ratings are at hand.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from cachetools import LRUCache, cached

from data import shipped
from data.benchmark import Benchmark
from data.errors import InputError
from data.people.item_means import Items
from data.people.templates import ValueTemplates, templates
from data.sources.identifiers import hub_name
from data.sources.loading import load_study
from data.sources.tables import LOADINGS, Config, read_templates, template_tables

FILES: Final[dict[Config, str]] = {
    "value_templates": "templates.parquet",
    "resampled_templates": "resampled_templates.parquet",
}
"""Names of the files of the published benchmark."""

_KEPT: Final = 4
"""How many benchmarks' templates are kept in memory; a set takes 25 MB once it is used."""


def write_templates(benchmark: Benchmark, found: ValueTemplates, folder: Path = shipped.PUBLISHED) -> None:
    """Write both files, in place of older ones."""
    # small whole numbers in few kinds: a dictionary over the whole column packs them best
    packed = {"compression_level": 19, "data_page_size": 1 << 24}
    for config, table in template_tables(benchmark, found).items():
        shipped.write_parquet(folder / FILES[config], table, benchmark.digest, **packed)


def read_published(benchmark: Items, folder: Path = shipped.PUBLISHED) -> ValueTemplates | None:
    """Read the files; None where there are none or they belong to another benchmark.

    Raises:
        InputError: they are not such files.
    """
    tables = {}
    for config in LOADINGS:
        if not (path := folder / FILES[config]).exists():
            return None
        tables[config] = shipped.read_parquet(path, "templates")
        if shipped.digest_of(tables[config]) != benchmark.digest:
            return None
    try:
        return read_templates(benchmark, lambda config: tables[config])
    except InputError as error:
        raise InputError(f"{error}; {shipped.REWRITE}", file=folder) from error


@cached(LRUCache(_KEPT), key=lambda b: (b.digest, b.is_practice, b.source), condition=threading.Condition())
def templates_of(benchmark: Benchmark) -> ValueTemplates | None:
    """The templates of a benchmark: as published with it, else computed from its ratings once and kept.

    Returns:
        None where neither can be had: it was put together by hand, its source is gone, or it was published on the Hub
        without either.

    Raises:
        InputError: a file or table of templates is damaged.
    """
    published = read_published(benchmark)
    if published is not None:
        return published
    source = "practice" if benchmark.is_practice else benchmark.source
    if source is None:
        return None
    if isinstance(source, str) and (name := hub_name(source)):
        from data.sources import hub_dataset

        dataset = hub_dataset.fetch(name)
        if dataset.meta.with_templates or not dataset.meta.with_ratings:
            whole = hub_dataset.load_benchmark(dataset, "")
            found = hub_dataset.load_templates(dataset, whole)
            return None if found is None else _of_items(found, [item.id for item in whole.items], benchmark)
    try:
        study = load_study(source)
    except InputError:  # it was there when the benchmark was loaded: scores can be had without
        return None
    ids = [item.id for item in benchmark.items]
    rated = [item for group in study.groups for item in group.items]
    if set(rated) <= benchmark.item_index.keys():
        return templates(study, ids)
    return _of_items(templates(study, rated), rated, benchmark)


def _of_items(found: ValueTemplates, ids: Sequence[tuple[int, int]], benchmark: Benchmark) -> ValueTemplates:
    """The rows of a benchmark's items, which may be a part of all: shrunk by what all items show."""
    row = {item: i for i, item in enumerate(ids)}
    at = np.array([row.get(item.id, -1) for item in benchmark.items], dtype=np.intp)
    return ValueTemplates(
        np.where(at[:, None] >= 0, found.loadings[at], np.nan),
        np.where(at[:, None] >= 0, found.steps[:, at], np.int8(0)),
    )
