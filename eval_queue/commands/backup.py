"""`python -m eval_queue backup|restore|rollback`: the store as one file, back again, and as it was before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eval_queue.commands.queue import StoreOption, opened

_Sure = Annotated[bool, typer.Option("--yes", help="Do it. Without this the command only says what it would do.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""

    @app.command()
    def backup(
        file: Annotated[Path, typer.Argument(help="File to write; it must not exist.", show_default=False)],
        store: StoreOption = None,
    ) -> None:
        """Write all submissions, results and answers into one file."""
        from eval_queue.store.backup import write_backup

        with opened(store) as (_, queue):
            typer.echo(f"{file}: {write_backup(queue.stores, file)} files")

    @app.command()
    def restore(
        file: Annotated[Path, typer.Argument(help="A file that `backup` wrote.", show_default=False)],
        yes: _Sure = False,
        store: StoreOption = None,
    ) -> None:
        """Make the store hold exactly what a backup holds. Stop workers first: what they hold is lost to them."""
        from eval_queue.store.backup import read_backup
        from eval_queue.store.backup import restore as restored

        kept = read_backup(file)
        with opened(store) as (_, queue):
            if not yes:
                counts = ", ".join(f"{len(files)} files of {name}" for name, files in kept.items())
                typer.echo(f"{file} holds {counts}. With --yes the store becomes this.")
                return
            typer.echo(f"{restored(queue.stores, kept)} files written or removed")

    @app.command()
    def rollback(
        revision: Annotated[
            str, typer.Argument(help="Commit of the results repository (all 40 digits).", show_default=False)
        ],
        yes: _Sure = False,
        store: StoreOption = None,
    ) -> None:
        """Make the results on the Hub what they were at an earlier commit, by a new commit."""
        from eval_queue.store.backup import files_of_revision, roll_back

        with opened(store) as (_, queue):
            results = queue.stores["results"]
            if not yes:
                count = len(files_of_revision(results, revision))
                typer.echo(f"At {revision} there were {count} files. With --yes the results become these.")
                return
            typer.echo(f"{roll_back(results, revision)} files written or removed")
