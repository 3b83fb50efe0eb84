"""The app with a practice benchmark of two queries: `python -m tests.support.short_app`, else as `app.py`.

All of it takes a real language model minutes on a CPU, and no more of the program is gone through.
"""

from __future__ import annotations

from functools import cache

import typer

from data.benchmark import Benchmark
from data.sources import practice
from eval_queue.protocol import subsample

QUERIES = 2

_whole = practice.practice_benchmark


@cache
def short_practice() -> Benchmark:
    """Two of its queries with all responses and wordings."""
    return subsample(_whole(), QUERIES)


def main() -> None:
    """Serve."""
    practice.practice_benchmark = short_practice  # before anything of the app is imported, which takes it by name
    from leaderboard.commands.serve import serve

    typer.run(serve)


if __name__ == "__main__":
    main()
