"""Which tables can be taken away, and in which formats: what pages say of them and what `leaderboard.exports` makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, get_args

Format = Literal["csv", "json", "parquet"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)


class Download(NamedTuple):
    """A table that can be taken away."""

    title: str
    words: str
    """What it holds, for people."""
    whole: bool = True
    """Whether it can be had without any field in its address."""
    settled: bool = True
    """Whether it changes only where the results do."""


DOWNLOADS: Final[Mapping[str, Download]] = {
    "board": Download(
        "Board", "The opening table, one line per model and value, with intervals; on the board, as filtered there."
    ),
    "results": Download("All results", "Every row of every table, one line per row."),
    "answers": Download(
        "One row’s answers",
        "On the row’s page, as filtered there; with its record, its portrait and a section for a model card.",
        whole=False,
    ),
    "groups": Download("Groups", "Similarity of models to groups of people, with the caveats."),
    "compare": Download(
        "Comparison", "On the Compare page: differences of the rows there, with intervals.", whole=False
    ),
    "map": Download("Map", "Positions of models and groups of people on the map."),
    "benchmark": Download("Benchmark", "Validity and reliability of each column of the benchmark."),
    "queue": Download("Queue", "All submissions and where they are.", settled=False),
}
"""By name, the one list of what can be had at `download/NAME.FORMAT`. All answers of all rows are one Parquet file,
which `leaderboard.exports.answer_file` makes."""
