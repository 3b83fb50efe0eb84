"""`python -m leaderboard groups`: the published models among people to `data/published/`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data.commands.shared import PublishedSourceOption


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @app.command()
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
        from leaderboard.analysis.form_validity import released_ratings
        from leaderboard.analysis.group_report import claims
        from leaderboard.boards.group_similarity import PUBLISHED_CLAIMS, PUBLISHED_PROXIMITY, among_people
        from leaderboard.boards.results import PUBLISHED, load
        from leaderboard.boards.row_answers import published_means

        benchmark = load_benchmark(source, progress=True)
        results = [r for r in load(PUBLISHED).results if r.benchmark.digest == benchmark.digest]
        means = published_means(benchmark, results)
        if not means:
            raise InputError(f"no published model answered {benchmark.name} {benchmark.version}; name it with --source")
        found = among_people(results, means, benchmark, load_study(source), load_reference())
        path = out or PUBLISHED_PROXIMITY
        write_whole(path, found.model_dump_json(indent=1).encode() + b"\n")
        templates = templates_of(benchmark)
        if templates is not None:
            study, by_model = load_study(source), {r.model: r for r in results}
            ratings = released_ratings(benchmark, released := Released())
            models = sorted(set(released.everything()["model"].to_pylist()))
            at = [m for m, name in enumerate(models) if name in by_model]
            said = claims(
                [models[m] for m in at],
                ratings[at],
                [by_model[models[m]] for m in at],
                benchmark,
                rater_means(benchmark, study),
                templates,
                load_reference(),
            )
            write_whole(path.with_name(PUBLISHED_CLAIMS.name), said.model_dump_json().encode() + b"\n")
        typer.echo(f"{len(found.models)} models among people in {path}")
