"""The board's table as data: everything its scripts show, in one compact JSON text.

Numbers travel as numbers and words as words; the page builds its elements from them and never reads them as HTML. The
text goes into the page itself, so that the table is there when the page is. Thousands of rows must stay light, so a
board is sent by column: `[...]` with one entry a row, `{"all": x}` where every row has the same, `{"of": [...],
"at": [...]}` where words repeat. Numbers are whole multiples of 1 / `UNIT`, null where there is none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import orjson

from data.people.norms import READINGS
from data.people.reference import CONTRASTS, Contrast
from data.values import SCALE_NAMES, SCALES, VALUES, Scale
from eval_queue.records import DimensionScore, MatchScore, Result, ScaleProfile
from eval_queue.scoring.formulas import Floats
from leaderboard.analysis.lineage import lineage
from leaderboard.boards.background import Working
from leaderboard.boards.group_similarity import Table
from leaderboard.boards.model_facts import billions, released
from leaderboard.boards.rank_intervals import Ranking, obstacle
from leaderboard.boards.readings import Columns, Standing, no_match, read_columns, read_readings
from leaderboard.boards.results import Board
from leaderboard.charts.portrait import DIRECTIONS, GEOMETRY, LIMIT, MATCH_LIMIT, Geometry
from leaderboard.groups.group_report import ModelProximity
from leaderboard.groups.names import CONTRASTS as CONTRAST_NAMES
from leaderboard.groups.names import GROUPS, called
from leaderboard.vocabulary.badges import BENCHMARKS, ORIGINS, badges, parameters_changed

HEADINGS: Final = {
    "Self-Direction": "Self-\u200bDirec\u00adtion",
    "Hedonism": "Hedo\u00adnism",
    "Stimulation": "Stimu\u00adlation",
    "Achievement": "Achie\u00adve\u00adment",
    "Tradition": "Tradi\u00adtion",
    "Security": "Secu\u00adrity",
    "Conformity": "Confor\u00admity",
    "Benevolence": "Bene\u00advo\u00adlence",
    "Universalism": "Univer\u00adsalism",
    "Self-Enhancement": "Self-\u200bEnhance\u00adment",
    "Self-Transcendence": "Self-\u200bTranscen\u00addence",
    "Conservation": "Conser\u00advation",
    "Conscientiousness": "Conscien\u00adtiousness",
    "Extraversion": "Extra\u00adversion",
    "Agreeableness": "Agreeable\u00adness",
    "Neuroticism": "Neuroti\u00adcism",
}
"""Where a long name may break in a narrow column heading."""


UNIT: Final = 10_000
"""Numbers are sent as whole multiples of 1 / `UNIT`."""

NO_COLUMN: Final = "No row of this table can be set against people here."
"""Why the columns of people are empty where there is no table of them."""


_T = TypeVar("_T")


def _column(values: Iterable[_T]) -> object:
    """A column in its shortest form."""
    found = list(values)
    distinct = list(dict.fromkeys(found))
    if len(distinct) == 1 and len(found) > 1:
        return {"all": distinct[0]}
    if len(distinct) * 3 <= len(found) and any(isinstance(v, str | tuple) for v in distinct):
        places = {value: i for i, value in enumerate(distinct)}
        return {"of": distinct, "at": [places[v] for v in found]}
    return found


def _whole(x: float | None) -> int | None:
    return None if x is None else round(x * UNIT)


def _numbers(values: Iterable[float | None]) -> object:
    """As `_column(map(_whole, values))`."""
    return _whole_column(np.array(list(values), dtype=np.float64))


def _with_ends(cells: Iterable[object], name: str) -> dict[str, object]:
    """A number of cells by its name, and the ends of its interval; None for a cell that there is not."""
    found = list(cells)
    fields = {"value": name, "low": "low", "high": "high"}
    return {field: _numbers(getattr(cell, own, None) for cell in found) for field, own in fields.items()}


def _whole_column(values: Floats) -> object:
    """The same of an array, NaN for None: a large board has a million numbers."""
    known = np.isfinite(values)
    whole = np.rint(np.where(known, values, 0.0) * UNIT).astype(np.int64)
    if values.size > 1 and (not known.any() or (known.all() and whole.min() == whole.max())):
        return {"all": int(whole[0]) if known[0] else None}
    told: list[int | None] = whole.tolist()
    for i in np.flatnonzero(~known).tolist():
        told[i] = None
    return told


_CELL: Final = attrgetter("score", "low", "high", "n")
_EMPTY: Final = DimensionScore(score=None, raw=None, n=0)


def _dimensions(profiles: Sequence[ScaleProfile], scale: Scale) -> list[dict[str, object]]:
    names = [d.name for d in SCALES[scale]]
    # row by row, as they lie in memory, and each cell once
    cells = [_CELL(profile.dimensions.get(name, _EMPTY)) for profile in profiles for name in names]
    columns = np.array(cells, dtype=np.float64).reshape(len(profiles), len(names), 4)
    columns[np.isnan(columns[..., 0]), 1:3] = np.nan
    return [
        {
            "score": _whole_column(score),
            **_interval(score, low, high),
            "n": _column(n.astype(np.int64).tolist()),
        }
        for score, low, high, n in np.moveaxis(columns, 0, -1)
    ]


def _interval(estimate: Floats, low: Floats, high: Floats) -> dict[str, object]:
    """How far below and above an estimate its interval goes: that takes a third less to send than where it ends."""
    middle, start, end = (np.rint(x * UNIT) for x in (estimate, low, high))
    return {"below": _whole_column((middle - start) / UNIT), "above": _whole_column((end - middle) / UNIT)}


WITH_THE_PAGE: Final = 200
"""What is seen only where it is asked for comes with the page for so many rows at most, else when it is asked for."""
ALPHA: Final = 0.05
"""Level of the joint test of an own profile."""
_NOTHING: Final = ScaleProfile(mean=None, n_items=0, dimensions={})


def _scale(results: Sequence[Result], scale: Scale) -> dict[str, Any]:
    found = [r.scales.get(scale, _NOTHING) for r in results]
    mean, low, high = np.array([(p.mean, p.mean_low, p.mean_high) for p in found], dtype=np.float64).T
    return {
        "mean": _whole_column(mean),
        **_interval(mean, low, high),
        "n": _column(p.n_items for p in found),
        "dimensions": _dimensions(found, scale),
    }


def _match(cells: Sequence[MatchScore | None]) -> dict[str, object]:
    halves = (None if c is None or c.low is None or c.high is None else (c.high - c.low) / 2 for c in cells)
    return {"match": _numbers(None if c is None else c.match for c in cells), "half": _numbers(halves)}


def _matches(results: Sequence[Result]) -> dict[str, object] | None:
    """The rows' matches on all items, half the width of their intervals beside them; None where no row has one."""
    if all(r.match is None for r in results):
        return None
    return {
        "why": _column(map(no_match, results)),
        "scales": [
            [_match([(r.match or {}).get(scale, {}).get(d.name) for r in results]) for d in dimensions]
            for scale, dimensions in SCALES.items()
        ],
    }


