"""The board's table as data: everything `static/board.js` shows, in one compact JSON text.

Numbers travel as numbers and words as words; the page builds its elements from them and never reads them as HTML. The
text goes into the page itself, so that the table is there when the page is. What a badge means is said here, once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import orjson

from data.values import SCALE_NAMES, SCALES, VALUES
from eval_queue.records import DimensionScore, Result, ScaleProfile
from leaderboard.charts import DIRECTIONS, GEOMETRY, LIMIT, Geometry
from leaderboard.ranking import Ranking, RowRanks, obstacle
from leaderboard.results import Board

HEADINGS: Final = {
    "Self-Direction": "Self-\u200bDirection",
    "Hedonism": "Hedo\u00adnism",
    "Stimulation": "Stimu\u00adlation",
    "Achievement": "Achieve\u00adment",
    "Conformity": "Confor\u00admity",
    "Benevolence": "Benevo\u00adlence",
    "Universalism": "Univer\u00adsalism",
}
"""Where a long name may break in a narrow column heading."""


BENCHMARKS: Final = {"value-portrait": "Value Portrait", "practice": "Practice benchmark"}
"""What visitors read for a benchmark; others are called what they call themselves."""


class Badge(NamedTuple):
    """A word beside a model's name, and what it means."""

    word: str
    hint: str


OPEN_WEIGHTS = Badge("open weights", "The model's weights can be downloaded.")
SELF_REPORTED = Badge("self-reported", "The submitter ran this evaluation; this board did not repeat it.")
CONSTRAINED = Badge("constrained", "The model could only answer with one of the six phrases.")
PRACTICE = Badge("practice", "Run on the practice benchmark. The values mean nothing.")
INCOMPLETE = Badge("incomplete", "Too few of its answers could be read to compare it with others.")
FLAT = Badge("flat", "Most of what differs between its ten scores may be chance: too little stands out to compare.")

SAME_EVERYWHERE: Final = "It gives the same rating to everything: nothing stands out."
"""What `FLAT` says where there is no difference at all."""

BADGES: Final = (OPEN_WEIGHTS, SELF_REPORTED, CONSTRAINED, PRACTICE, INCOMPLETE, FLAT)
"""All badges, in the order of an explanation."""

ORIGINS: Final = {
    "published": "Scored here from the raw answers that the benchmark's authors released.",
    "space": "Asked and scored by this installation.",
    "self-reported": SELF_REPORTED.hint,
}
"""What an origin means, for visitors."""


def badges(result: Result, *, practice: bool) -> list[Badge]:
    """The words that stand beside a model's name."""
    reason = f" {result.incomplete_reason}." if result.incomplete_reason else ""
    found = {
        PRACTICE: practice,
        OPEN_WEIGHTS: result.open_weights is True,
        SELF_REPORTED: result.origin == "self-reported",
        CONSTRAINED: result.answer_mode == "constrained",
        INCOMPLETE._replace(hint=INCOMPLETE.hint + reason): result.complete is False,
        FLAT._replace(hint=FLAT.hint if result.reliability is not None else SAME_EVERYWHERE): result.flat is True,
    }
    return [badge for badge, holds in found.items() if holds]


def _round(x: float | None) -> float | None:
    return None if x is None else round(x, 4)


def _cell(d: DimensionScore | None, complete: int) -> list[float | int | None] | None:
    """[score, low, high, items], without an interval that is not there and a count that goes without saying."""
    if d is None or d.score is None:
        return None
    cell: list[float | int | None] = [
        _round(d.score),
        _round(getattr(d, "low", None)),
        _round(getattr(d, "high", None)),
    ]
    if d.n != complete:
        return [*cell, d.n]
    return cell if cell[1:] != [None, None] else cell[:1]


def _scale(profile: ScaleProfile | None, names: Sequence[str], items: Mapping[str, int]) -> list[object]:
    """[mean, items with a rating, cells in the scale's order, ends of the mean's interval]."""
    if profile is None:
        return [None, 0, [None] * len(names), None, None]
    cells = [_cell(profile.dimensions.get(name), items.get(name, 0)) for name in names]
    return [_round(profile.mean), profile.n_items, cells, _round(profile.mean_low), _round(profile.mean_high)]


