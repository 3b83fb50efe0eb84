"""The test Hub as a program: `python -m tests.support.hub --port 8800 --folder somewhere`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .jobs import Jobs
from .running import address, make_server
from .world import World


def serve(
    port: Annotated[int, typer.Option(help="Port on this machine; 0 takes a free one.")] = 0,
    folder: Annotated[Path | None, typer.Option(help="Where the journal is kept; without it, in memory only.")] = None,
) -> None:
    """Serve until a signal ends it. The first line on stdout says where, and gives a token."""
    world, jobs = World(folder), Jobs()
    server, listener = make_server(world, jobs, port)
    typer.echo(json.dumps({"url": address(listener), "token": world.first_token}))
    try:
        server.run(sockets=[listener])
    finally:
        world.close()
        jobs.close()


if __name__ == "__main__":
    typer.run(serve)
