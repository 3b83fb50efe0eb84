"""One dimension over all rows of a board, as data: what the page shows and files and programs get. No HTML."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date
from typing import Final, Literal, get_args

import numpy as np
from pydantic import ConfigDict

from data.errors import InputError
from data.people.norms import Reading
from data.people.validation import DimensionValidity, ValidationReport
from data.sources.key_file import KeyTable
from data.sources.published_validity import read_validation, validation_of
from data.values import DIMENSIONS, VALUES, Dimension
from eval_queue.records import Record, Result
from eval_queue.scoring.formulas import Floats
from eval_queue.store.local import StoreUnavailable, WriteConflict
from leaderboard.analysis.associations import Association, unrelated
from leaderboard.analysis.summary import PUBLISHED_DIGEST
from leaderboard.boards.background import Working
from leaderboard.boards.model_facts import SOURCES, billions, released
from leaderboard.boards.readings import cell_of
from leaderboard.boards.results import Board
from leaderboard.groups.proximity import SLOPES
from leaderboard.site.site import Site

Sort = Literal["name", "date", "size", "developer"]
SORTS: Final[tuple[Sort, ...]] = get_args(Sort)

_log = logging.getLogger(__name__)


class ValueRow(Record):
    """A row on the dimension."""

    id: str
    model: str
    developer: str | None
    released: date | None
    released_from: str | None
    """What the date rests on, in words."""
    billions: float | None
    """Parameters."""
    score: float | None
    """Rating points around its own average, or its match."""
    low: float | None
    """Lower end of the 95 % interval."""
    high: float | None
    n: int | None
    """Responses with a rating that count; null for a match, for which all do."""
    muted: bool
    """Whether its profile is flat or incomplete."""


class RatersHere(Record):
    """The people who rated the benchmark, on the dimension's responses."""

    mean: float
    low: float
    """Lower end of the mean's 95 % interval over people."""
    high: float
    sd: float
    """Standard deviation between people on the questionnaire, times the size that differences have on the responses."""
    n: int


LARGEST: Final = 40
"""So many responses are listed where all count."""


class Answered(Record):
    """A response that counts for the dimension, and how it was rated."""

    name: str
    """Its short name, e.g. `1003-2`."""
    source: str
    title: str | None
    query: str | None
    text: str | None
    rho: float | None
    """Correlation of people's ratings of it with their own score; null where only the key is known, and for a match."""
    loading: float | None
    """Its loading on the template; null for the reading as published."""
    people: float | None
    """Mean rating by people; null where too few rated it or it is not available here."""
    models: float | None
    """Mean of the rows' mean ratings."""
    lowest: float | None
    highest: float | None
    rows: int
    """How many rows rated it."""


class ValueData(Record):
    """A dimension in full."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    dimension: str
    scale: str
    table: str | None
    """Short name of the board; null where there is none."""
    benchmark: str | None
    practice: bool
    sort: Sort
    reading: Reading
    rows: list[ValueRow]
    raters: RatersHere | None
    """Null for a match: where it stands among people is on a row's own page."""
    items: list[Answered]
    """By correlation, the strongest first, else by name; for a match the `LARGEST` loadings of either sign."""
    loaded: int
    """How many responses have a loading; 0 for the reading as published."""
    texts: bool
    """Whether the benchmark's texts and correlations are at hand."""
    finished: bool
    """Whether all rows' answers have been read."""
    capacity: DimensionValidity | None
    simulated: bool
    """Whether the raters behind `capacity` are made up."""
    others: list[Association] | None
    """The other dimensions of the scale; null where that cannot be told, or not yet."""
    unrelated: float
    """What unrelated columns of scores correlate at; each association has its own `chance`."""
    working: bool


def value_data(site: Site, d: Dimension, board: Board | None, sort: Sort, reading: Reading = "published") -> ValueData:
    """Put together all that is known of a dimension on a board under a reading."""
    key = site.key(board.key.digest) if board else None
    templates = site.templates(board.key.digest) if board and reading == "match" else None
    loadings = None if templates is None else templates.loadings[:, DIMENSIONS.index(d)]
    items, finished = _items(site, d, board, key, reading, loadings) if board and key else ([], True)
    so_far = site.relations_so_far(board, reading) if board else None
    relations = None if isinstance(so_far, Working) else so_far
    report = report_of(site, board.key.digest) if board else None
    return ValueData(
        dimension=d.name,
        scale=d.scale,
        table=board.key.slug if board else None,
        benchmark=board.benchmark.name if board else None,
        practice=board is not None and board.practice,
        sort=sort,
        reading=reading,
        rows=sorted_rows([_row(r, d, reading) for r in board.results], sort) if board else [],
        raters=_raters(site, d, board.key.digest) if board and reading == "published" else None,
        items=items,
        loaded=0 if loadings is None else int(np.isfinite(loadings).sum()),
        texts=board is not None and site.benchmark.digest == board.key.digest,
        finished=finished,
        capacity=report.dimensions.get(d.name) if report else None,
        simulated=report.simulated if report else False,
        others=list(relations.associations[d.name]) if relations and d.name in relations.associations else None,
        unrelated=unrelated(d.scale),
        working=isinstance(so_far, Working) or not finished,
    )


