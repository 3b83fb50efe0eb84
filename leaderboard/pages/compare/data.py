"""Several rows side by side as data: what the Compare page shows and programs get. Made of records; no HTML.

Rows are compared on one benchmark under one protocol only. Every pair is tested by itself
(`leaderboard.analysis.comparison`), from the draws that ranks and intervals use (`leaderboard.boards.row_answers`): a
pair's outcome does not depend on who else is chosen.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import combinations
from typing import Final

import numpy as np
from pydantic import ConfigDict

from data.errors import InputError
from data.people.norms import Reading
from data.values import BY_NAME, SCALES, Scale
from eval_queue.records import Record, Result
from leaderboard.analysis.comparison import PAIR_NOTE, compare
from leaderboard.analysis.lineage import lineage
from leaderboard.analysis.ranks import ALPHA
from leaderboard.boards.readings import reading_of
from leaderboard.boards.results import Board
from leaderboard.charts.comparison import STROKES
from leaderboard.charts.portrait import true_minus
from leaderboard.site.answers import ItemAnswers
from leaderboard.site.site import Site
from leaderboard.vocabulary.badges import BENCHMARKS
from leaderboard.web.document import every

MOST: Final = len(STROKES)
"""How many rows are compared at once."""
ITEMS: Final = 10
"""How many items are shown."""
MOST_ITEMS: Final = 50

_log = logging.getLogger(__name__)


class Choice(Record):
    """What an address asks for."""

    ids: list[str]
    """Rows, by id or by name, the one that the others are set against first."""
    series: str
    scale: Scale
    value: str
    """Only items that count for this dimension; empty for all."""
    items: int
    """How many items to show."""
    reading: Reading = "published"
    """By which reading rows are compared."""


class Shown(Record):
    """A number with its 95 % interval: a score in rating points, or a match on all items."""

    score: float | None
    low: float | None
    high: float | None
    n: int | None
    """Items of the dimension with a rating; null for a match, which all items carry."""


class Member(Record):
    """A row that takes part."""

    id: str
    model: str
    developer: str | None
    released: date | None
    """The date in its name."""
    flat: bool
    incomplete: str | None
    """What is too little; null for complete rows."""
    scores: dict[str, Shown]
    """Of the chosen scale, by dimension: scores, or matches on all items."""


class DimensionDifference(Record):
    """Two rows on one dimension, in rating points or as matches, as in `leaderboard.analysis.comparison.Difference`."""

    difference: float
    low: float
    high: float
    p: float
    p_adjusted: float
    separates: bool
    """Whether the two surely differ here."""


class Pair(Record):
    """Two rows on the chosen scale, second minus first."""

    first: str
    second: str
    line: str
    """The outcome in plain sentences. Holds the rows' names as given."""
    p_overall: float | None
    """Is any dimension different? Null where nothing could be compared."""
    differs: bool | None
    differences: dict[str, DimensionDifference]
    not_compared: list[str]


class ItemDifference(Record):
    """An item on which the rows' mean ratings lie apart."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    apart: float
    """Highest minus lowest mean rating."""
    answers: list[ItemAnswers]
    """Each row's answers to it, in the order of the rows; the first one holds the texts, where they are at hand."""


class SeriesChoice(Record):
    """A model with releases whose names have dates."""

    name: str
    releases: int


class CompareData(Record):
    """Rows side by side."""

    choice: Choice
    members: list[Member]
    """In the order of the address, or of time for a series."""
    omitted: list[str]
    """Why some that were asked for do not take part, in plain sentences. Hold names as given."""
    problem: str
    """Why members are not compared; empty where they are."""
    practice: bool
    pairs: list[Pair]
    """The first row with each other, then the others among each other."""
    note: str = PAIR_NOTE
    items: list[ItemDifference]
    texts: bool
    """Whether items have texts here."""
    releases: list[Member]
    """All dated releases of the series that was asked for, in order of time."""
    series: list[SeriesChoice]
    """Series that can be asked for."""


def parse(query: Mapping[str, str]) -> Choice:
    """Read an address. An unknown scale or number of items counts as not given; an unknown value has no items."""
    scale = query.get("scale", "pvq")
    value, items = query.get("value", ""), query.get("items", "")
    ids = [name for given in every(query, "id") if (name := given.strip()[:200])]
    known = items.isascii() and items.isdigit() and len(items) < 4
    return Choice(
        ids=list(dict.fromkeys(ids)),
        series=query.get("series", "").strip()[:200],
        scale=next((s for s in SCALES if s == scale), "pvq"),
        value=value[:200],
        reading=reading_of(query.get("reading")),
        items=min(MOST_ITEMS, max(1, int(items))) if known else ITEMS,
    )


