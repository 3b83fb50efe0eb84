"""What may be said of models: order, differences, nearness to groups, personas, places on a plane. Pure functions.

In: arrays, records and reference groups. Out: estimates with intervals, as records that commands print and pages show.
Nothing is loaded, kept or drawn here (`leaderboard.boards`, `leaderboard.charts`).
"""

__all__ = [
    "associations",
    "comparison",
    "coverage",
    "lineage",
    "profile_similarity",
    "projection",
    "ranks",
    "summary",
]
