"""`python -m eval_queue publish`: the released raw answers to `data/published/`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from data.commands.shared import PublishedSourceOption
from data.errors import InputError

_SHOWN: Final = 160
"""Characters of an answer that are printed."""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @app.command()
    def publish(
        outputs: Annotated[Path, typer.Argument(help="Folder of the released raw answers.")],
        source: PublishedSourceOption = None,
        date: Annotated[
            datetime | None,
            typer.Option(formats=["%Y-%m-%d"], help="The date that results carry; else that of models.json."),
        ] = None,
        out: Annotated[
            Path | None, typer.Option(help="Write into this folder instead of `data/published`.", show_default=False)
        ] = None,
    ) -> None:
        """Compute the published files anew: `results.jsonl`, `answers.parquet` and what comes of them."""
        from data.files import write_whole
        from data.people.item_means import PUBLISHED, ItemMeans, write_item_means
        from data.people.norms import norms
        from data.people.templates import templates
        from data.people.validation import validate
        from data.sources.key_file import PUBLISHED as KEY
        from data.sources.key_file import KeyTable, write_key
        from data.sources.loading import NAME, load_benchmark, load_study
        from data.sources.published_templates import write_templates
        from data.sources.published_validity import NORMS, write_norms, write_validation
        from data.sources.published_validity import PUBLISHED as VALIDATION
        from data.sources.upstream import COMMIT
        from eval_queue.reading.answers import read_answers
        from eval_queue.scoring.formulas import item_means
        from eval_queue.scoring.profiles import profiles
        from eval_queue.scoring.publishing import FOLDER, MODELS_FILE, RESULTS_FILE, published_results, read_models
        from eval_queue.scoring.released import RELEASED, Released, changed_readings, table_of, write_released

        benchmark = load_benchmark(source, progress=True)
        if (benchmark.name, benchmark.version) != (NAME, COMMIT):
            raise InputError(
                f"the released answers are to upstream's benchmark at {COMMIT}, and this is {benchmark.name} "
                f"{benchmark.version}; name it with --source"
            )
        table = read_models(FOLDER / MODELS_FILE)
        study = load_study(source)
        found = templates(study, [item.id for item in benchmark.items])
        answers = read_answers([outputs], benchmark)
        day = None if date is None else date.date()
        results = published_results(answers, profiles(answers, benchmark, templates=found), benchmark, table, on=day)
        folder = out or FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / RESULTS_FILE, b"".join(r.model_dump_json().encode() + b"\n" for r in results))
        means = ItemMeans(answers.models, item_means(answers.ratings))
        write_item_means(benchmark, means, folder / PUBLISHED.name)
        write_key(KeyTable.of(benchmark), folder / KEY.name)
        read = table_of([outputs])
        if RELEASED.is_file():
            # whoever changes the reader looks at every answer that now reads differently
            changed = changed_readings(Released().everything(), read).to_pylist()
            for answer in changed:
                where = f"{answer['model']} {answer['prompt_variant']} {answer['portrait_id']}/{answer['option_id']}"
                was, now = (answer[f"{w}rating"] or answer[f"{w}unscored"] for w in ("was_", ""))
                typer.echo(f"{where}: {was} -> {now}: {(answer['raw_response'] or '')[:_SHOWN]!r}")
            typer.echo(f"{len(changed)} of {read.num_rows:,} answers read differently than in the shipped file")
        write_released(read, benchmark.digest, folder / RELEASED.name)
        write_templates(benchmark, found, folder)
        write_validation(validate(benchmark, study, means), folder / VALIDATION.name)
        write_norms(norms(study, [item.id for item in benchmark.items], benchmark.digest), folder / NORMS.name)
        typer.echo(f"{len(results)} models written to {folder}")
