"""`python -m leaderboard ranks`: the published models' rank intervals, by both readings, to `data/published/`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data.commands.shared import PublishedSourceOption


def ranks(
    source: PublishedSourceOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Write here instead of `data/published/ranks.json`.", show_default=False)
    ] = None,
) -> None:
    """Rank the published models anew, after `python -m eval_queue publish`."""
    from data.errors import InputError
    from data.files import write_whole
    from data.sources.loading import load_benchmark
    from leaderboard.boards.rank_intervals import (
        PUBLISHED_MATCH_RANKS,
        PUBLISHED_RANKS,
        obstacle,
        rank,
        rank_match,
    )
    from leaderboard.boards.results import PUBLISHED, load
    from leaderboard.boards.row_answers import published_means

    benchmark = load_benchmark(source, progress=True)
    results = [r for r in load(PUBLISHED).results if r.benchmark.digest == benchmark.digest and obstacle(r) is None]
    means = published_means(benchmark, results)
    if not means:
        raise InputError(f"no published model answered {benchmark.name} {benchmark.version}; name it with --source")
    path = out or PUBLISHED_RANKS
    write_whole(path, rank(benchmark, means).model_dump_json().encode() + b"\n")
    if (by_match := rank_match(benchmark, means)) is not None:
        write_whole(path.with_name(PUBLISHED_MATCH_RANKS.name), by_match.model_dump_json().encode() + b"\n")
    typer.echo(f"{len(means)} models ranked in {path}")
