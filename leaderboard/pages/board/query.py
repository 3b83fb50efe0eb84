"""The board's address, read on the server: which rows it shows, and in which order.

`address.js` and `rows.js` do the same in the browser, and `tests/cases/board_addresses.json` holds both to it: what a
visitor downloads or a program asks for is what the same address shows there. Pure: boards and fields in, rows out.

A filter that says nothing known, or names what no row of the table has, lets no row pass: a slip of the pen never shows
everything. `problems` says what is wrong, for programs of the other fields too, which a page takes as not given. Of a
field given several times the last one counts. Missing numbers stand last in every order; equal rows stand by name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, NamedTuple, TypeVar

from data.people.norms import Reading
from data.values import SCALES, Dimension, Scale
from eval_queue.records import Result
from leaderboard.analysis.lineage import lineage
from leaderboard.boards.model_facts import billions, released
from leaderboard.boards.readings import ADDRESS_READINGS, cell_of, reading_of
from leaderboard.boards.results import Board, table_names, table_of
from leaderboard.vocabulary.badges import parameters_changed
from leaderboard.web.document import every, not_among, shortened

WEIGHTS: Final = ("open", "closed")
RELIABLE: Final = ("yes", "flat")
PARAMETERS: Final = ("kept", "changed")
Grouping = Literal["", "developer", "family"]
Value = Callable[[Result], float | str | None]
"""What a column sorts by."""

FIELDS: Final = (
    *("table", "scale", "sort", "order", "q", "hide", "developer", "family", "origin", "weights"),
    *("size_min", "size_max", "reliable", "parameters", "since", "until", "released_since", "released_until"),
    *("group", "pin", "numbers", "reading"),
)
"""Which fields the board's address has that decide its rows."""
ABOVE: Final = "above_"
"""Beginning of the key of a column that sets rows among people on a value."""

_PUNCTUATION: Final = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$"
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_AMOUNT: Final = re.compile(r"\d+(\.\d+)?(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_RUNS: Final = re.compile(r"\d+|\D")


class Key(NamedTuple):
    """A name as people sort names."""

    base: tuple[tuple[int, int, str], ...]

    @classmethod
    def of(cls, text: str) -> Key:
        """Numbers by value, letters without case and accents; spaces before punctuation, digits before letters."""
        plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
        return cls(tuple(_rank(run) for run in _RUNS.findall(plain)))


def _rank(run: str) -> tuple[int, int, str]:
    if run.isascii() and run.isdigit():
        return (2, int(run[:300]), "")
    if run.isspace():
        return (0, 0, "")
    at = _PUNCTUATION.find(run)
    if at >= 0:
        return (1, at, "")
    return (3, 0, run) if run.isalnum() else (1, len(_PUNCTUATION), run)


@dataclass(frozen=True)
class BoardQuery:
    """What an address of the board asks for."""

    table: str = ""
    scale: Scale = "pvq"
    sort: str = "name"
    down: bool = False
    search: str = ""
    hidden: frozenset[str] = frozenset()
    developers: frozenset[str] = frozenset()
    families: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    weights: str = ""
    size_min: float | None = None
    size_max: float | None = None
    """In billions of parameters; a row whose size is not known is in no range."""
    reliable: str = ""
    parameters: str = ""
    """Whether all parameters of the protocol were sent; a row of which that is not known is in neither."""
    released_since: date | None = None
    released_until: date | None = None
    """Days of the model's release; a row for which it is not known is in no range."""
    since: date | None = None
    until: date | None = None
    group: Grouping = ""
    pins: tuple[str, ...] = ()
    raw: bool = False
    """Whether columns are sorted by raw means instead of centred scores."""
    reading: Reading = "published"
    """By which reading rows are shown and sorted; matches on all items have no raw means."""
    unread: bool = False
    """Whether a size or a day is none, so that no row can pass."""

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> BoardQuery:
        """Read the fields of an address; repeated ones from a multi-valued mapping."""
        return cls(
            table=query.get("table", ""),
            scale=_one_of(query.get("scale"), tuple(SCALES), "pvq"),
            sort=query.get("sort", "name"),
            down=query.get("order") == "down",
            search=query.get("q", ""),
            hidden=frozenset(filter(None, query.get("hide", "").split(","))),
            developers=frozenset(filter(None, every(query, "developer"))),
            families=frozenset(filter(None, every(query, "family"))),
            origins=frozenset(filter(None, every(query, "origin"))),
            weights=query.get("weights", ""),
            size_min=_number(query.get("size_min")),
            size_max=_number(query.get("size_max")),
            reliable=query.get("reliable", ""),
            parameters=query.get("parameters", ""),
            released_since=_date(query.get("released_since")),
            released_until=_date(query.get("released_until")),
            since=_date(query.get("since")),
            until=_date(query.get("until")),
            group=_one_of(query.get("group"), ("developer", "family"), ""),
            pins=tuple(dict.fromkeys(every(query, "pin"))),
            raw=query.get("numbers") == "raw",
            reading=reading_of(query.get("reading")),
            unread=any(query.get(name) and read(query.get(name)) is None for name, (read, _) in _RANGES.items()),
        )

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """Dimensions of the scale that are not hidden."""
        return tuple(d for d in SCALES[self.scale] if d.name not in self.hidden)


def _one_of(given: str | None, known: Sequence[str], otherwise: str) -> Any:
    return given if given in known else otherwise


def _number(text: str | None) -> float | None:
    found = float(text) if text and _AMOUNT.fullmatch(text) else None
    return found if found is not None and found < float("inf") else None


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text or "") and text else None
    except ValueError:
        return None