def names(site: Site) -> dict[str, Result]:
    """Rows that may be compared by what an address may call them: their name where only one has it, else their id."""
    rows = [r for board in site.boards() for r in board.results]
    counts: dict[str, int] = {}
    for r in rows:
        counts[r.model] = counts.get(r.model, 0) + 1
    return {r.model if counts[r.model] == 1 else r.id: r for r in rows}


def compare_data(site: Site, choice: Choice) -> CompareData:
    """Set rows side by side.

    Raises:
        StoreUnavailable: the store of raw answers cannot be reached now.
        WriteConflict: likewise.
    """
    found, omitted = asked(site, choice)
    releases: list[Result] = []
    if choice.series:
        releases = _releases(site, choice.series)
        if len(releases) < 2:
            omitted.append(f"There are no two dated releases of {choice.series} on one table.")
            releases = []
        found = [*releases, *(r for r in found if all(r.id != x.id for x in releases))]
    rows, board = _together(site, found, omitted)
    if len(rows) > MOST:
        omitted.append(f"Only {MOST} rows are compared at once: {', '.join(r.model for r in rows[MOST:])} left out.")
        rows = rows[:MOST]
    pairs: list[Pair] = []
    items: list[ItemDifference] = []
    problem = ""
    if len(rows) > 1:
        try:
            pairs, items = _pairs(site, rows, choice), _items(site, rows, choice)
        except InputError as error:
            problem = f"The differences cannot be worked out: {error}"
        except (ValueError, KeyError, OSError):  # a damaged table must not cost the others their page
            _log.exception("rows cannot be compared: %s", [r.id for r in rows])
            problem = "The differences cannot be worked out: stored answers are damaged."
    return CompareData(
        choice=choice,
        members=[_member(r, choice) for r in rows],
        omitted=omitted,
        problem=problem,
        practice=board is not None and board.practice,
        pairs=pairs,
        items=items,
        texts=bool(items) and rows[0].benchmark.digest == site.benchmark.digest,
        releases=[_member(r, choice) for r in releases],
        series=series_of(site),
    )


def series_of(site: Site) -> list[SeriesChoice]:
    """Series with at least two dated releases on one table, by name."""
    found: dict[str, int] = {}
    for board in site.boards():
        days: dict[str, set[date]] = {}
        for r in board.results:
            line = lineage(r.model)
            if line.released is not None:
                days.setdefault(line.series, set()).add(line.released)
        for name, dates in days.items():
            found[name] = max(found.get(name, 0), len(dates))
    return [SeriesChoice(name=name, releases=n) for name, n in sorted(found.items()) if n > 1]


def _releases(site: Site, series: str) -> list[Result]:
    """The dated releases of a series on the table that has most of them, in order of time."""
    dated: list[list[tuple[date, Result]]] = [
        [
            (line.released, r)
            for r in board.results
            if (line := lineage(r.model)).series == series.casefold() and line.released is not None
        ]
        for board in site.boards()
    ]
    best = max(dated, key=lambda rows: len({day for day, _ in rows}), default=[])
    ordered = [r for _, r in sorted(best, key=lambda row: (row[0], row[1].created, row[1].id))]
    return ordered if len({day for day, _ in best}) > 1 else []


def asked(site: Site, choice: Choice) -> tuple[list[Result], list[str]]:
    """The rows that an address names, and why some that it names are not among them."""
    if not choice.ids:
        return [], []
    by_id = {r.id: r for r in site.results()}
    by_name = names(site)
    found: dict[str, Result] = {}
    omitted = []
    for name in choice.ids:
        row = by_id.get(name) or by_name.get(name)
        if row is None:
            several = sum(r.model == name for r in by_id.values())
            why = f"{several} rows are called {name}: choose one by its id." if several else f"There is no row {name}."
            omitted.append(why)
        else:
            found[row.id] = row
    return list(found.values()), omitted


