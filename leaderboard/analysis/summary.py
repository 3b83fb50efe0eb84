"""A profile in one plain sentence that names only the values surely above or below the model's own average.

Ten tests, one a value: is its centred score zero, by t with one degree of freedom less than queries carry the value;
Holm over the ten. A value is named only if its adjusted p-value is at most 5 % and its 95 % interval leaves out zero.
Without the number of queries nothing is tested. Values are not compared with one another here.

A page shows each value's own 95 % interval beside the sentence. Where such an interval leaves out zero but the value
does not hold after the correction, the sentence says both, so that the two never seem to contradict each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.benchmark import Benchmark
from data.values import SCALE_COLUMNS, VALUES
from eval_queue.records import DimensionScore, MatchScore, Result
from eval_queue.scoring.formulas import Bools, Floats

PUBLISHED_DIGEST: Final = "4cbfffc1121dbac803fd618e565d696cda47a9108212b838987c9f2942bb36bd"
PUBLISHED_QUERIES: Final = (9, 34, 30, 39, 45, 14, 20, 10, 11, 13)
"""Queries that carry each value in the published benchmark, from its key: its rows need no benchmark at hand."""


class Standing(NamedTuple):
    """The values that surely differ from the model's own average, in circle order."""

    above: tuple[str, ...]
    below: tuple[str, ...]
    tested: int
    """How many values could be tested."""


def queries_of(result: Result, benchmark: Benchmark) -> tuple[int, ...] | None:
    """Queries that carry each value in the result's benchmark, or None where that benchmark is not known here."""
    if benchmark.digest == result.benchmark.digest:
        selected = benchmark.key.selected[:, SCALE_COLUMNS["pvq"]]
        return tuple(len(np.unique(benchmark.query_index[selected[:, d]])) for d in range(len(VALUES)))
    return PUBLISHED_QUERIES if result.benchmark.digest == PUBLISHED_DIGEST else None


def standing(result: Result, queries: tuple[int, ...] | None) -> Standing:
    """Test the ten values of a model against its own average.

    Args:
        result: the row.
        queries: queries that carry each value, in circle order; None where unknown.
    """
    profile = result.scales.get("pvq")
    if profile is None or queries is None:
        return Standing((), (), 0)
    cells = [profile.dimensions.get(d.name) for d in VALUES]
    known = [c if c is not None and None not in (c.score, c.se, c.low, c.high) else None for c in cells]
    figures = [(np.nan, np.nan) if c is None else (c.score, c.se) for c in known]
    score, se = np.array(figures, dtype=np.float64).T
    apart = [c is not None and ((c.low or 0) > 0 or (c.high or 0) < 0) for c in known]
    return _tested(score, se, np.array(queries), np.array(apart))


def _tested(x: Floats, se: Floats, queries: NDArray[np.int64], apart: Bools) -> Standing:
    """Which of ten numbers are surely above and below 0, of those that may be; arrays of shape (10,)."""
    from leaderboard.analysis.ranks import ALPHA, holm, t_test

    p = t_test(x, se, queries)
    sure = (holm(p) <= ALPHA) & apart
    above, below = (
        tuple(d.name for d, named in zip(VALUES, side & sure, strict=True) if named) for side in (x > 0, x < 0)
    )
    return Standing(above, below, int(np.isfinite(p).sum()))