_RANGES: Final[Mapping[str, tuple[Callable[[str | None], float | date | None], str]]] = {
    **dict.fromkeys(("size_min", "size_max"), (_number, "a number of billions of parameters, e.g. 7 or 0.5")),
    **dict.fromkeys(("since", "until", "released_since", "released_until"), (_date, "a day as YYYY-MM-DD")),
}


def problems(boards: Sequence[Board], query: Mapping[str, str], more: Collection[str] = ()) -> list[str]:
    """What an address says that cannot be meant, a sentence each, beginning with the field's name.

    `more` are further columns that rows can be sorted by.
    """
    table = query.get("table", "")
    if table and table not in (tables := table_names(boards)):
        return [not_among("table", table, tables)]
    board = table_of(boards, table)
    rows = () if board is None else board.results
    scale: Scale = _one_of(query.get("scale"), tuple(SCALES), "pvq")
    columns = (*_columns(BoardQuery(scale=scale)), *more)
    dimensions = [d.name for ds in SCALES.values() for d in ds]
    lists: dict[str, tuple[Collection[str], Sequence[str]]] = {
        "developer": (every(query, "developer"), sorted({r.developer for r in rows if r.developer})),
        "family": (every(query, "family"), sorted({f for r in rows if (f := lineage(r.model).family)})),
        "origin": (every(query, "origin"), sorted({r.origin for r in rows})),
        "pin": (every(query, "pin"), [r.id for r in rows]),
        "hide": (query.get("hide", "").split(","), (*dimensions, *columns[len(SCALES[scale]) :])),
        "weights": ([query.get("weights", "")], WEIGHTS),
        "reliable": ([query.get("reliable", "")], RELIABLE),
        "parameters": ([query.get("parameters", "")], PARAMETERS),
        "group": ([query.get("group", "")], ("developer", "family")),
        "scale": ([query.get("scale", "")], tuple(SCALES)),
        "sort": ([query.get("sort", "")], ("name", *columns)),
        "order": ([query.get("order", "")], ("up", "down")),
        "numbers": ([query.get("numbers", "")], ("raw",)),
        "reading": ([query.get("reading", "")], ADDRESS_READINGS),
    }
    found = [not_among(n, x, known) for n, (said, known) in lists.items() for x in said if x and x not in known]
    for name, (read, expected) in _RANGES.items():
        said = query.get(name, "")
        if said and read(said) is None:
            found.append(f"{name}: {shortened(said)!r} is not {expected}")
    return found


