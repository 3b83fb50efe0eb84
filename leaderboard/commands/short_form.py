"""`python -m leaderboard short-form`: how well the short forms stand for the whole benchmark, to `data/published/`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data.commands.shared import PublishedSourceOption


def short_form(
    source: PublishedSourceOption = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write here instead of `data/published/short_form.json`.", show_default=False),
    ] = None,
) -> None:
    """Measure the forms of "Take the test" on the released models, after `python -m eval_queue publish`."""
    from data.files import write_whole
    from data.sources.loading import load_benchmark, load_study
    from data.sources.published_templates import templates_of
    from eval_queue.scoring.released import Released
    from leaderboard.measurement.form_validity import PUBLISHED_FORMS, measure, released_ratings

    benchmark = load_benchmark(source, progress=True)
    ratings, templates = released_ratings(benchmark, Released()), templates_of(benchmark)
    found = measure(benchmark, ratings, load_study(source), templates)
    path = out or PUBLISHED_FORMS
    write_whole(path, found.model_dump_json(indent=1).encode() + b"\n")
    for length, form in found.forms.items():
        for reading, measured in (("as published", form.published), ("all items", form.match)):
            if measured is None:
                continue
            rows = (("six wordings", measured.models), ("one wording", measured.once), ("raters", measured.raters))
            for who, of in rows:
                typer.echo(
                    f"{length}, {len(form.items)} items, {reading}, {who} ({of.respondents}): correlation "
                    f"{of.correlation_median or 0:.2f} ({of.correlation_low or 0:.2f} to "
                    f"{of.correlation_high or 0:.2f}), intervals of +-{of.half or 0:.2f} hold {of.held or 0:.1%}"
                )
        read = "with all items" if form.reading == "match" else "as published"
        typer.echo(f"{length}: a person's answers are read {read}")
    typer.echo(f"written to {path}")
