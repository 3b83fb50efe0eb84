"""A benchmark as the tables of a Hub dataset, and back.

Guarantees: floats and texts survive exactly, so that a benchmark read back has the digest it had; what is read is
checked whole, and what is wrong is named by table and column. Fetching and storing is `data.sources.hub_dataset`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Final, Literal, TypeVar

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from data.benchmark import VARIANTS, Benchmark, Item, Key, Query, Template
from data.errors import InputError
from data.people.item_means import Items
from data.people.reference import Reference
from data.people.templates import ValueTemplates
from data.ratings import Study, SurveyGroup
from data.sources.layout import TITLED, UNTITLED, item_name, placeholders
from data.values import BY_KEY, DIMENSIONS, VALUES

Config = Literal[
    "items", "templates", "key", "reference_groups", "value_templates", "resampled_templates", "ratings", "raters"
]
"""A table of the dataset, as `datasets.load_dataset` names it."""

_ITEM: Final = (pa.field("query_id", pa.int64(), False), pa.field("option_id", pa.int64(), False))
_PERSON: Final = (pa.field("group", pa.int64(), False), pa.field("person", pa.int64(), False))


def _texts(*names: str) -> tuple[pa.Field, ...]:
    return tuple(pa.field(name, pa.string(), False) for name in names)


def _numbers(*names: str) -> tuple[pa.Field, ...]:
    return tuple(pa.field(name, pa.float64(), False) for name in names)


SCHEMAS: Final[dict[Config, pa.Schema]] = {
    "items": pa.schema([*_ITEM, *_texts("source"), pa.field("title", pa.string()), *_texts("query", "response")]),
    "templates": pa.schema(_texts("variant", "titled", "untitled")),
    "key": pa.schema([*_ITEM, *_texts("scale", "dimension"), *_numbers("rho", "p")]),
    "reference_groups": pa.schema(
        [
            *_texts("dimension", "group", "label", "value"),
            *_numbers("mean_centred10", "mean_centred", "sd", "se"),
            pa.field("n", pa.int64(), False),
            *_numbers("n_eff"),
            *_texts("weighting", "source", "licence"),
        ]
    ),
    "value_templates": pa.schema([*_ITEM, *(pa.field(d.key, pa.float64()) for d in DIMENSIONS)]),
    "resampled_templates": pa.schema(
        [pa.field("draw", pa.int32(), False), *_ITEM, *(pa.field(d.key, pa.int8(), False) for d in DIMENSIONS)]
    ),
    "ratings": pa.schema([*_PERSON, *_ITEM, pa.field("rating", pa.int64(), False)]),
    "raters": pa.schema([*_PERSON, *_numbers(*(d.key for d in DIMENSIONS))]),
}
"""Columns of every table."""
CONTENT: Final[tuple[Config, ...]] = ("items", "templates", "key")
"""The tables that are the benchmark."""
LOADINGS: Final[tuple[Config, ...]] = ("value_templates", "resampled_templates")
"""Loadings of every item on every dimension, from the ratings and from resampled people: where ratings were at hand."""
PEOPLE: Final[tuple[Config, ...]] = ("ratings", "raters")
"""The tables with a row a person: only where they were asked for."""

Load = Callable[[Config], pa.Table]
"""Gives a table by its name."""
_T = TypeVar("_T")


class Meta(BaseModel):
    """`benchmark.json`: what the tables are."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    schema_version: Literal[1] = 1
    name: str = Field(pattern=r"\S")
    version: str = Field(pattern=r"\S")
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """`Benchmark.digest` of what the tables hold."""
    raters: int = Field(ge=0)
    groups: int = Field(ge=0)
    with_ratings: bool
    """Whether the tables with a row a person are there."""
    with_templates: bool = False
    """Whether the tables of loadings are there; earlier publications have none."""


def describe(benchmark: Benchmark, *, with_ratings: bool, with_templates: bool = False) -> Meta:
    """The description of a benchmark's tables."""
    return Meta(
        name=benchmark.name,
        version=benchmark.version,
        digest=benchmark.digest,
        raters=benchmark.raters,
        groups=benchmark.groups,
        with_ratings=with_ratings,
        with_templates=with_templates,
    )


