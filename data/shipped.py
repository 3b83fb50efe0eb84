"""The files that come with the project: figures of the published models and of groups of people, and how they are kept.

A Parquet file names the benchmark that it belongs to in its metadata. It is written whole or not at all.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from data.errors import InputError
from data.files import replacing

if TYPE_CHECKING:
    import pyarrow as pa

PUBLISHED: Final = Path(__file__).resolve().parent / "published"
"""Folder of what was computed from the released answers and the raters' survey; its README names the commands."""
REFERENCE: Final = Path(__file__).resolve().parent / "reference"
"""Folder of the group figures, with source and licence of each."""
REWRITE: Final = "write it anew with `python -m eval_queue publish`"

_DIGEST: Final = b"benchmark_digest"


def write_parquet(path: Path, table: pa.Table, digest: str, **options: Any) -> None:
    """Write a table with the digest of its benchmark, in place of an older file; `options` are pyarrow's."""
    import pyarrow.parquet as pq

    with replacing(path) as unfinished:
        named = table.replace_schema_metadata({_DIGEST: digest.encode()})
        pq.write_table(named, unfinished, compression="zstd", **options)


def read_parquet(path: Path, what: str) -> pa.Table:
    """Read such a file.

    Raises:
        InputError: it is missing, or no Parquet file; says that one of `what` was expected.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"expected a Parquet file of {what}; {REWRITE}", file=path) from error


def digest_of(table: pa.Table) -> str:
    """Digest of the benchmark that a table belongs to; empty where the file does not say."""
    named: bytes = (table.schema.metadata or {}).get(_DIGEST, b"")
    return named.decode()
