"""`python -m leaderboard serve`: the board's pages, and the evaluator beside them. `app.py` runs the same."""

from __future__ import annotations

import gc
import os
import threading
from functools import partial
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(serve)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: this machine only.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on. Default: 7860, or the next free one.")
    ] = None,
) -> None:
    """Serve the leaderboard until SIGTERM or Ctrl-C."""
    gc.disable()  # hardly anything of the start is garbage, and searching it takes a fifth of the time
    try:
        _serve(host, port)
    finally:
        gc.enable()


def _serve(host: str | None, port: int | None) -> None:
    # before Gradio and the Hub client are imported: they read these once
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

    from data.cli import one_thread
    from leaderboard.site.memory import bound_allocator, give_back_regularly

    one_thread()
    bound_allocator()

    from data.errors import InputError
    from eval_queue.executors.chosen import evaluate_what_waits
    from eval_queue.logs import adopt, set_up_logging
    from eval_queue.settings import load_settings
    from eval_queue.workers import scheduler
    from leaderboard.server.sign_in import check_sign_in
    from leaderboard.site.opening import open_site

    stop = threading.Event()
    scheduler.stop_on_signals(stop)
    give_back_regularly(stop)
    try:
        settings = load_settings()
        set_up_logging(as_json=settings.log_json)
        if settings.signs_in:
            check_sign_in(host or settings.host)
        site = open_site(
            settings,
            scheduler_seconds=settings.poll_seconds if settings.scheduler else None,
            notes=lambda: evaluator.notes,
            evaluator=lambda: evaluator.vitals,
        )
        # only now: Gradio takes seconds to import, for which a wrong setting need not wait
        from leaderboard.ui import Ui

        elsewhere = None
        if settings.executor != "here":
            elsewhere = partial(evaluate_what_waits, settings, site.queue, once=False)
        evaluator = scheduler.start(
            settings, site.queue, benchmarks=(site.benchmark, site.practice), elsewhere=elsewhere
        )
    except InputError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    typer.echo(site.benchmark.origin)
    for problem in site.published.problems:
        typer.echo(problem, err=True)
    try:
        ui = Ui(site)
        address, wanted = host or settings.host, settings.port if port is None else port
        try:
            ui.blocks.launch(
                server_name=address,
                server_port=wanted,
                prevent_thread_lock=True,
                quiet=True,
                **ui.launch_options(),
            )
        except OSError:
            where = f"{address or 'this machine'}, port {wanted or '7860 to 7959'}"
            typer.echo(
                f"The board cannot listen on {where}: the port is taken, or the address is not this machine's. Name "
                "another by --port and --host, or VALUE_PORTRAIT_PORT and VALUE_PORTRAIT_HOST.",
                err=True,
            )
            raise typer.Exit(2) from None
        adopt("uvicorn", "uvicorn.error", "uvicorn.access")
        gc.freeze()  # what is here by now stays: it is not searched later either, not even at the end
        gc.enable()
        typer.echo(f"The board is at {ui.blocks.local_url}")
        scheduler.until(stop, evaluator.look_after)
        ui.blocks.close(verbose=False)
    finally:
        evaluator.close()