def taken_alone(result: Result, found: Standing) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Values whose own 95 % interval leaves out zero and that `found` does not name: above and below, circle order."""
    profile = result.scales.get("pvq")
    return _alone({} if profile is None else profile.dimensions, found)


def _alone(
    cells: Mapping[str, DimensionScore] | Mapping[str, MatchScore], found: Standing
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    named = {*found.above, *found.below}
    rest = [(d.name, cells.get(d.name)) for d in VALUES if d.name not in named]
    above = tuple(name for name, c in rest if c is not None and c.low is not None and c.low > 0)
    below = tuple(name for name, c in rest if c is not None and c.high is not None and c.high < 0)
    return above, below


def sentence(result: Result, queries: tuple[int, ...] | None) -> str:
    """What may be said of a profile. Holds the model's name as given: a page must escape it."""
    if result.benchmark.name == "practice":
        return f"{result.model} ran on the practice benchmark: its numbers show how a run works and say nothing of it."
    if result.complete is False:
        return f"Too few answers of {result.model} could be read to say what it puts first."
    found = Standing((), (), 0) if result.flat else standing(result, queries)
    alone = taken_alone(result, found)
    if result.flat:
        too_little = f"Too little stands out in the answers of {result.model} to say what it puts first."
        return too_little + (f" Taken alone, {_side_by_side(*alone)} its own average." if any(alone) else "")
    if not found.tested:
        untested = f"Which values {result.model} puts above or below its average cannot be tested here."
        return untested + (f" Taken alone, {_side_by_side(*alone)} it." if any(alone) else "")
    sides = ((found.above, "above"), (found.below, "below"))
    parts = [f"{_and(names)} {side}" for names, side in sides if names]
    none = f"No value of {result.model} is distinguishable from its own average"
    some = f"{result.model} puts {' and '.join(parts)} its own average"
    return _told(found, alone, some if parts else "", none, "it")


def _told(found: Standing, alone: tuple[tuple[str, ...], tuple[str, ...]], some: str, none: str, zero: str) -> str:
    """What is sure, what holds only where a value is taken alone, and what cannot be told from `zero`.

    Args:
        found: the values that are sure.
        alone: those that are so only taken alone, above and below.
        some: what is said of sure ones; empty where there are none.
        none: what is said then.
        zero: what values are told from, in a word.
    """
    n = "ten" if found.tested == len(VALUES) else found.tested
    corrected, own = f"after correcting for {n} comparisons", f"taken alone, {_side_by_side(*alone)} {zero}"
    if not some:
        return f"{none} {corrected}; {own}." if any(alone) else f"{none}."
    rest = found.tested - sum(map(len, (found.above, found.below, *alone)))
    tail = f"; the {'other is' if rest == 1 else 'rest are'} not distinguishable from {zero}" if rest > 0 else ""
    return f"{some}{f'; {own}, but not {corrected}' if any(alone) else ''}{tail}."


def _side_by_side(above: tuple[str, ...], below: tuple[str, ...]) -> str:
    """`Power is below`, `Security and Power are above and Hedonism is below`."""
    sides = ((above, "above"), (below, "below"))
    return " and ".join(f"{_and(names)} {'is' if len(names) == 1 else 'are'} {side}" for names, side in sides if names)


MATCH_QUERIES: Final = 104
"""Queries behind a match in the published benchmark: every rated item carries it."""


def match_standing(result: Result) -> Standing:
    """Test the ten matches of a row against 0: by t, other queries and other people uncertain, Holm over the ten.

    Degrees of freedom are those of the published benchmark's queries; a benchmark with more has more.
    """
    found = (result.match or {}).get("pvq", {})
    cells = [found.get(d.name) for d in VALUES]
    figures = [
        (np.nan, np.nan)
        if c is None or c.match is None or c.se_queries is None or c.se_people is None
        else (c.match, float(np.hypot(c.se_queries, c.se_people)))
        for c in cells
    ]
    match, se = np.array(figures, dtype=np.float64).T
    return _tested(match, se, np.full(len(VALUES), MATCH_QUERIES), np.ones(len(VALUES), dtype=np.bool_))


def match_sentence(result: Result) -> str:
    """What may be said of a row's matches on all items. Holds the model's name as given: a page must escape it."""
    if result.benchmark.name == "practice":
        return f"{result.model} ran on the practice benchmark: its numbers show how a run works and say nothing of it."
    if result.complete is False:
        return f"Too few answers of {result.model} could be read to say whose ratings its own resemble."
    found = match_standing(result)
    if not found.tested:
        return f"Whose ratings those of {result.model} resemble cannot be tested here."
    sides = ((found.above, "like"), (found.below, "unlike"))
    parts = [f"{side} people who put {_and(names)} first" for names, side in sides if names]
    alone = _alone((result.match or {}).get("pvq", {}), found)
    none = f"The ratings of {result.model} are not distinguishable from ratings that have nothing to do with values"
    return _told(found, alone, f"{result.model} rates {', '.join(parts)}" if parts else "", none, "0")


def _and(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
