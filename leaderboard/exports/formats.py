"""Tables as files: CSV, JSON and Parquet of the same content, in full precision.

Pure: a `Sheet` in, bytes out. Column names say what they hold; each is described in a sentence in the JSON file and in
the Parquet schema's metadata, as is what a reader must know about the whole. A number that does not exist is empty in
CSV and null elsewhere. In CSV a text that a spreadsheet would take for a formula stands behind an apostrophe.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import orjson

from data.errors import InputError
from eval_queue.store.compiled import Column, arrow_schema
from leaderboard.site.downloads import Format

if TYPE_CHECKING:
    import pyarrow as pa

MEDIA_TYPES: Final[Mapping[str, str]] = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
    "svg": "image/svg+xml",
    "png": "image/png",
    "md": "text/markdown; charset=utf-8",
}

_FORMULA: Final = r"^(?:[\p{Z}\p{C}\x{034F}\x{115F}\x{1160}\x{3164}]*[=+\-@＝＋－＠﹢﹣﹦﹫−]|[\t\r\n])"
"""How a text begins that a spreadsheet may run: also behind blanks and characters that nobody sees (a byte-order mark,
zero-width ones), and in full width."""


class UnknownFile(InputError):
    """There is no such file."""


@dataclass(frozen=True)
class Sheet:
    """A table to take away.

    Attributes:
        name: what it is, one word or two.
        about: what a reader must know about the whole, by name of the fact.
        columns: their names, types and meanings.
        rows: values by column; a missing one is null.
    """

    name: str
    about: Mapping[str, str]
    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Any], ...]

    @cached_property
    def table(self) -> pa.Table:
        """The rows as an Arrow table with all that is known of it in its metadata."""
        import pyarrow as pa

        return pa.Table.from_pylist(list(self.rows), schema=schema_of(self.columns, self.about))


def schema_of(columns: Iterable[Column], about: Mapping[str, str]) -> pa.Schema:
    """An Arrow schema whose metadata says what each column holds, and `about` the whole."""
    import pyarrow as pa

    columns = tuple(columns)
    plain = arrow_schema(columns)
    told = [field.with_metadata({"description": c.about}) for field, c in zip(plain, columns, strict=True)]
    return pa.schema(told, metadata=dict(about))


def to_csv(sheet: Sheet) -> bytes:
    """UTF-8, a heading, a row a line, as RFC 4180 quotes it."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    table = sheet.table
    for i, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            column = table.column(i)
            risky = pc.match_substring_regex(column, _FORMULA)
            safe = pc.if_else(risky, pc.binary_join_element_wise("'", column, ""), column)
            table = table.set_column(i, field, safe)
        elif pa.types.is_timestamp(field.type):
            text = pc.strftime(table.column(i), format="%Y-%m-%dT%H:%M:%SZ")
            table = table.set_column(i, field.name, text)
    sink = pa.BufferOutputStream()
    csv.write_csv(table, sink)
    return bytes(sink.getvalue())


def to_json(sheet: Sheet) -> bytes:
    """`about`, what each field holds, and the rows."""
    document = {
        "schema_version": 1,
        "table": sheet.name,
        "about": dict(sheet.about),
        "fields": {c.name: c.about for c in sheet.columns},
        "rows": [{c.name: row.get(c.name) for c in sheet.columns} for row in sheet.rows],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)


def to_parquet(sheet: Sheet) -> bytes:
    """Parquet, with the meaning of columns and whole in the schema's metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(sheet.table, sink, compression="zstd")
    return bytes(sink.getvalue())


def encode(sheet: Sheet, form: Format) -> bytes:
    """A sheet as a file of a format."""
    return {"csv": to_csv, "json": to_json, "parquet": to_parquet}[form](sheet)


def file_name(*parts: str, form: str) -> str:
    """A name that every file system takes, e.g. `value-portrait-answers-gpt-4o-1a2b3c4d5e6f.csv`."""
    clean = (re.sub(r"[^A-Za-z0-9.]+", "-", part).strip("-.")[:60] for part in ("value-portrait", *parts))
    return "-".join(part for part in clean if part) + f".{form}"
