"""`python -m leaderboard`: serve the board; rank models; compare them with each other and with groups of people."""

from __future__ import annotations

import typer

from data.cli import run
from leaderboard.commands import (
    bias,
    compare,
    export,
    groups,
    methodology,
    proximity,
    ranks,
    readings,
    serve,
    short_form,
    static,
)

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Serve the board; rank and compare models.")


bias.register(app)
compare.register(app)
groups.register(app)
export.register(app)
methodology.register(app)
proximity.register(app)
ranks.register(app)
readings.register(app)
serve.register(app)
static.register(app)
short_form.register(app)

if __name__ == "__main__":
    run(app)
