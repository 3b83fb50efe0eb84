"""Models under personas among an installation's results, for its pages: worked out once for the same runs and kept.

A series of runs rests on the answers in the store, on its benchmark and on the groups. One whose benchmark is not at
hand, or whose answers cannot be used, is left out; the others keep theirs.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from data.benchmark import Benchmark
from data.errors import InputError
from data.people.norms import Reading
from data.people.reference import Reference
from data.people.templates import ValueTemplates
from eval_queue.records import Result
from eval_queue.store.local import StoreUnavailable, WriteConflict
from leaderboard.groups.persona_report import (
    BiasReport,
    ModelBias,
    Run,
    Together,
    assembled,
    model_bias,
    sorted_out,
    stored_run,
)

_log = logging.getLogger(__name__)


def series_id(of: ModelBias) -> str:
    """A short name of a series for addresses."""
    parts = (of.model, of.revision, of.endpoint, of.answer_mode, of.wording, of.queries)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:10]


class Biases:
    """The persona runs of an installation, measured. Threads may share it.

    Args:
        benchmarks: those at hand, by digest.
        answers: a run's table of answers by id of its result; raises `InputError` where there is none.
        reference: the groups.
        templates: of a benchmark by digest, None where there are none.
    """

    def __init__(
        self,
        benchmarks: Mapping[str, Benchmark],
        answers: Callable[[str], bytes],
        reference: Callable[[], Reference],
        templates: Callable[[str], ValueTemplates | None] = lambda _: None,
    ) -> None:
        self._benchmarks = benchmarks
        self._answers = answers
        self._reference = reference
        self._templates = templates
        self._kept: dict[tuple[str, ...], ModelBias | None] = {}
        self._lock = threading.Lock()

    def of(self, results: Iterable[Result], reading: Reading = "published") -> tuple[BiasReport, ...]:
        """What the results under personas show, one report a benchmark, those that measure something first.

        Without templates of a benchmark its runs are read as published, and their report says so.
        """
        by_digest: dict[str, dict[str, Result]] = {}
        for r in results:
            if r.benchmark.digest in self._benchmarks and r.reader == "official" and r.origin != "published":
                by_digest.setdefault(r.benchmark.digest, {})[r.id] = r
        made = []
        with self._lock:
            for digest, of_benchmark in by_digest.items():
                benchmark = self._benchmarks[digest]
                templates = self._templates(digest) if reading == "match" else None
                if models := self._models(of_benchmark, benchmark, templates):
                    made.append(assembled(models, benchmark, self._reference()))
        return tuple(sorted(made, key=lambda report: report.benchmark.name == "practice"))

    def _models(
        self, results: Mapping[str, Result], benchmark: Benchmark, templates: ValueTemplates | None
    ) -> list[ModelBias]:
        # the newest answer to a question counts, whoever handed it in
        newest: dict[tuple[object, ...], tuple[Run, Result]] = {}
        for r in sorted(results.values(), key=lambda r: r.created):
            try:
                run = stored_run(r, self._answers)
            except InputError as error:
                _log.warning("%s is not set against groups: %s", r.id, error)
                continue
            newest[run.series, run.persona, run.protocol] = run, r
        keys = {run.where: f"{r.id} {r.created.isoformat()}" for run, r in newest.values()}
        together = sorted_out([run for run, _ in newest.values()])
        found = [self._one(runs, keys, benchmark, templates) for runs in together]
        return sorted((m for m in found if m is not None), key=lambda m: (m.model.casefold(), series_id(m)))

    def _one(
        self, runs: Together, keys: Mapping[Path, str], benchmark: Benchmark, templates: ValueTemplates | None
    ) -> ModelBias | None:
        asked = [run for run in (runs.nobody, *runs.personas.values()) if run is not None]
        key = ("published" if templates is None else "match", *(keys[run.where] for run in asked))
        if key not in self._kept:
            try:
                self._kept[key] = model_bias(runs, benchmark, self._reference(), templates)
            except (StoreUnavailable, WriteConflict) as error:
                _log.warning("the answers of %s under personas cannot be had now: %s", runs.series.model, error)
                return None
            except InputError as error:
                _log.warning("%s under personas is not set against groups: %s", runs.series.model, error)
                self._kept[key] = None
            except (ValueError, KeyError, OSError):  # a damaged table must not cost the others theirs
                _log.exception("the stored answers of %s under personas cannot be used", runs.series.model)
                self._kept[key] = None
        return self._kept[key]
