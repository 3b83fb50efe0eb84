"""Tables as files: CSV, JSON and Parquet of the same content, in full precision.

Pure: a `Sheet` in, bytes out, a piece after the other. Column names say what they hold; each is described in a sentence
in the JSON file and in the Parquet schema's metadata, as is what a reader must know about the whole. A number that does
not exist is empty in CSV and null elsewhere. In CSV a text that a spreadsheet would take for a formula stands behind an
apostrophe.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

import orjson

from data.errors import InputError
from eval_queue.store.compiled import Column, arrow_schema
from leaderboard.vocabulary.downloads import Format

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


PIECE_BYTES: Final = 2_000_000
"""About how much of a table is in memory while it is written."""
_ROW_BYTES: Final = 200


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


def schema_of(columns: Iterable[Column], about: Mapping[str, str]) -> pa.Schema:
    """An Arrow schema whose metadata says what each column holds, and `about` the whole."""
    import pyarrow as pa

    columns = tuple(columns)
    plain = arrow_schema(columns)
    told = [field.with_metadata({"description": c.about}) for field, c in zip(plain, columns, strict=True)]
    return pa.schema(told, metadata=dict(about))


def encode(sheet: Sheet, form: Format) -> bytes:
    """A sheet as a file of a format; CSV is UTF-8 with a heading, as RFC 4180 quotes it."""
    file = io.BytesIO()
    write(sheet, form, file)
    return file.getvalue()


def write(sheet: Sheet, form: Format, file: IO[bytes], rows: Iterable[Mapping[str, Any]] | None = None) -> None:
    """Write a sheet as a file of a format; at most about `PIECE_BYTES` of it are in memory at the same time.

    `rows` stand in place of the sheet's where these are too many for memory; they are read once.
    """
    written = {"csv": _write_csv, "json": _write_json, "parquet": _write_parquet}[form]
    written(sheet, sheet.rows if rows is None else rows, file)


_Rows = Iterable[Mapping[str, Any]]


def _pieces(sheet: Sheet, rows_: _Rows) -> Iterator[pa.Table]:
    """The rows as Arrow tables, with all that is known of the sheet in their metadata; at least one table."""
    import pyarrow as pa

    schema = schema_of(sheet.columns, sheet.about)
    rows: list[Mapping[str, Any]] = []
    size, first = 0, True
    for row in rows_:
        rows.append(row)
        size += _ROW_BYTES + sum(len(value) for value in row.values() if isinstance(value, str))
        if size >= PIECE_BYTES:
            yield pa.Table.from_pylist(rows, schema=schema)
            rows, size, first = [], 0, False
    if rows or first:
        yield pa.Table.from_pylist(rows, schema=schema)


def _write_csv(sheet: Sheet, rows: _Rows, file: IO[bytes]) -> None:
    from pyarrow import csv

    writer: csv.CSVWriter | None = None
    for piece in _pieces(sheet, rows):
        safe = _harmless(piece)
        if writer is None:
            writer = csv.CSVWriter(file, safe.schema)
        writer.write_table(safe)
    if writer is not None:
        writer.close()


def _harmless(table: pa.Table) -> pa.Table:
    """The table as texts that a spreadsheet does not run, and times that it reads."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for i, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            column = table.column(i)
            risky = pc.match_substring_regex(column, _FORMULA)
            safe = pc.if_else(risky, pc.binary_join_element_wise("'", column, ""), column)
            table = table.set_column(i, field, safe)
        elif pa.types.is_timestamp(field.type):
            text = pc.strftime(table.column(i), format="%Y-%m-%dT%H:%M:%SZ")
            table = table.set_column(i, field.name, text)
    return table


def _write_json(sheet: Sheet, rows: _Rows, file: IO[bytes]) -> None:
    plain = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z
    head = {
        "schema_version": 1,
        "table": sheet.name,
        "about": dict(sheet.about),
        "fields": {c.name: c.about for c in sheet.columns},
    }
    file.write(orjson.dumps(head, option=plain).removesuffix(b"\n}") + b',\n  "rows": [')
    before = b"\n    "
    for row in rows:
        line = orjson.dumps({c.name: row.get(c.name) for c in sheet.columns}, option=plain)
        file.write(before + line.replace(b"\n", b"\n    "))
        before = b",\n    "
    file.write(b"]\n}\n" if before == b"\n    " else b"\n  ]\n}\n")


def _write_parquet(sheet: Sheet, rows: _Rows, file: IO[bytes]) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(file, schema_of(sheet.columns, sheet.about), compression="zstd") as writer:
        for piece in _pieces(sheet, rows):
            writer.write_table(piece)


def file_name(*parts: str, form: str) -> str:
    """A name that every file system takes, e.g. `value-portrait-answers-gpt-4o-1a2b3c4d5e6f.csv`."""
    clean = (re.sub(r"[^A-Za-z0-9.]+", "-", part).strip("-.")[:60] for part in ("value-portrait", *parts))
    return "-".join(part for part in clean if part) + f".{form}"
