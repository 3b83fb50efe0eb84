"""One row in full, as data: what the Model page shows and programs get. Made of records; no HTML.

Everything is there that is known, and what is not known says why. The row itself is the record as stored; the rest is
what its board, its benchmark's key, the groups of people and the queue add to it.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import date
from typing import TYPE_CHECKING, Final, Literal

from pydantic import AwareDatetime, ConfigDict

from data.errors import InputError
from data.people.norms import READINGS, Reading
from data.values import VALUES
from eval_queue.records import Record, Result
from eval_queue.scoring.stored import COLUMNS
from eval_queue.store.local import StoreUnavailable, WriteConflict
from eval_queue.submission import Submission
from leaderboard.analysis.coverage import ReadShare, read_share
from leaderboard.analysis.lineage import Lineage, lineage
from leaderboard.analysis.summary import queries_of, sentence
from leaderboard.boards.background import Working
from leaderboard.boards.group_similarity import Table
from leaderboard.boards.rank_intervals import obstacle
from leaderboard.boards.results import Board, mean_profile
from leaderboard.groups.group_report import ModelProximity
from leaderboard.pages.model.two_readings import TwoReadings, two_readings
from leaderboard.site.answers import AnswersPage, Filters, cut
from leaderboard.site.site import Site
from leaderboard.vocabulary.badges import BENCHMARKS, Badge, badges

if TYPE_CHECKING:
    import pyarrow as pa

UNDER_WAY = "this is being computed; reload the page in a moment"
UNREACHABLE = "The store of raw answers cannot be reached now. Open the page again later."

_log = logging.getLogger(__name__)


class Background(Record):
    """The profile behind the portrait."""

    kind: Literal["raters", "table"]
    """The people who rated the benchmark, or the mean of the row's table."""
    n: int | None
    """How many other rows the table has; null for raters."""
    scores: dict[str, float | None]


class Place(Record):
    """Where a dimension's score can stand, e.g. `3-17`; null where no order can be given."""

    models: str | None
    """Among the ranked rows of the board."""
    values: str | None
    """Among the dimensions of the row's own scale."""


class Relative(Record):
    """Another row that belongs to this one's history or family."""

    id: str
    model: str
    revision: str | None
    released: date | None
    """The date in its name."""
    created: AwareDatetime
    origin: str
    answer_mode: str
    comparable: bool
    """Whether it stands on the same board."""


class Asked(Record):
    """A submission of the same model."""

    id: str
    model: str
    revision: str | None
    endpoint: str
    benchmark: str
    state: str
    created: AwareDatetime
    updated: AwareDatetime
    why: str
    """Its last step in a few words."""


class LikeRow(Record):
    """A row that is like this one in what sets it apart from its board's average."""

    id: str
    model: str
    r: float
    low: float
    """Lower end of the 95 % interval."""
    high: float


class ModelData(Record):
    """A row in full."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    result: Result
    """The record itself."""
    badges: list[Badge]
    sentence: str
    """What may be said of it. Holds the model's name as given."""
    lineage: Lineage
    background: Background | None
    ranked: int | None
    """How many rows of its board are ranked; null where none is."""
    places: dict[str, Place]
    """By dimension; empty for a row without a place."""
    unranked: str | None
    """Why it has no place."""
    readings: TwoReadings
    """What the reading on all items says beside the one as published."""
    read: ReadShare | None
    """Its answers by source and variant; null where they are not at hand."""
    people: ModelProximity | None
    people_reason: str | None
    """Why it is not set against groups."""
    ceiling: float | None
    """How well people agree with themselves: beside it similarities are read."""
    history: list[Relative]
    """Other rows of the same model or series, by date of release, then of the record."""
    submissions: list[Asked]
    """Submissions of the same model or series that have no row of their own, the latest first."""
    siblings: list[Relative]
    """Rows of the same family on the same board."""
    prompts_digest: str | None
    """SHA-256 of the sorted digests of the prompts that were asked; null where they are not recorded."""
    filters: Filters
    answers: AnswersPage | None
    """One page of its answers; null where they are not at hand."""
    problem: str
    """Why there are none."""
    like: list[LikeRow] | None
    """Rows of its board that are surely more alike to it than its pairs are on average; null where that is not told."""
    like_reason: str | None
    """Why it is not told."""
    like_match: list[LikeRow] | None
    """The same by matches on all items."""
    like_match_reason: str | None
    working: bool = False
    """Whether places or people are still being worked out."""


