"""What can be taken away, by which address: tables, answers, a row for other places, a read-only copy of the board.

In: the same data as the pages, by the same address. Out: the tables, and the routes that serve them and the drawings
(`leaderboard.files` makes files of both). No number is computed here.
"""

__all__ = [
    "addresses",
    "answer_file",
    "ecosystem",
    "failures",
    "methodology",
    "routes",
    "static_copy",
    "tables",
]
