"""`python -m leaderboard groups`: the published models among people to `data/published/`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data.commands.shared import PublishedSourceOption


def groups(
    source: PublishedSourceOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Write here instead of `data/published/proximity.json`.", show_default=False)
    ] = None,
) -> None:
    """Compare the published models with groups of people again, after `python -m eval_queue publish`."""
    from data.errors import InputError
    from data.files import write_whole
    from data.people.rater_means import rater_means
    from data.people.reference import load_reference
    from data.sources.loading import load_benchmark, load_study
    from data.sources.published_templates import templates_of
    from eval_queue.scoring.released import Released
    from leaderboard.boards.group_similarity import PUBLISHED_MATCH_PROXIMITY, PUBLISHED_PROXIMITY
    from leaderboard.boards.results import PUBLISHED, load
    from leaderboard.groups.group_report import match_reading, report
    from leaderboard.measurement.form_validity import released_ratings

    benchmark = load_benchmark(source, progress=True)
    by_model = {r.model: r for r in load(PUBLISHED).results if r.benchmark.digest == benchmark.digest}
    if not by_model:
        raise InputError(f"no published model answered {benchmark.name} {benchmark.version}; name it with --source")
    study, reference = load_study(source), load_reference()
    ratings = released_ratings(benchmark, released := Released())
    at = {name: m for m, name in enumerate(sorted(set(released.everything()["model"].to_pylist())))}
    results = [r for name, r in by_model.items() if name in at]
    prompts, raters = ratings[[at[r.model] for r in results]], rater_means(benchmark, study)
    path = out or PUBLISHED_PROXIMITY
    models = [r.model for r in results]
    found = report(models, prompts, results, benchmark, raters, reference)
    write_whole(path, found.model_dump_json(indent=1).encode() + b"\n")
    templates = templates_of(benchmark)
    if templates is not None:
        match = match_reading(benchmark, study, templates)
        found = report(models, prompts, results, benchmark, raters, reference, match)
        other = path.with_name(PUBLISHED_MATCH_PROXIMITY.name)
        write_whole(other, found.model_dump_json(indent=1).encode() + b"\n")
    typer.echo(f"{len(found.models)} models among people in {path}")
