"""What is new: rows, changes of method, data and versions, each read from the records and the changelog themselves.

Nothing is announced by hand. A row is new when its record was made; the first row that was read, asked or benchmarked
in another way than those before marks a change of method; rows scored from released answers are one piece of news a
day. Versions of the software come from `CHANGELOG.md`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Final, Literal, NamedTuple
from urllib.parse import urlencode

from eval_queue.records import Result
from leaderboard.analysis.summary import queries_of, sentence
from leaderboard.boards.results import Board
from leaderboard.site.site import Site
from leaderboard.vocabulary.badges import BENCHMARKS

Kind = Literal["row", "data", "method", "software"]
KINDS: Final[dict[Kind, str]] = {"row": "New rows", "data": "Data", "method": "Method", "software": "Software"}
"""What visitors read for a kind of news."""

_CARRIED: Final = Path(__file__).with_name("CHANGELOG.md")
CHANGELOG: Final = _CARRIED if _CARRIED.exists() else Path(__file__).resolve().parents[2] / "CHANGELOG.md"
"""At the project's top; in an installed package it is carried beside this module."""
_VERSION: Final = re.compile(r"^## (\d+\.\d+\.\d+) \((\d{4}-\d{2}-\d{2})\)$", re.MULTILINE)
_LINE: Final = re.compile(r"^- (.+)$", re.MULTILINE)


class News(NamedTuple):
    """One thing that happened."""

    kind: Kind
    key: str
    """Names it for good, among all news."""
    when: datetime
    title: str
    """May hold a model's name as given."""
    words: tuple[str, ...]
    """What may be said of it, a sentence or a line each; may hold names as given."""
    address: str
    """Where it can be seen, relative to the pages."""


def news(site: Site) -> list[News]:
    """All there is, the newest first."""
    rows = [r for r in site.results() if r.reader == "official" and r.benchmark.name != "practice"]
    found = [*_rows(site, rows), *_published(rows), *_changes(site.boards(), rows), *versions()]
    return sorted(found, key=lambda n: (n.when, n.key), reverse=True)


def _rows(site: Site, rows: Sequence[Result]) -> list[News]:
    made = []
    for r in rows:
        if r.origin == "published":
            continue
        as_whom = f", asked as “{r.persona}”" if r.persona else ""
        whose = " The submitter ran the evaluation." if r.origin == "self-reported" else ""
        said = sentence(r, queries_of(r, site.benchmark)) + whose
        made.append(News("row", f"row/{r.id}", r.created, f"New row: {r.model}{as_whom}", (said,), _row_address(r)))
    return made


def _published(rows: Sequence[Result]) -> list[News]:
    days: dict[tuple[datetime, str | None], list[Result]] = {}
    for r in rows:
        if r.origin == "published":
            days.setdefault((r.created, r.source), []).append(r)
    made = []
    for (when, source), of in days.items():
        n = f"{len(of)} model{'' if len(of) == 1 else 's'}"
        said = f"Scored from the raw answers that the benchmark’s authors released{f' ({source})' if source else ''}."
        made.append(News("data", f"released/{when.date()}/{source}", when, f"{n} from released answers", (said,), "./"))
    return made


def _changes(boards: Sequence[Board], rows: Sequence[Result]) -> list[News]:
    """The first row of each way of asking, reading and scoring, but for the very first one."""
    names = {b.key.digest: BENCHMARKS.get(b.benchmark.name, b.benchmark.name) for b in boards}
    ways: tuple[tuple[str, Callable[[Result], str | None], Callable[[str], str]], ...] = (
        (
            "benchmark",
            lambda r: r.benchmark.digest,
            lambda v: f"Benchmark {names.get(v, '(no name)')} {v[:8]}",
        ),
        ("protocol", lambda r: r.protocol, lambda v: f"Protocol {v}"),
        ("reader", lambda r: r.reader_version, lambda v: f"Version {v} of the reader"),
        ("reading", lambda r: "match" if r.match else "score", lambda v: "The match on all items" * (v == "match")),
    )
    made = []
    by_age = sorted(rows, key=lambda r: (r.created, r.id))
    for name, value, words in ways:
        seen: set[str] = set()
        for r in by_age:
            found = value(r)
            if found is None or found in seen:
                continue
            if seen and words(found):
                said = f"First used for {r.model}. Rows share a table only if they were asked in the same way."
                title = f"{words(found)} comes into use"
                made.append(News("method", f"{name}/{found}", r.created, title, (said,), _row_address(r)))
            seen.add(found)
    return made


@cache
def versions() -> tuple[News, ...]:
    """The software's versions, as the changelog has them; none where it is not there."""
    try:
        text = CHANGELOG.read_text(encoding="utf-8")
    except OSError:
        return ()
    heads = list(_VERSION.finditer(text))
    made = []
    for head, after in zip(heads, [*heads[1:], None], strict=True):
        part = text[head.end() : after.start() if after else len(text)]
        lines = tuple(found[1].replace("`", "") for found in _LINE.finditer(part))
        day = date.fromisoformat(head[2])
        when = datetime(day.year, day.month, day.day, tzinfo=UTC)
        made.append(News("software", f"version/{head[1]}", when, f"Version {head[1]}", lines, "about"))
    return tuple(made)


def _row_address(r: Result) -> str:
    named = {"imagined": r.model} if r.persona else {"id": r.id}
    return f"{'groups' if r.persona else 'model'}?{urlencode(named)}"