_CARRIES: Final = ("queries", "people", "queries_low", "queries_high", "people_low", "people_high")


def _reliabilities(columns: Columns | None) -> dict[str, object] | None:
    """How far each column tells models apart, over halves of queries and of people, under both readings.

    Six numbers a column: both figures, then the ends of their intervals.
    """
    if columns is None:
        return None
    return {
        "models": columns.models,
        **{
            reading: {
                name: [
                    _whole(x) for x in (c.queries, c.people, c.queries_low, c.queries_high, c.people_low, c.people_high)
                ]
                for name, c in columns.columns[reading].items()
            }
            for reading in READINGS
            if reading in columns.columns
        },
    }


def _shared(board: Board) -> dict[str, object] | None:
    """How much of what differs between models is one line, by the shipped examination of both readings."""
    report = read_readings(board.key.digest)
    if report is None:
        return None
    return {
        "models": len(report.models),
        "along_common": [_whole(x) for x in (report.along_common["match"], *report.along_common_intervals["match"])],
        "own": sum(p.own_p is not None and p.own_p <= ALPHA for p in report.profiles.values()),
    }


def standing_columns(results: Sequence[Result], standing: Standing | Working | None) -> dict[str, object] | None:
    """The rows among the people who rated the same responses, on the ten values: shares with their intervals.

    Returns:
        `{"pending": true}` while they are being worked out; None where no row is set among them.
    """
    if isinstance(standing, Working):
        return {"pending": True}
    if standing is None:
        return None
    made: dict[str, object] = {}
    for reading in READINGS:
        rows = [standing[reading].get(r.id, {}) for r in results]
        made[reading] = {d.name: _with_ends((row.get(d.name) for row in rows), "share") for d in VALUES}
    return made


def ranking_columns(results: Sequence[Result], ranking: Ranking | Working | None) -> dict[str, object] | None:
    """The places of a board's rows; null stands for any place, and `why` says why a row has none.

    Returns:
        `{"pending": true}` while they are being worked out; None where nobody is ranked.
    """
    if isinstance(ranking, Working):
        return {"pending": True}
    if ranking is None:
        return None
    rows = [ranking.rows.get(r.id) for r in results]
    anywhere = f"1-{ranking.n}"
    return {
        "n": ranking.n,
        "mean_half": {name: _whole(half) for name, half in ranking.mean_half.items()},
        "models": _places([None if row is None else row.models for row in rows], lambda _: anywhere),
        "values": _places([None if row is None else row.values for row in rows], lambda ds: f"1-{ds}"),
        "why": _column(
            None if r.id in ranking.rows else obstacle(r) or "Its answers are not available here." for r in results
        ),
    }