def _together(site: Site, rows: Sequence[Result], omitted: list[str]) -> tuple[list[Result], Board | None]:
    """The rows that stand on the first one's board; why the others cannot be set beside it goes into `omitted`."""
    kept: list[Result] = []
    first: Board | None = None
    for r in rows:
        board = site.board_of(r)
        if board is None:
            why = f"under the persona {r.persona}" if r.persona else f"read with the {r.reader} reader"
            omitted.append(f"{r.model} stands on no table: it was {why}.")
        elif first is None or board.key == first.key:
            first = board
            kept.append(r)
        else:
            omitted.append(f"{r.model} cannot be compared with {kept[0].model}: {_apart(first, board)}.")
    return kept, first


def _apart(one: Board, other: Board) -> str:
    """What two boards do not have in common, in words."""
    if one.key.digest != other.key.digest:
        a, b = (f"{BENCHMARKS.get(x.benchmark.name, x.benchmark.name)} {x.key.digest[:8]}" for x in (one, other))
        return f"they were asked different benchmarks ({a} and {b})"
    if one.key.answer_mode != other.key.answer_mode:
        return "one answered in its own words, the other could only choose one of the six phrases"
    return f"they were asked under different protocols ({one.key.protocol} and {other.key.protocol})"


def _member(r: Result, choice: Choice) -> Member:
    profile = r.scales.get(choice.scale)
    scores: dict[str, Shown] = {}
    if choice.reading == "match":
        for name, m in (r.match or {}).get(choice.scale, {}).items():
            scores[name] = Shown(score=m.match, low=m.low, high=m.high, n=None)
    elif profile is not None:
        for name, c in profile.dimensions.items():
            scores[name] = Shown(score=c.score, low=c.low, high=c.high, n=c.n)
    return Member(
        id=r.id,
        model=r.model,
        developer=r.developer,
        released=lineage(r.model).released,
        flat=r.flat is True,
        incomplete=(r.incomplete_reason or "too few answers could be read") if r.complete is False else None,
        scores=scores,
    )


def _pairs(site: Site, rows: Sequence[Result], choice: Choice) -> list[Pair]:
    people = None
    if choice.reading == "match":
        templates = site.templates(rows[0].benchmark.digest)
        if templates is None:
            raise InputError("the templates of their benchmark are not available here, so this reading cannot be shown")
        sample, people = site.row_answers.match_sample(rows, templates)
    else:
        sample = site.row_answers.sample(rows)
    called = _called(rows)
    made = []
    for i, j in combinations(range(len(rows)), 2):
        both = [j, i]
        drawn = sample.point[both], sample.draws[:, both], sample.clusters[both]
        sets = None if people is None else people[:, both]
        found = compare((called[j], called[i]), *drawn, choice.scale, sets)
        made.append(
            Pair(
                first=rows[i].id,
                second=rows[j].id,
                line=true_minus(found.line),
                p_overall=found.p_overall,
                differs=None if found.p_overall is None else found.p_overall <= ALPHA,
                differences={
                    d.dimension: DimensionDifference(
                        **{f: getattr(d, f) for f in DimensionDifference.model_fields}  # the same names there
                    )
                    for d in found.differences
                },
                not_compared=list(found.not_compared),
            )
        )
    return made


def _called(rows: Sequence[Result]) -> list[str]:
    """What rows are called in sentences: by name, and by day too where two have the same."""
    alike = len({r.model for r in rows}) < len(rows)
    return [f"{r.model} ({r.created.date()})" if alike else r.model for r in rows]


def _items(site: Site, rows: Sequence[Result], choice: Choice) -> list[ItemDifference]:
    rated = [site.row_answers.rated(r) for r in rows]
    key = rated[0].key
    means = np.array([r.means for r in rated])
    apart = np.max(means, axis=0) - np.min(means, axis=0)  # NaN where one of them has none
    if choice.value:
        known = list(BY_NAME)
        wanted_ = key.selected[:, known.index(choice.value)] if choice.value in known else False
        apart = np.where(wanted_, apart, np.nan)
    order = [i for i in np.argsort(-apart, kind="stable") if np.isfinite(apart[i]) and apart[i] > 0][: choice.items]
    wanted = [(query, option) for query, option in key.ids[order].tolist()]
    answers = [{(a.query_id, a.option_id): a for a in site.answered(r, wanted)} for r in rows]
    return [
        ItemDifference(apart=float(apart[i]), answers=[of[item] for of in answers])
        for i, item in zip(order, wanted, strict=True)
    ]
