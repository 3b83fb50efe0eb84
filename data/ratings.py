"""What people answered: a rating study, the input of `data.people.psychometrics`.

Rows of these arrays are people. They stay inside `data/`: only aggregates leave it, and no group of fewer than
`MIN_GROUP` people is reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

MIN_GROUP: Final = 20
"""Smallest number of people about whom an aggregate may be reported."""


@dataclass(frozen=True)
class SurveyGroup:
    """People who all rated the same items.

    Attributes:
        items: (`portrait_id`, `option_id`) of each column of `ratings`.
        ratings: 1 (not like me at all) to 6 (very much like me), shape (people, items).
        values: the same people's own scores on `data.values.DIMENSIONS`, exactly as stored (never rounded: rounding
            changes ties and with them the published correlations), shape (people, 19).
    """

    items: tuple[tuple[int, int], ...]
    ratings: NDArray[np.float64]
    values: NDArray[np.float64]

    @property
    def n_people(self) -> int:
        """How many people are in the group."""
        return len(self.ratings)


@dataclass(frozen=True)
class Study:
    """All groups of a rating study."""

    groups: tuple[SurveyGroup, ...]
    n_people: int
    """Distinct people over all groups (one person may have taken part twice)."""