def _row(r: Result, d: Dimension, reading: Reading) -> ValueRow:
    cell = cell_of(r, d, reading)
    out = released(r)
    return ValueRow(
        id=r.id,
        model=r.model,
        developer=r.developer,
        released=out.day if out else None,
        released_from=SOURCES[out.source] if out else None,
        billions=billions(r),
        score=cell.score if cell else None,
        low=cell.low if cell else None,
        high=cell.high if cell else None,
        n=cell.n if cell else None if reading == "match" else 0,
        muted=r.complete is False or r.flat is True,
    )


def sorted_rows(rows: Sequence[ValueRow], sort: Sort) -> list[ValueRow]:
    """Rows in order; what is not known stands last, equals by name. There is no order by the score."""
    named = sorted(rows, key=lambda r: (r.model.casefold(), r.id))
    if sort == "date":
        return sorted(named, key=lambda r: (r.released is None, r.released or date.min))
    if sort == "size":
        return sorted(named, key=lambda r: (r.billions is None, r.billions or 0.0))
    if sort == "developer":
        return sorted(named, key=lambda r: (r.developer is None, (r.developer or "").casefold()))
    return named


def report_of(site: Site, digest: str) -> ValidationReport | None:
    """The validity report of a benchmark; None where it cannot be had."""
    try:
        if site.benchmark.digest == digest:
            return validation_of(site.benchmark, site.source)
        if site.practice.digest == digest:
            return validation_of(site.practice)
        shipped = read_validation()
    except InputError as error:
        _log.info("no validity report of %s: %s", digest[:8], error)
        return None
    return shipped if shipped is not None and shipped.benchmark.digest == digest else None


def _raters(site: Site, d: Dimension, digest: str) -> RatersHere | None:
    if digest != PUBLISHED_DIGEST or d not in VALUES:
        return None
    at, raters = VALUES.index(d), site.reference.raters
    mean, se = float(raters.vp_human_centred[at]), float(raters.vp_se[at])
    sd = float(raters.pvq_sd[at]) * SLOPES[0]
    return RatersHere(mean=mean, low=mean - 1.96 * se, high=mean + 1.96 * se, sd=sd, n=raters.n)


def _items(
    site: Site, d: Dimension, board: Board, key: KeyTable, reading: Reading, loadings: Floats | None
) -> tuple[list[Answered], bool]:
    try:
        means, finished = site.row_answers.means(board)
    except (InputError, StoreUnavailable, WriteConflict) as error:
        _log.info("no answers for the page of %s: %s", d.name, error)
        means, finished = {}, True
    column = DIMENSIONS.index(d)
    each = np.array(list(means.values())).reshape(len(means), len(key.ids))
    benchmark = site.benchmark if site.benchmark.digest == board.key.digest else None
    people = site.people_means if benchmark is not None else None
    found = []
    if loadings is not None:
        counting = np.argsort(-np.abs(np.nan_to_num(loadings)), kind="stable")[:LARGEST]
    else:
        counting = np.flatnonzero(key.selected[:, column]) if reading == "published" else np.empty(0, dtype=np.intp)
    for at in counting:
        query, option = (int(x) for x in key.ids[at])
        asked = benchmark.query_by_id[query] if benchmark else None
        rated = each[:, at][np.isfinite(each[:, at])]
        found.append(
            Answered(
                name=f"{query}-{option}",
                source=key.sources[at],
                title=asked.title if asked else None,
                query=asked.text if asked else None,
                text=benchmark.items[at].text if benchmark else None,
                rho=float(benchmark.key.rho[at, column]) if benchmark and loadings is None else None,
                loading=None if loadings is None else float(loadings[at]),
                people=None if people is None or not np.isfinite(people[at]) else float(people[at]),
                models=float(rated.mean()) if rated.size else None,
                lowest=float(rated.min()) if rated.size else None,
                highest=float(rated.max()) if rated.size else None,
                rows=int(rated.size),
            )
        )
    found.sort(key=lambda i: (-((i.rho if loadings is None else i.loading) or 0.0), *map(int, i.name.split("-"))))
    return found, finished
