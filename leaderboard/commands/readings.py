"""`python -m leaderboard readings`: both readings of the published models' answers examined, to `data/published/`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def readings(
    source: Annotated[
        str | None,
        typer.Option(help="`upstream` or a folder in upstream's layout.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write here instead of `data/published/readings.json`.", show_default=False)
    ] = None,
    table: Annotated[
        bool, typer.Option("--table", help="Only print the figures side by side, from what is shipped.")
    ] = False,
) -> None:
    """Examine the score as published and the match on all items, after `python -m eval_queue publish`."""
    if table:
        from leaderboard.exports.methodology import side_by_side

        for line in side_by_side():
            typer.echo(line)
        return
    from data.errors import InputError
    from data.files import write_whole
    from data.people.norms import norms
    from data.sources.loading import load_benchmark, load_study
    from data.sources.published_templates import templates_of
    from eval_queue.scoring.released import Released
    from leaderboard.analysis.lineage import lineage
    from leaderboard.boards.readings import PUBLISHED_READINGS
    from leaderboard.measurement.form_validity import released_ratings
    from leaderboard.measurement.reading_report import readings_report

    benchmark = load_benchmark(source, progress=True)
    templates = templates_of(benchmark)
    if templates is None:
        raise InputError("no templates are at hand; name the source with people's ratings with --source")
    study = load_study(source)
    released = Released()
    ratings = released_ratings(benchmark, released)
    models = sorted(set(released.everything()["model"].to_pylist()))
    families = [lineage(model).family for model in models]
    spread = norms(study, [item.id for item in benchmark.items], benchmark.digest)
    report = readings_report(benchmark, ratings, models, families, study, templates, spread)
    path = out or PUBLISHED_READINGS
    write_whole(path, report.model_dump_json().encode() + b"\n")
    typer.echo(f"{len(models)} models examined in {path}")
