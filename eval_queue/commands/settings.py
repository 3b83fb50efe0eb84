"""`python -m eval_queue settings`: every setting with its meaning, as Markdown."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @app.command()
    def settings() -> None:
        """Print every setting with its default and meaning, as a Markdown table."""
        from eval_queue.commands.settings_table import markdown

        typer.echo(markdown())
