"""What the pages know, opened as the settings name it: for `app.py`, and for commands that need no running app."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from data.people.reference import load_reference
from data.sources.loading import load_benchmark
from data.sources.practice import practice_benchmark
from eval_queue.personas import load_wording
from eval_queue.queue.intake import Rules, configured_endpoints
from eval_queue.queue.queue import open_queue
from eval_queue.settings import Settings, load_settings
from eval_queue.workers.place import Worries
from eval_queue.workers.scheduler import Vitals
from leaderboard.site.site import Site


def open_site(
    settings: Settings | None = None,
    *,
    scheduler_seconds: float | None = None,
    notes: Callable[[], Mapping[str, str]] = dict,
    evaluator: Callable[[], Vitals | None] = lambda: None,
) -> Site:
    """The site that the settings, or else the environment's, describe; for the other arguments see `Site`.

    What cannot be used is said now, not on a visitor's page.

    Raises:
        InputError: a setting is wrong, or the benchmark cannot be loaded.
    """
    settings = settings or load_settings()
    benchmark = load_benchmark(settings.source, progress=True)
    load_reference(settings.reference)
    of_the_place = Worries(settings)

    def worries() -> tuple[str, ...]:
        vitals = evaluator()
        trouble = None if vitals is None else vitals.trouble
        return (*of_the_place.now(), *(() if trouble is None else (f"Nothing is evaluated now: {trouble}.",)))

    return Site(
        benchmark=benchmark,
        practice=practice_benchmark(),
        queue=open_queue(settings, shown=True),
        endpoints=tuple(configured_endpoints(settings)),
        quota=settings.pending_per_user,
        rules=Rules.of(settings),
        signs_in=settings.signs_in,
        source=settings.source,
        wording=load_wording(settings.personas),
        reference_file=settings.reference,
        released_folder=settings.released_answers,
        scheduler_seconds=scheduler_seconds,
        notes=notes,
        worries=worries,
        evaluator=evaluator,
        store_folder=settings.store,
        repository=None if settings.repository is None else str(settings.repository),
    )