def benchmark_tables(benchmark: Benchmark) -> dict[Config, pa.Table]:
    """The tables of `CONTENT`. A correlation that the key does not have has no row."""
    queries = benchmark.query_by_id
    items = [
        {
            "query_id": item.query_id,
            "option_id": item.option_id,
            "source": queries[item.query_id].source,
            "title": queries[item.query_id].title,
            "query": queries[item.query_id].text,
            "response": item.text,
        }
        for item in benchmark.items
    ]
    templates = [{"variant": v, "titled": t.titled, "untitled": t.untitled} for v, t in benchmark.templates.items()]
    rows, columns = np.nonzero(np.isfinite(benchmark.key.rho))
    key = {
        "query_id": [benchmark.items[row].query_id for row in rows],
        "option_id": [benchmark.items[row].option_id for row in rows],
        "scale": [DIMENSIONS[column].scale for column in columns],
        "dimension": [DIMENSIONS[column].key for column in columns],
        "rho": benchmark.key.rho[rows, columns],
        "p": benchmark.key.p[rows, columns],
    }
    return {
        "items": pa.Table.from_pylist(items, schema=SCHEMAS["items"]),
        "templates": pa.Table.from_pylist(templates, schema=SCHEMAS["templates"]),
        "key": pa.Table.from_pydict(key, schema=SCHEMAS["key"]),
    }


def reference_table(reference: Reference) -> pa.Table:
    """Reference groups, one row a group and value."""
    rows = [
        {
            "dimension": g.dimension,
            "group": g.group,
            "label": g.label,
            "value": value.name,
            "mean_centred10": g.mean_centred10[i],
            "mean_centred": g.mean_centred[i],
            "sd": g.sd[i],
            "se": g.se[i],
            "n": g.n,
            "n_eff": g.n_eff,
            "weighting": g.weighting,
            "source": g.source.title,
            "licence": g.source.licence,
        }
        for g in reference.groups.values()
        for i, value in enumerate(VALUES)
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMAS["reference_groups"])


def study_tables(study: Study) -> dict[Config, pa.Table]:
    """The tables of `PEOPLE`: people are numbered anew within their group, without any name or id of theirs."""
    ratings, raters = [], []
    for number, group in enumerate(study.groups):
        people, items = group.ratings.shape
        ids = np.array(group.items, dtype=np.int64)
        parts = {
            "group": np.full(people * items, number),
            "person": np.repeat(np.arange(people), items),
            "query_id": np.tile(ids[:, 0], people),
            "option_id": np.tile(ids[:, 1], people),
            "rating": pa.array(group.ratings.ravel()).cast(pa.int64()),
        }
        ratings.append(pa.Table.from_pydict(parts, schema=SCHEMAS["ratings"]))
        own = {d.key: group.values[:, column] for column, d in enumerate(DIMENSIONS)}
        who = {"group": np.full(people, number), "person": np.arange(people)}
        raters.append(pa.Table.from_pydict(who | own, schema=SCHEMAS["raters"]))
    return {"ratings": pa.concat_tables(ratings), "raters": pa.concat_tables(raters)}


def template_tables(benchmark: Benchmark, templates: ValueTemplates) -> dict[Config, pa.Table]:
    """The tables of `LOADINGS`: one row an item, and one row a draw and item with the distances of `steps`."""
    ids = np.array([item.id for item in benchmark.items], dtype=np.int64).reshape(-1, 2)
    draws = templates.draws
    point = {"query_id": ids[:, 0], "option_id": ids[:, 1]}
    drawn = {
        "draw": np.repeat(np.arange(draws, dtype=np.int32), len(ids)),
        "query_id": np.tile(ids[:, 0], draws),
        "option_id": np.tile(ids[:, 1], draws),
    }
    columns = {d.key: pa.array(templates.loadings[:, i], from_pandas=True) for i, d in enumerate(DIMENSIONS)}
    steps = {d.key: templates.steps[:, :, i].ravel() for i, d in enumerate(DIMENSIONS)}
    return {
        "value_templates": pa.Table.from_pydict(point | columns, schema=SCHEMAS["value_templates"]),
        "resampled_templates": pa.Table.from_pydict(drawn | steps, schema=SCHEMAS["resampled_templates"]),
    }


