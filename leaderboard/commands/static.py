"""`python -m leaderboard static`: a read-only copy of the board as plain files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def static(
    out: Annotated[Path, typer.Argument(help="Folder to write; an older copy in it is replaced.")],
) -> None:
    """Write a copy of the board that works without the app: from a disk, or from any host of files."""
    from leaderboard.exports.static_copy import write
    from leaderboard.site.opening import open_site
    from leaderboard.ui import READ

    written = write(open_site(), out, READ)
    for problem in written.left_out:
        typer.echo(f"left out: {problem}", err=True)
    typer.echo(f"{written.pages} pages in {out}; open {out / 'index.html'}")
