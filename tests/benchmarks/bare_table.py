"""The baseline of `bench_pages`: the board's numbers in nothing but Gradio's own table.

Run by the benchmark: `python -m tests.benchmarks.bare_table ROWS PORT`, with results as JSON lines.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr
import typer
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from data.values import VALUES
from eval_queue.records import Result
from leaderboard.boards.results import load


def row(r: Result) -> list[object]:
    """What the board shows of a row on its first view, as plain cells."""
    scale = r.scales["pvq"]
    scores = [scale.dimensions[d.name].score for d in VALUES]
    rounded = [None if x is None else round(x, 2) for x in (*scores, scale.mean, r.reliability)]
    return [r.model, r.developer, *rounded, r.coverage.share, r.origin, r.created.date().isoformat()]


def main(rows: Path, port: int) -> None:
    """Serve the table until the process is ended."""
    heads = ["Model", "Developer", *(d.name for d in VALUES), "Scale mean", "Reliability", "Coverage", "Origin", "Date"]
    kinds = ["str", "str", *["number"] * 13, "str", "str"]
    with gr.Blocks(analytics_enabled=False, fill_width=True) as blocks:
        gr.Dataframe(
            [row(r) for r in load(rows).results],
            headers=heads,
            datatype=kinds,
            interactive=False,
            show_search="search",
            pinned_columns=1,
            elem_id="board",
        )
    blocks.launch(
        server_name="127.0.0.1",
        server_port=port,
        quiet=True,
        ssr_mode=False,
        app_kwargs={"middleware": [Middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)]},
    )


if __name__ == "__main__":
    typer.run(main)