def _ranks(ranks: RowRanks, n: int) -> dict[str, dict[str, str]]:
    """Intervals that say more than "any place": the page fills in the others."""
    whole = {d.name: f"1-{len(ds)}" for ds in SCALES.values() for d in ds}
    return {
        "models": {name: text for name, text in ranks.models.items() if text != f"1-{n}"},
        "values": {name: text for name, text in ranks.values.items() if text != whole[name]},
    }


def _unranked(result: Result, ranking: Ranking | None) -> str | None:
    if ranking is None or result.id in ranking.rows:
        return None
    return obstacle(result) or "Its answers to the single items are not at hand."


def _row(
    result: Result, items: Mapping[str, int], ranking: Ranking | None = None, *, practice: bool
) -> dict[str, object]:
    c, sensitivity, style, circle = result.coverage, result.sensitivity, result.style, result.circumplex
    ranks = ranking.rows.get(result.id) if ranking else None
    row = {
        "id": result.id,
        "model": result.model,
        "developer": result.developer,
        "badges": [list(badge) for badge in badges(result, practice=practice)],
        "muted": result.complete is False or result.flat is True,
        "note": result.note,
        "scales": [_scale(result.scales.get(s), [d.name for d in ds], items) for s, ds in SCALES.items()],
        "rated": c.rated,
        "prompts": c.prompts,
        "unscored": {kind: n for kind, n in c.unscored.items() if n},
        "reliability": _round(result.reliability),
        "wording": _round(sensitivity.prompt) if sensitivity else None,
        "order": _round(sensitivity.order.get("average")) if sensitivity else None,
        "most_used": [style.most_used, _round(style.most_used_share)] if style and style.most_used else None,
        "agreeing": _round(style.acquiescence) if style else None,
        "refused": _round(style.refusal_rate) if style else None,
        "circle": [_round(circle.fit), _round(circle.fit_low), _round(circle.fit_high)]
        if circle and circle.fit is not None
        else None,
        "ranks": _ranks(ranks, ranking.n) if ranks and ranking else None,
        "unranked": _unranked(result, ranking),
        "origin": result.origin,
        "source": result.source,
        "endpoint": result.endpoint,
        "revision": result.revision,
        "date": result.created.date().isoformat(),
    }
    return {name: value for name, value in row.items() if value not in (None, [], {}) and value is not False}


def _items(board: Board) -> dict[str, int]:
    """Items of a complete row by dimension: the most that any row of the board has."""
    counts: dict[str, int] = {}
    for r in board.results:
        for scale in r.scales.values():
            for name, d in scale.dimensions.items():
                counts[name] = max(counts.get(name, 0), d.n)
    return counts


def _board(board: Board, ranking: Ranking | None) -> dict[str, object]:
    items = _items(board)
    return {
        "slug": board.key.slug,
        "name": BENCHMARKS.get(board.benchmark.name, board.benchmark.name),
        "version": board.benchmark.version,
        "digest": board.key.digest,
        "mode": board.key.answer_mode,
        "protocol": board.key.protocol,
        "practice": board.practice,
        "items": items,
        "ranked": ranking.n if ranking else None,
        "rows": [_row(r, items, ranking, practice=board.practice) for r in board.results],
    }


def _geometry(g: Geometry) -> dict[str, object]:
    return {"centre": list(g.centre), "zero": g.zero, "unit": g.unit}


def payload(boards: Sequence[Board], ranking: Callable[[Board], Ranking | None] = lambda _: None) -> str:
    """All boards as the JSON text that the table reads.

    Args:
        boards: in the order in which they are offered.
        ranking: the ranks of a board's rows; without it no rank is shown.
    """
    return orjson.dumps(
        {
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
                "names": [d.name for d in VALUES],
                "directions": [list(d) for d in DIRECTIONS],
                "full": _geometry(GEOMETRY["full"]),
                "thumb": _geometry(GEOMETRY["thumb"]),
            },
            "origins": ORIGINS,
            "boards": [_board(b, ranking(b)) for b in boards],
        }
    ).decode()
