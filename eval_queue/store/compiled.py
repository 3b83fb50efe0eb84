"""The compiled Parquet of a repository's records: one file instead of thousands, beside them.

Each row holds the record's file as it is (`record`) and the Git id of these bytes (`oid`), and, for results, the
figures as plain columns for people and for `datasets.load_dataset`. A reader trusts a row only where its id is the one
that the repository lists now, so a table that lags behind can cost requests, never truth. Files that are no readable
records are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from data.values import BY_NAME, DIMENSIONS, SCALE_NAMES, SCALES, VALUES, Dimension
from eval_queue.records import Result
from eval_queue.store.git_ids import blob_oid
from eval_queue.submission import Submission

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]

_EAGER: Final = 0
_LAZY: Final = 100
_LAZY_SHARE: Final = 20


@dataclass(frozen=True)
class Column:
    """A column of a compiled table."""

    name: str
    type: str
    """Name of an Arrow type."""
    about: str
    """What it holds, in a sentence."""


@dataclass(frozen=True)
class Compiled:
    """How the records of a repository are compiled.

    Attributes:
        folders: the records' top folders; their files end in `.json`. The table is stored in the first.
        columns: those of the table.
        row: a record's values by column, without `oid` and `record`.
        slack: so many files may be newer than the table before it is made anew; 0: made anew with every change.
    """

    folders: tuple[str, ...]
    columns: tuple[Column, ...]
    row: Callable[[bytes], Row]
    slack: int

    @property
    def path(self) -> str:
        """Where the table is stored."""
        return f"{self.folders[0]}/all.parquet"

    def has(self, path: str) -> bool:
        """Whether a file is one of the records."""
        return path.partition("/")[0] in self.folders and path.endswith(".json")

    def due(self, *, behind: int, total: int) -> bool:
        """Whether the table is to be made anew, given how many of the `total` files are not in it as they are."""
        return not self.slack or behind > max(self.slack, total // _LAZY_SHARE)

    def build(self, files: Iterable[bytes]) -> bytes:
        """The table of these record files, as Parquet.

        Args:
            files: contents, each once.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows: list[Row] = []
        for content in files:
            try:
                row = self.row(content)
            except ValidationError:
                continue
            rows.append({**row, "oid": blob_oid(content), "record": content.decode()})
        rows.sort(key=lambda row: (row["id"], row["oid"]))
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(self.columns)), sink, compression="zstd")
        return bytes(sink.getvalue())


def contents(table: bytes) -> Mapping[str, bytes]:
    """The record files in a compiled table, by the Git id of their content.

    Raises:
        ValueError: this is no such table.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found = pq.read_table(pa.BufferReader(table), columns=["oid", "record"])
        pairs = zip(found["oid"].to_pylist(), found["record"].to_pylist(), strict=True)
        return {oid: record.encode() for oid, record in pairs}
    except (pa.ArrowException, AttributeError, OSError) as error:
        raise ValueError("not a compiled table") from error


def arrow_schema(columns: tuple[Column, ...]) -> pa.Schema:
    """The columns as an Arrow schema."""
    import pyarrow as pa

    types = {"timestamp": pa.timestamp("us", tz="UTC")}
    fields = [pa.field(c.name, types.get(c.type) or pa.type_for_alias(c.type)) for c in columns]
    return pa.schema(fields)


# --- results --------------------------------------------------------------------------------------------------------

_RECORD: Final = (
    Column("oid", "string", "Git's id of the record's file, by which a program knows whether this row is up to date."),
    Column("record", "string", "The whole record as JSON, the same text as in its file."),
)
_PLAIN: Final = {
    "id": "string",
    "model": "string",
    "revision": "string",
    "endpoint": "string",
    "answer_mode": "string",
    "protocol": "string",
    "persona": "string",
    "reader": "string",
    "origin": "string",
    "source": "string",
    "developer": "string",
    "open_weights": "bool",
    "note": "string",
    "created": "timestamp",
    "complete": "bool",
    "incomplete_reason": "string",
    "draws": "int32",
    "reliability": "double",
    "flat": "bool",
}
"""Fields of `Result` that become columns of the same name."""

STATISTICS: Final = {
    "": ("double", "score", "mean rating of the dimension's items minus the mean of its scale"),
    "_se": ("double", "se", "standard error of the score, bootstrap over queries"),
    "_low": ("double", "low", "lower end of the score's 95 % interval"),
    "_high": ("double", "high", "upper end of it"),
    "_n": ("int32", "n", "items of the dimension with a rating"),
}
"""What is told of each dimension: end of the column's name, its type, field of the record, words."""
MATCHES: Final = {
    "_match": ("match", "match on all items, -1 to 1"),
    "_match_low": ("low", "lower end of the match's 95 % interval, other queries and other people"),
    "_match_high": ("high", "upper end of it"),
}
"""What is told of the match on all items: end of the column's name, field of the record, words; all are doubles."""


