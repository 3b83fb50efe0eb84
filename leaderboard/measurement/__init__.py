"""How much can be measured at all: both readings and their columns, variance, and short forms. Pure functions.

In: ratings of many models, templates, a rating study. Out: reliabilities, variance components and the validity of short
forms, as records. What is said of single models is elsewhere (`leaderboard.analysis`).
"""

__all__ = [
    "common_profile",
    "form_validity",
    "reading_report",
    "readings",
    "short_form",
]
