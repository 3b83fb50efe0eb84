"""`python -m leaderboard`: set models against groups of people."""

from __future__ import annotations

import sys

import typer

from data.errors import InputError
from leaderboard.commands import proximity

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Set models against groups of people.")


@app.callback()
def _group() -> None:
    """Keep every command a command of its own, however many there are."""


proximity.register(app)


def main() -> None:
    """Run a command; what a person can mend is printed without a traceback, with exit status 2."""
    try:
        app()
    except InputError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
