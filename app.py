"""The Space: `python app.py [--host HOST] [--port PORT]`, the same as `python -m leaderboard serve`."""

from __future__ import annotations

import typer

from leaderboard.commands.serve import serve

if __name__ == "__main__":
    typer.run(serve)
