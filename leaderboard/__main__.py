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
for command in (
    *(bias.bias, compare.compare, groups.groups, methodology.methodology, proximity.proximity, ranks.ranks),
    *(readings.readings, serve.serve, static.static, short_form.short_form),
):
    app.command()(command)
app.add_typer(export.app, name="export")

if __name__ == "__main__":
    run(app)