def find(site: Site, id_: str | None) -> Result | None:
    """The row of an id; None where there is none."""
    return None if id_ is None else site.by_id().get(id_)


def model_data(site: Site, result: Result, filters: Filters) -> ModelData:
    """Put together all that is known of a row."""
    board = site.board_of(result)
    if board is not None:
        site.relations_so_far(board, "match", wait=False)  # begun beside the rest, so that nobody waits for it twice
    answers, problem = _answers(site, result, filters)
    people = site.people_so_far(board) if board else None
    so_far = site.ranking_so_far(board) if board else None
    by_match = site.match_ranking_so_far(board) if board else None
    standing = site.standing_so_far(board) if board else None
    # what is worked out for a whole large board may take minutes: a row's own page does not wait for it
    table = None if isinstance(people, Working) else people
    ranking = None if isinstance(so_far, Working) else so_far
    ranks = ranking.rows.get(result.id) if ranking else None
    (like, like_reason), (like_match, like_match_reason) = (_like(site, result, board, r) for r in READINGS)
    line = lineage(result.model)
    asked = None if answers is None else _table(site, result)
    names = [name for scale in result.scales.values() for name in scale.dimensions]
    return ModelData(
        result=result,
        badges=badges(result, practice=result.benchmark.name == "practice"),
        sentence=sentence(result, queries_of(result, site.benchmark)),
        lineage=line,
        background=_background(site, result, board),
        ranked=ranking.n if ranking else None,
        places={n: Place(models=ranks.models.get(n), values=ranks.values.get(n)) for n in names} if ranks else {},
        unranked=None if ranks or ranking is None else obstacle(result) or "Its answers are not available here.",
        readings=two_readings(site, result, board, None if isinstance(by_match, Working) else by_match, standing),
        read=_read(site, result, asked),
        people=table.rows.get(result.id) if table else None,
        people_reason=_people_reason(result, board, people),
        like=like,
        like_reason=like_reason,
        like_match=like_match,
        like_match_reason=like_match_reason,
        working=UNDER_WAY in (like_reason, like_match_reason)
        or any(isinstance(x, Working) for x in (people, so_far, by_match, standing)),
        ceiling=table.about.caveats.ceiling if table else None,
        history=_history(site, result, board),
        submissions=[_asked(s) for s in submissions_of(site, result)],
        siblings=_siblings(result, board),
        prompts_digest=_prompts_digest(asked),
        filters=filters,
        answers=answers,
        problem=problem,
    )


def submissions_of(site: Site, result: Result) -> list[Submission]:
    """Submissions of the same series, the latest first, except the one that the row is the answer to."""
    series = lineage(result.model).series
    asked = [s for s in site.queue.submissions() if lineage(s.model).series == series]
    rows = site.by_id() if asked else {}
    return sorted((s for s in asked if s.id not in rows), key=lambda s: s.updated, reverse=True)


def _like(site: Site, result: Result, board: Board | None, reading: Reading) -> tuple[list[LikeRow] | None, str | None]:
    """The rows most like one, as far as that can be told, and why not."""
    if board is None:
        return None, "this row stands on no board"
    relations = site.relations_so_far(board, reading)
    if isinstance(relations, Working):
        return None, UNDER_WAY
    if relations is None and reading == "match":
        return None, "no templates of this table’s benchmark are at hand"
    if relations is None or relations.pairs is None or (positions := relations.most_like(result.id)) is None:
        why = relations.left_out.get(result.id) if relations else None
        return None, why or "there are too few, or too many, rows on its board to compare it with"
    names, pairs, at = {r.id: r.model for r in board.results}, relations.pairs, relations.ids.index(result.id)
    found = [
        LikeRow(
            id=relations.ids[i],
            model=names[relations.ids[i]],
            r=float(pairs.r[at, i]),
            low=float(pairs.low[at, i]),
            high=float(pairs.high[at, i]),
        )
        for i in positions
    ]
    return found, None


