"""`python -m eval_queue package|remove`: submit one's own answers as one file, and remove such a row from the board."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.commands.shared import SourceOption
from data.errors import InputError
from eval_queue.commands.queue import OPERATOR, StoreOption, opened

if TYPE_CHECKING:
    from data.benchmark import Benchmark


Name = Annotated[
    str | None,
    typer.Option("--as", help="What the model is called on the board. Default: as asked.", show_default=False),
]
Submit = Annotated[
    bool,
    typer.Option("--submit", help="Put it on the board of the store, a folder or the Hub, to which you may write."),
]


def put_on_board(
    folder: Path, benchmark: Benchmark, *, name: str | None, endpoint: str | None, store: Path | None
) -> None:
    """Pack a run, take the package apart as a board does, and publish its row; nobody's quota binds who may write.

    Raises:
        InputError: the run would not be accepted, its name is taken, or the store cannot be had now.
    """
    from eval_queue.queue.intake import configured_endpoints
    from eval_queue.queue.package import accept, check_names, make_package
    from eval_queue.submission import Refused

    with opened(store) as (settings, queue):
        limit = round(settings.upload_megabytes * 1_000_000)
        content = make_package(folder, benchmark, limit=limit, name=name, endpoint=endpoint)
        try:
            result, table = accept(content, {benchmark.digest: benchmark}, submitter=OPERATOR, limit=limit)
            if result.id not in queue.reported.records():  # else it is a duplicate
                check_names(result, queue.results(), [e.name for e in configured_endpoints(settings)])
            queue.reported.publish(result, table)
        except Refused as refusal:
            raise InputError(str(refusal), file=folder) from None
    read = f"{result.coverage.rated:,} of {result.coverage.prompts:,} answers readable"
    typer.echo(f"{result.id}: on the board, {read}")
    if result.note:
        typer.echo(result.note)


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""

    @app.command()
    def package(
        run_dir: Annotated[Path, typer.Argument(help="Folder of a finished run of `evaluate`.", show_default=False)],
        out: Annotated[
            Path | None, typer.Option(help="File to write. Default: RUN_DIR with `.zip`.", show_default=False)
        ] = None,
        name: Name = None,
        endpoint: Annotated[
            str | None,
            typer.Option(help="What the endpoint is called on the board. Default: as in the run.", show_default=False),
        ] = None,
        source: SourceOption = None,
        submit: Submit = False,
        store: StoreOption = None,
    ) -> None:
        """Turn a run into one file that a board's Submit page takes; `--submit` puts it on a board of your own."""
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
        if submit:
            put_on_board(run_dir, benchmark, name=name, endpoint=endpoint, store=store)
            return
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
