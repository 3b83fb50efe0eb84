"""Boards: results sorted into tables, and what is worked out for a whole table and kept between requests.

In: results and their stored answers. Out: rank intervals, item means, bootstrap draws, nearness to groups, persona runs
and map positions of a board's rows, shipped or computed in the background. The formulas are in `leaderboard.analysis`
and `leaderboard.groups`.
"""

__all__ = [
    "background",
    "group_similarity",
    "map_positions",
    "model_facts",
    "persona_runs",
    "rank_intervals",
    "readings",
    "relations",
    "results",
    "row_answers",
]
