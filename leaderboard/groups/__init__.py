"""Models among groups of people: nearness, leans, and personas set against the people they stand for. Pure functions.

In: profiles, ratings and reference groups. Out: estimates with intervals, as records that commands print and pages
show. Nothing is loaded, kept or drawn here (`leaderboard.boards`, `leaderboard.charts`).
"""

__all__ = [
    "bias",
    "group_report",
    "names",
    "persona_report",
    "proximity",
]
