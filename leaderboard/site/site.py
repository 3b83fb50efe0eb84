"""What all pages know: the benchmark in use, the queue, who may be asked, and the results to show."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from data.benchmark import Benchmark
from data.errors import InputError
from data.people.norms import Reading
from data.people.rater_means import rater_means
from data.people.reference import Reference, load_reference
from data.people.templates import ValueTemplates
from data.ratings import Study
from data.sources.key_file import KeyTable, read_key
from data.sources.loading import load_study
from data.sources.practice import practice_study
from data.sources.published_templates import read_published, templates_of
from eval_queue.personas import WORDING, Wording
from eval_queue.queue.intake import Rules
from eval_queue.queue.queue import Queue
from eval_queue.records import Result
from eval_queue.scoring.formulas import Floats
from eval_queue.scoring.released import Released
from eval_queue.scoring.stored import COLUMNS
from eval_queue.settings import Endpoint
from eval_queue.workers.scheduler import Vitals
from leaderboard.analysis.summary import PUBLISHED_DIGEST
from leaderboard.boards.background import BackgroundWork, Working
from leaderboard.boards.group_similarity import Proximities, Table, shipped_proximity
from leaderboard.boards.map_positions import Regions
from leaderboard.boards.persona_runs import Biases
from leaderboard.boards.rank_intervals import PUBLISHED_MATCH_RANKS, Ranking, Rankings, rank_match, read_ranks
from leaderboard.boards.readings import Standing, Standings
from leaderboard.boards.relations import Relations, RelationTables
from leaderboard.boards.results import PUBLISHED, Board, Loaded, boards, load
from leaderboard.boards.row_answers import RowAnswers
from leaderboard.site.answers import AnswersKept, ItemAnswers, answer_batches, answers_of, answers_table

if TYPE_CHECKING:
    import pyarrow as pa

_log = logging.getLogger(__name__)

_T = TypeVar("_T")


@dataclass
class _Shown:
    """The results that were shown last, and what is worked out of them when it is first asked for."""

    results: list[Result] = field(default_factory=list)
    first: tuple[str, ...] = ()
    """Ids of the rows whose board opens."""

    @cached_property
    def by_id(self) -> Mapping[str, Result]:
        return {r.id: r for r in reversed(self.results)}

    @cached_property
    def boards(self) -> tuple[Board, ...]:
        return boards(self.results, first=self.first)

    @cached_property
    def revision(self) -> str:
        rows = sorted(f"{r.id} {r.created.isoformat()}" for r in self.results)
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Site:
    """Everything the pages read; nothing here changes while the app runs, except what the queue holds."""

    benchmark: Benchmark
    """The benchmark in use."""
    practice: Benchmark
    """The practice benchmark, which may be the one in use."""
    queue: Queue
    endpoints: tuple[Endpoint, ...]
    """Who may be asked here."""
    quota: int
    """How many submissions one person may have waiting or running."""
    scheduler_seconds: float | None
    """How often this app looks for work; None where another process evaluates."""
    notes: Callable[[], Mapping[str, str]] = dict
    """Why submissions are left waiting here, by id."""
    worries: Callable[[], tuple[str, ...]] = tuple
    """What is wrong with where records and answers are kept, in sentences for people."""
    evaluator: Callable[[], Vitals | None] = lambda: None
    """How the evaluator in this app is; None where another process evaluates."""
    store_folder: Path | None = None
    """The store's folder on this machine."""
    repository: str | None = None
    """Where the code of this installation is kept, as the settings say."""
    source: str | None = None
    """Where the benchmark in use was loaded from, as the settings name it."""
    rules: Rules = field(default_factory=Rules)
    """What the operator allows visitors to do."""
    signs_in: bool = False
    """Whether visitors sign in here; else everybody is `local`."""
    published_file: Path = PUBLISHED
    wording: Wording = WORDING
    """In which words a model is asked to be somebody."""
    reference_file: Path | None = None
    """Groups of people in place of the shipped ones (`data.people.reference`)."""
    released_folder: Path | None = None
    """The released models' whole answers, where the operator has them (`eval_queue.scoring.released`)."""
    _templates: dict[str, ValueTemplates | None] = field(default_factory=dict, repr=False, compare=False)
    _templates_lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
    _shown: _Shown = field(default_factory=_Shown, repr=False, compare=False)

    @cached_property
    def published(self) -> Loaded:
        """The released models' results that come with the project."""
        return load(self.published_file)

    @cached_property
    def choices(self) -> Mapping[str, Benchmark]:
        """Benchmarks a visitor may choose, by digest: the one in use first."""
        return {b.digest: b for b in (self.benchmark, self.practice)}

    @cached_property
    def rankings(self) -> Rankings:
        """The ranks of the boards' rows."""
        return Rankings(self.choices, self.row_answers)

    @cached_property
    def match_rankings(self) -> Rankings:
        """The ranks of the boards' rows by their matches on all items."""
        return Rankings(self.choices, self.row_answers, lambda: read_ranks(PUBLISHED_MATCH_RANKS), rank_match)

    @cached_property
    def standings(self) -> Standings:
        """The boards' rows among the people who rated the same responses, under both readings."""
        return Standings(self.choices, self.row_answers)

    @cached_property
    def reference(self) -> Reference:
        """The groups of people that models are set against.

        Raises:
            InputError: the operator's file cannot be used.
        """
        return load_reference(self.reference_file)

    @cached_property
    def proximities(self) -> Proximities:
        """The boards' rows among people. The shipped ones rest on the shipped groups."""
        shipped = shipped_proximity if self.reference_file is None else lambda _: None
        return Proximities(self.choices, self.row_answers, self.study, shipped, lambda: self.reference, self.templates)

    @cached_property
    def biases(self) -> Biases:
        """Models under personas against the groups."""
        return Biases(self.choices, self.queue.answers, lambda: self.reference, self.templates)

    @cached_property
    def regions(self) -> Regions:
        """How sure the rows' places on the map are."""
        return Regions(self.key, self.row_answers, self.templates)

    @cached_property
    def relations(self) -> RelationTables:
        """How the boards' rows, and their columns, go together."""
        return RelationTables(self.key, self.row_answers.means, self.templates)

    @cached_property
    def _work(self) -> BackgroundWork[Any]:
        return BackgroundWork()

    def _so_far(
        self, what: str, board: Board, of: Callable[[], _T | None], *, wait: bool = True
    ) -> _T | Working | None:
        found: _T | Working | None = self._work.get(f"{what} {board.key.slug}", self.revision(), of, wait=wait)
        return found

    def relations_so_far(
        self, board: Board, reading: Reading = "published", *, wait: bool = True
    ) -> Relations | Working | None:
        """As `relations.of`, without waiting for what takes long, or at all."""
        return self._so_far(f"relations {reading}", board, lambda: self.relations.of(board, reading), wait=wait)

    def ranking_so_far(self, board: Board) -> Ranking | Working | None:
        """As `rankings.of`, without waiting for what takes long."""
        return None if board.practice else self._so_far("ranks", board, lambda: self.rankings.of(board))

    def match_ranking_so_far(self, board: Board) -> Ranking | Working | None:
        """As `match_rankings.of`, without waiting for what takes long."""
        return None if board.practice else self._so_far("match ranks", board, lambda: self.match_rankings.of(board))

    def standing_so_far(self, board: Board) -> Standing | Working | None:
        """As `standings.of`, without waiting for what takes long."""
        return None if board.practice else self._so_far("standing", board, lambda: self.standings.of(board))

    def people_so_far(self, board: Board, reading: Reading = "published") -> Table | Working | None:
        """As `proximities.of`, without waiting for what takes long."""
        if board.practice:
            return None
        return self._so_far(f"people {reading}", board, lambda: self.proximities.of(board, reading))

    @cached_property
    def released(self) -> Released:
        """The released models' answers to the single prompts."""
        return Released(folder=self.released_folder)

    @cached_property
    def row_answers(self) -> RowAnswers:
        """The rows' ratings, mean ratings of each item, and bootstrap draws."""
        return RowAnswers(self.key, lambda result: self.answers(result, COLUMNS))

    @cached_property
    def items(self) -> AnswersKept:
        """The rows' answers, item by item."""
        return AnswersKept(self.answered)

    def answered(self, result: Result, only: Collection[tuple[int, int]] | None = None) -> tuple[ItemAnswers, ...]:
        """A row's answers, item by item, with all that is at hand on the items (`answers_view.answers_of`)."""
        key = self.key(result.benchmark.digest)
        people = self.people_means if result.benchmark.digest == self.benchmark.digest else None
        return answers_of(result, self.benchmark, self.queue.answers, self.released, key, people, only)

    @cached_property
    def people_means(self) -> Floats | None:
        """Mean rating of each item of the benchmark in use by the people who rated it, shape (items,).

        NaN where fewer than `data.ratings.MIN_GROUP` did; None where nobody is known: practice has no people.
        """
        if self.benchmark.is_practice:
            return None
        try:
            return rater_means(self.benchmark, self.study(self.benchmark))
        except InputError:
            _log.warning("the ratings behind the benchmark in use are not at hand: items go without people's means")
            return None

    def answers(self, result: Result, columns: Sequence[str] | None = None) -> pa.Table:
        """A row's answers, one row a prompt; of a stored run only these columns, or all.

        Raises:
            InputError: nothing is stored for it.
        """
        return answers_table(result, self.benchmark, self.queue.answers, self.released, columns)

    def answer_batches(self, result: Result, columns: Collection[str] | None = None) -> Iterator[pa.RecordBatch]:
        """As `answers`, some after the other."""
        return answer_batches(result, self.benchmark, self.queue.answers, self.released, columns)

    def study(self, benchmark: Benchmark) -> Study:
        """The rating study behind a benchmark at hand.

        Raises:
            InputError: it is not available here.
        """
        return practice_study() if benchmark.digest == self.practice.digest else load_study(self.source)

    def key(self, digest: str) -> KeyTable | None:
        """Which item speaks for what in the benchmark of this digest: one at hand, or the published one's figures."""
        if (at_hand := self.choices.get(digest)) is not None:
            return KeyTable.of(at_hand)
        try:
            return found if (found := read_key()).digest == digest else None
        except InputError:
            _log.exception("the published benchmark's key cannot be read")
            return None

    def templates(self, digest: str) -> ValueTemplates | None:
        """The templates of the benchmark of this digest: one at hand, or the published one's; None where unknown."""
        with self._templates_lock:
            if digest not in self._templates:
                at_hand, key = self.choices.get(digest), self.key(digest)
                try:
                    found = templates_of(at_hand) if at_hand else None if key is None else read_published(key)
                except InputError:
                    _log.exception("the templates of benchmark %s cannot be read", digest[:12])
                    found = None
                self._templates[digest] = found
            return self._templates[digest]

    def raters(self, digest: str) -> tuple[float, ...] | None:
        """The ten values of the people who rated a benchmark, scored on its items like a model, in circle order.

        Known for the published benchmark (`data.people.reference`, 559 people); None for any other.
        """
        if digest != PUBLISHED_DIGEST:
            return None
        return tuple(np.asarray(self.reference.raters.vp_human_centred).tolist())

    def results(self) -> list[Result]:
        """All results that may be shown."""
        return [*self.published.results, *self.queue.results()]

    def by_id(self) -> Mapping[str, Result]:
        """All results by their ids; of two with the same id the first one. Cheap while nothing changes."""
        return self._now().by_id

    def boards(self) -> tuple[Board, ...]:
        """All results as boards; the published models' board opens. Cheap while nothing changes."""
        return self._now().boards

    def board_of(self, result: Result) -> Board | None:
        """The board that a row stands on; None for one that is on none."""
        return next((b for b in self.boards() if any(r.id == result.id for r in b.results)), None)

    def revision(self) -> str:
        """A short name for exactly the results that are shown now, for citations. Cheap while nothing changes."""
        return self._now().revision

    def _now(self) -> _Shown:
        results = self.results()
        shown = self._shown
        # the records are the same objects while nothing changes, so this compares identities
        if shown.results != results:
            shown = _Shown(results, tuple(r.id for r in self.published.results))
            object.__setattr__(self, "_shown", shown)
        return shown