def read_templates(benchmark: Items, load: Load) -> ValueTemplates:
    """The templates that the tables of `LOADINGS` hold.

    Raises:
        InputError: a table is not as it must be, or speaks of other items than the benchmark's.
    """
    point, drawn = checked("value_templates", load("value_templates")), load("resampled_templates")
    drawn = checked("resampled_templates", drawn)
    ids = np.array(list(benchmark.item_index), dtype=np.int64).reshape(-1, 2)
    draws = drawn.num_rows // len(ids)
    for config, table, repeats in (("value_templates", point, 1), ("resampled_templates", drawn, draws)):
        found = np.column_stack([table[name].to_numpy() for name in ("query_id", "option_id")])
        if not np.array_equal(found, np.tile(ids, (repeats, 1))):
            raise InputError("expected the benchmark's items in its order", file=config, field="query_id")
    if not np.array_equal(drawn["draw"].to_numpy(), np.repeat(np.arange(draws), len(ids))):
        raise InputError("expected the draws in order, all items in each", file="resampled_templates", field="draw")
    loadings = np.column_stack([point[d.key].to_numpy(zero_copy_only=False) for d in DIMENSIONS]).astype(np.float64)
    if not (np.isnan(loadings) | (np.abs(loadings) <= 1)).all():
        raise InputError("expected loadings from -1 to 1", file="value_templates")
    steps = np.column_stack([drawn[d.key].to_numpy() for d in DIMENSIONS]).astype(np.int8)
    return ValueTemplates(loadings, steps.reshape(draws, len(ids), len(DIMENSIONS)))


def read_benchmark(meta: Meta, load: Load, origin: str = "") -> Benchmark:
    """The benchmark that the tables hold, with `origin` as its `Benchmark.origin`.

    Raises:
        InputError: a table is not as it must be, or all together are not what the description says.
    """
    queries, items = _read_items(checked("items", load("items")))
    benchmark = Benchmark(
        name=meta.name,
        version=meta.version,
        queries=queries,
        items=items,
        templates=_read_templates(checked("templates", load("templates"))),
        key=_read_key(checked("key", load("key")), items),
        origin=origin,
        raters=meta.raters,
        groups=meta.groups,
    )
    if benchmark.digest != meta.digest:
        message = f"the tables have the digest {benchmark.digest}, benchmark.json says {meta.digest}"
        raise InputError(f"{message}. They were changed after they were published: publish again", field="digest")
    return benchmark


def read_study(meta: Meta, benchmark: Benchmark, load: Load) -> Study:
    """The rating study that the tables hold.

    Raises:
        InputError: there is none, or a table is not as it must be.
    """
    if not meta.with_ratings:
        message = "it was published without people's ratings, so there is no rating study in it"
        raise InputError(f"{message}. Use the source it was made from, or publish it again with --with-ratings")
    ratings, raters = checked("ratings", load("ratings")), checked("raters", load("raters"))
    group_of, rater_group = _integers(ratings, "group"), _integers(raters, "group")
    own = np.column_stack([raters[d.key].to_numpy() for d in DIMENSIONS])
    if set(group_of) != set(range(meta.groups)) or set(rater_group) != set(range(meta.groups)):
        raise _error("ratings", "group", f"expected the groups 0 to {meta.groups - 1}")
    groups, known = [], benchmark.item_index
    for number in range(meta.groups):
        mine = group_of == number
        people = int((rater_group == number).sum())
        order = _integers(raters, "person")[rater_group == number]
        person, rated = _integers(ratings, "person")[mine], _integers(ratings, "rating")[mine]
        pairs = zip(_integers(ratings, "query_id")[mine], _integers(ratings, "option_id")[mine], strict=True)
        ids = [(int(q), int(o)) for q, o in pairs]
        width = len(ids) // people
        items = tuple(ids[:width])
        complete = len(ids) == people * width and ids == list(items) * people
        in_order = np.array_equal(order, np.arange(people)) and np.array_equal(person, np.repeat(order, width))
        if not (complete and in_order and len(set(items)) == width and set(items) <= known.keys()):
            raise _error("ratings", "person", f"group {number}: expected each person's ratings of the same items once")
        if rated.min() < 1 or rated.max() > 6:
            raise _error("ratings", "rating", "expected ratings from 1 to 6")
        matrix = rated.astype(np.float64).reshape(people, width)
        groups.append(SurveyGroup(items, matrix, own[rater_group == number]))
    return Study(tuple(groups), meta.raters)


