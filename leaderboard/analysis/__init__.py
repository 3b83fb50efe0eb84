"""What may be said of models: order, differences, nearness to groups, personas, places on a plane. Pure functions.

In: arrays, records and reference groups. Out: estimates with intervals, as records that commands print and pages show.
Nothing is loaded, kept or drawn here (`leaderboard.boards`, `leaderboard.charts`).
"""

__all__ = [
    "associations",
    "common_profile",
    "comparison",
    "coverage",
    "form_validity",
    "group_report",
    "lineage",
    "persona_report",
    "profile_similarity",
    "projection",
    "proximity",
    "ranks",
    "reading_report",
    "readings",
    "short_form",
    "summary",
]
