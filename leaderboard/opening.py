"""What the pages know, opened as the settings name it, for commands that need no running app."""

from __future__ import annotations

from data.practice import practice_benchmark
from data.sources import load_benchmark
from eval_queue.intake import Rules, configured_endpoints
from eval_queue.queue import open_queue
from eval_queue.settings import load_settings
from leaderboard.site import Site


def open_site() -> Site:
    """The site that `app.py` would serve with the same settings, without an evaluator.

    Raises:
        InputError: a setting is wrong, or the benchmark cannot be loaded.
    """
    settings = load_settings()
    return Site(
        benchmark=load_benchmark(settings.source, progress=True),
        practice=practice_benchmark(),
        queue=open_queue(settings),
        endpoints=tuple(configured_endpoints(settings)),
        quota=settings.pending_per_user,
        rules=Rules.of(settings),
        signs_in=settings.signs_in,
        source=settings.source,
        reference_file=settings.reference,
        released_folder=settings.released_answers,
        scheduler_seconds=None,
    )
