"""What may be said of models: order, differences, likeness, places on a plane, a sentence. Pure functions.

In: arrays and records. Out: estimates with intervals, as records that commands print and pages show. Models are set
against people in `leaderboard.groups`; nothing is loaded, kept or drawn here (`leaderboard.boards`,
`leaderboard.charts`).
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
