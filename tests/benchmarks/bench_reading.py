"""What the Model and Compare pages cost: first visitor, second visitor, and without what is kept between them.

Run from the repository root: `python -m tests.benchmarks.bench_reading`. The practice benchmark is in use, so texts are
not part of it; rows are the published ones.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import combinations
from pathlib import Path

import typer
from starlette.datastructures import QueryParams

from data.sources.practice import practice_benchmark
from eval_queue.queue.queue import Queue
from eval_queue.store.local import LocalStore
from leaderboard.boards.row_answers import RowAnswers
from leaderboard.pages.compare import page as compare
from leaderboard.pages.model import page as model
from leaderboard.site.site import Site


def seconds(run: Callable[[], object]) -> float:
    """Wall time of one run."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    """Print times in milliseconds and their ratios."""
    with tempfile.TemporaryDirectory() as place:
        store = LocalStore(Path(place) / "store")
        practice = practice_benchmark()
        queue = Queue(store, store, lease=timedelta(minutes=2))
        site = Site(practice, practice, queue, (), quota=2, scheduler_seconds=None)
        rows = [r for r in site.published.results if r.complete][:12]
        model.content(site, {"id": rows[-1].id})  # templates, tables and ranks are read once for all pages
        compare.content(site, QueryParams([("id", r.id) for r in rows[-2:]]))

        for n in (2, 5):
            query = QueryParams([("id", r.id) for r in rows[:n]])
            first, second = (seconds(partial(compare.content, site, query)) for _ in range(2))
            typer.echo(f"compare {n} rows: first {1e3 * first:.0f} ms, again {1e3 * second:.0f} ms")

        pairs = list(combinations(rows, 2))
        kept = seconds(lambda: [site.row_answers.sample(pair) for pair in pairs])
        anew = seconds(lambda: [RowAnswers(site.key, site.answers).sample(pair) for pair in pairs])
        typer.echo(
            f"draws of {len(pairs)} pairs of {len(rows)} rows: kept {1e3 * kept:.0f} ms, drawn for each pair "
            f"{1e3 * anew:.0f} ms, ratio {anew / kept:.1f}"
        )

        row = {"id": rows[0].id}
        first = seconds(lambda: model.content(site, row))
        second = seconds(lambda: model.content(site, {**row, "page": "2"}))
        typer.echo(f"model page: first {1e3 * first:.0f} ms, its next page {1e3 * second:.0f} ms")


if __name__ == "__main__":
    typer.run(main)
