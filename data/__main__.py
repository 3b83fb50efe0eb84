"""`python -m data`: look at a benchmark."""

from __future__ import annotations

import sys

import typer

from data.commands import ess, info, validate
from data.errors import InputError

app = typer.Typer(no_args_is_help=True, add_completion=False)

ess.register(app)
info.register(app)
validate.register(app)


def main() -> None:
    """Run a command; what a person can mend is printed without a traceback, with exit status 2."""
    try:
        app()
    except InputError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