def column_name(dimension: Dimension) -> str:
    """A dimension's column: `self_direction`, `openness_to_change`, ..."""
    return dimension.key.lower()


@cache
def result_facts() -> tuple[Column, ...]:
    """The columns that say what was measured, and how."""
    plain = [Column(name, kind, _sentence(Result.model_fields[name].description)) for name, kind in _PLAIN.items()]
    return (
        *plain,
        Column("benchmark", "string", "The benchmark's name."),
        Column("benchmark_version", "string", "Its version."),
        Column("benchmark_digest", "string", "SHA-256 of its canonical content."),
        Column("prompts", "int32", "Prompts of a full evaluation."),
        Column("rated", "int32", "Answers that were read as a rating."),
    )


@cache
def result_columns() -> tuple[Column, ...]:
    """All columns of the results' table, in order."""
    figures: list[Column] = []
    for scale, members in SCALES.items():
        figures.append(Column(f"{scale}_mean", "double", f"{SCALE_NAMES[scale]}: mean rating over the scale's items."))
        for d in members:
            figures += [
                Column(column_name(d) + end, kind, f"{d.name}: {words}.")
                for end, (kind, _, words) in STATISTICS.items()
            ]
            figures += [
                Column(column_name(d) + end, "double", f"{d.name}: {words}.") for end, (_, words) in MATCHES.items()
            ]
    figures += [
        Column(f"{column_name(d)}_centred", "double", f"{d.name}: score minus the mean of the ten values' scores.")
        for d in VALUES
    ]
    return (*result_facts(), *figures, *_RECORD)


def _result_row(content: bytes) -> Row:
    result = Result.model_validate_json(content)
    row: Row = {name: getattr(result, name) for name in _PLAIN}
    row |= {
        "benchmark": result.benchmark.name,
        "benchmark_version": result.benchmark.version,
        "benchmark_digest": result.benchmark.digest,
        "prompts": result.coverage.prompts,
        "rated": result.coverage.rated,
    }
    for d in DIMENSIONS:
        scale = result.scales.get(d.scale)
        if scale is None:
            continue
        row[f"{d.scale}_mean"] = scale.mean
        cell = scale.dimensions.get(d.name)
        if cell is not None:
            row |= {column_name(d) + end: getattr(cell, field) for end, (_, field, _) in STATISTICS.items()}
    for members in (result.match or {}).values():
        for name, match in members.items():
            row |= {column_name(BY_NAME[name]) + end: getattr(match, field) for end, (field, _) in MATCHES.items()}
    for name, centred in (result.centred10 or {}).items():
        row[f"{column_name(BY_NAME[name])}_centred"] = centred.score
    return row


# --- submissions ----------------------------------------------------------------------------------------------------

_SUBMISSION: Final = {
    "id": "string",
    "model": "string",
    "endpoint": "string",
    "submitter": "string",
    "state": "string",
    "created": "timestamp",
    "updated": "timestamp",
}


@cache
def submission_columns() -> tuple[Column, ...]:
    """The columns of the submissions' table, in order."""
    fields = Submission.model_fields
    plain = (Column(name, kind, _sentence(fields[name].description)) for name, kind in _SUBMISSION.items())
    return (*plain, *_RECORD)


def _submission_row(content: bytes) -> Row:
    submission = Submission.model_validate_json(content)
    return {name: getattr(submission, name) for name in _SUBMISSION}


def _sentence(text: str | None) -> str:
    return " ".join((text or "").split())


def compiled_results() -> Compiled:
    """Results of this installation and self-reported ones: made anew with every change, as the world reads it."""
    return Compiled(("results", "self-reported"), result_columns(), _result_row, _EAGER)


def compiled_submissions() -> Compiled:
    """Submissions: they change with every sign of life, so the table may lag; it only saves requests."""
    return Compiled(("submissions",), submission_columns(), _submission_row, _LAZY)
