"""`python -m eval_queue score`: files of raw answers to profiles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from data.commands.shared import JsonOption, SourceOption, cell, console, echo_json, table

if TYPE_CHECKING:
    from data.benchmark import Benchmark
    from eval_queue.reading.answers import Answers, Reader
    from eval_queue.records import Profile

SCHEMA_VERSION: Final = 1
WIDTH: Final = 130
"""Columns of the table where the output is no terminal."""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @app.command()
    def score(
        answers: Annotated[
            list[Path], typer.Argument(help="Files of raw answers (.jsonl, .jsonl.gz), or folders of them.")
        ],
        source: SourceOption = None,
        compat: Annotated[
            bool, typer.Option("--compat", help="Repeat upstream's parser and item selection, for parity checks only.")
        ] = False,
        as_json: JsonOption = False,
    ) -> None:
        """Score raw answers: one profile for each model in the files."""
        from data.sources.loading import load_benchmark
        from eval_queue.reading.answers import read_answers
        from eval_queue.scoring.profiles import profiles

        benchmark = load_benchmark(source, progress=True)
        reader: Reader = "compat" if compat else "official"
        read = read_answers(answers, benchmark, reader=reader)
        scored = profiles(read, benchmark, reader=reader)
        if as_json:
            echo_json(as_document(read, scored, benchmark, reader))
        else:
            _show(read, scored, benchmark, reader)


def as_document(answers: Answers, profiles: list[Profile], benchmark: Benchmark, reader: Reader) -> dict[str, Any]:
    """What `score --json` prints."""
    from eval_queue.records import BenchmarkRef

    return {
        "schema_version": SCHEMA_VERSION,
        "benchmark": BenchmarkRef.of(benchmark).model_dump(),
        "reader": reader,
        "models": [
            {"model": model, **profile.model_dump(mode="json")}
            for model, profile in zip(answers.models, profiles, strict=True)
        ],
    }


def _show(answers: Answers, profiles: list[Profile], benchmark: Benchmark, reader: Reader) -> None:
    from rich.text import Text

    from data.values import VALUES
    from eval_queue.scoring.stability import FLAT_BELOW

    title = f"{benchmark.name} {benchmark.version[:7]}, {reader} reader, score relative to the mean in rating points"
    numbers = [*(v.short for v in VALUES), "Mean", "R", "Rated"]
    made = table("Model", *numbers, title=title, padding=(0, 0, 0, 0))
    for column in made.columns[1:]:
        column.min_width = 4 if column.header == "Mean" else 6 if column.header == "Rated" else 5
    for model, profile in zip(answers.models, profiles, strict=True):
        values = profile.scales["pvq"]
        cells = [cell(values.dimensions[v.name].score, "+.2f") for v in VALUES]
        last = (cell(values.mean), cell(profile.reliability), f"{profile.coverage.share:.1%}")
        made.add_row(Text(model), *cells, *last)
    out = console(WIDTH)
    out.print(made)
    out.print(f"R: reliability of the ten values; below {FLAT_BELOW} the profile is flat. Intervals: --json.")
    for model, profile in zip(answers.models, profiles, strict=True):
        if profile.incomplete_reason:
            out.print(Text(f"Incomplete: {model}: {profile.incomplete_reason}"))
