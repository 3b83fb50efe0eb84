"""From raw answers to a profile: reading, formulas, uncertainty, records.

In: files or tables of answers and a benchmark. Out: ratings, scores with standard errors and intervals, `Profile` and
`Result` records. Pure apart from reading answer files and writing the published ones. Nobody is asked anything here
(`eval_queue.asking`), and rows are not compared with each other (`leaderboard.analysis`).
"""

__all__ = [
    "bootstrap",
    "formulas",
    "match",
    "profiles",
    "publishing",
    "released",
    "retest",
    "stability",
    "stored",
]
