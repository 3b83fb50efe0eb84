"""`python -m leaderboard methodology`: put the present numbers into `docs/methodology.md`."""

from __future__ import annotations

import typer


def methodology() -> None:
    """Write the numbers of `docs/methodology.md` anew, after the commands that it names."""
    from data.files import write_whole
    from leaderboard.exports.methodology import DOCUMENT, figures, fill

    text = DOCUMENT.read_text(encoding="utf-8")
    write_whole(DOCUMENT, fill(text, figures()).encode())
    typer.echo(f"{DOCUMENT.name} written")
