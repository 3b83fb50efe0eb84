"""Two fixed planes onto which profiles of ten values are laid, and how sure a place in them is.

**circle**: the two parts of a profile's first harmonic, c = a cos(theta - phi) with Self-Direction at 0 degrees and the
values 36 apart. Direction from the middle is phi, distance from it the wave's length a, both in the terms of
`eval_queue.scoring.stability.circumplex`.

**plane**: the two axes of Schwartz's theory as differences of means, in rating points. To the right Openness to Change
(Self-Direction, Stimulation) minus Conservation (Security, Conformity, Tradition); upwards Self-Transcendence
(Benevolence, Universalism) minus Self-Enhancement (Achievement, Power). The two share no value, so they are orthogonal;
Hedonism, which lies between two poles, has no part in either.

Both are known before any model is: an axis found from the models themselves (principal components, multidimensional
scaling) would turn with each new row and could not be read as anything in particular. The price is what a plane leaves
out, which `share` says. The weights of each axis sum to zero, so a place is the same however a profile is centred.

**People.** Groups of people are known on the PVQ-21, models on the benchmark's items; the benchmark's raters are known
on both. `on_items` carries a group over with what they show: p + b (h - q), p and q the raters' profiles on the items
and on the PVQ-21, b the size of differences on the items relative to the PVQ-21's. It is the inverse of
`leaderboard.groups.proximity.linked`.

**How sure.** A `Region` summarises bootstrap draws over queries (`eval_queue.scoring.bootstrap`): percentile intervals
of the two coordinates, and the covariance of the draws, whose 95 % ellipse supposes that they are about normal.

Pure functions over arrays, float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np

from data.values import MEMBERS, VALUES
from eval_queue.scoring.bootstrap import spread
from eval_queue.scoring.formulas import Floats

View = Literal["circle", "plane"]

CHI_SQUARE: Final = 5.991464547107979
"""95 % quantile of chi-square with two degrees of freedom: -2 log 0.05."""
NORMAL: Final = 1.959963984540054
"""97.5 % quantile of the normal distribution."""
ANGLES: Final[Floats] = 2 * np.pi * np.arange(len(VALUES)) / len(VALUES)
"""Where the values lie on the circle, in radians."""


def _difference(plus: str, minus: str) -> list[float]:
    def weight(name: str) -> float:
        return (name in MEMBERS[plus]) / len(MEMBERS[plus]) - (name in MEMBERS[minus]) / len(MEMBERS[minus])

    return [weight(v.name) for v in VALUES]


WEIGHTS: Final[dict[View, Floats]] = {
    "circle": np.stack([np.cos(ANGLES), np.sin(ANGLES)]) * 2 / len(VALUES),
    "plane": np.array(
        [
            _difference("Openness to Change", "Conservation"),
            _difference("Self-Transcendence", "Self-Enhancement"),
        ]
    ),
}
"""What each coordinate is made of: shape (2, 10), circle order."""


class Place(NamedTuple):
    """A point of a plane, in rating points."""

    x: float
    """`circle`: the part towards Self-Direction; `plane`: Openness to Change minus Conservation."""
    y: float
    """`circle`: the part a quarter further; `plane`: Self-Transcendence minus Self-Enhancement."""

    @property
    def length(self) -> float:
        """Distance from the middle; on the circle, the length of the wave."""
        return math.hypot(self.x, self.y)

    @property
    def angle(self) -> float:
        """Direction in degrees from the first axis towards the second, 0 to 360."""
        return math.degrees(math.atan2(self.y, self.x)) % 360


def places(profiles: Floats, view: View) -> Floats:
    """Places on a plane, shape (..., 2), of profiles, shape (..., 10) in circle order, however centred.

    NaN where a value that takes part is missing.
    """
    found: Floats = profiles @ WEIGHTS[view].T
    return found


def share(profiles: Floats, view: View) -> float | None:
    """How much of the profiles' variance the plane shows, 0 to 1.

    Args:
        profiles: centred on their ten values, shape (profiles, 10), without NaN. To ask about differences between
            models take their common mean away first.
        view: which plane.

    Returns:
        Squared length of the orthogonal projections over that of the profiles; None where there is nothing to show.
    """
    axes = WEIGHTS[view] / np.linalg.norm(WEIGHTS[view], axis=1, keepdims=True)
    total = np.square(profiles).sum()
    return float(np.square(profiles @ axes.T).sum() / total) if total > 1e-18 else None


@dataclass(frozen=True)
class Ellipse:
    """A 95 % region: half axes in rating points, and the direction of the longer one in degrees.

    The direction is from the first coordinate towards the second.
    """

    major: float
    minor: float
    turn: float


@dataclass(frozen=True)
class Region:
    """Uncertainty of a position.

    Attributes:
        low: lower ends of the coordinates' 95 % percentile intervals.
        high: upper ends.
        length_low: the same of the distance from the middle.
        length_high: its upper end.
        xx: variance of the draws' first coordinate.
        xy: their covariance.
        yy: variance of the second.
    """

    low: Place
    high: Place
    length_low: float
    length_high: float
    xx: float
    xy: float
    yy: float

    @property
    def ellipse(self) -> Ellipse:
        """The ellipse that holds 95 % of a normal distribution with this covariance."""
        half_trace, half_gap = (self.xx + self.yy) / 2, (self.xx - self.yy) / 2
        root = math.hypot(half_gap, self.xy)
        turn = math.degrees(math.atan2(self.xy, half_gap)) / 2
        return Ellipse(
            math.sqrt(CHI_SQUARE * (half_trace + root)), math.sqrt(CHI_SQUARE * max(0.0, half_trace - root)), turn
        )

    def holds(self, of: Place, point: Place) -> bool:
        """Whether the ellipse around `of` holds `point`."""
        dx, dy = point.x - of.x, point.y - of.y
        determinant = self.xx * self.yy - self.xy**2
        if determinant <= 0:
            return dx == dy == 0
        return (self.yy * dx * dx - 2 * self.xy * dx * dy + self.xx * dy * dy) / determinant <= CHI_SQUARE


def region(draws: Floats) -> Region | None:
    """The region of draws, shape (draws, 2), without those that are NaN; None with fewer than two usable ones."""
    whole = draws[np.isfinite(draws).all(axis=1)]
    if len(whole) < 2:
        return None
    rows = np.column_stack([whole, np.hypot(whole[:, 0], whole[:, 1])]).T
    _, low, high = spread(rows.copy()).tolist()
    (xx, xy), (_, yy) = np.cov(whole, rowvar=False).tolist()
    return Region(Place(*low[:2]), Place(*high[:2]), low[2], high[2], xx, xy, yy)


def normal_region(place: Place, se: Floats, view: View) -> Region:
    """The region of a profile known by standard errors of its values alone, taken as independent and normal.

    Args:
        place: where it lies.
        se: standard errors in circle order, shape (10,).
        view: which plane.
    """
    (xx, xy), (_, yy) = ((WEIGHTS[view] * se**2) @ WEIGHTS[view].T).tolist()
    half_x, half_y = NORMAL * math.sqrt(xx), NORMAL * math.sqrt(yy)
    along = math.sqrt(max(0.0, place.x**2 * xx + 2 * place.x * place.y * xy + place.y**2 * yy)) / (place.length or 1)
    half = NORMAL * along
    return Region(
        Place(place.x - half_x, place.y - half_y),
        Place(place.x + half_x, place.y + half_y),
        max(0.0, place.length - half),
        place.length + half,
        xx,
        xy,
        yy,
    )


def on_items(group: Floats, raters_on_items: Floats, raters_on_pvq: Floats, slope: float) -> Floats:
    """A group's profile as the benchmark's items would show it: p + b (h - q), shape (10,)."""
    return raters_on_items + slope * (group - raters_on_pvq)
