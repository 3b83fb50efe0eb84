"""`python -m leaderboard`: rank models; set them against groups of people."""

from __future__ import annotations

import typer

from data.cli import run
from leaderboard.commands import bias, compare, export, groups, proximity, ranks, short_form, static

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Rank models; set them against groups of people.")


@app.callback()
def _group() -> None:
    """Keep every command a command of its own, however many there are."""


bias.register(app)
compare.register(app)
groups.register(app)
export.register(app)
proximity.register(app)
ranks.register(app)
static.register(app)
short_form.register(app)

if __name__ == "__main__":
    run(app)