def _places(rows: Sequence[Mapping[str, str] | None], anywhere: Callable[[int], str]) -> dict[str, object]:
    told = {}
    for dimensions in SCALES.values():
        for d in dimensions:
            texts = [None if row is None else row.get(d.name) for row in rows]
            texts = [None if text == anywhere(len(dimensions)) else text for text in texts]
            if any(text is not None for text in texts):
                told[d.name] = _column(texts)
    return told


def people_columns(
    results: Sequence[Result], table: Table | Working | None, contrasts: Sequence[Contrast]
) -> dict[str, object] | None:
    """A board's rows among people, with what must be read beside the numbers as fields.

    Numbers that are withheld are null, and `why` says why.

    Returns:
        `{"pending": true}` while they are being worked out; None where no row is set against people.
    """
    if isinstance(table, Working):
        return {"pending": True}
    if table is None:
        return None
    rows = [table.rows.get(r.id) for r in results]
    told = [row if row is not None and row.reported else None for row in rows]
    about = table.about
    return {
        "why": _column(table.reason(r) for r in results),
        "like": _with_ends((row and row.like_raters for row in rows), "spearman"),
        "leans": {c.name: _lean(c, told) for c in contrasts},
        "nearest": _column(
            None if row is None else called(row.nearest.group) if row.nearest.group else "not distinguishable"
            for row in told
        ),
        "share": _numbers(None if row is None else row.nearest.share for row in told),
        "caveats": about.caveats.model_dump(exclude_none=True),
        "groups_from": about.groups_from.model_dump(),
        "raters_from": about.raters_from.model_dump(),
        "slopes": about.slopes,
        "draws": about.draws,
    }


def _lean(contrast: Contrast, rows: Sequence[ModelProximity | None]) -> dict[str, object]:
    found = [None if row is None else row.leans.get(contrast.name) for row in rows]
    return {**_with_ends(found, "lean"), "sure": _column(x is not None and x.sure for x in found)}


def _words(results: Sequence[Result], *, practice: bool) -> dict[str, object]:
    """What rows say beside their scores."""
    # row by row: thousands of them do not fit into the processor's cache, and each is gone through once
    said, numbers = zip(*((_said(r, practice=practice), _figures(r)) for r in results), strict=True)
    return {
        **dict(zip(_SAID, map(_column, zip(*said, strict=True)), strict=True)),
        **dict(zip(_FIGURES, map(_numbers, zip(*numbers, strict=True)), strict=True)),
    }


_PLAIN: Final = ("id", "model", "developer", "note", "source", "endpoint", "revision", "origin")
_SAID: Final = (
    *_PLAIN,
    *("badges", "muted", "flat", "changed", "open", "family", "size", "released", "date"),
    *("rated", "prompts", "unscored", "most_used"),
)
_FIGURES: Final = (
    *("reliability", "wording", "order", "most_used_share", "agreeing", "refused"),
    *("circle", "circle_low", "circle_high"),
)
_plain: Final = attrgetter(*_PLAIN)


def _said(r: Result, *, practice: bool) -> tuple[object, ...]:
    """What a row says in words, dates and counts, as `_SAID` names it."""
    out, asked = released(r), r.coverage
    return (
        *_plain(r),
        tuple(map(tuple, badges(r, practice=practice))),
        r.complete is False or r.flat is True,
        r.flat,
        parameters_changed(r),
        r.open_weights,
        lineage(r.model).family,
        billions(r),
        out.day.isoformat() if out else None,
        r.created.date().isoformat(),
        asked.rated,
        asked.prompts,
        tuple((kind, n) for kind, n in asked.unscored.items() if n),
        r.style.most_used if r.style else None,
    )


def _figures(r: Result) -> tuple[float | None, ...]:
    """A row's numbers beside its scores, as `_FIGURES` names them."""
    form, style, circle = r.sensitivity, r.style, r.circumplex
    return (
        r.reliability,
        *((form.prompt, form.order.get("average")) if form else (None, None)),
        *((style.most_used_share, style.acquiescence, style.refusal_rate) if style else (None, None, None)),
        *((circle.fit, circle.fit_low, circle.fit_high) if circle else (None, None, None)),
    )


