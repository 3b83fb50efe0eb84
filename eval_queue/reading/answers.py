"""Files of raw answers to arrays of ratings.

Scope: JSON Lines, plain or gzipped, one answer a line, with the fields `model`, `prompt_variant`, `portrait_id`,
`option_id`, `raw_response` and `error` (and `finish_reason`, where known); further fields are allowed and ignored. A
stored `numeric_response` is never read: every rating comes from the raw text. A model may be spread over several files
and a file may hold several models; neither order of files nor of lines changes the result.

Guarantees: either all files are good, or an `InputError` names file, line and field and nothing is returned. Files are
parsed in bulk; only when something is wrong they are gone through line by line to say where.
"""

from __future__ import annotations

import gc
import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any, Final, Literal, NoReturn, get_args

import numpy as np
import orjson
from numpy.typing import NDArray

from data.benchmark import VARIANTS, Benchmark
from data.errors import InputError
from eval_queue.records import UnscoredKind
from eval_queue.scoring.reader import Reading, read_answer, read_answer_compat

Reader = Literal["official", "compat"]
"""Which reader turns texts into ratings; `compat` repeats upstream and exists for parity only."""

UNSCORED_KINDS: Final[tuple[UnscoredKind, ...]] = get_args(UnscoredKind)
"""Order of the columns of `Answers.unscored`."""

UNPARSED: Final = "Could not parse valid Likert response from: "
"""How upstream's error begins where a text came back that its parser could not read; the text follows."""

SUFFIXES: Final = (".jsonl", ".jsonl.gz")
"""Names of the files that are taken from a folder."""

_REMEMBERED: Final = 4_096
_LONGEST_REMEMBERED: Final = 256
"""Answers whose reading is remembered, and characters of each: below 8 MB, whatever a file holds."""

_IDENTITY: Final = ("model", "prompt_variant", "portrait_id", "option_id")
_GZIP_MAGIC: Final = b"\x1f\x8b"
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Answers:
    """The ratings of all models that were read.

    Attributes:
        models: names, sorted.
        ratings: 1 to 6, NaN where there is no rating, shape (models, 6 variants as in `VARIANTS`, items).
        unscored: answers without a rating by `UNSCORED_KINDS`, shape (models, 5). A prompt never asked is in none.
    """

    models: tuple[str, ...]
    ratings: NDArray[np.float64]
    unscored: NDArray[np.int64]


@dataclass(frozen=True)
class _File:
    """One file's answers: `cells` is variant x item, `codes` a rating or, below zero, -1 - the kind's position."""

    path: Path
    models: Sequence[str]
    cells: NDArray[np.int64]
    codes: NDArray[np.int64]


class _BadFileError(Exception):
    """Something in a file is wrong; where is found out line by line."""


class _Codes(dict[tuple[Any, Any, Any], int]):
    """What (raw_response, error, finish_reason) says, worked out once for each of the first distinct short answers."""

    def __init__(self, reader: Reader) -> None:
        super().__init__()
        self._read: Callable[..., Reading] = official_reading if reader == "official" else _compat

    def __missing__(self, answer: tuple[Any, Any, Any]) -> int:
        if any(part is not None and not isinstance(part, str) for part in answer):
            raise _BadFileError
        reading = self._read(*answer)
        code = reading.rating if reading.kind is None else -1 - UNSCORED_KINDS.index(reading.kind)
        assert code is not None
        if len(self) < _REMEMBERED and sum(map(len, filter(None, answer))) <= _LONGEST_REMEMBERED:
            self[answer] = code
        return code


def official_reading(text: str | None, error: str | None, finish_reason: str | None) -> Reading:
    """What one answer says, from the fields of its line."""
    if not error:
        return read_answer(text, finish_reason=finish_reason)
    if error.startswith(UNPARSED):
        return read_answer(error.removeprefix(UNPARSED), finish_reason=finish_reason)
    return Reading(None, "api_error")


def _compat(text: str | None, error: str | None, _finish_reason: str | None) -> Reading:
    if not error:
        return read_answer_compat(text)
    if error.startswith(UNPARSED):
        return Reading(None, "unreadable" if error.removeprefix(UNPARSED).strip() else "empty")
    return Reading(None, "api_error")


