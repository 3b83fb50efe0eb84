"""`python -m data`: look at a benchmark."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Look at a benchmark.")

if __name__ == "__main__":
    app()
