"""What can be taken away: tables, drawings as files, a row for other places, a read-only copy of the board.

In: the same data as the pages, by the same address. Out: CSV, JSON, Parquet, SVG, HTML files, and the routes that serve
them. No number is computed here.
"""

__all__ = [
    "addresses",
    "answer_file",
    "ecosystem",
    "methodology",
    "routes",
    "static_copy",
    "tables",
]