def find_files(paths: Iterable[Path]) -> list[Path]:
    """The answer files meant by `paths`: files as they are, of folders every `.jsonl` and `.jsonl.gz` directly inside.

    Raises:
        InputError: a path does not exist, or a folder has no such file.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.name.endswith(SUFFIXES) and p.is_file())
            if not inside:
                raise InputError("no answer file in this folder; expected *.jsonl or *.jsonl.gz", file=path)
        elif path.is_file():
            inside = [path]
        else:
            raise InputError("no such file or folder", file=path)
        for file in inside:
            found.setdefault(file.resolve(), file)
    return list(found.values())


def read_answers(paths: Iterable[Path], benchmark: Benchmark, *, reader: Reader = "official") -> Answers:
    """Read all answers in files and folders.

    Args:
        paths: answer files, or folders of them.
        benchmark: the benchmark that was asked; every answer must be to one of its prompts.
        reader: which reader turns texts into ratings.

    Raises:
        InputError: a file is missing, empty or cut off; a line is no JSON object, lacks a field or has a wrong one; a
            variant or item is not the benchmark's; a prompt is answered twice for one model. Names file, line, field.
    """
    cell_of = {
        (variant, *item.id): v * len(benchmark.items) + i
        for v, variant in enumerate(VARIANTS)
        for i, item in enumerate(benchmark.items)
    }
    codes = _Codes(reader)
    with _uncollected():
        files = [_read_file(path, cell_of, codes) for path in find_files(paths)]
    models = tuple(sorted({model for file in files for model in set(file.models)}))
    row = {model: m for m, model in enumerate(models)}
    rows = np.concatenate([np.fromiter(map(row.__getitem__, f.models), np.int64, len(f.models)) for f in files])
    cells = rows * len(cell_of) + np.concatenate([file.cells for file in files])
    if np.bincount(cells, minlength=1).max() > 1:
        _raise_duplicate(files, cells)
    code = np.concatenate([file.codes for file in files])
    ratings = np.full(len(models) * len(cell_of), np.nan)
    rated = code > 0
    ratings[cells[rated]] = code[rated]
    kinds = rows[~rated] * len(UNSCORED_KINDS) + (-1 - code[~rated])
    unscored = np.bincount(kinds, minlength=len(models) * len(UNSCORED_KINDS))
    return Answers(
        models=models,
        ratings=ratings.reshape(len(models), len(VARIANTS), len(benchmark.items)),
        unscored=unscored.reshape(len(models), len(UNSCORED_KINDS)).astype(np.int64),
    )


def raw_records(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """All answers of files that `read_answers` accepts, as they stand there, without a check of their own.

    Raises:
        InputError: a file is missing, empty, cut off or not JSON Lines.
    """
    records: list[dict[str, Any]] = []
    for path in find_files(paths):
        try:
            records += _parsed(_content(path).strip())
        except (_BadFileError, orjson.JSONDecodeError) as error:
            raise InputError("this file is not JSON Lines; expected one answer a line", file=path) from error
    return records


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        if content.startswith(_GZIP_MAGIC):
            content = gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        message = f"this gzip file is cut off or broken ({error}); copy or download it again"
        raise InputError(message, file=path) from error
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", file=path) from error
    return content.removeprefix(_BOM)


def _read_file(path: Path, cell_of: dict[tuple[str, int, int], int], codes: _Codes) -> _File:
    content = _content(path)
    lines = content.strip()
    if not lines:
        raise InputError("this file is empty; expected one answer a line", file=path)
    try:
        records = _parsed(lines)
        models, variants, queries, options = ([record[field] for record in records] for field in _IDENTITY)
        texts, errors = _texts_and_errors(records)
        # bool is an int to Python and True == 1: types are compared, not values
        if {*map(type, queries), *map(type, options)} != {int} or any(not m or type(m) is not str for m in set(models)):
            raise _BadFileError
        cells = list(map(cell_of.get, zip(variants, queries, options, strict=True)))
        if None in cells:
            raise _BadFileError
        reasons = [r.get("finish_reason") for r in records] if b'"finish_reason"' in content else repeat(None)
        read = list(map(codes.__getitem__, zip(texts, errors, reasons, strict=False)))
    except (_BadFileError, orjson.JSONDecodeError, KeyError, TypeError) as error:
        _raise_wrong_line(path, content, cell_of, error)
    return _File(path, models, np.array(cells, np.int64), np.array(read, np.int64))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Hold the garbage collector back: hundreds of thousands of parsed objects hold no cycle worth looking for."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _parsed(lines: bytes) -> list[dict[str, Any]]:
    """All lines as records: as one JSON list, or, where that is not what they are, blank lines left out, one by one."""
    records: list[dict[str, Any]] = []
    try:
        records = orjson.loads(b"[" + lines.replace(b"\n", b",") + b"]")
        whole = len(records) == lines.count(b"\n") + 1
    except orjson.JSONDecodeError:
        whole = False
    if not whole:
        records = [orjson.loads(line) for line in lines.split(b"\n") if line and not line.isspace()]
    if set(map(type, records)) != {dict}:
        raise _BadFileError
    return records


def _texts_and_errors(records: list[dict[str, Any]]) -> tuple[list[Any], list[Any]]:
    """What came back, and what went wrong. Either may be left out where the other one is there."""
    try:
        return [record["raw_response"] for record in records], [record["error"] for record in records]
    except KeyError:
        if not all("raw_response" in record or record.get("error") for record in records):
            raise
        return [record.get("raw_response") for record in records], [record.get("error") for record in records]


def _raise_wrong_line(
    path: Path, content: bytes, cell_of: dict[tuple[str, int, int], int], cause: Exception
) -> NoReturn:
    items = {(query, option) for _, query, option in cell_of}
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line or line.isspace():
            continue
        problem = _problem(line, items)
        if problem is not None:
            field, message = problem
            raise InputError(message, file=f"{path}, line {number}", field=field) from cause
    raise InputError("this file is not JSON Lines; expected one answer a line", file=path) from cause


def _problem(line: bytes, items: set[tuple[int, int]]) -> tuple[str | None, str] | None:
    """What is wrong with a line: field (if one) and message; None where nothing is."""
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return None, f"not valid JSON ({error})"
    if not isinstance(record, dict):
        return None, f"expected an object with the fields {', '.join(_IDENTITY)}, raw_response, error"
    for field, kind in zip(_IDENTITY, (str, str, int, int), strict=True):
        if field not in record:
            return field, "this field is missing"
        if type(record[field]) is not kind or record[field] == "":
            expected = "a whole number" if kind is int else "a text"
            return field, f"expected {expected}, found {_shown(record[field])}"
    if record["prompt_variant"] not in VARIANTS:
        return "prompt_variant", f"expected one of {', '.join(VARIANTS)}, found {_shown(record['prompt_variant'])}"
    if (record["portrait_id"], record["option_id"]) not in items:
        item = f"{record['portrait_id']}/{record['option_id']}"
        return "portrait_id", f"the benchmark has no item {item}; were these answers given to another benchmark?"
    if "raw_response" not in record and not record.get("error"):
        return "raw_response", "this field is missing; expected the model's raw answer, or null beside an error"
    for field in ("raw_response", "error", "finish_reason"):
        if not isinstance(record.get(field), str | None):
            return field, f"expected a text or null, found {_shown(record[field])}"
    return None


def _shown(value: object, limit: int = 60) -> str:
    text = orjson.dumps(value, default=str).decode()
    return text if len(text) <= limit else text[:limit] + " ..."


def _raise_duplicate(files: list[_File], cells: NDArray[np.int64]) -> NoReturn:
    order = np.argsort(cells, kind="stable")
    again = order[1:][np.diff(cells[order]) == 0].min()
    first = np.flatnonzero(cells == cells[again])[0]
    starts = np.cumsum([0] + [len(file.models) for file in files])
    places = []
    for position in (first, again):
        f = int(np.searchsorted(starts, position, side="right")) - 1
        lines = _content(files[f].path).split(b"\n")
        filled = [n for n, line in enumerate(lines, start=1) if line and not line.isspace()]
        places.append(f"{files[f].path}, line {filled[position - starts[f]]}")
    raise InputError(f"this prompt of this model is already answered in {places[0]}; keep one", file=places[1])
