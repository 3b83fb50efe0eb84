"""Tables and drawings as files: CSV, JSON and Parquet in full precision, SVG and PNG that need nothing else.

In: what the pages show. Out: bytes and tables. Which addresses serve them is decided elsewhere (`leaderboard.exports`).
"""

__all__ = [
    "benchmark_drawings",
    "card_picture",
    "date_drawings",
    "formats",
    "group_drawings",
    "matrix_drawing",
    "row_drawings",
    "standalone",
    "value_drawings",
]
