"""The Space: settings, benchmark, store, pages, scheduler, launch. `python app.py [--host HOST] [--port PORT]`."""

from __future__ import annotations

import os
import threading
from typing import Annotated

import typer

# before Gradio and the Hub client are imported: they read these once
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


def main(
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: this machine only.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on. Default: 7860, or the next free one.")] = None,
) -> None:
    """Serve the leaderboard until SIGTERM or Ctrl-C."""
    from data.errors import InputError
    from data.practice import practice_benchmark
    from data.reference import load_reference
    from data.sources import load_benchmark
    from eval_queue import scheduler
    from eval_queue.intake import Rules, configured_endpoints
    from eval_queue.personas import load_wording
    from eval_queue.queue import open_queue
    from eval_queue.settings import load_settings
    from leaderboard.site import Site
    from leaderboard.ui import Ui

    stop = threading.Event()
    scheduler.stop_on_signals(stop)
    try:
        settings = load_settings()
        benchmark = load_benchmark(settings.source, progress=True)
        load_reference(settings.reference)  # a file that cannot be used is said now, not on a visitor's page
        wording = load_wording(settings.personas)
        queue, practice = open_queue(settings), practice_benchmark()
        evaluator = scheduler.start(settings, queue, benchmarks=(benchmark, practice))
    except InputError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    site = Site(
        benchmark=benchmark,
        practice=practice,
        queue=queue,
        endpoints=tuple(configured_endpoints(settings)),
        quota=settings.pending_per_user,
        rules=Rules.of(settings),
        signs_in=settings.signs_in,
        source=settings.source,
        wording=wording,
        reference_file=settings.reference,
        released_folder=settings.released_answers,
        scheduler_seconds=settings.poll_seconds if settings.scheduler else None,
        notes=lambda: evaluator.notes,
    )
    typer.echo(benchmark.origin)
    for problem in site.published.problems:
        typer.echo(problem, err=True)
    try:
        ui = Ui(site)
        try:
            ui.blocks.launch(
                server_name=host or settings.host,
                server_port=settings.port if port is None else port,
                prevent_thread_lock=True,
                quiet=True,
                **ui.launch_options(),
            )
        except OSError as error:  # the port is taken
            typer.echo(str(error), err=True)
            raise typer.Exit(2) from None
        typer.echo(f"The board is at {ui.blocks.local_url}")
        scheduler.until(stop)
        ui.blocks.close(verbose=False)
    finally:
        evaluator.close()


if __name__ == "__main__":
    typer.run(main)
