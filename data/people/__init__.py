"""What people said and what follows: ratings to a key, survey files to group profiles, how much either carries.

In: a rating study (`data.ratings`), survey files, the group figures that come with the project. Out: the key and its
validity, templates of the dimensions, norms, mean ratings by item, groups of people as profiles with standard errors.
Where a benchmark is loaded from is not known here (`data.sources`). No row about a person leaves this room: what goes
out is aggregated.
"""

__all__ = [
    "column_reliability",
    "ess",
    "item_means",
    "norms",
    "psychometrics",
    "rater_means",
    "reference",
    "survey_files",
    "templates",
    "validation",
]
