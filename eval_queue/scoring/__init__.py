"""From ratings to a profile: formulas, uncertainty, records.

In: ratings and a benchmark. Out: scores with standard errors and intervals, `Profile` and `Result` records. Pure apart
from reading and writing the published answers. Answers are read as ratings in `eval_queue.reading`, nobody is asked
anything here (`eval_queue.asking`), and rows are not compared with each other (`leaderboard.analysis`).
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
