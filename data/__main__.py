"""`python -m data`: look at a benchmark, publish it."""

from __future__ import annotations

import typer

from data.cli import run
from data.commands import ess, info, publish, validate

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Look at a benchmark, check its key, publish it.")

for command in (ess, info, publish, validate):
    command.register(app)

if __name__ == "__main__":
    run(app)
