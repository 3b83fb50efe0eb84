"""The released models' answers, one row a prompt, for a fresh clone to show: `data/published/answers.parquet`.

Columns as in a run's own table (`eval_queue.asking.outcome`): `model, prompt_variant, portrait_id, option_id,
raw_response, rating, unscored`. Of what a model wrote only short answers are in the file, which is nearly all; longer
ones are sentences, some of which repeat the benchmark, and stay with its authors: null there, with `length` saying how
long they are. An operator who has the released files can name their folder, and whole answers are read from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from data import shipped
from data.benchmark import VARIANTS, Benchmark
from data.errors import InputError
from eval_queue.reading.answers import UNPARSED, official_reading, raw_records

if TYPE_CHECKING:
    import pyarrow as pa

RELEASED: Final = shipped.PUBLISHED / "answers.parquet"
LONGEST: Final = 40
"""Characters of the longest answer that the file holds."""


def table_of(paths: Iterable[Path]) -> pa.Table:
    """Answer files as a table, read with the official reader; rows by model, item and variant.

    Args:
        paths: answer files, or folders of them; they must have passed `eval_queue.reading.answers.read_answers`.

    Raises:
        InputError: as for `read_answers`, as far as it is noticed here.
    """
    import pyarrow as pa

    records = sorted(
        raw_records(paths),
        key=lambda r: (r["model"], r["portrait_id"], r["option_id"], VARIANTS.index(r["prompt_variant"])),
    )
    read = [official_reading(r.get("raw_response"), r.get("error"), r.get("finish_reason")) for r in records]
    wrote = [_wrote(r) for r in records]
    text = pa.string()
    columns = {
        "model": pa.array([r["model"] for r in records], text),
        "prompt_variant": pa.array([r["prompt_variant"] for r in records], text),
        "portrait_id": pa.array([r["portrait_id"] for r in records], pa.int32()),
        "option_id": pa.array([r["option_id"] for r in records], pa.int32()),
        "raw_response": pa.array(wrote, text),
        "length": pa.array([None if w is None else len(w) for w in wrote], pa.int32()),
        "rating": pa.array([r.rating for r in read], pa.int8()),
        "unscored": pa.array([r.kind for r in read], text),
    }
    return pa.table(columns)


def _wrote(record: dict[str, object]) -> str | None:
    """What the model wrote; None where the request failed."""
    error = record.get("error")
    if isinstance(error, str) and error:
        return error.removeprefix(UNPARSED) if error.startswith(UNPARSED) else None
    raw = record.get("raw_response")
    return raw if isinstance(raw, str) else None


def changed_readings(old: pa.Table, new: pa.Table) -> pa.Table:
    """Rows of `new` that read differently in `old`, both from `table_of`, with the old reading in two more columns."""
    keys = ["model", "prompt_variant", "portrait_id", "option_id"]
    was = old.select([*keys, "rating", "unscored"]).rename_columns([*keys, "was_rating", "was_unscored"])
    both = new.join(was, keys, join_type="inner").to_pylist()
    changed = [r for r in both if (r["rating"], r["unscored"]) != (r["was_rating"], r["was_unscored"])]
    return new.schema.empty_table() if not changed else type(new).from_pylist(changed)


def write_released(table: pa.Table, digest: str, path: Path = RELEASED) -> None:
    """Write the file from `table_of` the released answers to a benchmark, without what long answers say."""
    import pyarrow as pa
    import pyarrow.compute as pc

    at = table.column_names.index("raw_response")
    short = pc.if_else(pc.less_equal(table["length"], LONGEST), table["raw_response"], pa.scalar(None, pa.string()))
    shipped.write_parquet(path, table.set_column(at, "raw_response", short), digest, compression_level=19)


class Released:
    """The released answers, model by model. Threads may share it.

    Args:
        path: the file that comes with the project.
        folder: of the released answer files (`MODEL.jsonl.gz`, with `_` for `:`), where an operator has them.
    """

    def __init__(self, path: Path = RELEASED, folder: Path | None = None) -> None:
        self.path = path
        self.folder = folder
        self._whole: dict[Path, pa.Table] = {}

    def table(self, model: str, benchmark: Benchmark | None = None) -> pa.Table:
        """One model's answers, columns as the module says.

        Args:
            model: its name.
            benchmark: the one in use; whole answers are read only where it is the one that was asked.

        Raises:
            InputError: nothing is there for this model, or a file cannot be read.
        """
        import pyarrow.compute as pc

        whole = _shipped(self.path)
        found = whole.filter(pc.equal(whole["model"], model))
        if not found.num_rows:
            raise InputError(f"no answers of {model} are in {self.path.name}")
        if self.folder is None or benchmark is None or self.digest != benchmark.digest:
            return found
        file = self.folder / f"{model.replace(':', '_')}.jsonl.gz"
        if not file.is_file():
            return found
        if file not in self._whole:
            self._whole = {**self._whole, file: table_of([file])}
        return self._whole[file]

    def everything(self) -> pa.Table:
        """All models' answers, as shipped.

        Raises:
            InputError: the file is missing or damaged.
        """
        return _shipped(self.path)

    @property
    def digest(self) -> str:
        """Digest of the benchmark that was asked; empty where the file does not say."""
        return shipped.digest_of(_shipped(self.path))


@lru_cache(maxsize=2)
def _shipped(path: Path) -> pa.Table:
    return shipped.read_parquet(path, "answers")
