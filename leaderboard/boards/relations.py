"""How the rows of a board, and its columns, go together: worked out once for the same rows and kept.

Both rest on the same draws of the rows' scores over queries (`leaderboard.analysis.ranks.resample`), and these on the
rows' mean ratings of each item and on the benchmark's key; or on draws of their matches on all items over queries and
over the people behind the templates. Incomplete rows, and rows whose answers are not at hand,
take no part. Boards of more than `MOST` such rows have none: a matrix of that size shows nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from data.people.norms import Reading
from data.people.templates import ValueTemplates
from data.sources.key_file import KeyTable
from data.values import SCALES, VALUES
from eval_queue.records import Result
from eval_queue.scoring.formulas import Bools, Floats
from eval_queue.scoring.match import people_draws
from leaderboard.analysis.associations import Association, associations, overlap
from leaderboard.analysis.profile_similarity import MATCH_QUERIES, Similarities, similarities
from leaderboard.analysis.ranks import Sample, resample
from leaderboard.boards.results import Board
from leaderboard.measurement.readings import match_sample

MOST: Final = 200
"""So many rows are compared with each other."""


@dataclass(frozen=True)
class Relations:
    """A board's rows and columns among themselves.

    Attributes:
        ids: of the rows that are compared, by name.
        pairs: of rows; None where there are too few.
        associations: of dimensions, by dimension, all scales.
        left_out: ids of the rows that take no part, each with the reason.
        too_many: how many rows there would be, where they are more than `MOST`; else 0.
    """

    ids: tuple[str, ...]
    pairs: Similarities | None
    associations: Mapping[str, tuple[Association, ...]]
    left_out: Mapping[str, str]
    too_many: int = 0

    def most_like(self, id_: str) -> list[int] | None:
        """Positions of the rows most like one, as far as that can be told; None where it is not compared."""
        return self.pairs.most_like(self.ids.index(id_)) if self.pairs is not None and id_ in self.ids else None


def relate(
    rows: Sequence[Result], means: Mapping[str, Floats], key: KeyTable, templates: ValueTemplates | None = None
) -> Relations:
    """Work out how rows and columns go together.

    Args:
        rows: of one board, by name.
        means: by id the row's mean rating of each item, shape (items,), NaN where it has none.
        key: of their benchmark.
        templates: to compare matches on all items; None to compare scores.
    """
    left_out = {r.id: "its individual answers are not available here" for r in rows if r.id not in means}
    left_out |= {r.id: "too few of its answers could be read" for r in rows if r.complete is False}
    ids = tuple(r.id for r in rows if r.id not in left_out)
    if len(ids) > MOST:
        return Relations((), None, {}, left_out, len(ids))
    if not ids:
        return Relations((), None, {}, left_out)
    x = np.stack([means[id_] for id_ in ids])
    if templates is None:
        sample, chance = resample(x, key.selected, key.query_index), None
    else:
        sample, chance = _matches(x, key, templates), overlap(templates.loadings)
    found: dict[str, tuple[Association, ...]] = {}
    for scale in SCALES:
        found |= associations(sample.point, sample.draws, sample.clusters.min(axis=0), scale, chance)
    ten = slice(0, len(VALUES))
    whole: Bools = np.asarray(np.isfinite(sample.point[:, ten]).all(axis=1))
    if not whole.all():  # a row may be complete and still lack one value's responses
        left_out |= {id_: "it has no score on one of the values" for id_, ok in zip(ids, whole, strict=True) if not ok}
        ids = tuple(id_ for id_, ok in zip(ids, whole, strict=True) if ok)
    queries = sample.clusters[:, ten].min(axis=0)
    pairs = similarities(sample.point[whole][:, ten], sample.draws[:, whole][:, :, ten], queries)
    return Relations(ids, pairs, found, left_out)


def _matches(x: Floats, key: KeyTable, templates: ValueTemplates) -> Sample:
    """Matches with draws over queries and people at once, as if from `MATCH_QUERIES` queries."""
    over_queries = match_sample(x, templates.loadings, key.query_index)
    people = np.moveaxis(people_draws(x, templates), -1, 0)
    draws = over_queries.draws + np.resize(people - people.mean(axis=0), over_queries.draws.shape)
    return Sample(over_queries.point, draws, np.minimum(over_queries.clusters, MATCH_QUERIES))


class RelationTables:
    """The relations of boards, kept until their rows change. Threads may share it.

    Args:
        key: of a benchmark by digest, None where it is not known.
        means: the mean ratings of a board's rows, as far as they are at hand: by id, and whether these are all.
        templates: of a benchmark by digest, None where there are none.
    """

    def __init__(
        self,
        key: Callable[[str], KeyTable | None],
        means: Callable[[Board], tuple[Mapping[str, Floats], bool]],
        templates: Callable[[str], ValueTemplates | None] = lambda _: None,
    ) -> None:
        self._key = key
        self._means = means
        self._templates = templates
        self._kept: dict[tuple[str, Reading], tuple[object, Relations]] = {}
        self._lock = threading.Lock()

    def of(self, board: Board, reading: Reading = "published") -> Relations | None:
        """The relations of a board; None where its benchmark's key, or its templates, are not known."""
        key = self._key(board.key.digest)
        templates = self._templates(board.key.digest) if reading == "match" else None
        if key is None or (reading == "match" and templates is None):
            return None
        name = tuple((r.id, r.created) for r in board.results)
        place = board.key.slug, reading
        with self._lock:
            kept = self._kept.get(place)
            if kept is not None and kept[0] == name:
                return kept[1]
        # a large board's answers are read over several views of other pages; here they are read to the end
        before = -1
        means, finished = self._means(board)
        while not finished and len(means) > before:
            before = len(means)
            means, finished = self._means(board)
        made = relate(board.results, means, key, templates)
        if finished:
            with self._lock:
                self._kept[place] = (name, made)
        return made
