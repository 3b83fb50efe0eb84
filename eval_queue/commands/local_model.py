"""`python -m eval_queue local-model`: serve the small model on this machine until told to stop."""

from __future__ import annotations

import threading
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @app.command("local-model")
    def local_model(
        port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 for any free port.")] = 8101,
    ) -> None:
        """Serve the small model on this machine and print its address, until Ctrl-C."""
        from eval_queue.asking import local_model
        from eval_queue.asking.endpoint import EndpointError
        from eval_queue.workers.scheduler import stop_on_signals, until

        done = threading.Event()
        stop_on_signals(done)
        try:
            address, server = local_model.start(port)
        except EndpointError as error:
            typer.echo(f"Error: {error}", err=True)
            raise typer.Exit(1) from None
        typer.echo(address)
        typer.echo(f"{local_model.MODEL}: a weak respondent, ask it with --constrained. Ctrl-C ends it.", err=True)
        until(done)
        del server
