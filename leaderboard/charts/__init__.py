"""Drawings as SVG strings: portrait, badge, dot plots, comparison, groups, map, distributions. Pure functions.

In: numbers and names. Out: SVG for a page that has the style sheet; `leaderboard.files` makes files of their own of
it. Names are escaped here. Colours are CSS variables with the light theme as fallback.
"""

__all__ = [
    "badge",
    "circle",
    "comparison",
    "dates",
    "dot_plot",
    "groups",
    "map",
    "matrix",
    "portrait",
    "readings",
    "validity",
]
