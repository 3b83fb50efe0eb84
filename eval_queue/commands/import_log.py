"""`python -m eval_queue import`: other evaluators' logs as a run, scored, and in one step on a board."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data.commands.shared import SourceOption
from data.errors import InputError
from eval_queue.commands.batch import Folder, Model, runs_of, say
from eval_queue.commands.package import Name, Submit, put_on_board
from eval_queue.commands.queue import StoreOption


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @app.command("import")
    def import_(
        log: Annotated[
            Path,
            typer.Argument(
                help="inspect_ai's LOG.eval, or samples_value_portrait_*.jsonl of lm-evaluation-harness.",
                show_default=False,
            ),
        ],
        model: Model = None,
        source: SourceOption = None,
        endpoint: Annotated[
            str | None,
            typer.Option(help="What the endpoint is called on the row. Default: the tool.", show_default=False),
        ] = None,
        out: Folder = None,
        submit: Submit = False,
        name: Name = None,
        store: StoreOption = None,
    ) -> None:
        """Turn a log of inspect_ai or lm-evaluation-harness into a run, and score it; `--submit` puts it on a board."""
        from eval_queue.offline.foreign import import_log, read_log

        found = read_log(log)
        if (named := model or found.model) is None:
            raise InputError("the log does not name the model: use --model", file=log)
        ((job, folder),) = runs_of(named, source, endpoint or found.tool, out)
        say(import_log(found, job, folder))
        if submit:
            put_on_board(folder, job.benchmark, name=name, endpoint=None, store=store)
        else:
            typer.echo(f"Run: {folder}. As one file for a board: python -m eval_queue package {folder}", err=True)
