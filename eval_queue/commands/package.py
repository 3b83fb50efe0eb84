"""`python -m eval_queue package|remove`: submit one's own answers as one file, and remove such a row from the board."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data.commands.shared import SourceOption
from eval_queue.commands.queue import StoreOption, opened


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""

    @app.command()
    def package(
        run_dir: Annotated[Path, typer.Argument(help="Folder of a finished run of `evaluate`.", show_default=False)],
        out: Annotated[
            Path | None, typer.Option(help="File to write. Default: RUN_DIR with `.zip`.", show_default=False)
        ] = None,
        name: Annotated[
            str | None,
            typer.Option("--as", help="What the model is called on the board. Default: as asked.", show_default=False),
        ] = None,
        endpoint: Annotated[
            str | None,
            typer.Option(help="What the endpoint is called on the board. Default: as in the run.", show_default=False),
        ] = None,
        source: SourceOption = None,
    ) -> None:
        """Turn a run into one file that a board's Submit page takes."""
        from data.errors import InputError
        from data.files import write_whole
        from eval_queue.queue.package import make_package, read_run
        from eval_queue.settings import load_settings
        from eval_queue.workers.worker import Benchmarks

        ref = read_run(run_dir).benchmark
        settings = load_settings()
        benchmark = Benchmarks(source or settings.source).get(ref)
        if benchmark is None:
            asked = f"{ref.name} {ref.version[:12]} ({ref.digest[:12]})"
            message = f"this run asked {asked}, which is not the benchmark here; name its source with --source"
            raise InputError(message, file=run_dir)
        limit = round(settings.upload_megabytes * 1_000_000)
        content = make_package(run_dir, benchmark, limit=limit, name=name, endpoint=endpoint)
        target = out or run_dir.with_name(f"{run_dir.resolve().name}.zip")
        try:
            write_whole(target, content)
        except OSError as error:
            raise InputError(f"cannot be written ({error.strerror})", file=target) from None
        typer.echo(f"{target}: {benchmark.n_prompts} answers, {len(content) / 1000:.0f} kB")

    @app.command()
    def remove(
        id_: Annotated[str, typer.Argument(metavar="ID", help="The row's id on the board.", show_default=False)],
        store: StoreOption = None,
    ) -> None:
        """Remove a self-reported row and its answers from the board."""
        with opened(store) as (_, queue):
            queue.reported.remove(id_)
            typer.echo(f"{id_}: removed")