def checked(config: Config, table: pa.Table) -> pa.Table:
    """The table in the order of its schema's columns.

    Raises:
        InputError: a column is missing, of another type, or has gaps or numbers that are none.
    """
    schema = SCHEMAS[config]
    for field in schema:
        if field.name not in table.column_names:
            raise _error(config, field.name, f"the column is missing; expected {', '.join(schema.names)}")
        column = table[field.name]
        if column.type not in (field.type, pa.large_string() if field.type == pa.string() else field.type):
            raise _error(config, field.name, f"expected the type {field.type}, found {column.type}")
        if column.null_count and not field.nullable:
            raise _error(config, field.name, f"{column.null_count} values are missing")
        if field.type == pa.float64() and not np.isfinite(column.drop_null().to_numpy()).all():
            raise _error(config, field.name, "expected finite numbers")
    if not table.num_rows:
        raise _error(config, None, "the table is empty")
    return table.select(schema.names)


def _read_items(table: pa.Table) -> tuple[tuple[Query, ...], tuple[Item, ...]]:
    queries: dict[int, Query] = {}
    items = []
    for row in table.to_pylist():
        query = Query(row["query_id"], row["source"], row["title"], row["query"])
        if queries.setdefault(query.id, query) != query:
            raise _error("items", "query", f"query {query.id} stands there in two wordings")
        texts = [row["source"], row["query"], row["response"], *([] if row["title"] is None else [row["title"]])]
        if query.id < 1 or row["option_id"] < 1 or not all(text.strip() for text in texts):
            raise _error("items", "query_id", f"item {query.id}/{row['option_id']}: expected ids from 1 and texts")
        items.append(Item(query.id, row["option_id"], row["response"]))
    _once("items", [item.id for item in items])
    return tuple(queries.values()), tuple(items)


def _read_templates(table: pa.Table) -> dict[str, Template]:
    templates = {row["variant"]: Template(row["titled"], row["untitled"]) for row in table.to_pylist()}
    if tuple(templates) != VARIANTS or table.num_rows != len(VARIANTS):
        raise _error("templates", "variant", f"expected {', '.join(VARIANTS)}, each once and in this order")
    for variant, template in templates.items():
        for column, text, expected in (("titled", template.titled, TITLED), ("untitled", template.untitled, UNTITLED)):
            if placeholders(text) != expected:
                raise _error("templates", column, f"{variant}: expected the placeholders {', '.join(sorted(expected))}")
    return templates


def _read_key(table: pa.Table, items: tuple[Item, ...]) -> Key:
    row_of = {item.id: i for i, item in enumerate(items)}
    pairs = list(zip(table["query_id"].to_pylist(), table["option_id"].to_pylist(), strict=True))
    names = list(zip(table["scale"].to_pylist(), table["dimension"].to_pylist(), strict=True))
    if unknown := set(pairs) - row_of.keys():
        raise _error("key", "query_id", f"a correlation for the unknown item {item_name(min(unknown))}")
    if strange := set(names) - BY_KEY.keys():
        raise _error("key", "dimension", f"unknown dimension {min(strange)!r:.80}")
    _once("key", list(zip(pairs, names, strict=True)))
    rho, p = table["rho"].to_numpy(), table["p"].to_numpy()
    if np.abs(rho).max() > 1 or p.min() < 0 or p.max() > 1:
        raise _error("key", "rho", "expected correlations from -1 to 1 and p-values from 0 to 1")
    at = [row_of[pair] for pair in pairs], [DIMENSIONS.index(BY_KEY[name]) for name in names]
    key = Key(*np.full((2, len(items), len(DIMENSIONS)), np.nan))
    key.rho[at], key.p[at] = rho, p
    return key


def _once(config: Config, ids: Iterable[_T]) -> None:
    seen = set()
    for each in ids:
        if each in seen:
            raise _error(config, "query_id", f"{each} stands there twice")
        seen.add(each)


def _integers(table: pa.Table, column: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    array: np.ndarray[tuple[int], np.dtype[np.int64]] = table[column].to_numpy()
    return array


def _error(config: Config, column: str | None, message: str) -> InputError:
    return InputError(message, file=config, field=column)
