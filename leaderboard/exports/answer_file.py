"""All answers of all rows as one Parquet file, a row group a row of the board (several where its answers are long).

Made once for a state of the results, then kept: it is read whole and in parts by `datasets` and pandas. Rows whose
answers cannot be had are left out and named in the file's metadata; they never stop the others.
"""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from data.errors import InputError
from eval_queue.records import Result
from eval_queue.store.local import StoreUnavailable, WriteConflict
from leaderboard.exports.tables import ANSWER_COLUMNS, TEXTS
from leaderboard.files.formats import PIECE_BYTES, schema_of
from leaderboard.site.permanent import revision
from leaderboard.site.site import Site

if TYPE_CHECKING:
    import pyarrow as pa

NAME: Final = "all-answers"

_log = logging.getLogger(__name__)


def write_all(site: Site, path: Path) -> list[str]:
    """Write the file.

    Returns:
        Ids of rows whose answers are not in it.
    """
    import pyarrow.parquet as pq

    schema = schema_of(ANSWER_COLUMNS, {"texts": TEXTS, "revision": revision(site)})
    missing: list[str] = []
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for result in sorted(site.results(), key=lambda r: r.id):
            try:
                for piece in _pieces(site, result, schema):
                    writer.write_table(piece)
            except (InputError, StoreUnavailable, WriteConflict, ValueError, KeyError, OSError) as error:
                _log.warning("the answers of %s are not among all answers: %s", result.id, error)
                missing.append(result.id)
        writer.add_key_value_metadata({"missing": " ".join(missing)})
    return missing


def _pieces(site: Site, result: Result, schema: pa.Schema) -> Iterator[pa.Table]:
    """A row's answers, as one table unless they are more than `PIECE_BYTES`."""
    import pyarrow as pa

    batches: list[pa.RecordBatch] = []
    for batch in site.answer_batches(result, schema.names):
        batches.append(_filled(batch, result, schema))
        if sum(b.nbytes for b in batches) >= PIECE_BYTES:
            yield pa.Table.from_batches(batches, schema)
            batches = []
    if batches:
        yield pa.Table.from_batches(batches, schema)


def _filled(batch: pa.RecordBatch, result: Result, schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    same = {"id": result.id, "model": result.model}
    columns = [
        pa.array([same[field.name]] * batch.num_rows, field.type)
        if field.name in same
        else batch[field.name].cast(field.type)
        if field.name in batch.schema.names
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


class AllAnswers:
    """The file for the present state of the results. Threads may share it."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._folder = tempfile.TemporaryDirectory(prefix="all-answers-", ignore_cleanup_errors=True)
        self._lock = threading.Lock()
        self._made: Path | None = None

    def file(self) -> Path:
        """Where it is; made first if the results have changed."""
        with self._lock:
            path = Path(self._folder.name) / f"{self._site.revision()}.parquet"
            if self._made != path:
                unfinished = path.with_suffix(".tmp")
                write_all(self._site, unfinished)
                unfinished.replace(path)
                if self._made is not None:
                    self._made.unlink(missing_ok=True)  # who reads it now keeps the open file
                self._made = path
            return path