def _asked(s: Submission) -> Asked:
    name = BENCHMARKS.get(s.benchmark.name, s.benchmark.name)
    fields = {name: getattr(s, name) for name in ("id", "model", "revision", "endpoint", "state", "created", "updated")}
    why = s.failure.message if s.failure else s.history[-1].why if s.history else ""
    return Asked(**fields, benchmark=name, why=why)


def _background(site: Site, result: Result, board: Board | None) -> Background | None:
    names = [d.name for d in VALUES]
    raters = site.raters(result.benchmark.digest)
    if raters is not None:
        return Background(kind="raters", n=None, scores=dict(zip(names, raters, strict=True)))
    others = [r for r in board.results if r.id != result.id] if board else []
    if not others:
        return None
    return Background(kind="table", n=len(others), scores=dict(zip(names, mean_profile(others), strict=True)))


def _people_reason(result: Result, board: Board | None, people: Table | Working | None) -> str | None:
    if isinstance(people, Table):
        return people.reason(result)
    if isinstance(people, Working):
        return UNDER_WAY
    if result.benchmark.name == "practice":
        return "nobody rated the practice benchmark, so its rows are not set against people"
    if board is None:
        return "this row stands on no board"
    return "the groups of people are not available for its benchmark"


def _relative(r: Result, *, comparable: bool) -> Relative:
    return Relative(
        id=r.id,
        model=r.model,
        revision=r.revision,
        released=lineage(r.model).released,
        created=r.created,
        origin=r.origin,
        answer_mode=r.answer_mode,
        comparable=comparable,
    )


def _history(site: Site, result: Result, board: Board | None) -> list[Relative]:
    series = lineage(result.model).series
    found = {r.id: r for r in site.results() if r.id != result.id and lineage(r.model).series == series}
    same_board = {r.id for r in board.results} if board else frozenset()
    rows = [_relative(r, comparable=r.id in same_board) for r in found.values() if r.reader == "official"]
    return sorted(rows, key=lambda r: (r.released or r.created.date(), r.created, r.id))


def _siblings(result: Result, board: Board | None) -> list[Relative]:
    line = lineage(result.model)
    rows = board.results if board else ()
    return [
        _relative(r, comparable=True)
        for r in rows
        if (other := lineage(r.model)).family == line.family and other.series != line.series
    ]


_FACTS: Final = (*COLUMNS, "unscored", "prompt_digest")
"""What is read of a row's answers beside their texts."""


def _table(site: Site, result: Result) -> pa.Table | None:
    import pyarrow as pa

    try:
        return pa.Table.from_batches(list(site.answer_batches(result, _FACTS)))
    except (InputError, StoreUnavailable, WriteConflict, ValueError, KeyError, OSError):
        return None  # `_answers` has said why


def _read(site: Site, result: Result, table: pa.Table | None) -> ReadShare | None:
    if table is None:
        return None
    try:
        rated = site.row_answers.rated(result)
    except InputError as error:
        _log.info("the answers of %s are not counted by source: %s", result.id, error)
        return None
    return read_share(rated.ratings, table, rated.key)


def _prompts_digest(table: pa.Table | None) -> str | None:
    if table is None or "prompt_digest" not in table.column_names:
        return None
    digests = sorted(d for d in table["prompt_digest"].to_pylist() if d)
    return hashlib.sha256("\n".join(digests).encode()).hexdigest() if digests else None


def _answers(site: Site, result: Result, filters: Filters) -> tuple[AnswersPage | None, str]:
    try:
        items = site.items.of(result)
    except InputError as error:
        return None, str(error)
    except (StoreUnavailable, WriteConflict):
        return None, UNREACHABLE
    except (ValueError, KeyError, OSError):  # a damaged table must not cost the row its page
        _log.exception("the stored answers of %s cannot be used", result.id)
        return None, "The stored answers of this row are damaged and cannot be shown."
    return cut(items, filters, texts=site.benchmark.digest == result.benchmark.digest), ""