def rows_of(board: Board, query: BoardQuery, more: Mapping[str, Value] | None = None) -> tuple[Result, ...]:
    """The rows of a board that an address shows, in its order: pinned ones first, then group by group.

    `more` are further columns that can be sorted by, by their key.
    """
    words = query.search.lower().split()
    columns = _columns(query) | dict(more or {})
    pinned = _sorted([r for r in board.results if r.id in query.pins], query, columns)
    others = [r for r in board.results if r.id not in query.pins and _found(r, words) and _passes(r, query)]
    ordered = _sorted(others, query, columns)
    if query.group:
        named = [(_group(r, query.group), r) for r in ordered]
        named.sort(key=lambda pair: (pair[0] is None, Key.of(pair[0] or "")))
        ordered = [r for _, r in named]
    return (*pinned, *ordered)


def _found(result: Result, words: Sequence[str]) -> bool:
    text = f"{result.model} {result.developer or ''}".lower()
    return all(word in text for word in words)


def _passes(result: Result, query: BoardQuery) -> bool:
    if query.unread:
        return False
    family, out = lineage(result.model).family, released(result)
    chosen = ((query.developers, result.developer), (query.families, family), (query.origins, result.origin))
    facts = (
        (query.weights, {"open": True, "closed": False}, result.open_weights),
        (query.parameters, {"changed": True, "kept": False}, parameters_changed(result)),
        (query.reliable, {"flat": True, "yes": False}, result.flat),
    )
    return (
        all(not wanted or own in wanted for wanted, own in chosen)
        and all(not said or own is meaning.get(said, ...) for said, meaning, own in facts)
        and _within(billions(result), query.size_min, query.size_max)
        and _within(out.day if out else None, query.released_since, query.released_until)
        and _within(result.created.date(), query.since, query.until)
    )


_Ordered = TypeVar("_Ordered", float, date)


def _within(own: _Ordered | None, low: _Ordered | None, high: _Ordered | None) -> bool:
    """Whether something lies between two ends; what is not known lies between none but open ones."""
    if own is None:
        return low is None and high is None
    return (low is None or low <= own) and (high is None or own <= high)


def _group(result: Result, by: Grouping) -> str | None:
    return result.developer if by == "developer" else lineage(result.model).family


def _sorted(rows: Sequence[Result], query: BoardQuery, columns: Mapping[str, Value]) -> list[Result]:
    by_name = sorted(rows, key=lambda r: Key.of(r.model))
    value = columns.get(query.sort)
    if value is None:
        return by_name[::-1] if query.down else by_name
    pairs = [(value(r), r) for r in by_name]
    there = [pair for pair in pairs if pair[0] is not None]
    there.sort(key=lambda pair: _comparable(pair[0]), reverse=query.down)  # a reversed sort keeps equals in order
    return [r for _, r in there] + [r for x, r in pairs if x is None]


def _comparable(x: float | str | None) -> tuple[float, Key]:
    return (0.0, Key.of(x)) if isinstance(x, str) else (x or 0.0, Key(()))


def _columns(query: BoardQuery) -> dict[str, Value]:
    """What the board's own columns sort by, rounded as they are sent to the browser."""

    def mean(r: Result) -> float | None:
        profile = r.scales.get(query.scale)
        return None if profile is None else rounded(profile.mean)

    def dimension(d: Dimension) -> Value:
        def value(r: Result) -> float | None:
            cell = cell_of(r, d, query.reading)
            if cell is None or not query.raw or query.reading == "match":
                return None if cell is None else rounded(cell.score)
            average = mean(r)  # added as the browser adds up what it was sent
            return None if average is None else average + round(cell.score, 4)

        return value

    return {
        **{d.name: dimension(d) for d in SCALES[query.scale]},
        "mean": mean,
        "reliability": lambda r: rounded(r.reliability),
        "wording": lambda r: rounded(r.sensitivity.prompt) if r.sensitivity else None,
        "order": lambda r: rounded(r.sensitivity.order.get("average")) if r.sensitivity else None,
        "coverage": lambda r: r.coverage.share,
        "origin": lambda r: r.origin,
        "released": lambda r: out.day.isoformat() if (out := released(r)) else None,
        "date": lambda r: r.created.date().isoformat(),
    }


def rounded(x: float | None) -> float | None:
    """A number as it is sent to the browser."""
    return None if x is None else round(x, 4)