def _items(scales: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Items of a complete row by dimension: the most that any row of the board has."""
    return {
        d.name: cells["n"].get("all", 0) if isinstance(cells["n"], dict) else max(cells["n"], default=0)
        for scale, dimensions in zip(scales, SCALES.values(), strict=True)
        for d, cells in zip(dimensions, scale["dimensions"], strict=True)
    }


class Facts(NamedTuple):
    """What is known of a board beside its rows."""

    ranking: Ranking | Working | None = None
    people: Table | Working | None = None
    contrasts: Sequence[Contrast] = ()
    raters: Sequence[float] | None = None
    """The ten values of the people who rated the benchmark, in circle order."""
    rated_by: int | None = None
    """How many people these are."""
    match_ranking: Ranking | Working | None = None
    """By matches on all items."""
    standing: Standing | Working | None = None
    match_people: Table | Working | None = None
    """By matches on all items."""


def stamp(board: Board) -> str:
    """A short name for exactly these rows in this order: what is sent later must belong to them."""
    rows = "\n".join(f"{r.id} {r.created.isoformat()}" for r in board.results)
    return hashlib.sha256(rows.encode()).hexdigest()[:12]


def comes_later(board: Board) -> bool:
    """Whether a board's page comes without its ranks, people and matches, and asks for them where they are shown."""
    return len(board.results) > WITH_THE_PAGE


def _board(board: Board, facts: Facts, *, whole: bool) -> dict[str, object]:
    scales = [_scale(board.results, scale) for scale in SCALES]
    if comes_later(board) and not whole:
        # a practice board has neither ranks nor people
        pending = {"pending": True}
        late: dict[str, object] = {n: None if board.practice and n != "match" else pending for n in _LATE}
    else:
        late = _late(board.results, facts) | {"match": _matches(board.results)}
    return {
        "slug": board.key.slug,
        "name": BENCHMARKS.get(board.benchmark.name, board.benchmark.name),
        "version": board.benchmark.version,
        "digest": board.key.digest,
        "mode": board.key.answer_mode,
        "protocol": board.key.protocol,
        "practice": board.practice,
        "items": _items(scales),
        "n": len(board.results),
        "stamp": stamp(board),
        "raters": None if facts.raters is None else [_whole(x) for x in facts.raters],
        "rated_by": facts.rated_by,
        "rows": _words(board.results, practice=board.practice),
        "scales": scales,
        "columns": _reliabilities(read_columns(board.key.digest)),
        "shared": _shared(board),
        **late,
    }


def late_columns(board: Board, facts: Facts) -> dict[str, object]:
    """What comes after the page: what takes long, and what makes large boards heavy."""
    late = _late(board.results, facts)
    return late | {"match": _matches(board.results)} if comes_later(board) else late


_LATE: Final = ("ranking", "match_ranking", "standing", "people", "match_people", "match")


def _late(results: Sequence[Result], facts: Facts) -> dict[str, object]:
    """What may take longer than the page."""
    return {
        "ranking": ranking_columns(results, facts.ranking),
        "match_ranking": ranking_columns(results, facts.match_ranking),
        "standing": standing_columns(results, facts.standing),
        "people": people_columns(results, facts.people, facts.contrasts),
        "match_people": people_columns(results, facts.match_people, facts.contrasts),
    }


def _geometry(g: Geometry) -> dict[str, object]:
    return {"centre": list(g.centre), "zero": g.zero, "unit": g.unit}


def payload(
    boards: Sequence[Board], facts: Callable[[Board], Facts] = lambda _: Facts(), *, whole: bool = False
) -> str:
    """All boards as the JSON text that the table reads.

    Args:
        boards: in the order in which they are offered.
        facts: what is known of a board beside its rows.
        whole: whether nothing can be asked for later, as in a copy of plain files.
    """
    return orjson.dumps(
        {
            "unit": UNIT,
            "scales": [
                {
                    "key": s,
                    "name": SCALE_NAMES[s],
                    "dimensions": [
                        {
                            "name": d.name,
                            "heading": HEADINGS.get(d.name, d.name),
                            "short": d.short,
                            "family": d.family.name,
                            "colour": d.family.colour,
                            "meaning": d.meaning,
                        }
                        for d in ds
                    ],
                }
                for s, ds in SCALES.items()
            ],
            "portrait": {
                "limit": LIMIT,
                "match_limit": MATCH_LIMIT,
                "names": [d.name for d in VALUES],
                "directions": [list(d) for d in DIRECTIONS],
                "full": _geometry(GEOMETRY["full"]),
                "thumb": _geometry(GEOMETRY["thumb"]),
            },
            "origins": ORIGINS,
            "no_people": NO_COLUMN,
            "contrasts": [
                {
                    "key": c.name,
                    "subject": CONTRAST_NAMES[c.name].subject,
                    "toward": called(c.toward),
                    "against": called(c.against),
                    "left": GROUPS[c.against].end,
                    "right": GROUPS[c.toward].end,
                }
                for c in CONTRASTS
            ],
            "boards": [_board(b, facts(b), whole=whole) for b in boards],
        }
    ).decode()
