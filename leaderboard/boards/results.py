"""All results, sorted into boards: sets of rows that may stand in one table.

Rows share a board only if they answer the same question under the same rules: same benchmark digest, same protocol,
same answer mode. Results read with the compatibility reader exist for parity tests and are on no board, nor are those
of a model that was asked to be somebody (`leaderboard.groups.bias`). Nothing is ranked here; rows stand by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import ValidationError

from data import shipped
from data.values import VALUES
from eval_queue.records import AnswerMode, BenchmarkRef, Result

PUBLISHED: Final = shipped.PUBLISHED / "results.jsonl"
"""The profiles of the released models, computed by this project from the released raw answers."""
PRACTICE: Final = "practice"
"""What an address says for the first table of practice runs."""


class BoardKey(NamedTuple):
    """What all rows of a board have in common."""

    digest: str
    """Of the benchmark."""
    protocol: str
    answer_mode: AnswerMode

    @property
    def slug(self) -> str:
        """Short form for addresses, e.g. `1a2b3c4d-1-free-text`."""
        mode = "" if self.protocol.endswith(self.answer_mode) else f"-{self.answer_mode}"
        return f"{self.digest[:8]}-{self.protocol}{mode}"


@dataclass(frozen=True)
class Board:
    """Rows that may be compared."""

    key: BoardKey
    benchmark: BenchmarkRef
    results: tuple[Result, ...]
    """By name, then by date."""

    @property
    def practice(self) -> bool:
        """Whether these rows only show how a run works."""
        return self.benchmark.name == "practice"


class Loaded(NamedTuple):
    """What could be read of a file of results, and what could not."""

    results: tuple[Result, ...]
    problems: tuple[str, ...]


def load(path: Path) -> Loaded:
    """Read results, one JSON record a line.

    A line that is no valid record is left out and named; it never hides the others. A file that does not exist holds no
    results.
    """
    if not path.exists():
        return Loaded((), (f"{path.name} is not there: no published rows are shown.",))
    results: list[Result] = []
    problems: list[str] = []
    for n, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            results.append(Result.model_validate_json(line))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(part) for part in first["loc"]) or "record"
            problems.append(f"{path.name}, line {n}, {field}: {first['msg']}")
    return Loaded(tuple(results), tuple(problems))


def boards(results: Iterable[Result], *, first: Sequence[str] = ()) -> tuple[Board, ...]:
    """Sort results into boards.

    Args:
        results: in any order; of two with the same id the later one counts.
        first: ids of results whose board shall open (the published ones); their largest board leads.

    Returns:
        Boards that measure something before practice boards; among them that of `first`, then by number of rows.
    """
    by_id = {r.id: r for r in results if r.reader == "official" and r.persona is None}
    groups: dict[BoardKey, list[Result]] = {}
    for r in by_id.values():
        groups.setdefault(BoardKey(r.benchmark.digest, r.protocol, r.answer_mode), []).append(r)
    leading = set(first)
    made = [
        Board(key, rows[0].benchmark, tuple(sorted(rows, key=lambda r: (r.model.casefold(), r.created, r.id))))
        for key, rows in groups.items()
    ]
    return tuple(
        sorted(made, key=lambda b: (b.practice, -sum(r.id in leading for r in b.results), -len(b.results), b.key))
    )


def table_names(boards: Sequence[Board]) -> list[str]:
    """What an address may call a table: by its short name, or `PRACTICE`."""
    return [*(b.key.slug for b in boards), PRACTICE]


def table_of(boards: Sequence[Board], table: str) -> Board | None:
    """The board that an address names, the one that opens if it names none; None where there is no such board."""
    if table and table != PRACTICE:
        return next((b for b in boards if b.key.slug == table), None)
    return next((b for b in boards if b.practice == (table == PRACTICE)), None)


def mean_profile(results: Sequence[Result]) -> list[float | None]:
    """Mean score of models on each of the ten values, in circle order; None where no model has one."""
    means: list[float | None] = []
    for d in VALUES:
        cells = [r.scales["pvq"].dimensions.get(d.name) for r in results if "pvq" in r.scales]
        scores = [cell.score for cell in cells if cell is not None and cell.score is not None]
        means.append(sum(scores) / len(scores) if scores else None)
    return means
