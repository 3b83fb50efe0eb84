"""`python -m eval_queue`: score answers, evaluate a model, work the queue."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Score answers, evaluate a model, work the queue.")

if __name__ == "__main__":
    app()
